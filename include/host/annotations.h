/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names for clang's thread-safety analysis, which "make check-static" runs over
 * the core.  They expand to nothing for other compilers.
 *
 * GUARDED_BY marks data that a lock guards.  REQUIRES marks a function whose caller
 * must hold the lock.  EXCLUDES marks a function that takes the lock, so that its
 * caller must not hold it.
 */
#pragma once

#if defined(__clang__)
#define BLKBACK_ATTRIBUTE(x) __attribute__((x))
#else
#define BLKBACK_ATTRIBUTE(x)
#endif

#define BLKBACK_CAPABILITY(name) BLKBACK_ATTRIBUTE(capability(name))
#define BLKBACK_SCOPED_CAPABILITY BLKBACK_ATTRIBUTE(scoped_lockable)
#define BLKBACK_GUARDED_BY(lock) BLKBACK_ATTRIBUTE(guarded_by(lock))
#define BLKBACK_REQUIRES(lock) BLKBACK_ATTRIBUTE(requires_capability(lock))
#define BLKBACK_EXCLUDES(lock) BLKBACK_ATTRIBUTE(locks_excluded(lock))
#define BLKBACK_ACQUIRE(...) BLKBACK_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define BLKBACK_RELEASE(...) BLKBACK_ATTRIBUTE(release_capability(__VA_ARGS__))
