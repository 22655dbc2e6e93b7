/* SPDX-License-Identifier: Apache-2.0 */
/* protocol: what the server and its clients share: exit codes, limits and
 * the list of commands. The exchange itself is described in server.h.
 * Needs neither engine nor dataplane: the CLI includes it. */
#pragma once

/* Longest request line, newline included. */
#define BL_REQUEST_MAX 65536u

enum bl_exit {
    BL_EXIT_OK = 0,
    BL_EXIT_ERROR = 1,
    BL_EXIT_USAGE = 2,
    BL_EXIT_UNREACHABLE = 3, /* the daemon: said by the client alone */
    BL_EXIT_NOT_FOUND = 4,
    BL_EXIT_DENIED = 5,
};

/* X(identifier, words, usage, help): one line per command. A new command
 * is a line here and a file in api/ that defines bl_cli_IDENTIFIER. */
#define BL_COMMANDS(X)                                                                                       \
    X(status, "status", "[--check] [--view NAME] [--warning N] [--critical N]",                              \
      "how the fleet and its ingest are")                                                                    \
    X(nodes_list, "nodes list", "[--state S]... [--view VIEW] [--match GLOB] [--limit N]",                   \
      "the nodes, one a line")                                                                               \
    X(nodes_show, "nodes show", "NAME...", "all that is known of a node")                                    \
    X(nodes_set, "nodes set",                                                                                \
      "NAME... [--timeout D] [--warn D] [--err D] [--retries N] [--detector fixed|auto|phi] [--auto] "       \
      "[--clear] [--create]",                                                                                \
      "when a node is late: durations as 2s or 1.5m, none clears")                                           \
    X(nodes_rm, "nodes rm", "NAME...", "forget nodes")                                                       \
    X(nodes_pause, "nodes pause", "NAME... [--for D | --until TIME] [--until-beat]",                         \
      "mute nodes: no alarm until resumed, or until what is said here")                                      \
    X(nodes_resume, "nodes resume", "NAME...", "watch paused nodes again")                                   \
    X(views_list, "views list", "", "the views: how each one's worst node is")                               \
    X(views_show, "views show", "VIEW...", "a view's counts, and what makes a node belong to it")            \
    X(views_test, "views test", "NAME...", "which views a node of that name is in, or would be")             \
    X(events, "events", "[-f] [-n N]", "what happened; -f follows")                                          \
    X(stats, "stats", "", "all of the figures below")                                                        \
    X(stats_ports, "stats ports", "", "packets and drops of each port")                                      \
    X(stats_workers, "stats workers", "", "what each worker counted")                                        \
    X(stats_sweep, "stats sweep", "", "the sweep's rounds and how late it noticed")                          \
    X(stats_memory, "stats memory", "", "what the daemon and a node cost in memory")                         \
    X(stats_alerts, "stats alerts", "", "what was told to whom, and what was lost on the way")               \
    X(stats_state, "stats state", "", "what is kept on disk, and how it goes")                               \
    X(config_show, "config show", "", "the config in force")                                                 \
    X(config_reload, "config reload", "", "read the config file again")                                      \
    X(beat, "beat", "NAME...", "send a beat for a node")                                                     \
    X(version, "version", "", "the versions of this program and of the daemon")                              \
    X(help, "help", "[COMMAND]", "this list, or a command's options")
