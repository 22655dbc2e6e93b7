/* SPDX-License-Identifier: Apache-2.0 */
/* From a frame in the cache to beats in the sink: decode, checksums,
 * parse, key. In TSC ticks per packet or per line; text once with the
 * instructions that the machine has, against plain ones. */
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/sources/key_set.h"
#include "bench/sources/traffic.h"
#include "dataplane/wire/decode.h"
#include "dataplane/wire/wire.h"
#include "engine/base/counter.h"

#define FRAMES 64u

struct wire_case {
    enum bl_shape shape;
    bool checksum; /* of UDP: verified */
    bool per_beat; /* ticks per beat, not per packet */
    bool gain;     /* rate with the best instructions / with plain ones */
};

struct wire_rig {
    struct bl_traffic traffic;
    struct bl_wire_config wire, plain;
    struct bl_sink sink;
    struct bl_counters counters;
    bool per_beat;
    struct bl_payload payload[FRAMES];
    uint8_t frame[FRAMES][BL_TRAFFIC_FRAME_MAX];
};

BL_ON_WORKER static void decode(struct wire_rig *r, unsigned i)
{
    struct bl_payload *out = &r->payload[i];
    if (bl_decode_fast(r->frame[i], r->traffic.frame_len, BL_TRAFFIC_UDP_PORT, false, out))
        return;
    int rc = bl_decode_frame(r->frame[i], r->traffic.frame_len, BL_TRAFFIC_UDP_PORT, 0, out);
    if (rc != 0) {
        *out = (struct bl_payload){0};
        BL_ADD(r->counters.drop[rc - 1], 1);
    }
}

BL_ON_WORKER static void parse(struct wire_rig *r, const struct bl_wire_config *wire,
                               const struct bl_payload *payload)
{
    uint32_t at = 0;
    do {
        at = bl_wire_parse(wire, payload->data, payload->len, at, &r->sink, &r->counters);
        bl_sink_next_piece(&r->sink);
    } while (at != BL_WIRE_DONE);
}

static uint64_t parse_with(struct wire_rig *r, const struct bl_wire_config *wire)
{
    bl_role_assume_worker();
    for (unsigned turn = 0; turn < 64; turn++) {
        for (unsigned i = 0; i < FRAMES; i++)
            decode(r, i);
        unsigned i = bl_wire_parse_fast(wire, r->payload, FRAMES, &r->sink, &r->counters);
        bl_sink_next_piece(&r->sink);
        for (; i < FRAMES; i++)
            parse(r, wire, &r->payload[i]);
    }
    return UINT64_C(64) * FRAMES * (r->per_beat ? r->traffic.per_frame : 1);
}

static uint64_t parse_work(void *rig)
{
    struct wire_rig *r = rig;
    return parse_with(r, &r->wire);
}

static uint64_t parse_plain_work(void *rig)
{
    struct wire_rig *r = rig;
    return parse_with(r, &r->plain);
}

static void measure(struct bl_bench_state *state, struct wire_rig *r, const struct wire_case *c)
{
    struct bl_ab_compare_result result;
    const struct bl_side ours = {parse_work, r}, plain = {parse_plain_work, r};
    if (c->gain) {
        bl_ab_compare_run(bl_bench_plan_of(state), &ours, &plain, &result);
        bl_ab_compare_report(state, &result);
        bl_bench_counter(state, "a_ticks", result.a_tsc.median);
        bl_bench_counter(state, "b_ticks", result.b_tsc.median);
        return;
    }
    bl_series_run(bl_bench_plan_of(state), &ours, &result);
    bl_bench_result(state, &result.a_tsc);
    bl_bench_counter(state, "a_per_s", result.a_per_s.median);
}

static void write_frames(struct wire_rig *r, bool checksum)
{
    struct bl_cursor cursor = {.pass = 1};
    for (unsigned i = 0; i < FRAMES; i++) {
        memcpy(r->frame[i], r->traffic.frame, BL_TRAFFIC_FRAME_MAX);
        if (!checksum) /* the template's fits its own records alone */
            bl_traffic_write(&r->traffic, &cursor, r->frame[i]);
    }
}

static void run_wire(struct bl_bench_state *state, const void *arg)
{
    const struct wire_case *c = arg;
    struct wire_rig *r = calloc(1, sizeof(*r));
    if (!r || !bl_traffic_init(&r->traffic, c->shape, (uint64_t)FRAMES * 20, c->checksum)) {
        bl_bench_skip(state, "no memory");
        free(r);
        return;
    }
    bl_bench_secret(&r->plain.secret);
    r->wire = r->plain;
    r->wire.text = bl_text_best();
    r->per_beat = c->per_beat;
    write_frames(r, c->checksum);
    measure(state, r, c);
    for (unsigned i = 0; i < BL_DROP_COUNT; i++)
        if (r->counters.drop[i] != 0)
            bl_bench_fail(state, "packets were dropped");
    bl_traffic_fini(&r->traffic);
    free(r);
}

#define OF(...)                                                                                              \
    .run = run_wire, .arg = &(const struct wire_case)                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static const struct bl_bench_case wire_cases[] = {
    {.name = "wire/binary",
     .measure = "decode and parse, binary beat without UDP checksum, per packet",
     .unit = "ticks",
     OF(.shape = BL_SHAPE_BINARY)},
    {.name = "wire/binary/checksum",
     .measure = "the same with a UDP checksum verified",
     .unit = "ticks",
     OF(.shape = BL_SHAPE_BINARY, .checksum = true)},
    {.name = "wire/batch-16",
     .measure = "decode and parse, binary batch of 16, per beat",
     .unit = "ticks",
     OF(.shape = BL_SHAPE_BATCH_16, .per_beat = true)},
    {.name = "wire/text-1",
     .measure = "decode and parse, text, 1 line per datagram, per line",
     .unit = "ticks",
     OF(.shape = BL_SHAPE_TEXT_1, .per_beat = true)},
    {.name = "wire/text-1/gain",
     .measure = "the same, rate with the best instructions / with plain ones",
     OF(.shape = BL_SHAPE_TEXT_1, .per_beat = true, .gain = true)},
    {.name = "wire/text-20",
     .measure = "decode and parse, text, 20 lines per datagram, per line",
     .unit = "ticks",
     OF(.shape = BL_SHAPE_TEXT_20, .per_beat = true)},
    {.name = "wire/text-20/gain",
     .measure = "the same, rate with the best instructions / with plain ones",
     OF(.shape = BL_SHAPE_TEXT_20, .per_beat = true, .gain = true)},
    {.name = "wire/text-20/checksum",
     .measure = "decode and parse, text, 20 lines, UDP checksum verified, per line",
     .unit = "ticks",
     OF(.shape = BL_SHAPE_TEXT_20, .per_beat = true, .checksum = true)},
};

void bl_bench_wire_cases(void)
{
    for (unsigned i = 0; i < sizeof(wire_cases) / sizeof(wire_cases[0]); i++)
        bl_bench_register(&wire_cases[i]);
}
