/* SPDX-License-Identifier: Apache-2.0 */
/* rcu: the one thin wrapper over liburcu's QSBR flavour.
 *
 * Threads: every thread that follows a published pointer registers,
 * calls bl_rcu_quiescent() at a point where it holds none (a worker:
 * once per poll loop) and goes offline before it sleeps. The publisher
 * swaps the pointer, calls bl_rcu_wait(), frees the old object.
 *
 * Order: publish is a release store, read a consume-as-acquire load, on
 * the pointer itself, no fences, so that ThreadSanitizer follows it.
 * liburcu's grace period is inline assembly and a futex, which
 * ThreadSanitizer cannot follow; the two annotations below tell it the
 * one thing that holds: what a reader did before its quiescent state
 * happens before what the waiter does after bl_rcu_wait().
 *
 * Cost: quiescent about 1 ns; wait blocks until each online reader has
 * passed a quiescent state: never on a worker, nor on control, which one
 * worker that hangs would stop for all (control/core/grace.h waits for it). */
#pragma once

#include <stdbool.h>
#include <urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__)
#define BL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BL_TSAN 1
#endif
#endif
#ifndef BL_TSAN
#define BL_TSAN 0
#endif

#if BL_TSAN
extern char bl_rcu_tsan_tag;
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define BL_RCU_TSAN_RELEASE() __tsan_release(&bl_rcu_tsan_tag)
#define BL_RCU_TSAN_ACQUIRE() __tsan_acquire(&bl_rcu_tsan_tag)
#else
#define BL_RCU_TSAN_RELEASE() ((void)0)
#define BL_RCU_TSAN_ACQUIRE() ((void)0)
#endif

/* Load a published pointer; valid until this thread's next quiescent
 * state. */
#define bl_rcu_read(pp) __atomic_load_n((pp), __ATOMIC_ACQUIRE)

/* Publish `v` at `*pp`: a reader sees the old object whole or the new
 * one whole. */
#define bl_rcu_publish(pp, v) __atomic_store_n((pp), (v), __ATOMIC_RELEASE)

/* This thread starts to follow published pointers. Once per thread. */
static inline void bl_rcu_thread_register(void)
{
    rcu_register_thread();
}

static inline void bl_rcu_thread_unregister(void)
{
    BL_RCU_TSAN_RELEASE();
    rcu_unregister_thread();
}

/* This thread holds no published pointer now. */
static inline void bl_rcu_quiescent(void)
{
    BL_RCU_TSAN_RELEASE();
    rcu_quiescent_state();
}

/* Before a sleep or a blocking call, and after it. */
static inline void bl_rcu_offline(void)
{
    BL_RCU_TSAN_RELEASE();
    rcu_thread_offline();
}

static inline void bl_rcu_online(void)
{
    rcu_thread_online();
}

/* Whether this thread is a reader now: registered, and not offline. */
static inline bool bl_rcu_is_online(void)
{
    return rcu_read_ongoing() != 0;
}

/* Returns when every reader has dropped what it held at the call. */
static inline void bl_rcu_wait(void)
{
    synchronize_rcu();
    BL_RCU_TSAN_ACQUIRE();
}
