/* SPDX-License-Identifier: Apache-2.0 */
/* options: the options that commands take, and the text that explains a
 * command. The server parses by them, the client explains by them without
 * a daemon. X(identifier, name, letter or 0, what it takes or NULL, help):
 * one line per option; the identifier is its place in the list. -j/--json
 * and -h/--help are every command's and not listed. Needs neither engine
 * nor dataplane. Constant; any thread. */
#pragma once

#include "control/text/json.h"

struct bl_option {
    const char *name;  /* "state", given as --state */
    char letter;       /* 's' for -s; 0: none */
    const char *value; /* what it takes, for the help text; NULL: a flag */
    const char *help;
};

#define BL_OPTIONS_STATUS(X)                                                                                 \
    X(CHECK, "check", 0, NULL,                                                                               \
      "one line and an exit code for monitoring: 0 ok, 1 warning, 2 critical, 3 unknown")                    \
    X(VIEW, "view", 'v', "NAME", "only the nodes of this view; beatline views list shows them")              \
    X(WARNING, "warning", 'w', "N",                                                                          \
      "with --check: warn from N nodes, or N%, that are not well; 1 if not given")                           \
    X(CRITICAL, "critical", 'c', "N", "with --check: critical from N nodes, or N%, that failed; 0: never")

#define BL_OPTIONS_EVENTS(X)                                                                                 \
    X(FOLLOW, "follow", 'f', NULL, "go on with new events until interrupted")                                \
    X(LAST, "last", 'n', "N", "the last N events first, or all; 50 if not given, 10 with -f")

#define BL_OPTIONS_NODES_LIST(X)                                                                             \
    X(STATE, "state", 's', "S", "only nodes in this state; may be given again")                              \
    X(VIEW, "view", 'v', "VIEW", "only nodes in this view; beatline views list shows them")                  \
    X(MATCH, "match", 'm', "GLOB", "only names that match: * ? [a-z]")                                       \
    X(LIMIT, "limit", 'n', "N", "at most N nodes")

#define BL_OPTIONS_NODES_PAUSE(X)                                                                            \
    X(FOR, "for", 0, "D",                                                                                    \
      "for so long, as 2h, whatever the wall clock does; then the node is watched again")                    \
    X(UNTIL, "until", 0, "TIME", "until then, as 2026-02-03T04:05Z or 2026-02-03T04:05+01:00")               \
    X(UNTIL_BEAT, "until-beat", 'b', NULL, "until the node's next beat, if that comes first")

#define BL_OPTIONS_NODES_SET(X)                                                                              \
    X(TIMEOUT, "timeout", 't', "D", "silent for longer is a warning, and failed after the retries")          \
    X(WARN, "warn", 'w', "D", "silent for longer is a warning")                                              \
    X(ERR, "err", 'e', "D", "silent for longer is failed")                                                   \
    X(RETRIES, "retries", 'r', "N", "further timeouts before a node is failed")                              \
    X(DETECTOR, "detector", 'd', "NAME", "fixed: these timeouts; auto, phi: learned from the beats")         \
    X(AUTO, "auto", 'a', NULL, "let the beats' own rhythm decide (the auto detector)")                       \
    X(CLEAR, "clear", 0, NULL, "forget all of the node's own settings first")                                \
    X(CREATE, "create", 'c', NULL, "take the node in if it is not known yet")

#define BL_OPTION_ID(id, name, letter, value, help) id,

/* They end with name NULL. */
extern const struct bl_option bl_options_status[], bl_options_events[], bl_options_nodes_list[],
    bl_options_nodes_pause[], bl_options_nodes_set[];

/* Those of the command of that name, "nodes list"; NULL: it has none. */
const struct bl_option *bl_options_of(const char *command);

/* Appends a command's usage, what it does, and its options. */
void bl_options_explain(struct bl_text *out, const char *command, const char *usage, const char *help);
