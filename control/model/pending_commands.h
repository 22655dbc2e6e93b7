/* SPDX-License-Identifier: Apache-2.0 */
/* pending_commands: commands of the api thread's clients on their way to control and
 * back. Whoever asks names a function that gets the answer; who has gone
 * meanwhile forgets its asks, and their answers go nowhere.
 *
 *   add      a command, to be filled in before the thread's turn ends
 *   push     hands over what waits, as far as control has room
 *   take     calls back for what control has answered
 *
 * At most BL_PENDING_COMMANDS_MAX are control's at a time, which its ring of
 * answers has room for; the others wait here, in order.
 *
 * Threads: the api thread alone; free: after it has ended and control,
 * too. */
#pragma once

#include <stdbool.h>

#include "control/core/core.h"

#define BL_PENDING_COMMANDS_MAX 128u

/* The answer; good for the call only. Called by bl_pending_commands_take, which
 * frees it afterwards. */
typedef void bl_command_done(void *ctx, struct bl_command *answer);

struct bl_pending_command;

struct bl_pending_commands {
    struct bl_core *core;
    struct bl_pending_command *first, *last; /* all, oldest first */
    struct bl_pending_command *waiting;      /* the first that control has not got */
    unsigned under_way;                      /* control's */
};

/* NULL: out of memory. `name` has at most BL_NAME_MAX bytes. */
struct bl_command *bl_pending_commands_add(struct bl_pending_commands *asks, enum bl_command_kind kind,
                                           const char *name, size_t name_len, bl_command_done *done,
                                           void *ctx) BL_ON_API;

/* Nobody is called back for `ctx` any more. Cost: all asks are looked at. */
void bl_pending_commands_forget(struct bl_pending_commands *asks, const void *ctx);

void bl_pending_commands_push(struct bl_pending_commands *asks) BL_ON_API;
void bl_pending_commands_take(struct bl_pending_commands *asks) BL_ON_API;
void bl_pending_commands_free(struct bl_pending_commands *asks);
