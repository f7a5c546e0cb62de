// SPDX-License-Identifier: GPL-2.0-or-later
/* What no wrapper can make up for; the build stops with these sentences. */
#ifndef CONFIG_ARCH_HAS_PMEM_API
#error "no ARCH_HAS_PMEM_API: this architecture cannot make stores durable"
#endif
#if !IS_ENABLED(CONFIG_BLK_DEV_DM)
#error "no BLK_DEV_DM: this kernel is built without device-mapper"
#endif
#if !IS_ENABLED(CONFIG_DAX)
#error "no DAX: this kernel does not map persistent memory"
#endif
#if !IS_ENABLED(CONFIG_FS_DAX)
#error "no FS_DAX: this kernel does not hand out persistent memory of block devices"
#endif
