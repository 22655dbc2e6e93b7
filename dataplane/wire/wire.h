/* SPDX-License-Identifier: Apache-2.0 */
/* wire: from the payload of a datagram to records. Which format it is
 * tells the first byte: 0xBE starts binary v1, anything else is text.
 *
 * Threads: a worker, on its own sink. No state between datagrams, no
 * allocation. The names of text's beats point into the payload, which
 * the caller keeps until it has handled them (bl_sink.holds); all else
 * is copied out of it.
 *
 * A parser appends to the sink: beats (for the table) and settings (for
 * control). A sink is full after BL_SINK_ROOM beats or settings; a parser
 * then returns where it stopped and is called again with that offset
 * after the worker has emptied the sink.
 *
 * The UDP plane never answers: nothing here or in its callers sends a
 * byte, whatever comes in, so it can neither be used to amplify nor be
 * probed for what it knows.
 *
 * To add a wire format: one file in wire/ with a bl_wire_parse_*
 * function and one line in bl_wire_parse (wire.c). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/counters.h"
#include "dataplane/base/messages.h"
#include "dataplane/wire/decode.h"
#include "engine/base/beat.h"
#include "engine/base/key.h"
#include "engine/base/role.h"
#include "engine/registry/registry.h"
#include "engine/table/table.h"

/* Beats and settings that a sink takes before it is full. */
#define BL_SINK_ROOM BL_FEED_MAX

/* Beats are put down in pieces of a ring: the table still needs those of
 * the pieces before. All zeros is an empty sink. */
struct bl_sink {
    struct bl_beat beat[BL_SINK_ROOM * (BL_FEEDS_KEPT + 1)];
    struct bl_worker_event setting[BL_SINK_ROOM]; /* SET, HELLO, BYE: ready for the ring */
    uint32_t now_tick;                            /* the worker's, for the beats' stamps */
    uint16_t first, beats;                        /* the piece: where it begins, where the next beat goes */
    uint16_t settings;
    bool holds; /* a beat's name is in its packet: that must stay as long as the beat */
};

/* Beats that it still takes. */
static inline unsigned bl_sink_room(const struct bl_sink *s)
{
    return (unsigned)(s->first + BL_SINK_ROOM - s->beats);
}

/* Whether a parser must wait for the sink to be emptied: a record takes
 * a beat, a setting, or (autobeat) one of each. */
static inline bool bl_sink_is_full(const struct bl_sink *s)
{
    return bl_sink_room(s) == 0 || s->settings == BL_SINK_ROOM;
}

static inline void bl_sink_next_piece(struct bl_sink *s)
{
    s->first = (uint16_t)((s->first + BL_SINK_ROOM) % (BL_SINK_ROOM * (BL_FEEDS_KEPT + 1)));
    s->beats = s->first;
}

/* With which instructions text is read; all read the same in it. AVX-512
 * is that of Ice Lake and Zen 4: BW and VBMI2. */
enum bl_simd_level { BL_TEXT_PLAIN, BL_TEXT_AVX2, BL_TEXT_AVX512 };

/* The best that this machine has. */
enum bl_simd_level bl_text_best(void);

/* What the parsers and the worker need to know; an RCU snapshot of the
 * config. */
struct bl_wire_config {
    struct bl_key_secret secret;
    bool auth_required;   /* drop what has no valid tag; text cannot have one */
    uint8_t auth_key[16]; /* SipHash-2-4 */
    /* nodes.unknown: reject: who is not in here is dropped as unknown_node,
     * and takes no place in the table. NULL: unknown nodes are let in. */
    const struct bl_registry *known;
    enum bl_simd_level text; /* bl_text_best(), or any that the machine has */
};

/* Where a parse stopped. BL_WIRE_DONE: the datagram is through. */
#define BL_WIRE_DONE UINT32_MAX

/* Parses `payload` from `offset` (0 at first) into `sink`. Returns
 * BL_WIRE_DONE, or the offset to go on at once the sink is emptied; with
 * a full sink that is `offset` itself and nothing is done or counted.
 * Counts packets_parsed (once per datagram, however many calls it
 * takes), records and what it drops in `c`; beats and settings that it
 * put into the sink are counted by whoever takes them.
 * An autobeat is a beat and a setting (detector auto), counted as one
 * record: a beat; its setting in the sink has kind SET, the flag
 * BL_WORKER_EVENT_OF_AUTOBEAT, and is counted by nobody. */
uint32_t bl_wire_parse(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len, uint32_t offset,
                       struct bl_sink *sink, struct bl_counters *c) BL_ON_WORKER;

/* Whether it is worth asking bl_wire_parse_fast: larger payloads are never
 * usual. */
static inline bool bl_wire_may_be_fast(const struct bl_payload *payload)
{
    return payload->len <= 64;
}

/* The hot path: parses the first of `n` payloads as bl_wire_parse would,
 * up to one that is not of the usual kinds: plain binary beats (no tag,
 * nothing added), and single lines of text such as "name.beat:1|c". Returns
 * how many; 0: ask bl_wire_parse about the first. The sink has room for
 * `n`. */
unsigned bl_wire_parse_fast(const struct bl_wire_config *w, const struct bl_payload *payload, unsigned n,
                            struct bl_sink *sink, struct bl_counters *c) BL_ON_WORKER;

/* Fills a report that introduces `beat`'s node to control (name or id,
 * promised interval). */
void bl_wire_report_new_node(const struct bl_beat *beat, struct bl_worker_event *report) BL_ON_WORKER;
