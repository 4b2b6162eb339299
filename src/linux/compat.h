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
 * Opening a block device for more than one user: nothing of it is claimed.
 *   6.5  modes of its own, and a holder (05bdb9965305 "block: replace fmode_t with a
 *        block-specific type for block open flags")
 *   6.7  a handle (e719b4d15674 "block: Provide bdev_open_* functions"); 6.8 dropped
 *        the functions before it
 *   6.9  a file (f3a608827d1f "bdev: open block device as files")
 * 6.5 to 6.8 were written by reading and are only checked for syntax and types, by
 * scripts/build/compat-check.sh.
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

static inline struct address_space *compat_bdev_mapping(compat_bdev_handle *handle)
{
	return handle->f_mapping;
}
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
typedef struct bdev_handle compat_bdev_handle;

static inline compat_bdev_handle *compat_bdev_open(dev_t dev, bool read_only)
{
	return bdev_open_by_dev(dev, read_only ? BLK_OPEN_READ : BLK_OPEN_WRITE, NULL, NULL);
}

static inline void compat_bdev_close(compat_bdev_handle *handle, bool read_only)
{
	bdev_release(handle);
}

static inline struct block_device *compat_bdev(const compat_bdev_handle *handle)
{
	return handle->bdev;
}

static inline struct address_space *compat_bdev_mapping(compat_bdev_handle *handle)
{
	return handle->bdev->bd_inode->i_mapping;
}
#else
typedef struct block_device compat_bdev_handle;

static inline compat_bdev_handle *compat_bdev_open(dev_t dev, bool read_only)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return blkdev_get_by_dev(dev, read_only ? BLK_OPEN_READ : BLK_OPEN_WRITE, NULL, NULL);
#else
	return blkdev_get_by_dev(dev, read_only ? FMODE_READ : FMODE_WRITE, NULL);
#endif
}

static inline void compat_bdev_close(compat_bdev_handle *handle, bool read_only)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	blkdev_put(handle, NULL);
#else
	blkdev_put(handle, read_only ? FMODE_READ : FMODE_WRITE);
#endif
}

static inline struct block_device *compat_bdev(const compat_bdev_handle *handle)
{
	return (struct block_device *)handle;
}

static inline struct address_space *compat_bdev_mapping(compat_bdev_handle *handle)
{
	return handle->bd_inode->i_mapping;
}
#endif

static inline void compat_bdev_invalidate(compat_bdev_handle *handle)
{
	invalidate_inode_pages2(compat_bdev_mapping(handle));
}
