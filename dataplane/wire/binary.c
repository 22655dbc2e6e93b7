/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/wire/binary.h"

#include <sodium.h>

#include "dataplane/wire/binary_avx512.h"
#include "dataplane/wire/name_scan.h"
#include "engine/base/counter.h"

/* A reason, or none. */
#define OK ((enum bl_drop)BL_DROP_COUNT)

static bool tag_good(const struct bl_wire_config *w, const uint8_t *header, const uint8_t *rest,
                     uint32_t rest_len)
{
    if (!(header[BL_BINARY_AT_FLAGS] & BL_BINARY_FLAG_TAG))
        return false;
    uint8_t tag[BL_BINARY_TAG_BYTES];
    bl_binary_tag(header, rest, rest_len, w->auth_key, tag);
    return sodium_memcmp(tag, header + BL_BINARY_HEADER_BYTES, sizeof tag) == 0;
}

/* ---- what is refused --------------------------------------------------- */

static enum bl_drop hello_fault(const uint8_t *hello, uint32_t len)
{
    if (len < BL_BINARY_HELLO_BYTES || len != BL_BINARY_HELLO_BYTES + hello[BL_BINARY_HELLO_AT_NAME_LEN])
        return BL_DROP_binary_short;
    uint32_t name_len = len - BL_BINARY_HELLO_BYTES;
    const uint8_t *name = hello + BL_BINARY_HELLO_BYTES, *end = name + name_len;
    bool good = (hello[BL_BINARY_HELLO_AT_RESERVED] | hello[BL_BINARY_HELLO_AT_RESERVED + 1]) == 0 &&
                bl_binary_load32(hello + BL_BINARY_HELLO_AT_TIMEOUT) <= BL_TIMEOUT_MAX_MS &&
                bl_binary_load32(hello + BL_BINARY_HELLO_AT_WARN) <= BL_TIMEOUT_MAX_MS &&
                bl_binary_load32(hello + BL_BINARY_HELLO_AT_ERR) <= BL_TIMEOUT_MAX_MS &&
                name_len <= BL_NAME_MAX && bl_name_scan(name, end) == end;
    return good ? OK : BL_DROP_binary_field;
}

/* `rest`: what follows header and tag. */
static enum bl_drop type_fault(unsigned type, const uint8_t *rest, uint32_t rest_len)
{
    switch (type) {
    case BL_BINARY_BEAT:
    case BL_BINARY_BYE:
        return rest_len == 0 ? OK : BL_DROP_binary_short;
    case BL_BINARY_HELLO:
        return hello_fault(rest, rest_len);
    default:
        return rest_len != 0 && rest_len % BL_BINARY_ENTRY_BYTES == 0 ? OK : BL_DROP_binary_short;
    }
}

static enum bl_drop fault_of(const struct bl_wire_config *w, const uint8_t *p, uint32_t len, uint32_t *header)
{
    if (len < BL_BINARY_HEADER_BYTES)
        return BL_DROP_binary_short;
    unsigned type = p[BL_BINARY_AT_VERSION_TYPE] & 15u;
    if (p[1] != (BL_BINARY_MAGIC & 0xff) || p[BL_BINARY_AT_VERSION_TYPE] >> 4 != BL_BINARY_VERSION)
        return BL_DROP_binary_version;
    if (type > BL_BINARY_BATCH)
        return BL_DROP_binary_type;
    if (p[BL_BINARY_AT_FLAGS] & ~BL_BINARY_FLAG_TAG)
        return BL_DROP_binary_field;
    if (p[BL_BINARY_AT_FLAGS] & BL_BINARY_FLAG_TAG)
        *header += BL_BINARY_TAG_BYTES;
    if (len < *header)
        return BL_DROP_binary_short;
    enum bl_drop fault = type_fault(type, p + *header, len - *header);
    if (fault != OK)
        return fault;
    if (type != BL_BINARY_BATCH && bl_binary_load32(p + BL_BINARY_AT_INTERVAL) > BL_TIMEOUT_MAX_MS)
        return BL_DROP_binary_field;
    if (w->auth_required && !tag_good(w, p, p + *header, len - *header))
        return BL_DROP_bad_tag;
    return OK;
}

/* ---- records ------------------------------------------------------------ */

static inline struct bl_beat beat_of(const struct bl_wire_config *w, const uint8_t *header, uint32_t now_tick)
{
    uint64_t id = bl_binary_load64(header + BL_BINARY_AT_NODE_ID);
    uint64_t counts = bl_binary_load64(header + BL_BINARY_AT_SEQUENCE); /* and incarnation */
    return (struct bl_beat){
        .key = bl_key_of_id(&w->secret, id),
        .stamp = bl_stamp(now_tick, (uint32_t)(counts >> 32)),
        .id = id,
        .interval_ms = bl_binary_load32(header + BL_BINARY_AT_INTERVAL),
        .incarnation = (uint32_t)counts,
        .flags = BL_BEAT_HAS_SEQUENCE,
    };
}

static void put_bye(const uint8_t *header, struct bl_sink *sink)
{
    sink->setting[sink->settings++] = (struct bl_worker_event){
        .kind = BL_WORKER_EVENT_BYE,
        .id = bl_binary_load64(header + BL_BINARY_AT_NODE_ID),
    };
}

static void patch_ms(struct bl_policy_patch *patch, enum bl_policy_field field, uint32_t ms, uint32_t *to)
{
    *to = ms;
    if (ms != 0)
        patch->set |= field;
}

static void put_hello(const uint8_t *header, const uint8_t *hello, struct bl_sink *sink)
{
    struct bl_worker_event *r = &sink->setting[sink->settings++];
    *r = (struct bl_worker_event){
        .kind = BL_WORKER_EVENT_HELLO,
        .name_len = hello[BL_BINARY_HELLO_AT_NAME_LEN],
        .interval_ms = bl_binary_load32(header + BL_BINARY_AT_INTERVAL),
        .id = bl_binary_load64(header + BL_BINARY_AT_NODE_ID),
    };
    struct bl_policy_patch *p = &r->patch;
    patch_ms(p, BL_SET_INTERVAL, r->interval_ms, &p->interval_ms);
    patch_ms(p, BL_SET_TIMEOUT, bl_binary_load32(hello + BL_BINARY_HELLO_AT_TIMEOUT), &p->policy.timeout_ms);
    patch_ms(p, BL_SET_WARN, bl_binary_load32(hello + BL_BINARY_HELLO_AT_WARN), &p->policy.warn_ms);
    patch_ms(p, BL_SET_ERR, bl_binary_load32(hello + BL_BINARY_HELLO_AT_ERR), &p->policy.err_ms);
    if (hello[BL_BINARY_HELLO_AT_RETRIES] != BL_BINARY_RETRIES_UNSET) {
        p->policy.retries = hello[BL_BINARY_HELLO_AT_RETRIES];
        p->set |= BL_SET_RETRIES;
    }
    memcpy(r->name, hello + BL_BINARY_HELLO_BYTES, r->name_len);
}

/* Entries of a batch from `offset` on, until the sink is full. */
BL_ON_WORKER static uint32_t take_entries(const struct bl_wire_config *w, const uint8_t *payload,
                                          uint32_t len, uint32_t offset, struct bl_sink *sink,
                                          struct bl_counters *c)
{
    uint32_t at = offset;
    if (bl_binary_by_avx512(w)) {
        uint32_t entries = (len - at) / BL_BINARY_ENTRY_BYTES, room = bl_sink_room(sink);
        unsigned n = bl_binary_avx512_entries(&w->secret, payload + at, entries < room ? entries : room,
                                              sink->now_tick, &sink->beat[sink->beats]);
        sink->beats = (uint16_t)(sink->beats + n);
        at += n * BL_BINARY_ENTRY_BYTES;
    }
    for (; at < len && !bl_sink_is_full(sink); at += BL_BINARY_ENTRY_BYTES) {
        const uint8_t *entry = payload + at;
        uint32_t age_ms = bl_binary_load32(entry + BL_BINARY_ENTRY_AT_AGE);
        if (age_ms > BL_TIMEOUT_MAX_MS) {
            /* It would wrap around to an age of 0: a beat of now. */
            BL_ADD(c->drop[BL_DROP_bad_value], 1);
            continue;
        }
        uint64_t id = bl_binary_load64(entry + BL_BINARY_ENTRY_AT_NODE_ID);
        sink->beat[sink->beats++] = (struct bl_beat){
            .key = bl_key_of_id(&w->secret, id),
            .stamp = bl_stamp(sink->now_tick - age_ms, bl_binary_load32(entry + BL_BINARY_ENTRY_AT_SEQUENCE)),
            .id = id,
            .flags = BL_BEAT_HAS_SEQUENCE,
        };
    }
    BL_ADD(c->records, (at - offset) / BL_BINARY_ENTRY_BYTES);
    return at < len ? at : BL_WIRE_DONE;
}
_Static_assert(BL_TICK_NS == 1000000, "age_ms is in ticks");

/* A datagram from its start. */
BL_ON_WORKER static uint32_t take_datagram(const struct bl_wire_config *w, const uint8_t *payload,
                                           uint32_t len, struct bl_sink *sink, struct bl_counters *c)
{
    uint32_t header = BL_BINARY_HEADER_BYTES;
    enum bl_drop fault = fault_of(w, payload, len, &header);
    if (fault != OK) {
        BL_ADD(c->drop[fault], 1);
        return BL_WIRE_DONE;
    }
    BL_ADD(c->packets_parsed, 1);
    unsigned type = payload[BL_BINARY_AT_VERSION_TYPE] & 15u;
    if (type == BL_BINARY_BATCH)
        return take_entries(w, payload, len, header, sink, c);
    if (type == BL_BINARY_BEAT)
        sink->beat[sink->beats++] = beat_of(w, payload, sink->now_tick);
    else if (type == BL_BINARY_HELLO)
        put_hello(payload, payload + header, sink);
    else
        put_bye(payload, sink);
    BL_ADD(c->records, 1);
    return BL_WIRE_DONE;
}

uint32_t bl_wire_parse_binary(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                              uint32_t offset, struct bl_sink *sink, struct bl_counters *c)
{
    if (bl_sink_is_full(sink))
        return offset;
    if (offset != 0) /* only a batch stops half-way */
        return take_entries(w, payload, len, offset, sink, c);
    return take_datagram(w, payload, len, sink, c);
}

/* ---- the hot path --------------------------------------------------------- */

unsigned bl_wire_parse_plain(const struct bl_wire_config *w, const struct bl_payload *payload, unsigned n,
                             struct bl_sink *sink)
{
    struct bl_beat *const first = &sink->beat[sink->beats], *const end = first + n, *beat = first;
    const uint32_t now_tick = sink->now_tick;
    if (bl_binary_by_avx512(w))
        beat += bl_binary_avx512_plain(&w->secret, payload, n, now_tick, first);
    for (payload += beat - first; beat < end; beat++, payload++) {
        const uint8_t *header = payload->data;
        if (payload->len != BL_BINARY_HEADER_BYTES || !header)
            break;
        if (bl_binary_load64(header) - BL_BINARY_PLAIN_BEAT > BL_TIMEOUT_MAX_MS)
            break;
        *beat = beat_of(w, header, now_tick);
    }
    unsigned done = (unsigned)(beat - first);
    sink->beats = (uint16_t)(sink->beats + done);
    return done;
}
