/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_options.h"
#include "bench/load/load_value.h"

#include <argp.h>
#include <arpa/inet.h>
#include <inttypes.h>
#include <sodium/utils.h>
#include <string.h>
#include <time.h>

#define NODES_MAX 100000000u
#define NS_PER_S  UINT64_C(1000000000)
/* Defaults of the frame's addresses: locally administered MACs, and the
 * address block set aside for benchmarks (RFC 2544, 198.18.0.0/15). */
#define DST_MAC "02:00:00:00:be:02"
#define SRC_MAC "02:00:00:00:be:01"
#define DST_IP  "198.18.0.2"
#define SRC_IP  "198.18.0.1"
/* First source port: the dynamic range starts here (RFC 6335). */
#define SRC_PORT 49152

const char *argp_program_version = "beatline-load " BL_VERSION;

enum long_option {
    OPT_JITTER = 256,
    OPT_FORMAT,
    OPT_LINES,
    OPT_PREFIX,
    OPT_FIRST,
    OPT_SOCKETS,
    OPT_DST_MAC,
    OPT_SRC_MAC,
    OPT_DST_IP,
    OPT_SRC_IP,
    OPT_DST_PORT,
    OPT_SRC_PORT,
    OPT_EAL,
    OPT_WAIT,
    OPT_START,
    OPT_KILL,
    OPT_AT,
    OPT_KILLED_FILE,
    OPT_REVIVE_AT,
    OPT_RESTART,
    OPT_SEED,
    OPT_LOSS,
    OPT_DUPLICATE,
    OPT_REORDER,
    OPT_HELLO,
    OPT_BYE,
    OPT_TIMEOUT,
    OPT_SETTINGS_RATE,
    OPT_KEY,
    OPT_PROGRESS,
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "The fleet:", 1},
    {"nodes", 'n', "N", 0, "Nodes (1000)", 0},
    {"interval", 'i', "T", 0, "Each node beats once in T: 1s, 500ms, 2m; 0 is full speed (1s)", 0},
    {"rate", 'r', "R", 0, "Beats per second of all nodes together, instead of --interval", 0},
    {"jitter", OPT_JITTER, "PERCENT", 0, "Delay each beat by up to this share of the interval (0..50)", 0},
    {"duration", 'd', "T", 0, "Stop after T (without it and --beats: at Ctrl-C)", 0},
    {"beats", 'b', "N", 0, "Stop after N beats in all", 0},
    {NULL, 0, NULL, 0, "What is sent:", 2},
    {"format", OPT_FORMAT, "text|binary", 0, "Wire format (text)", 0},
    {"lines", OPT_LINES, "K", 0, "Beats per datagram: text lines, or entries of a binary batch (1)", 0},
    {"batch", OPT_LINES, NULL, OPTION_ALIAS, NULL, 0},
    {"prefix", OPT_PREFIX, "TEXT", 0, "Names are TEXT and a number (load.)", 0},
    {"first-id", OPT_FIRST, "N", 0, "Number or binary id of the first node (1)", 0},
    {"timeout", OPT_TIMEOUT, "T", 0,
     "Tell each node's timeout first (text: .timeout lines; binary: in hellos)", 0},
    {"hello", OPT_HELLO, NULL, 0, "Binary: hellos with names first", 0},
    {"bye", OPT_BYE, NULL, 0, "Binary: every node that beats says bye at the end", 0},
    {"settings-rate", OPT_SETTINGS_RATE, "R", 0, "Timeouts, hellos, byes per second (100000)", 0},
    {"key", OPT_KEY, "HEX", 0, "Binary: sign with this key, 32 hex digits", 0},
    {NULL, 0, NULL, 0, "Where to:", 3},
    {"to", 't', "TARGET", 0,
     "socket:HOST:PORT, dpdk:DEVARGS (net_memif0,role=client,..., net_af_packet0,iface=..., net_tap0, ...) "
     "or pcap:FILE (socket:127.0.0.1:8127)",
     0},
    {"sockets", OPT_SOCKETS, "N", 0, "Source ports; a node keeps to one (1)", 0},
    {"dst-mac", OPT_DST_MAC, "MAC", 0, "Frames (dpdk, pcap): " DST_MAC, 0},
    {"src-mac", OPT_SRC_MAC, "MAC", 0, SRC_MAC, 0},
    {"dst-ip", OPT_DST_IP, "IP", 0, DST_IP, 0},
    {"src-ip", OPT_SRC_IP, "IP", 0, SRC_IP, 0},
    {"dst-port", OPT_DST_PORT, "PORT", 0, "8127", 0},
    {"src-port", OPT_SRC_PORT, "PORT", 0, "First source port (49152)", 0},
    {"eal", OPT_EAL, "ARGS", 0, "Further arguments for DPDK", 0},
    {"wait", OPT_WAIT, "T", 0, "Wait up to T for a DPDK link (10s)", 0},
    {"start", OPT_START, "UNIX", 0, "Pcap: time of the first beat, seconds (1700000000)", 0},
    {NULL, 0, NULL, 0, "What goes wrong:", 4},
    {"kill", OPT_KILL, "K", 0, "K chosen nodes fall silent ...", 0},
    {"restart", OPT_RESTART, "K", 0, "K other nodes start again (new incarnation) ...", 0},
    {"at", OPT_AT, "T", 0, "... after T (0)", 0},
    {"revive-at", OPT_REVIVE_AT, "T", 0, "The killed beat again after T", 0},
    {"killed-file", OPT_KILLED_FILE, "FILE", 0, "Write the names of the killed there when they fall silent",
     0},
    {"loss", OPT_LOSS, "PERCENT", 0, "Beats not sent; their sequence numbers are used up", 0},
    {"duplicate", OPT_DUPLICATE, "PERCENT", 0, "Beats sent twice", 0},
    {"reorder", OPT_REORDER, "PERCENT", 0, "Beats held back until behind the node's next beat", 0},
    {"seed", OPT_SEED, "N", 0, "Of all that is left to chance (1)", 0},
    {NULL, 0, NULL, 0, "What is told:", 5},
    {"json", 'j', NULL, 0, "Report as one JSON object", 0},
    {"progress", OPT_PROGRESS, NULL, 0, "A line on stderr every second", 0},
    {0},
};

/* What the parser keeps until all is read. */
struct parse {
    struct bl_load_options *o;
    uint64_t interval_ns, rate;
};

static void key(struct argp_state *state, const char *arg, struct bl_load_wire *w)
{
    size_t len = 0;
    if (sodium_hex2bin(w->key, sizeof w->key, arg, strlen(arg), NULL, &len, NULL) != 0 ||
        len != sizeof w->key)
        argp_error(state, "--key: not 32 hex digits; give the daemon's auth.key");
    w->sign = true;
}

static void format(struct argp_state *state, const char *arg, struct bl_load_wire *w)
{
    if (strcmp(arg, "binary") == 0)
        w->format = BL_LOAD_BINARY;
    else if (strcmp(arg, "text") != 0)
        argp_error(state, "--format %s: no such format; use text or binary", arg);
}

static void check_name(struct argp_state *state, const struct bl_load_options *o)
{
    const struct bl_load_wire *w = &o->wire;
    if (w->first > UINT64_MAX - o->fleet.nodes)
        argp_error(state, "--first-id %" PRIu64 ": ids of the last nodes do not fit 64 bits; give less",
                   w->first);
    if (bl_load_wire_name_max(w, o->fleet.nodes) > BL_NAME_MAX)
        argp_error(state, "--prefix: names would be over %u bytes; give a shorter one", BL_NAME_MAX);
    unsigned fit = bl_load_wire_fit(w, o->fleet.nodes);
    if (w->per_datagram == 0 || w->per_datagram > fit)
        argp_error(state, "--lines %u: 1 to %u such beats fit a datagram of %u bytes; give as many",
                   w->per_datagram, fit, BL_LOAD_PAYLOAD_MAX);
    if (w->per_datagram > o->fleet.nodes)
        argp_error(state, "--lines %u: more than there are nodes; give at most --nodes", w->per_datagram);
}

static void check_binary(struct argp_state *state, const struct bl_load_options *o)
{
    if (o->wire.format == BL_LOAD_TEXT && (o->hello || o->bye || o->wire.sign))
        argp_error(state, "--hello, --bye and --key: text has none of them; add --format binary");
    if (o->wire.format == BL_LOAD_TEXT && o->fleet.restart)
        argp_error(state, "--restart: text carries no incarnation; add --format binary");
}

static void check(struct argp_state *state, struct parse *p)
{
    struct bl_load_options *o = p->o;
    struct bl_load_fleet_config *f = &o->fleet;
    bool pcap = strncmp(o->out.to, "pcap:", 5) == 0;
    if (f->nodes == 0)
        argp_error(state, "--nodes 0: nobody to beat; give at least 1");
    if (o->settings_per_s == 0)
        argp_error(state, "--settings-rate 0: would never end; give at least 1");
    if ((uint64_t)f->kill + f->restart > f->nodes)
        argp_error(state, "--kill, --restart: more nodes than there are; give at most --nodes together");
    if (o->revive_at_ns && o->revive_at_ns <= o->at_ns)
        argp_error(state, "--revive-at: not after --at; give a later time");
    if (pcap && !p->interval_ns && !p->rate)
        argp_error(state, "--interval 0: a pcap file needs times; give an interval or --rate");
    if (pcap && !o->duration_ns && !o->beats)
        argp_error(state, "--to pcap: would never end; give --duration or --beats");
    if (f->jitter_percent && (p->rate ? f->nodes * NS_PER_S / p->rate : p->interval_ns) < 4 * BL_LOAD_TICK_NS)
        argp_error(state, "--jitter: the interval is too short for it; make it 4ms or more");
    if (o->out.flows == 0 || o->out.route.src_port + o->out.flows > 65536)
        argp_error(state, "--sockets %u: 1 to %u source ports from --src-port on; give as many", o->out.flows,
                   65536u - o->out.route.src_port);
    check_name(state, o);
    check_binary(state, o);
}

/* What follows from the options: the schedule's ratio and the promise in
 * binary headers. */
static void derive(struct parse *p)
{
    struct bl_load_options *o = p->o;
    o->fleet.beats_num = p->rate ? p->rate : o->fleet.nodes;
    o->fleet.beats_den_ns = p->rate ? NS_PER_S : p->interval_ns;
    uint64_t interval_ns = p->rate ? o->fleet.nodes * NS_PER_S / p->rate : p->interval_ns;
    o->wire.interval_ms = (uint32_t)(interval_ns / 1000000);
    o->wire.timeout_ms = (uint32_t)(o->timeout_ns / 1000000);
    o->wire.named = o->hello;
    if (strncmp(o->out.to, "pcap:", 5) == 0)
        o->fleet.incarnation = 1; /* the same file each time */
}

static error_t parse_fleet(int k, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;
    struct bl_load_fleet_config *f = &p->o->fleet;
    switch (k) {
    case 'n':
        f->nodes = (uint32_t)bl_load_value_number(state, "--nodes", arg, NODES_MAX);
        return 0;
    case 'i':
        p->interval_ns = bl_load_value_duration(state, "--interval", arg);
        return 0;
    case 'r':
        p->rate = bl_load_value_number(state, "--rate", arg, UINT32_MAX);
        return 0;
    case OPT_JITTER:
        f->jitter_percent = (uint8_t)bl_load_value_number(state, "--jitter", arg, 50);
        return 0;
    case OPT_KILL:
        f->kill = (uint32_t)bl_load_value_number(state, "--kill", arg, NODES_MAX);
        return 0;
    case OPT_RESTART:
        f->restart = (uint32_t)bl_load_value_number(state, "--restart", arg, NODES_MAX);
        return 0;
    case OPT_LOSS:
        f->loss = bl_load_value_share(state, "--loss", arg);
        return 0;
    case OPT_DUPLICATE:
        f->duplicate = bl_load_value_share(state, "--duplicate", arg);
        return 0;
    case OPT_REORDER:
        f->reorder = bl_load_value_share(state, "--reorder", arg);
        return 0;
    case OPT_SEED:
        f->seed = bl_load_value_number(state, "--seed", arg, UINT64_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_out(int k, char *arg, struct argp_state *state)
{
    struct bl_load_out_config *c = &((struct parse *)state->input)->o->out;
    switch (k) {
    case 't':
        c->to = arg;
        return 0;
    case OPT_SOCKETS:
        c->flows = (unsigned)bl_load_value_number(state, "--sockets", arg, 16384);
        return 0;
    case OPT_DST_MAC:
        bl_load_value_mac(state, "--dst-mac", arg, c->route.dst_mac);
        return 0;
    case OPT_SRC_MAC:
        bl_load_value_mac(state, "--src-mac", arg, c->route.src_mac);
        return 0;
    case OPT_DST_IP:
        bl_load_value_ip(state, "--dst-ip", arg, &c->route.dst_ip);
        return 0;
    case OPT_SRC_IP:
        bl_load_value_ip(state, "--src-ip", arg, &c->route.src_ip);
        return 0;
    case OPT_DST_PORT:
        c->route.dst_port = (uint16_t)bl_load_value_number(state, "--dst-port", arg, 65535);
        return 0;
    case OPT_SRC_PORT:
        c->route.src_port = (uint16_t)bl_load_value_number(state, "--src-port", arg, 65535);
        return 0;
    case OPT_EAL:
        c->eal = arg;
        return 0;
    case OPT_WAIT:
        c->wait_ns = bl_load_value_duration(state, "--wait", arg);
        return 0;
    case OPT_START:
        c->start_unix_ns = bl_load_value_number(state, "--start", arg, UINT32_MAX) * NS_PER_S;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_wire(int k, char *arg, struct argp_state *state)
{
    struct bl_load_wire *w = &((struct parse *)state->input)->o->wire;
    switch (k) {
    case OPT_FORMAT:
        format(state, arg, w);
        return 0;
    case OPT_LINES:
        w->per_datagram = (unsigned)bl_load_value_number(state, "--lines", arg, BL_LOAD_PAYLOAD_MAX);
        return 0;
    case OPT_PREFIX:
        w->prefix = arg;
        w->prefix_len = (unsigned)strnlen(arg, BL_NAME_MAX + 1);
        return 0;
    case OPT_FIRST:
        w->first = bl_load_value_number(state, "--first-id", arg, UINT64_MAX);
        return 0;
    case OPT_KEY:
        key(state, arg, w);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_run(int k, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;
    struct bl_load_options *o = p->o;
    switch (k) {
    case 'd':
        o->duration_ns = bl_load_value_duration(state, "--duration", arg);
        return 0;
    case 'b':
        o->beats = bl_load_value_number(state, "--beats", arg, UINT64_MAX);
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case OPT_PROGRESS:
        o->progress = true;
        return 0;
    case OPT_AT:
        o->at_ns = bl_load_value_duration(state, "--at", arg);
        return 0;
    case OPT_REVIVE_AT:
        o->revive_at_ns = bl_load_value_duration(state, "--revive-at", arg);
        return 0;
    case OPT_KILLED_FILE:
        o->killed_file = arg;
        return 0;
    case OPT_HELLO:
        o->hello = true;
        return 0;
    case OPT_BYE:
        o->bye = true;
        return 0;
    case OPT_TIMEOUT:
        o->timeout_ns = bl_load_value_duration(state, "--timeout", arg);
        return 0;
    case OPT_SETTINGS_RATE:
        o->settings_per_s = (uint32_t)bl_load_value_number(state, "--settings-rate", arg, 100000000);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: no such argument; see --help", arg);
        return 0;
    case ARGP_KEY_END:
        check(state, p);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Each part of the options has a switch of its own. */
static error_t parse_option(int k, char *arg, struct argp_state *state)
{
    static error_t (*const part[])(int, char *, struct argp_state *) = {parse_fleet, parse_wire, parse_out,
                                                                        parse_run};
    for (unsigned i = 0; i < sizeof part / sizeof *part; i++) {
        error_t rc = part[i](k, arg, state);
        if (rc != ARGP_ERR_UNKNOWN)
            return rc;
    }
    return ARGP_ERR_UNKNOWN;
}

static void set_defaults(struct bl_load_options *o)
{
    *o = (struct bl_load_options){
        .fleet = {.nodes = 1000, .seed = 1, .incarnation = (uint32_t)time(NULL)},
        .wire = {.per_datagram = 1, .prefix = "load.", .prefix_len = 5, .first = 1},
        .out = {.to = "socket:127.0.0.1:8127",
                .flows = 1,
                .route = {.dst_mac = {2, 0, 0, 0, 0xbe, 2},
                          .src_mac = {2, 0, 0, 0, 0xbe, 1},
                          .dst_port = 8127,
                          .src_port = SRC_PORT},
                .start_unix_ns = 1700000000 * NS_PER_S,
                .wait_ns = 10 * NS_PER_S,
                .program = "beatline-load"},
        .settings_per_s = 100000,
    };
    inet_pton(AF_INET, DST_IP, &o->out.route.dst_ip);
    inet_pton(AF_INET, SRC_IP, &o->out.route.src_ip);
}

void bl_load_options_parse(struct bl_load_options *o, int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "A fleet of made-up nodes that send heartbeats to beatlined, and an exact account of "
               "what was sent.\vExit: 0 ok, 1 error, 2 usage.",
    };
    struct parse p = {.o = o, .interval_ns = NS_PER_S};
    set_defaults(o);
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &p);
    derive(&p);
}
