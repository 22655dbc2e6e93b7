/* SPDX-License-Identifier: Apache-2.0 */
/* asks: commands of the api thread's clients on their way to control and
 * back. Whoever asks names a function that gets the answer; who has gone
 * meanwhile forgets its asks, and their answers go nowhere.
 *
 *   add      a command, to be filled in before the thread's turn ends
 *   push     hands over what waits, as far as control has room
 *   take     calls back for what control has answered
 *
 * At most BL_ASKS_UNDER_WAY are control's at a time, which its ring of
 * answers has room for; the others wait here, in order.
 *
 * Threads: the api thread alone; free: after it has ended and control,
 * too. */
#pragma once

#include <stdbool.h>

#include "control/core/core.h"

#define BL_ASKS_UNDER_WAY 128u

/* The answer; good for the call only. Called by bl_asks_take, which
 * frees it afterwards. */
typedef void bl_ask_done(void *ctx, struct bl_command *answer);

struct bl_ask;

struct bl_asks {
    struct bl_core *core;
    struct bl_ask *first, *last; /* all, oldest first */
    struct bl_ask *waiting;      /* the first that control has not got */
    unsigned under_way;          /* control's */
};

/* NULL: out of memory. `name` has at most BL_NAME_MAX bytes. */
struct bl_command *bl_asks_add(struct bl_asks *asks, enum bl_command_kind kind, const char *name,
                               size_t name_len, bl_ask_done *done, void *ctx) BL_ON_API;

/* Nobody is called back for `ctx` any more. Cost: all asks are looked at. */
void bl_asks_forget(struct bl_asks *asks, const void *ctx);

void bl_asks_push(struct bl_asks *asks) BL_ON_API;
void bl_asks_take(struct bl_asks *asks) BL_ON_API;
void bl_asks_free(struct bl_asks *asks);
