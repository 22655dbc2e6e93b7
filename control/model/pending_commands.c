/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/pending_commands.h"

#include <stdlib.h>
#include <string.h>

struct bl_pending_command {
    struct bl_command command;
    struct bl_pending_command *next, *before;
    bl_command_done *done; /* NULL: forgotten */
    void *ctx;
};

struct bl_command *bl_pending_commands_add(struct bl_pending_commands *asks, enum bl_command_kind kind,
                                           const char *name, size_t name_len, bl_command_done *done,
                                           void *ctx)
{
    struct bl_pending_command *a = name_len <= BL_NAME_MAX ? calloc(1, sizeof(*a)) : NULL;

    if (a == NULL)
        return NULL;
    a->command.kind = kind;
    a->command.name_len = (uint8_t)name_len;
    memcpy(a->command.name, name, name_len);
    a->command.owner = a;
    a->done = done;
    a->ctx = ctx;
    a->before = asks->last;
    if (asks->last != NULL)
        asks->last->next = a;
    else
        asks->first = a;
    asks->last = a;
    if (asks->waiting == NULL)
        asks->waiting = a;
    return &a->command;
}

void bl_pending_commands_forget(struct bl_pending_commands *asks, const void *ctx)
{
    for (struct bl_pending_command *a = asks->first; a != NULL; a = a->next) {
        if (a->ctx == ctx)
            a->done = NULL;
    }
}

void bl_pending_commands_push(struct bl_pending_commands *asks)
{
    while (asks->waiting != NULL && asks->under_way < BL_PENDING_COMMANDS_MAX) {
        if (!bl_core_submit(asks->core, &asks->waiting->command))
            return; /* full: in the next turn */
        asks->waiting = asks->waiting->next;
        asks->under_way++;
    }
}

static void unlink_ask(struct bl_pending_commands *asks, struct bl_pending_command *a)
{
    if (a->before != NULL)
        a->before->next = a->next;
    else
        asks->first = a->next;
    if (a->next != NULL)
        a->next->before = a->before;
    else
        asks->last = a->before;
}

void bl_pending_commands_take(struct bl_pending_commands *asks)
{
    for (struct bl_command *answer; (answer = bl_core_answered(asks->core)) != NULL;) {
        struct bl_pending_command *a = answer->owner;
        asks->under_way--;
        unlink_ask(asks, a);
        if (a->done != NULL)
            a->done(a->ctx, answer);
        free(a);
    }
}

void bl_pending_commands_free(struct bl_pending_commands *asks)
{
    for (struct bl_pending_command *a = asks->first, *next; a != NULL; a = next) {
        next = a->next;
        free(a);
    }
    *asks = (struct bl_pending_commands){.core = asks->core};
}
