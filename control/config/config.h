/* SPDX-License-Identifier: Apache-2.0 */
/* config: the daemon's YAML file, strict: an unknown key, a wrong type
 * or a value out of range is an error with file, line, column, path and,
 * for keys, the nearest key there is. Every key has a default, so no
 * file is a valid config. One table in config_schema.c names each key,
 * its type, range, default and sentence; parsing, `beatlined --check`,
 * `beatline config show` and the documentation come from it.
 *
 *   ports: ["socket:127.0.0.1:8127"]   list of port specs (port.h)
 *   udp_port: 8127                     the UDP port that dpdk ports take
 *   socket: PATH                       the CLI's Unix socket
 *   tcp: {listen: ["127.0.0.1:8127"], connections: 1024, idle: 1h}
 *   eal: "ARGS"                        further EAL arguments
 *   cpus: {control: -1}                -1: the first CPU if there are dpdk ports
 *   nodes: {max: 20000000, create_per_s: 0, first_slots: 262144, unknown: accept}
 *   defaults: {timeout: none, warn: none, err: none, retries: 0,
 *              detector: fixed, phi: 8}
 *   ingest: {max_freeze: 5m}           ports frozen for longer make silent nodes unknown
 *   sweep: {tick: 10ms, batch: {small: 0, medium: 0, large: 0}}   slots; 0: automatic
 *   auth: {key: ""}                    32 hex digits; "" off
 *   events: {keep: 65536}
 *   event_log: {path: "", queue: 1000000}
 *   state: {dir: "", save_every: 5m, grace: none}
 *   notify:
 *     syslog: [{to: local, facility: daemon, timeout: 5s, retries: 3, retry_every: 5s}]
 *     webhook: [{url: URL, timeout: 10s, retries: 3, retry_every: 5s, header: ""}]
 *     states: [failed, ok, warning]    which `to` states are told
 *   views: [{name: NAME, regexp: REGEXP | pattern: GLOB, includes: [], excludes: [], notify: false}]
 *   http: {listen: ["127.0.0.1:8080"], hosts: [], connections: 1024,
 *          connections_per_address: 256, timeout: 30s,
 *          tokens: [{token: TOKEN, token_file: PATH, role: read}]}
 *   statsd: {to: "", prefix: beatline, interval: 10s, nodes: false}
 *   log: {level: info}
 *
 * Threads: main parses; the result is constant and shared. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/http_role.h"
#include "control/config/views_config.h"
#include "control/net/listen.h"
#include "control/text/json.h"
#include "engine/base/err.h"
#include "engine/detect/state.h"

#define BL_PORTS_MAX     32u
#define BL_NOTIFIERS_MAX 16u

/* The Ruby Heartbeat gem's batch thresholds, in nodes. */
#define BL_BATCH_SMALL_NODES  10000u
#define BL_BATCH_MEDIUM_NODES 100000u

enum bl_notifier_kind { BL_NOTIFIER_SYSLOG, BL_NOTIFIER_WEBHOOK };

struct bl_notifier_config {
    enum bl_notifier_kind kind;
    char *target;   /* syslog: as syslog_target.h has it; webhook: URL */
    char *facility; /* syslog: "daemon", "local0", ... */
    char *header;   /* webhook: one more HTTP header, "" none */
    uint32_t timeout_ms;
    uint32_t retries; /* after the first try */
    uint32_t retry_every_ms;
};

#define BL_TOKENS_MAX 64u
#define BL_TOKEN_MIN  16u /* bytes: below it somebody guesses */
#define BL_TOKEN_MAX  256u

struct bl_token_config {
    char *token;      /* also when it came from the file */
    char *token_file; /* "": none */
    int role;         /* bl_http_role */
};

struct bl_config {
    char *file; /* NULL: defaults only */
    char *ports[BL_PORTS_MAX];
    unsigned port_count;
    uint16_t udp_port;
    struct bl_listen_list tcp_listen;
    uint32_t tcp_connections, tcp_idle_ms; /* idle 0: no limit */
    char *socket_path;
    char *eal;
    int control_cpu;
    uint32_t max_nodes, create_per_s, first_slots;
    bool reject_unknown;
    struct bl_policy defaults;
    uint8_t phi; /* level of the phi detector */
    uint32_t sweep_tick_ms;
    uint32_t batch_small, batch_medium, batch_large; /* slots; 0: automatic */
    bool auth;
    uint8_t auth_key[16];
    uint32_t events_keep;
    char *event_log_path; /* "": there is none */
    uint32_t event_log_queue;
    char *state_dir; /* "": nothing is kept */
    uint32_t save_every_ms;
    uint32_t max_freeze_ms; /* 0: none */
    uint32_t grace_ms;      /* of a restored node whose interval is not known; 0: its timeout */
    struct bl_notifier_config notifier[BL_NOTIFIERS_MAX];
    unsigned notifier_count;
    uint32_t notify_states; /* bit 1 << bl_state */
    char *statsd_to;        /* "udp://HOST:PORT", "": off */
    char *statsd_prefix;
    uint32_t statsd_interval_ms;
    bool statsd_nodes;
    int log_level;
    struct bl_view_config *views; /* see views/config.h */
    unsigned view_count;
    struct bl_listen_list http_listen; /* none: no HTTP */
    struct bl_listen_list http_hosts;  /* names under which browsers know us; no addresses */
    struct bl_token_config http_token[BL_TOKENS_MAX];
    unsigned http_token_count;
    uint32_t http_connections, http_connections_per_address;
    uint32_t http_timeout_ms; /* for a request to come in */
};

/* Parses `file` (NULL: defaults). NULL and a text in err: one error per
 * line, up to 10. */
struct bl_config *bl_config_load(const char *file, char err[BL_ERR_BYTES]);
void bl_config_free(struct bl_config *c);

/* What the command line says instead of the file. The strings are
 * argv's. */
struct bl_config_overrides {
    const char *port[BL_PORTS_MAX]; /* any given replace all of the file's */
    unsigned port_count;
    const char *socket, *eal; /* NULL: not given */
    const char *tcp;          /* one address instead of the file's; "" or "none": no TCP */
    const char *http;         /* likewise of HTTP */
    const char *state_dir;
};

/* Loads the file, then applies the overrides. */
struct bl_config *bl_config_load_with(const char *file, const struct bl_config_overrides *o,
                                      char err[BL_ERR_BYTES]);

/* Reads each token_file into its token, and holds the config to the rule
 * that nobody but this machine is served without tokens. 0, or negative
 * errno with err. Main. */
int bl_config_load_tokens(struct bl_config *c, char err[BL_ERR_BYTES]);

#define BL_CONFIG_WAITING_BYTES 256 /* room for the names of all such keys */

/* Gives `next` the values of `old` that only a restart changes (`restart`
 * in config_schema.c). `waiting`: the keys that differed, "ports, udp_port",
 * which wait for one; "": none. 0 or -ENOMEM. */
int bl_config_keep_fixed(struct bl_config *next, const struct bl_config *old,
                         char waiting[BL_CONFIG_WAITING_BYTES]);

/* The whole config as YAML with each key's sentence as comment, secrets
 * hidden, those in URLs too; and as flat JSON objects, one per key: key,
 * value, default: numbers, true and false as such, all else as text. */
void bl_config_show(const struct bl_config *c, struct bl_text *out, bool json);
