/* SPDX-License-Identifier: Apache-2.0 */
/* beatlined: the daemon's command line. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/config.h"
#include "control/daemon/daemon.h"
#include "control/import/lovebeat.h"
#include "control/match/match.h"

const char *argp_program_version = "beatlined " BL_VERSION;

enum {
    OPTION_CHECK = 256,
    OPTION_PORT,
    OPTION_TCP,
    OPTION_HTTP,
    OPTION_SOCKET,
    OPTION_STATE_DIR,
    OPTION_IMPORT,
    OPTION_EAL
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "YAML config; without it everything has its default", 0},
    {"check", OPTION_CHECK, NULL, 0, "Check the config, say what is wrong with it, and exit", 0},
    {"port", OPTION_PORT, "SPEC", 0,
     "Take packets from socket:ADDR:PORT or dpdk:DEVARGS; may be repeated; replaces the config's ports", 0},
    {"tcp", OPTION_TCP, "ADDR:PORT", 0,
     "Take lines of text over connections to this address; none: nowhere; replaces the config's", 0},
    {"http", OPTION_HTTP, "ADDR:PORT", 0, "Serve HTTP on this address; none: nowhere; replaces the config's",
     0},
    {"socket", OPTION_SOCKET, "PATH", 0, "The Unix socket for the CLI", 0},
    {"state-dir", OPTION_STATE_DIR, "DIR", 0,
     "Keep nodes, states, pauses and incident numbers in this folder across restarts", 0},
    {"import-lovebeat", OPTION_IMPORT, "FILE", 0,
     "Take a lovebeat database over into the state folder, print its views for the config, and exit", 0},
    {"eal", OPTION_EAL, "ARGS", 0, "Further arguments for DPDK's EAL", 0},
    {0},
};

struct command_line {
    const char *file, *import;
    bool check;
    struct bl_config_overrides overrides;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct command_line *c = state->input;

    switch (key) {
    case 'c':
        c->file = arg;
        return 0;
    case OPTION_CHECK:
        c->check = true;
        return 0;
    case OPTION_PORT:
        if (c->overrides.port_count == BL_PORTS_MAX)
            argp_error(state, "--port: at most %u ports", BL_PORTS_MAX);
        c->overrides.port[c->overrides.port_count++] = arg;
        return 0;
    case OPTION_TCP:
        c->overrides.tcp = arg;
        return 0;
    case OPTION_HTTP:
        c->overrides.http = arg;
        return 0;
    case OPTION_SOCKET:
        c->overrides.socket = arg;
        return 0;
    case OPTION_STATE_DIR:
        c->overrides.state_dir = arg;
        return 0;
    case OPTION_IMPORT:
        c->import = arg;
        return 0;
    case OPTION_EAL:
        c->overrides.eal = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: takes options only", arg);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .doc = "beatlined -- takes heartbeats in, tells people what died",
};

/* What only shows when the views are compiled. */
static bool views_are_good(const struct bl_config *c, char err[BL_ERR_BYTES])
{
    struct bl_view_match *m = bl_view_match_new(c->views, c->view_count, err);
    bl_view_match_free(m);
    return m != NULL;
}

static int main_import(struct bl_config *config, const char *file)
{
    char err[BL_ERR_BYTES];
    int r = bl_lovebeat_import(config, file, stdout, stderr, err);

    if (r)
        fprintf(stderr, "beatlined: %s\n", err);
    bl_config_free(config);
    return r != 0;
}

int main(int argc, char **argv)
{
    struct command_line line = {0};
    char err[BL_ERR_BYTES] = "";

    argp_err_exit_status = 2;
    argp_parse(&parser, argc, argv, 0, NULL, &line);
    struct bl_config *config = bl_config_load_with(line.file, &line.overrides, err);
    if (!config || (line.check && !views_are_good(config, err))) {
        bl_config_free(config);
        fprintf(stderr, "beatlined: %s\n", err);
        return 1;
    }
    if (line.import)
        return main_import(config, line.import);
    if (line.check) {
        printf("%s: ok\n", line.file ? line.file : "defaults");
        bl_config_free(config);
        return 0;
    }
    struct bl_daemon *d = bl_daemon_start(config, &line.overrides, argv[0], err);
    if (!d) {
        fprintf(stderr, "beatlined: %s\n", err);
        return 1;
    }
    bl_daemon_run(d);
    if (!bl_daemon_stop(d))
        _exit(1);
    return 0;
}
