/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/table/sequence.h"

#include <stdbool.h>

static void count_16(uint16_t *counter)
{
    if (*counter < UINT16_MAX)
        (*counter)++;
}

static uint32_t sequence_restarted(struct bl_anomaly *a, uint32_t sequence)
{
    count_16(&a->restarted);
    a->run = 0;
    return sequence;
}

static uint32_t sequence_ahead(struct bl_anomaly *a, uint32_t sequence, uint32_t missing)
{
    a->lost = a->lost > UINT32_MAX - missing ? UINT32_MAX : a->lost + missing;
    return sequence;
}

/* ---- a run of beats from behind -------------------------------------------
 *
 * 16 bits: the length in the low five, above them a mark of where the run
 * stands. The mark of the beat after it, of the same incarnation while the
 * stored sequence stays, is one more; that of any other beat is anything. */

#define RUN_LENGTH_BITS    5u
#define RUN_LENGTH_MASK    ((1u << RUN_LENGTH_BITS) - 1)
#define RUN_MARK_MASK      (UINT16_MAX >> RUN_LENGTH_BITS)
#define RUN_OF_INCARNATION 0x9e3779b1u /* odd, near 2^32 / golden ratio: small steps land far apart */
#define RUN_OF_STORED      0x85ebca77u
_Static_assert(BL_SEQUENCE_RESTART <= RUN_LENGTH_MASK, "a run's length fits");

/* Counts a beat from behind into the run. Returns how long that is. */
static unsigned run_grows(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation)
{
    unsigned length = a->run & RUN_LENGTH_MASK, at = a->run >> RUN_LENGTH_BITS;
    unsigned mark = (sequence + RUN_OF_INCARNATION * incarnation + RUN_OF_STORED * stored) & RUN_MARK_MASK;
    unsigned step = (mark - at) & RUN_MARK_MASK;
    if (length > 0 && step == 0) /* the same beat once more */
        return length;
    length = length > 0 && step <= BL_SEQUENCE_STEP ? length + 1 : 1;
    a->run = (uint16_t)(mark << RUN_LENGTH_BITS | length);
    return length;
}

static uint32_t sequence_behind(struct bl_anomaly *a, uint32_t stored, uint32_t sequence,
                                uint32_t incarnation)
{
    if (run_grows(a, stored, sequence, incarnation) >= BL_SEQUENCE_RESTART) {
        if (incarnation != 0)
            a->incarnation = incarnation;
        return sequence_restarted(a, sequence);
    }
    count_16(&a->reordered);
    return stored;
}

static uint32_t settle_same(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation)
{
    int32_t step = (int32_t)(sequence - stored);
    if (step > 0)
        return sequence_ahead(a, sequence, (uint32_t)step - 1);
    if (step == 0) {
        count_16(&a->duplicate);
        return stored;
    }
    if (step >= -BL_SEQUENCE_REORDER && a->lost > 0)
        a->lost--;
    return sequence_behind(a, stored, sequence, incarnation);
}

uint32_t bl_sequence_settle(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation)
{
    int32_t newer = (int32_t)(incarnation - a->incarnation);
    if (incarnation != 0 && a->incarnation != 0 && newer < 0)
        return sequence_behind(a, stored, sequence, incarnation);
    bool restarts = incarnation != 0 && a->incarnation != 0 && newer > 0;
    if (incarnation != 0)
        a->incarnation = incarnation;
    return restarts ? sequence_restarted(a, sequence) : settle_same(a, stored, sequence, incarnation);
}
