/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/base/cycle_profile.h"

#include <stddef.h>
#include <string.h>

#include "engine/base/counter.h"

static const struct {
    const char *name, *sentence;
} stages[BL_STAGE_COUNT] = {
#define ROW(name, sentence) [BL_STAGE_##name] = {#name, sentence},
    BL_STAGES(ROW)
#undef ROW
};

const char *bl_stage_name(enum bl_stage s)
{
    return stages[s].name;
}

const char *bl_stage_sentence(enum bl_stage s)
{
    return stages[s].sentence;
}

void bl_cycle_profile_read(struct bl_cycle_profile *out, const struct bl_cycle_profile *s)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < BL_STAGES_SIZES; i++)
        out->size[i] = BL_READ(s->size[i]);
    for (unsigned i = 0; i < BL_STAGE_COUNT; i++)
        out->cycles[i] = BL_READ(s->cycles[i]);
    out->bursts = BL_READ(s->bursts);
    out->packets = BL_READ(s->packets);
    out->beats = BL_READ(s->beats);
}

void bl_cycle_profile_begin(struct bl_cycle_profile *s)
{
    s->watching = s->until_watch == 0;
    if (!s->watching)
        return;
    memset(s->spent, 0, sizeof(s->spent));
    s->last_tsc = bl_clock_tsc();
}

void bl_cycle_profile_note(struct bl_cycle_profile *s, enum bl_stage stage)
{
    uint64_t now_tsc = bl_clock_tsc();
    s->spent[stage] += now_tsc - s->last_tsc;
    s->last_tsc = now_tsc;
}

static void take_down(struct bl_cycle_profile *s, unsigned packets, uint64_t beats)
{
    for (unsigned i = 0; i < BL_STAGE_COUNT; i++)
        BL_ADD(s->cycles[i], s->spent[i]);
    BL_ADD(s->bursts, 1);
    BL_ADD(s->packets, packets);
    BL_ADD(s->beats, beats);
    s->until_watch = BL_STAGES_EVERY;
}

void bl_cycle_profile_end(struct bl_cycle_profile *s, unsigned packets, uint64_t beats)
{
    if (packets > 0) {
        unsigned size = 31 - (unsigned)__builtin_clz(packets);
        BL_ADD(s->size[size < BL_STAGES_SIZES ? size : BL_STAGES_SIZES - 1], 1);
        if (s->watching)
            take_down(s, packets, beats);
        s->until_watch--;
    }
    s->watching = false;
}
