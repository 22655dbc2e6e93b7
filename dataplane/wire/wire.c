/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/wire/wire.h"

#include "dataplane/wire/binary.h"
#include "dataplane/wire/text.h"

uint32_t bl_wire_parse(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len, uint32_t offset,
                       struct bl_sink *sink, struct bl_counters *c)
{
    /* The formats, by first byte. 0xBE starts no text: in UTF-8 it only
     * continues a character. */
    if (len != 0 && payload[0] == BL_BINARY_MAGIC >> 8)
        return bl_wire_parse_binary(w, payload, len, offset, sink, c);
    return bl_wire_parse_text(w, payload, len, offset, sink, c);
}

void bl_wire_introduce(const struct bl_beat *beat, struct bl_report *report)
{
    const uint8_t *origin = beat->origin;
    *report = (struct bl_report){.kind = BL_REPORT_SEEN};
    switch (beat->origin_kind) {
    case BL_ORIGIN_TEXT:
        report->name_len = beat->origin_len;
        report->id = beat->key;
        memcpy(report->name, origin, beat->origin_len);
        break;
    case BL_ORIGIN_BINARY:
        report->id = bl_binary_load64(origin + BL_BINARY_AT_NODE_ID);
        report->interval_ms = bl_binary_load32(origin + BL_BINARY_AT_INTERVAL);
        break;
    default:
        report->id = bl_binary_load64(origin + BL_BINARY_ENTRY_AT_NODE_ID);
        break;
    }
}

uint32_t bl_wire_incarnation(const struct bl_beat *beat)
{
    if (beat->origin_kind != BL_ORIGIN_BINARY)
        return 0;
    return bl_binary_load32((const uint8_t *)beat->origin + BL_BINARY_AT_INCARNATION);
}
