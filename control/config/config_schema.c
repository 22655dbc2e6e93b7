/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config_schema.h"

#include <stdio.h>
#include <string.h>

#include "control/match/pattern.h"
#include "engine/detect/detector.h"
#include "engine/table/table.h"
#include "engine/views/views.h"

#define AT(field)   offsetof(struct bl_config, field)
#define ITEM(field) offsetof(struct bl_notifier_config, field)
#define VIEW(field) offsetof(struct bl_view_config, field)

#define TOKEN(field) offsetof(struct bl_token_config, field)

#define DAY_MS INT64_C(86400000)

const struct bl_config_key bl_config_keys[] = {
    {"ports", BL_CONFIG_PORTS, 0, 0, BL_PORTS_MAX, "socket:127.0.0.1:8127",
     "where packets come from: socket:ADDR:PORT[,workers=N] or dpdk:DEVARGS[,queues=N]", false, false, true},
    {"udp_port", BL_CONFIG_UINT16, AT(udp_port), 1, 65535, "8127",
     "the UDP destination port that dpdk ports take", false, false, true},
    {"tcp.listen", BL_CONFIG_LISTENS, AT(tcp_listen), 0, BL_LISTEN_MAX, "127.0.0.1:8127",
     "where connections bring lines of text, ADDR:PORT; []: nowhere", false, false, true},
    {"tcp.connections", BL_CONFIG_UINT32, AT(tcp_connections), 1, 1000000, "1024",
     "most connections at once; further ones are closed and counted", false, false, false},
    {"tcp.idle", BL_CONFIG_DURATION, AT(tcp_idle_ms), 1000, DAY_MS * 20, "1h",
     "a connection that brought nothing for this long is closed; none: never", true, false, false},
    {"socket", BL_CONFIG_TEXT, AT(socket_path), 1, 107, "",
     "the Unix socket that beatline, the CLI, talks to", false, false, true},
    {"eal", BL_CONFIG_TEXT, AT(eal), 0, 4095, "", "further arguments for DPDK's environment", false, false,
     true},
    {"cpus.control", BL_CONFIG_INT, AT(control_cpu), -1, 1023, "-1",
     "CPU of the control core; -1: the first one where dpdk ports take the others, else not pinned", false,
     false, true},
    {"nodes.max", BL_CONFIG_UINT32, AT(max_nodes), 1, BL_NODE_MAX, "20000000",
     "most nodes known at once; unknown nodes beyond it are dropped and counted", false, false, false},
    {"nodes.create_per_s", BL_CONFIG_UINT32, AT(create_per_s), 0, UINT32_MAX, "0",
     "unknown nodes registered per second by their first beat or setting; 0: no limit", false, false, false},
    {"nodes.first_slots", BL_CONFIG_UINT32, AT(first_slots), 64, INT64_C(1) << 31, "262144",
     "slots of a worker's node table at the start; it grows by itself", false, false, true},
    {"nodes.unknown", BL_CONFIG_UNKNOWN, AT(reject_unknown), 0, 0, "accept",
     "accept: a node is known from its first beat; reject: only what was created by the CLI or the API "
     "(beatline nodes set NAME --create) is let in, others are dropped as unknown_node",
     false, false, false},
    {"defaults.timeout", BL_CONFIG_DURATION, AT(defaults.timeout_ms), 1, BL_TIMEOUT_MAX_MS, "none",
     "timeout of nodes that set none: silent for longer is a warning, or failed if retries is 0", true, false,
     false},
    {"defaults.warn", BL_CONFIG_DURATION, AT(defaults.warn_ms), 1, BL_TIMEOUT_MAX_MS, "none",
     "silent for longer is a warning", true, false, false},
    {"defaults.err", BL_CONFIG_DURATION, AT(defaults.err_ms), 1, BL_TIMEOUT_MAX_MS, "none",
     "silent for longer is failed", true, false, false},
    {"defaults.retries", BL_CONFIG_UINT8, AT(defaults.retries), 0, 254, "0",
     "further timeouts before a node is failed", false, false, false},
    {"defaults.detector", BL_CONFIG_DETECTOR, AT(defaults.detector), 0, 0, "fixed",
     "of nodes that have no timeout of their own: fixed, or learned from their beats: auto or phi", false,
     false, false},
    {"defaults.phi", BL_CONFIG_UINT8, AT(phi), 1, BL_PHI_MAX, "8",
     "the phi detector's level: one beat in 10^phi is taken for a failure", false, false, false},
    {"ingest.max_freeze", BL_CONFIG_DURATION, AT(max_freeze_ms), 1000, DAY_MS * 20, "5m",
     "a node whose port stands still for longer, and that was silent past its timeout, is unknown; none: it "
     "stays what it was",
     true, false, false},
    {"sweep.tick", BL_CONFIG_DURATION, AT(sweep_tick_ms), 1, 1000, "10ms",
     "how often the sweep looks for silent nodes", false, false, false},
    {"sweep.batch.small", BL_CONFIG_UINT32, AT(batch_small), 0, UINT32_MAX, "0",
     "slots per batch with up to 10000 nodes; 0: automatic", false, false, false},
    {"sweep.batch.medium", BL_CONFIG_UINT32, AT(batch_medium), 0, UINT32_MAX, "0",
     "slots per batch with up to 100000 nodes; 0: automatic", false, false, false},
    {"sweep.batch.large", BL_CONFIG_UINT32, AT(batch_large), 0, UINT32_MAX, "0",
     "slots per batch with more nodes; 0: automatic", false, false, false},
    {"auth.key", BL_CONFIG_KEY, 0, 0, 0, "",
     "the fleet's key, 32 hex digits: beats without a valid tag are dropped; \"\": off", false, true, false},
    {"events.keep", BL_CONFIG_UINT32, AT(events_keep), 0, 16777216, "65536",
     "events kept for beatline events", false, false, false},
    {"event_log.path", BL_CONFIG_TEXT, AT(event_log_path), 0, 4095, "",
     "file that every event is appended to as a line of JSON, nodes that come and go included; \"\": none",
     false, false, false},
    {"event_log.queue", BL_CONFIG_UINT32, AT(event_log_queue), 1, UINT32_MAX, "1000000",
     "events that wait at most while the file cannot be written; further ones are lost to it, and counted",
     false, false, false},
    {"state.dir", BL_CONFIG_TEXT, AT(state_dir), 0, 200, "",
     "folder that keeps nodes, states, pauses and incident numbers across restarts; \"\": nothing is kept",
     false, false, true},
    {"state.save_every", BL_CONFIG_DURATION, AT(save_every_ms), 1000, DAY_MS, "5m",
     "how often all of it is written anew; what changes is written within a second anyway", false, false,
     false},
    {"state.grace", BL_CONFIG_DURATION, AT(grace_ms), 1, DAY_MS, "none",
     "after a restart: time to be heard, beyond the rest of its timeout, of a node whose interval is not "
     "known; none: as long as its timeout",
     true, false, false},
    {"notify.syslog", BL_CONFIG_SYSLOGS, 0, 0, BL_NOTIFIERS_MAX, "local", "syslog receivers; []: none", false,
     false, false},
    {"notify.syslog[].to", BL_CONFIG_SYSLOG, ITEM(target), 0, 0, "local",
     "local (/dev/log), unix:/PATH, udp://HOST:PORT or tcp://HOST:PORT", false, false, false},
    {"notify.syslog[].facility", BL_CONFIG_FACILITY, ITEM(facility), 0, 0, "daemon",
     "syslog facility: daemon, local0, ...", false, false, false},
    {"notify.syslog[].timeout", BL_CONFIG_DURATION, ITEM(timeout_ms), 1, DAY_MS, "5s",
     "a delivery that takes longer has failed", false, false, false},
    {"notify.syslog[].retries", BL_CONFIG_UINT32, ITEM(retries), 0, 1000000, "3", "tries after the first",
     false, false, false},
    {"notify.syslog[].retry_every", BL_CONFIG_DURATION, ITEM(retry_every_ms), 0, DAY_MS, "5s",
     "time between two tries", false, false, false},
    {"notify.webhook", BL_CONFIG_WEBHOOKS, 0, 0, BL_NOTIFIERS_MAX, "",
     "URLs that get a JSON POST for each transition", false, false, false},
    {"notify.webhook[].url", BL_CONFIG_URL, ITEM(target), 0, 0, NULL, "http or https URL", false, false,
     false},
    {"notify.webhook[].timeout", BL_CONFIG_DURATION, ITEM(timeout_ms), 1, DAY_MS, "10s",
     "a delivery that takes longer has failed", false, false, false},
    {"notify.webhook[].retries", BL_CONFIG_UINT32, ITEM(retries), 0, 1000000, "3", "tries after the first",
     false, false, false},
    {"notify.webhook[].retry_every", BL_CONFIG_DURATION, ITEM(retry_every_ms), 0, DAY_MS, "5s",
     "time between two tries", false, false, false},
    {"notify.webhook[].header", BL_CONFIG_HEADER, ITEM(header), 0, 0, "",
     "one more HTTP header, as in \"Authorization: Bearer TOKEN\"", false, true, false},
    {"notify.states", BL_CONFIG_STATES, AT(notify_states), 0, BL_STATE_COUNT, "failed ok warning",
     "the new states that people are told of", false, false, false},
    {"http.listen", BL_CONFIG_LISTENS, AT(http_listen), 0, BL_LISTEN_MAX, "127.0.0.1:8080",
     "addresses that HTTP is served on; []: none", false, false, true},
    {"http.hosts", BL_CONFIG_HOSTS, AT(http_hosts), 0, BL_LISTEN_MAX, "",
     "names under which browsers reach this daemon, beside localhost and addresses", false, false, false},
    {"http.tokens", BL_CONFIG_TOKENS, 0, 0, BL_TOKENS_MAX, "",
     "who may what; []: everybody may everything, which is for loopback alone", false, false, false},
    {"http.tokens[].token", BL_CONFIG_TOKEN, TOKEN(token), 0, 0, "",
     "what a client sends as Authorization: Bearer TOKEN", false, true, false},
    {"http.tokens[].token_file", BL_CONFIG_TEXT, TOKEN(token_file), 0, 4095, "",
     "a file that holds it instead, on one line", false, false, false},
    {"http.tokens[].role", BL_CONFIG_ROLE, TOKEN(role), 0, 0, NULL,
     "read, beat (which may read, too) or admin", false, false, false},
    {"http.connections", BL_CONFIG_UINT32, AT(http_connections), 1, 65536, "1024",
     "most HTTP connections at once", false, false, true},
    {"http.connections_per_address", BL_CONFIG_UINT32, AT(http_connections_per_address), 1, 65536, "256",
     "most HTTP connections at once from one address", false, false, true},
    {"http.timeout", BL_CONFIG_DURATION, AT(http_timeout_ms), 1000, DAY_MS, "30s",
     "an HTTP request that takes longer to come in is cut off", false, false, true},
    {"statsd.to", BL_CONFIG_STATSD, AT(statsd_to), 0, 0, "",
     "the statsd server that the daemon's own figures go to, udp://HOST:PORT; \"\": none", false, false,
     false},
    {"statsd.prefix", BL_CONFIG_TEXT, AT(statsd_prefix), 1, 100, "beatline",
     "what the figures' names begin with", false, false, false},
    {"statsd.interval", BL_CONFIG_DURATION, AT(statsd_interval_ms), 100, DAY_MS, "10s",
     "how often the figures are sent", false, false, false},
    {"statsd.nodes", BL_CONFIG_BOOL, AT(statsd_nodes), 0, 0, "false",
     "also a gauge of a node's state whenever that changes, as lovebeat sends", false, false, false},
    {"views", BL_CONFIG_VIEWS, 0, 0, BL_VIEWS_MAX, "",
     "named subsets of the nodes, each as bad as its worst node; `all` is there anyway", false, false, false},
    {"views[].name", BL_CONFIG_VIEW, VIEW(name), 1, BL_VIEW_NAME_MAX, NULL,
     "its name; with variables, as in web-$dc: one view for each value that the pattern catches", false,
     false, false},
    {"views[].regexp", BL_CONFIG_REGEXP, VIEW(regexp), 0, 4096, "",
     "nodes in whose name this regular expression is found", false, false, false},
    {"views[].pattern", BL_CONFIG_GLOB, VIEW(pattern), 0, BL_PATTERN_MAX, "",
     "nodes whose name is this: * anything, ? one character, [a-z] one of, $dc a part without dots", false,
     false, false},
    {"views[].includes", BL_CONFIG_GLOBS, VIEW(includes), 0, 0, "", "more such patterns: any will do", false,
     false, false},
    {"views[].excludes", BL_CONFIG_GLOBS, VIEW(excludes), 0, 0, "", "but no node that one of these matches",
     false, false, false},
    {"views[].notify", BL_CONFIG_BOOL, VIEW(notify), 0, 0, "false",
     "tell people of its changes too, as notify.states says", false, false, false},
    {"log.level", BL_CONFIG_LEVEL, AT(log_level), 0, 0, "info", "error, warning, info or debug", false, false,
     false},
};
const size_t bl_config_key_count = sizeof(bl_config_keys) / sizeof(bl_config_keys[0]);

const struct bl_config_key *bl_config_find_key(const char *path)
{
    for (size_t i = 0; i < bl_config_key_count; i++) {
        if (strcmp(bl_config_keys[i].path, path) == 0)
            return &bl_config_keys[i];
    }
    return NULL;
}

/* The part of a schema path that names a child of `prefix`; 0: none. */
static size_t child_of(const char *path, const char *prefix, const char **child)
{
    size_t len = strlen(prefix);
    if (len > 0 && (strncmp(path, prefix, len) != 0 || path[len] != '.'))
        return 0;
    *child = len > 0 ? path + len + 1 : path;
    return strcspn(*child, ".[");
}

bool bl_config_is_section(const char *path)
{
    const char *child;
    for (size_t i = 0; i < bl_config_key_count; i++) {
        if (child_of(bl_config_keys[i].path, path, &child) > 0)
            return true;
    }
    return false;
}

#define WORD_MAX 32u

/* Levenshtein's distance of two short words. */
static unsigned config_schema_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[WORD_MAX + 1];
    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return WORD_MAX;
    for (unsigned j = 0; j <= b_len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
            unsigned shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = replace < shorter ? replace : shorter;
        }
    }
    return row[b_len];
}

void bl_config_key_hint(const char *key, const char *prefix, char *out, size_t bytes)
{
    size_t len = strlen(key), used = 0;
    unsigned best = (unsigned)len / 3 + 2; /* fewer edits than that is a slip of the finger */
    const char *child = "", *seen = "";
    size_t child_len, seen_len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < bl_config_key_count; i++) {
        child_len = child_of(bl_config_keys[i].path, prefix, &child);
        unsigned d = child_len > 0 ? config_schema_distance(key, len, child, child_len) : WORD_MAX;
        if (d < best) {
            best = d;
            snprintf(out, bytes, "did you mean \"%.*s\"?", (int)child_len, child);
        }
    }
    for (size_t i = 0; i < bl_config_key_count && out[0] == '\0'; i++) {
        const char *dot = strrchr(bl_config_keys[i].path, '.');
        if (dot != NULL && strcmp(dot + 1, key) == 0)
            snprintf(out, bytes, "did you mean \"%s\"?", bl_config_keys[i].path);
    }
    if (out[0] != '\0')
        return;
    used = (size_t)snprintf(out, bytes, "known here:");
    for (size_t i = 0; i < bl_config_key_count; i++) {
        child_len = child_of(bl_config_keys[i].path, prefix, &child);
        bool again = child_len == seen_len && strncmp(child, seen, child_len) == 0;
        if (child_len == 0 || again || used + child_len + 4 > bytes)
            continue;
        used += (size_t)snprintf(out + used, bytes - used, "%s %.*s", seen_len > 0 ? "," : "", (int)child_len,
                                 child);
        seen = child;
        seen_len = child_len;
    }
}
