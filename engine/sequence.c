/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sequence.h"

static void count_16(uint16_t *counter)
{
    if (*counter < UINT16_MAX)
        (*counter)++;
}

static uint32_t restarted(struct bl_anomaly *a, uint32_t sequence)
{
    count_16(&a->restarted);
    return sequence;
}

static uint32_t ahead(struct bl_anomaly *a, uint32_t sequence, uint32_t missing)
{
    a->lost = a->lost > UINT32_MAX - missing ? UINT32_MAX : a->lost + missing;
    return sequence;
}

static uint32_t settle_same(struct bl_anomaly *a, uint32_t stored, uint32_t sequence)
{
    int32_t step = (int32_t)(sequence - stored);
    if (step > 0)
        return ahead(a, sequence, (uint32_t)step - 1);
    if (step == 0) {
        count_16(&a->duplicate);
        return stored;
    }
    if (step < -BL_SEQUENCE_REORDER)
        return restarted(a, sequence);
    count_16(&a->reordered);
    if (a->lost > 0)
        a->lost--;
    return stored;
}

uint32_t bl_sequence_settle(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation)
{
    uint32_t known = a->incarnation;
    if (incarnation != 0)
        a->incarnation = incarnation;
    if (incarnation == 0 || known == 0 || incarnation == known)
        return settle_same(a, stored, sequence);
    if ((int32_t)(incarnation - known) > 0)
        return restarted(a, sequence);
    a->incarnation = known;
    count_16(&a->reordered);
    return stored;
}
