/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/wire/binary.h"
#include "dataplane/wire/text_fast.h"
#include "engine/registry/registry.h"
#include "tests/gather.h"

/* More than are parsed side by side. */
#define GATHER_RUN 19u

void gather_config(struct bl_wire_config *w)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    for (unsigned i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)(i * 97 + 31);
    memset(w, 0, sizeof *w);
    bl_key_secret_init(&w->secret, seed);
}

uint64_t gather_packet_drops(const struct gather *g)
{
    uint64_t sum = 0;
    for (unsigned d = 0; d < BL_DROP_FIRST_RECORD; d++)
        sum += g->counters.drop[d];
    return sum;
}

uint64_t gather_record_drops(const struct gather *g)
{
    uint64_t sum = 0;
    for (unsigned d = BL_DROP_FIRST_RECORD; d < BL_DROP_COUNT; d++)
        sum += g->counters.drop[d];
    return sum;
}

static bool same_counters(const struct bl_counters *a, const struct bl_counters *b)
{
    const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;
    size_t words = offsetof(struct bl_counters, drop) / sizeof *x + BL_DROP_COUNT;
    for (size_t i = 0; i < words; i++)
        if (x[i] != y[i])
            return false;
    return true;
}

BL_ON_WORKER static void check_beat(const struct bl_wire_config *w, const struct bl_beat *b,
                                    const uint8_t *payload, uint32_t len)
{
    assert(GATHER_TICK - bl_stamp_tick(b->stamp) <= BL_TIMEOUT_MAX_MS);
    struct bl_worker_event r;
    bl_wire_report_new_node(b, &r);
    assert(r.kind == BL_WORKER_EVENT_SEEN && r.name_len == b->name_len && r.interval_ms <= BL_TIMEOUT_MAX_MS);
    if (b->name_len != 0) {
        const uint8_t *name = (const uint8_t *)b->name;
        assert(name >= payload && name + b->name_len <= payload + len);
        assert(bl_name_is_valid(r.name, r.name_len) && b->flags == 0 && b->incarnation == 0);
        assert(b->key == bl_key_of_name(&w->secret, r.name, r.name_len));
    } else {
        assert(b->key == bl_key_of_id(&w->secret, r.id) && b->flags == BL_BEAT_HAS_SEQUENCE);
    }
}

static void check_setting(const struct bl_worker_event *r)
{
    const struct bl_policy *p = &r->patch.policy;
    assert(r->kind == BL_WORKER_EVENT_SET || r->kind == BL_WORKER_EVENT_HELLO ||
           r->kind == BL_WORKER_EVENT_BYE);
    assert(r->name_len == 0 ? r->kind != BL_WORKER_EVENT_SET : bl_name_is_valid(r->name, r->name_len));
    assert(p->timeout_ms <= BL_TIMEOUT_MAX_MS && p->warn_ms <= BL_TIMEOUT_MAX_MS);
    assert(p->err_ms <= BL_TIMEOUT_MAX_MS && r->patch.interval_ms <= BL_TIMEOUT_MAX_MS);
    assert(r->kind == BL_WORKER_EVENT_BYE || r->patch.set != 0 || r->kind == BL_WORKER_EVENT_HELLO);
}

BL_ON_WORKER static void take(struct gather *g, const struct bl_sink *sink, unsigned first,
                              const struct bl_wire_config *w, const uint8_t *payload, uint32_t len)
{
    assert(sink->beats <= BL_SINK_ROOM && sink->settings <= BL_SINK_ROOM);
    for (unsigned i = first; i < sink->beats; i++) {
        assert(g->beats < GATHER_MAX);
        check_beat(w, &sink->beat[i], payload, len);
        assert(sink->holds || sink->beat[i].name_len == 0);
        g->beat[g->beats++] = sink->beat[i];
    }
    for (unsigned i = first; i < sink->settings; i++) {
        assert(g->settings < GATHER_MAX);
        check_setting(&sink->setting[i]);
        g->autobeats += sink->setting[i].flags == BL_WORKER_EVENT_OF_AUTOBEAT;
        g->setting[g->settings++] = sink->setting[i];
    }
}

/* What is usual is the same by the short way. */
BL_ON_WORKER static void check_usual(const struct gather *g, const struct bl_wire_config *w,
                                     const uint8_t *payload, uint32_t len)
{
    static struct bl_sink sink;
    /* Several, side by side, and one that was dropped. */
    struct bl_payload run[GATHER_RUN + 1] = {{0}};
    struct bl_counters counters = {0};
    for (unsigned i = 0; i < GATHER_RUN; i++)
        run[i] = (struct bl_payload){payload, len};
    sink = (struct bl_sink){.now_tick = GATHER_TICK};
    unsigned n = bl_wire_parse_fast(w, run, GATHER_RUN + 1, &sink, &counters);
    assert(n == 0 || bl_wire_may_be_fast(run));
    assert(n == sink.beats && (n == 0 || n == GATHER_RUN) && sink.settings == 0);
    assert(counters.packets_parsed == n && counters.records == n);
    for (unsigned i = 0; i < n; i++) {
        assert(g->beats == 1 && g->settings == 0 && gather_packet_drops(g) + gather_record_drops(g) == 0);
        assert(memcmp(&sink.beat[i], &g->beat[0], sizeof g->beat[0]) == 0);
        assert(sink.holds == (g->beat[0].name_len != 0));
    }
}

void gather(struct gather *g, const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
            unsigned room)
{
    static struct bl_sink sink;
    uint16_t first = (uint16_t)(BL_SINK_ROOM - room);
    uint32_t offset = 0;
    g->beats = g->settings = g->autobeats = g->calls = 0;
    memset(&g->counters, 0, sizeof g->counters);
    sink.now_tick = GATHER_TICK;
    sink.holds = false;
    while (offset != BL_WIRE_DONE) {
        /* A sink that is full already changes nothing. */
        struct bl_counters before = g->counters;
        sink.beats = sink.settings = BL_SINK_ROOM;
        assert(bl_wire_parse(w, payload, len, offset, &sink, &g->counters) == offset);
        assert(same_counters(&before, &g->counters));

        sink.beats = sink.settings = first;
        uint32_t next = bl_wire_parse(w, payload, len, offset, &sink, &g->counters);
        assert(next == BL_WIRE_DONE || (next > offset && next < len && bl_sink_is_full(&sink)));
        take(g, &sink, first, w, payload, len);
        offset = next;
        g->calls++;
    }
    assert(g->counters.packets_parsed + gather_packet_drops(g) == 1);
    assert(g->counters.records == g->beats + g->settings - g->autobeats + gather_record_drops(g));
    assert(g->counters.packets_parsed == 1 ? g->counters.records != 0 : g->counters.records == 0);
    check_usual(g, w, payload, len);
}

static void check_same(const struct gather *a, const struct gather *b)
{
    assert(a->beats == b->beats && a->settings == b->settings);
    assert(memcmp(a->beat, b->beat, a->beats * sizeof a->beat[0]) == 0);
    assert(memcmp(a->setting, b->setting, a->settings * sizeof a->setting[0]) == 0);
    assert(same_counters(&a->counters, &b->counters));
}

void gather_twice(struct gather *g, const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                  unsigned room)
{
    static struct gather again;
    struct bl_wire_config how = *w;
    gather(g, w, payload, len, BL_SINK_ROOM);
    for (how.text = BL_TEXT_PLAIN; how.text <= BL_TEXT_AVX512; how.text++) {
        if (!bl_text_has(how.text))
            continue;
        gather(&again, &how, payload, len, room);
        check_same(g, &again);
    }
}
