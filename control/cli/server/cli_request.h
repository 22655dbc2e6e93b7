/* SPDX-License-Identifier: Apache-2.0 */
/* cli_request: one request of one client, as a command sees it: its words, where
 * its output goes, and what of the daemon it may read.
 *
 * A command is a function that is called once, and again for as long as
 * it says so, with room for a piece of output each time:
 *
 *   DONE    finished; call->code is the exit code
 *   MORE    there is more to write: call again when the client took this
 *   ANSWER  asked control something (bl_cli_ask): call again with
 *           call->answer
 *   EVENT   call again when there is a new event
 *
 * What it must remember stands in call->state, ops->state_bytes zeroed
 * bytes. It keeps no pointer of the registry or the config over a return:
 * the thread is RCU-quiescent between two calls. A run should write at
 * most BL_PIECE_BYTES and take at most some milliseconds: everybody else
 * waits.
 *
 * Threads: the api thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/cli/options.h"
#include "control/cli/protocol.h"
#include "control/core/command.h"
#include "control/model/context.h"
#include "control/text/json.h"

struct bl_cli_request;

enum bl_step { BL_STEP_DONE, BL_STEP_MORE, BL_STEP_ANSWER, BL_STEP_EVENT };

struct bl_cli_ops {
    enum bl_step (*run)(struct bl_cli_request *call);
    void (*end)(
        struct bl_cli_request *call); /* frees what state holds; also when the client left. NULL: nothing */
    size_t state_bytes;
    const struct bl_option *options; /* of options.h; NULL: none */
};

struct bl_cli_command {
    const char *name, *usage, *help;
    const struct bl_cli_ops *ops;
};

struct bl_cli_request {
    struct bl_api *api;
    const struct bl_cli_command *command;
    char **argv; /* the words after the command's own */
    int argc;
    bool json, color;
    unsigned columns;
    struct bl_text out, err; /* written since the last piece left */
    int code;                /* bl_exit; the first that is not 0 stays */
    void *state;
    struct bl_command *answer; /* after ANSWER, until the next return */
    bl_command_done *answered; /* the connection's: takes control's answer */
    void *client;              /* the connection */
};

/* Says what went wrong: on stderr, or with -j an object
 * {"error":...,"code":...} on stdout. `format` makes "what: why; what to
 * do". Keeps the first code. */
void bl_cli_fail(struct bl_cli_request *call, enum bl_exit code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Hands control a command of this kind for this name; return ANSWER next.
 * NULL: refused, said why (a bad name, out of memory). The patch of the
 * returned command may be filled in before the return. */
struct bl_command *bl_cli_ask(struct bl_cli_request *call, enum bl_command_kind kind, const char *name);

/* The node's index, or BL_NODE_NONE and said so (exit code 4). */
uint32_t bl_cli_find_node(struct bl_cli_request *call, const char *name);

/* The view's id in `g`, or BL_VIEW_NONE and said so (exit code 4). */
uint32_t bl_cli_find_view(struct bl_cli_request *call, const struct bl_views_generation *g, const char *name);

/* ---- words and options ------------------------------------------------ */

enum { BL_ARG_END = -1, BL_ARG_WORD = -2, BL_ARG_BAD = -3 };

struct bl_args {
    struct bl_cli_request *call;
    int at;              /* in argv */
    const char *letters; /* rest of "-fn5" */
    bool words_only;     /* after "--" */
};

/* The next word: an index in ops->options (*value is its value), WORD
 * (*value is the word), END, or BAD: said why, exit code 2.
 *
 * Not argp: its messages are its own, printed with the name of this
 * process, and could not become JSON; and it takes any unambiguous
 * beginning of an option, which breaks scripts when one is added. */
int bl_args_next(struct bl_args *args, const char **value);

/* A word where none belongs: says so, false. */
bool bl_args_refuse(struct bl_cli_request *call, const char *word);

/* For commands that take no words. False: there were, said so. */
bool bl_args_none(struct bl_cli_request *call);

/* For commands whose words are all names; false: there is none, or an
 * option; said so. */
bool bl_args_names(struct bl_cli_request *call);

/* A value; false: said why. */
bool bl_args_number(struct bl_cli_request *call, const char *option, const char *text, uint64_t max,
                    uint64_t *value);
bool bl_args_duration(struct bl_cli_request *call, const char *option, const char *text, uint32_t *ms);
