/* SPDX-License-Identifier: Apache-2.0 */
/* What writing and reading a state file share: sizes and checksums. */
#include <xxhash.h>

#include "control/store/state_file_internal.h"

const char bl_state_magic[8] = {'b', 'e', 'a', 't', 'l', 'i', 'n', 'e'};

size_t bl_state_fixed_bytes_of(uint32_t type)
{
    switch ((enum bl_state_section_type)type) {
    case BL_STATE_NODES:
        return sizeof(struct bl_state_node_record);
    case BL_STATE_REMOVED:
        return sizeof(struct bl_state_removed_record);
    case BL_STATE_VIEWS:
        return sizeof(struct bl_state_view_record);
    case BL_STATE_NUMBERS:
        return sizeof(struct bl_state_numbers);
    case BL_STATE_END:
        break;
    }
    return 0;
}

uint64_t bl_state_header_checksum(const struct bl_state_header *h)
{
    return XXH3_64bits_withSeed(h, offsetof(struct bl_state_header, checksum), h->generation);
}

uint64_t bl_state_section_checksum(const struct bl_state_section *s, const uint8_t *records,
                                   uint64_t generation)
{
    uint64_t head = XXH3_64bits_withSeed(s, offsetof(struct bl_state_section, checksum), generation);
    return XXH3_64bits_withSeed(records, s->bytes, head);
}
