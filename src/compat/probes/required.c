// SPDX-License-Identifier: GPL-2.0-or-later
/* What no wrapper can make up for; the build stops with these sentences. */
#ifndef CONFIG_ARCH_HAS_PMEM_API
#error "this architecture cannot write back its CPU cache (no ARCH_HAS_PMEM_API): nothing stored would be durable"
#endif
#if !IS_ENABLED(CONFIG_BLK_DEV_DM)
#error "this kernel is built without device-mapper (BLK_DEV_DM)"
#endif
#if !IS_ENABLED(CONFIG_DAX)
#error "this kernel is built without DAX (DAX): persistent memory cannot be mapped"
#endif
#if !IS_ENABLED(CONFIG_FS_DAX)
#error "this kernel is built without FS_DAX: device-mapper does not pass on a device's persistent memory"
#endif
