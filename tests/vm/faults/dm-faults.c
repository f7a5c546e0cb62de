// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults that nothing else in a guest can make. Never for a machine that anyone needs.
 *
 *	faults <dev>			a target: the device as it is, and the message "fail_flushes 0|1"
 *	/sys/module/dm_faults/parameters/
 *		poison, heal		write an address of memory that is mapped in pages, in hexadecimal: its page can't be
 *					read any more, and can again. To who reads it that looks like a machine check: both
 *					end in the same table of places that survive. (x86-64 only.)
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/pgtable.h>

struct faults {
	struct dm_dev *dev;
	bool fail_flushes;
};

static int faults_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct faults *f;
	int r;

	if (argc != 1) {
		ti->error = "one device is wanted";
		return -EINVAL;
	}
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &f->dev);
	if (r) {
		ti->error = "no such device";
		kfree(f);
		return r;
	}
	ti->num_flush_bios = 1;
	ti->private = f;
	return 0;
}

static void faults_dtr(struct dm_target *ti)
{
	struct faults *f = ti->private;

	dm_put_device(ti, f->dev);
	kfree(f);
}

static int faults_map(struct dm_target *ti, struct bio *bio)
{
	struct faults *f = ti->private;

	if ((bio->bi_opf & REQ_PREFLUSH) && READ_ONCE(f->fail_flushes))
		return DM_MAPIO_KILL;
	bio_set_dev(bio, f->dev->bdev);
	return DM_MAPIO_REMAPPED;
}

static int faults_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
			  unsigned int maxlen)
{
	struct faults *f = ti->private;

	if (argc != 2 || strcmp(argv[0], "fail_flushes"))
		return -EINVAL;
	return kstrtobool(argv[1], &f->fail_flushes);
}

static int faults_iterate(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct faults *f = ti->private;

	return fn(ti, f->dev, 0, ti->len, data);
}

static struct target_type faults_target = {
	.name = "faults",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.ctr = faults_ctr,
	.dtr = faults_dtr,
	.map = faults_map,
	.message = faults_message,
	.iterate_devices = faults_iterate,
};

static void forget_page(void *addr)
{
	asm volatile("invlpg (%0)" : : "r" (addr) : "memory");
}

static int set_present(const char *val, bool present)
{
	unsigned long addr;
	unsigned int level;
	pte_t *pte;
	int r = kstrtoul(val, 16, &addr);

	if (r)
		return r;
	pte = lookup_address(addr, &level);
	if (!pte || level != PG_LEVEL_4K)
		return -ENXIO;
	set_pte(pte, __pte(present ? pte_val(*pte) | _PAGE_PRESENT :
				     pte_val(*pte) & ~_PAGE_PRESENT));
	on_each_cpu(forget_page, (void *)addr, 1);
	return 0;
}

static int poison_set(const char *val, const struct kernel_param *kp)
{
	return set_present(val, false);
}

static int heal_set(const char *val, const struct kernel_param *kp)
{
	return set_present(val, true);
}

static const struct kernel_param_ops poison_ops = { .set = poison_set };
static const struct kernel_param_ops heal_ops = { .set = heal_set };

module_param_cb(poison, &poison_ops, NULL, 0200);
module_param_cb(heal, &heal_ops, NULL, 0200);

static int __init faults_init(void)
{
	return dm_register_target(&faults_target);
}

static void __exit faults_exit(void)
{
	dm_unregister_target(&faults_target);
}

module_init(faults_init);
module_exit(faults_exit);
MODULE_DESCRIPTION("Faults for tests of dm-pcache");
MODULE_LICENSE("GPL");
