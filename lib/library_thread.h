/* SPDX-License-Identifier: Apache-2.0 */
/* library_thread: a thread that libbeatline starts inside somebody else's
 * program, and must not be noticed in.
 *
 * Signals are the host's business: all are blocked in the thread. After
 * fork() the child has the memory but not the thread, and its locks are
 * as the fork met them: who keeps bl_library_thread_forks() of its start knows by
 * it that it is in a child.
 *
 * Threads: any. */
#pragma once

#include <pthread.h>
#include <stddef.h>

/* Starts `run(arg)`. `stack_bytes` 0: the system's default; `name` up to
 * 15 bytes, for ps and gdb. 0 or errno. */
int bl_library_thread_start(pthread_t *thread, const char *name, size_t stack_bytes, void *(*run)(void *arg),
                            void *arg);

/* How often this process is a fork's child. Process ids would not tell:
 * they come again, in a namespace at once. */
unsigned bl_library_thread_forks(void);
