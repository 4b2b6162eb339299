/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How block devices are opened from 6.5 to 6.8, beside the headers of 6.12.  The
 * prototypes are those of include/linux/blkdev.h of 6.6 and 6.8.
 */
#include <linux/blkdev.h>

#if COMPAT_MINOR < 8
struct block_device *blkdev_get_by_dev(dev_t dev, blk_mode_t mode, void *holder,
				       const struct blk_holder_ops *hops);
void blkdev_put(struct block_device *bdev, void *holder);
#endif
#if COMPAT_MINOR >= 7
struct bdev_handle {
	struct block_device *bdev;
	void *holder;
	blk_mode_t mode;
};

struct bdev_handle *bdev_open_by_dev(dev_t dev, blk_mode_t mode, void *holder,
				     const struct blk_holder_ops *hops);
void bdev_release(struct bdev_handle *handle);
#endif
/* What 6.12 has in its place. */
#define bd_inode bd_mapping->host
#define bdev_file_open_by_dev of_no_such_kernel
