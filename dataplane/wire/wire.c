/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/wire/wire.h"

#include "dataplane/wire/binary.h"
#include "dataplane/wire/text.h"
#include "engine/base/counter.h"

uint32_t bl_wire_parse(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len, uint32_t offset,
                       struct bl_sink *sink, struct bl_counters *c)
{
    /* The formats, by first byte. 0xBE starts no text: in UTF-8 it only
     * continues a character. */
    if (len != 0 && payload[0] == BL_BINARY_MAGIC >> 8)
        return bl_wire_parse_binary(w, payload, len, offset, sink, c);
    return bl_wire_parse_text(w, payload, len, offset, sink, c);
}

unsigned bl_wire_parse_fast(const struct bl_wire_config *w, const struct bl_payload *payload, unsigned n,
                            struct bl_sink *sink, struct bl_counters *c)
{
    unsigned done = 0, more;
    if (w->auth_required)
        return 0;
    do {
        more = bl_wire_parse_plain(w, payload + done, n - done, sink);
        more += bl_wire_parse_lines(w, payload + done + more, n - done - more, sink);
        done += more;
    } while (more > 0 && done < n);
    BL_ADD(c->packets_parsed, done);
    BL_ADD(c->records, done);
    return done;
}

void bl_wire_report_new_node(const struct bl_beat *beat, struct bl_worker_event *report)
{
    const size_t len = beat->name_len;
    report->kind = BL_WORKER_EVENT_SEEN;
    report->name_len = beat->name_len;
    report->flags = 0;
    report->interval_ms = beat->interval_ms;
    report->id = len != 0 ? beat->key : beat->id;
    if (len == 0)
        return;
    /* The last piece goes over whole. */
    memset(&report->name[(len - 1) / BL_WORKER_EVENT_PIECE * BL_WORKER_EVENT_PIECE], 0,
           BL_WORKER_EVENT_PIECE);
    memcpy(report->name, beat->name, len);
}
