/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_internal: the records on disk, and what state_file_write.c
 * and state_file_read.c share of them (state_file.c). Nobody else
 * includes it. */
#pragma once

#include "control/store/state_file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structs below are the bytes on disk");

extern const char bl_state_magic[8];

enum bl_state_node_flags {
    BL_STATE_NODE_BINARY = 1,
    BL_STATE_NODE_UNTIL_BEAT = 2,
    BL_STATE_NODE_OWN_RETRIES = 4,
    BL_STATE_NODE_OWN_DETECTOR = 8,
    BL_STATE_NODE_RHYTHM = 16, /* struct bl_state_rhythm_record follows its name */
};

struct bl_state_node_record {
    uint64_t id;
    int64_t first_seen_unix_ms, state_since_unix_ms, last_beat_unix_ms;
    uint32_t timeout_ms, warn_ms, err_ms, interval_ms, incident, pause_end_s;
    uint16_t table;
    uint8_t name_len, flags, state, retries, detector, reserved;
    uint32_t silent_ms, reserved2; /* since version 2 */
};
_Static_assert(sizeof(struct bl_state_node_record) == 72, "as on disk");

struct bl_state_rhythm_record {
    float mean_ms, variance_ms2, held_ms, quiet_ms, below_ms, owed_ms;
    uint8_t count;
    int8_t run;
    uint8_t habit, calm;
};
_Static_assert(sizeof(struct bl_state_rhythm_record) == 28, "as on disk");
_Static_assert(sizeof(struct bl_state_node_record) + BL_NAME_MAX + sizeof(struct bl_state_rhythm_record) <=
                   BL_STATE_RECORD_MAX,
               "the largest record");

struct bl_state_removed_record {
    uint64_t id;
    uint8_t name_len, flags, reserved[6];
};
_Static_assert(sizeof(struct bl_state_removed_record) == 16, "as on disk");

struct bl_state_view_record {
    int64_t since_unix_ms;
    uint32_t incident;
    uint8_t name_len, state, reserved[2];
};
_Static_assert(sizeof(struct bl_state_view_record) == 16, "as on disk");

/* Of a record of that type, as this version writes it; 0: no such type,
 * or one without records. */
size_t bl_state_fixed_bytes_of(uint32_t type);

uint64_t bl_state_header_checksum(const struct bl_state_header *h);
uint64_t bl_state_section_checksum(const struct bl_state_section *s, const uint8_t *records,
                                   uint64_t generation);
