/* SPDX-License-Identifier: Apache-2.0 */
/* role: who may write a field, checked by the compiler.
 *
 * Each thread of beatline plays one role: worker, control, api, notifier
 * or port watch. A field has one writer; the struct says which with
 * BL_OWNED_BY(role), a function says who may call it with
 * BL_ON_WORKER and friends, and clang's -Wthread-safety refuses the
 * rest. gcc ignores the macros. A thread takes its role once, at its
 * entry, with bl_role_assume_*().
 *
 * What clang does not see: accesses through `&field`, C11 atomics
 * included. So an atomic field gets an accessor of one line that
 * carries the role.
 *
 * Source: clang manual, "Thread Safety Analysis", capabilities. */
#pragma once

#if defined(__clang__)
#define BL_TSA(x) __attribute__((x))
#else
#define BL_TSA(x)
#endif

struct BL_TSA(capability("role")) bl_role {
    char unused;
};

/* Roles are names for the compiler; nothing reads them at run time. */
extern struct bl_role bl_role_worker, bl_role_control, bl_role_api, bl_role_notifier, bl_role_port_watch;

#define BL_OWNED_BY(role) BL_TSA(guarded_by(role))
#define BL_ON_WORKER      BL_TSA(requires_capability(bl_role_worker))
#define BL_ON_CONTROL     BL_TSA(requires_capability(bl_role_control))
#define BL_ON_API         BL_TSA(requires_capability(bl_role_api))
#define BL_ON_NOTIFIER    BL_TSA(requires_capability(bl_role_notifier))
#define BL_ON_PORT_WATCH  BL_TSA(requires_capability(bl_role_port_watch))

/* Say once, at a thread's entry (or in a one-thread program, a test),
 * which role it plays from here to the end of the function. Cost: none. */
static inline void bl_role_assume_worker(void) BL_TSA(assert_capability(bl_role_worker));
static inline void bl_role_assume_control(void) BL_TSA(assert_capability(bl_role_control));
static inline void bl_role_assume_api(void) BL_TSA(assert_capability(bl_role_api));
static inline void bl_role_assume_notifier(void) BL_TSA(assert_capability(bl_role_notifier));
static inline void bl_role_assume_port_watch(void) BL_TSA(assert_capability(bl_role_port_watch));

static inline void bl_role_assume_worker(void)
{
}
static inline void bl_role_assume_control(void)
{
}
static inline void bl_role_assume_api(void)
{
}
static inline void bl_role_assume_notifier(void)
{
}
static inline void bl_role_assume_port_watch(void)
{
}
