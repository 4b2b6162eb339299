/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What thread.c and shared.c of src/linux ask of the kernel, for the model.  It is included
 * before each of them; the kernel's headers that they name are empty files.
 *
 * Accesses and barriers whose order is under test are macros: they are made where the driver
 * writes them.  The orders within the kernel's own objects are not under test: kernel.cc has
 * them as strong as the kernel documents.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef int16_t s16;
typedef uint32_t u32;
typedef uint64_t u64;

/* Atomic accesses, Documentation/memory-barriers.txt */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELAXED)
#define virt_store_release(at, value) model_store_release(at, value)
/* The model moves no store before an earlier load: an acquire fence orders no more here. */
#define virt_rmb() model_fence(__ATOMIC_ACQUIRE)
#define virt_mb() model_fence(__ATOMIC_SEQ_CST)
#define smp_mb__after_atomic() model_fence(__ATOMIC_SEQ_CST)
/* Documentation/atomic_bitops.txt: with a value returned they are fully ordered; else not. */
#define test_and_set_bit(bit, word) ((model_or(word, 1ul << (bit)) >> (bit)) & 1)
#define test_and_clear_bit(bit, word) ((model_and(word, ~(1ul << (bit))) >> (bit)) & 1)
#define clear_bit(bit, word) ((void)__atomic_fetch_and(word, ~(1ul << (bit)), __ATOMIC_RELAXED))
void model_fence(int order);
void model_store_release(uint32_t* at, uint32_t value);
unsigned long model_or(unsigned long* word, unsigned long value);
unsigned long model_and(unsigned long* word, unsigned long value);

/* include/linux/sched.h: a store and a full barrier */
#define set_current_state(state)   \
  do {                             \
    __set_current_state(state);    \
    model_fence(__ATOMIC_SEQ_CST); \
  } while (0)
#define __set_current_state(state) __atomic_store_n(model_state(), state, __ATOMIC_RELAXED)
unsigned int* model_state(void);

enum { TASK_RUNNING = 0, TASK_INTERRUPTIBLE = 1, TASK_FREEZABLE = 0 };

/* Of host_thread_cost() alone. */
#define THREAD_SIZE 16384
struct task_struct {
  char unknown;
};
struct task_struct* model_current(void);
#define current model_current()
bool in_task(void);
void schedule(void);
int wake_up_process(struct task_struct* task);
struct task_struct* kthread_create(int (*run)(void* data), void* data, const char* format,
                                   const char* name);
bool kthread_should_stop(void);
int kthread_stop(struct task_struct* task);
static inline uint32_t task_pid_nr(const struct task_struct* task) { return task != NULL; }
#define IS_ERR(pointer) ((pointer) == NULL)
#define PTR_ERR(pointer) (-ENOMEM)

#define set_freezable() ((void)0)
#define try_to_freeze() ((void)0)
#define cond_resched() ((void)0)
#define memalloc_noio_save() 0
#define memalloc_noio_restore(flags) ((void)(flags))

#define GFP_KERNEL 0
#define kzalloc(bytes, flags) model_alloc(bytes)
void* model_alloc(size_t bytes);
void kfree(void* memory);

/* Timers.  A jiffy is a millisecond. */
struct timer_list {
  unsigned int pending;
  unsigned long expires;
  void (*function)(struct timer_list* timer);
};
extern unsigned long jiffies;
#define msecs_to_jiffies(ms) ((unsigned long)(ms))
#define time_before(a, b) ((long)((a) - (b)) < 0)
#define time_in_range(a, from, to) (!time_before(a, from) && !time_before(to, a))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define container_of(pointer, type, member) ((type*)((char*)(pointer) - offsetof(type, member)))
/* hlist_unhashed_lockless() */
#define timer_pending(timer) (READ_ONCE((timer)->pending) != 0)
void timer_setup(struct timer_list* timer, void (*function)(struct timer_list*), int flags);
int mod_timer(struct timer_list* timer, unsigned long expires);
int timer_delete(struct timer_list* timer);
int timer_delete_sync(struct timer_list* timer);

/* Work */
struct work_struct {
  void (*function)(struct work_struct* work);
};
struct delayed_work {
  struct work_struct work;
  struct timer_list timer;
};
struct workqueue_struct;
#define to_delayed_work(work) ((struct delayed_work*)(work))
#define INIT_DELAYED_WORK(delayed, run) ((delayed)->work.function = (run))
bool mod_delayed_work(struct workqueue_struct* queue, struct delayed_work* work,
                      unsigned long delay);
#define queue_delayed_work mod_delayed_work
bool cancel_delayed_work_sync(struct delayed_work* work);
bool cancel_delayed_work(struct delayed_work* work);
#define WQ_UNBOUND 0
#define WQ_MEM_RECLAIM 0
#define alloc_workqueue(name, flags, most) NULL
#define destroy_workqueue(queue) ((void)(queue))
typedef int spinlock_t;
#define DEFINE_SPINLOCK(name) spinlock_t name
#define spin_lock_irqsave(lock, flags) ((flags) = model_lock(lock))
#define spin_unlock_irqrestore(lock, flags) model_unlock(lock, flags)
unsigned long model_lock(void* lock);
void model_unlock(void* lock, unsigned long flags);

#define IS_ALIGNED(value, to) ((value) % (to) == 0)
struct blkif_response {
  uint64_t id;
  uint8_t operation;
  int16_t status;
};
