/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels that this driver supports.
 */
#pragma once

#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "xen-blkback needs Linux 6.1 or newer"
#endif

/*
 * Opening a block device: 6.9 turned the handle from a block_device into a
 * file (f3a608827d1f "bdev: open block device as files").
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
typedef struct file compat_bdev_handle;

static inline compat_bdev_handle *compat_bdev_open(dev_t dev, bool read_only)
{
	return bdev_file_open_by_dev(dev, read_only ? BLK_OPEN_READ : BLK_OPEN_WRITE, NULL, NULL);
}

static inline void compat_bdev_close(compat_bdev_handle *handle, bool read_only)
{
	/* fput() closes the file later: a detach script would find the disk busy. */
	__fput_sync(handle);
}

static inline struct block_device *compat_bdev(const compat_bdev_handle *handle)
{
	return file_bdev((struct file *)handle);
}

static inline void compat_bdev_invalidate(compat_bdev_handle *handle)
{
	invalidate_inode_pages2(handle->f_mapping);
}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
typedef struct block_device compat_bdev_handle;

static inline compat_bdev_handle *compat_bdev_open(dev_t dev, bool read_only)
{
	return blkdev_get_by_dev(dev, read_only ? FMODE_READ : FMODE_WRITE, NULL);
}

static inline void compat_bdev_close(compat_bdev_handle *handle, bool read_only)
{
	blkdev_put(handle, read_only ? FMODE_READ : FMODE_WRITE);
}

static inline struct block_device *compat_bdev(const compat_bdev_handle *handle)
{
	return (struct block_device *)handle;
}

static inline void compat_bdev_invalidate(compat_bdev_handle *handle)
{
	invalidate_inode_pages2(handle->bd_inode->i_mapping);
}
#else
#error "Linux 6.5 to 6.8 are not supported: use 6.1 to 6.4, or 6.9 and newer"
#endif
