/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_run.h"

#include <inttypes.h>
#include <stdio.h>

/* X(name, sentence, value): the JSON's keys and people's lines. */
#define FIELDS(X)                                                                                            \
    X(nodes, "nodes", o->fleet.nodes)                                                                        \
    X(packets, "packets sent", r->sent.packets)                                                              \
    X(bytes, "bytes of payload", r->sent.bytes)                                                              \
    X(beats, "beats sent", r->sent.beats)                                                                    \
    X(settings, "settings sent (timeouts, hellos, byes)", r->sent.settings)                                  \
    X(lost, "beats skipped on purpose", r->lost)                                                             \
    X(duplicates, "beats sent a second time", r->sent.duplicates)                                            \
    X(reordered, "beats sent behind their successor", r->sent.late)                                          \
    X(killed, "nodes that fell silent", r->killed)                                                           \
    X(restarted, "nodes that started again", r->restarted)                                                   \
    X(retries, "times the port did not take all at once", r->sent.retries)                                   \
    X(errors, "errors told by the port", r->sent.errors)                                                     \
    X(not_sent, "packets the port had not taken at the end", r->not_sent)

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static double rate(const struct bl_load_report *r)
{
    return r->beats_ns ? (double)r->sent.beats / seconds(r->beats_ns) : 0;
}

static double rate_asked(const struct bl_load_options *o)
{
    const struct bl_load_fleet_config *f = &o->fleet;
    return f->beats_den_ns ? (double)f->beats_num / seconds(f->beats_den_ns) : 0;
}

static void print_json(const struct bl_load_options *o, const struct bl_load_report *r)
{
#define JSON(name, sentence, value) printf("\"" #name "\":%" PRIu64 ",", (uint64_t)(value));
    putchar('{');
    FIELDS(JSON)
#undef JSON
    printf("\"seconds\":%.3f,\"beats_per_s\":%.0f,\"beats_per_s_asked\":%.0f,\"behind_ms\":%" PRIu64
           ",\"killed_unix_ms\":%" PRId64 ",\"revived_unix_ms\":%" PRId64 "}\n",
           seconds(r->beats_ns), rate(r), rate_asked(o), r->behind_ns / 1000000, r->killed_unix_ms,
           r->revived_unix_ms);
}

static void print_text(const struct bl_load_options *o, const struct bl_load_report *r)
{
    printf("%.3f s to %s, %.0f beats/s\n", seconds(r->beats_ns), o->out.to, rate(r));
#define LINE(name, sentence, value)                                                                          \
    if (value)                                                                                               \
        printf("%12" PRIu64 " %s\n", (uint64_t)(value), sentence);
    FIELDS(LINE)
#undef LINE
}

void bl_load_report_print(const struct bl_load_options *o, const struct bl_load_report *r)
{
    if (o->json)
        print_json(o, r);
    else
        print_text(o, r);
    if (r->behind_ns)
        fprintf(stderr,
                "beatline-load: could not hold the rate: %.0f of %.0f beats/s, %.1f s behind in all; "
                "ask for less, or give it a CPU of its own\n",
                rate(r), rate_asked(o), seconds(r->behind_ns));
}
