/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/base/drop.h"

static const struct {
    const char *name, *sentence;
} reasons[BL_DROP_COUNT] = {
#define ROW(name, sentence) [BL_DROP_##name] = {#name, sentence},
    BL_DROP_PACKET_REASONS(ROW) BL_DROP_RECORD_REASONS(ROW)
#undef ROW
};

const char *bl_drop_name(enum bl_drop d)
{
    return reasons[d].name;
}

const char *bl_drop_sentence(enum bl_drop d)
{
    return reasons[d].sentence;
}
