/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest_clock.h"

/* Reasons that only bl_ingest_clock_hold sets and clears. */
#define HELD_REASONS ((uint32_t)BL_FREEZE_LINK_DOWN)

static uint64_t since(uint64_t later_ns, uint64_t earlier_ns)
{
    return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

/* How much of the time since the last look counts: what polls vouch for,
 * up to control's last look if control itself was away since. */
static uint64_t vouched_ns(const struct bl_ingest_clock *c, uint64_t alive_ns, uint32_t why) BL_ON_CONTROL;
static uint64_t vouched_ns(const struct bl_ingest_clock *c, uint64_t alive_ns, uint32_t why)
{
    /* Of a look's interval in which the link went down or came back
     * nobody knows how much of it was good: none counts. */
    if ((c->held | c->frozen) & HELD_REASONS)
        return 0;
    if ((why & BL_FREEZE_OWN_GAP) && alive_ns > c->seen_ns)
        alive_ns = c->seen_ns;
    uint64_t ns = since(alive_ns, c->alive_ns);
    return ns > BL_POLL_GAP_NS ? 0 : ns;
}

static void publish(struct bl_ingest_clock *c, uint64_t now_ns, uint32_t why) BL_ON_CONTROL;
static void publish(struct bl_ingest_clock *c, uint64_t now_ns, uint32_t why)
{
    uint64_t offset_ns = c->alive_ns - c->ingest_ns; /* modulo 2^64 */
    uint64_t limit_ns = c->ingest_ns;
    /* After control's own gap the clock runs on at once. */
    if (!(why & ~(uint32_t)BL_FREEZE_OWN_GAP))
        limit_ns += since(now_ns, c->alive_ns) + BL_POLL_GAP_NS;
    __atomic_store_n(&c->offset_ns, offset_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&c->limit_ns, limit_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&c->frozen, why, __ATOMIC_RELAXED);
}

void bl_ingest_clock_init(struct bl_ingest_clock *c, uint64_t now_ns, uint32_t start_ticks)
{
    *c = (struct bl_ingest_clock){0};
    c->ingest_ns = start_ticks * BL_TICK_NS;
    c->seen_ns = now_ns;
    c->alive_ns = now_ns;
    c->base_ns = now_ns - c->ingest_ns; /* modulo 2^64 */
    publish(c, now_ns, 0);
}

uint32_t bl_ingest_clock_advance(struct bl_ingest_clock *c, uint64_t now_ns, uint64_t alive_ns)
{
    uint32_t why = c->held;
    if (since(now_ns, c->seen_ns) > BL_POLL_GAP_NS)
        why |= BL_FREEZE_OWN_GAP;
    if (since(now_ns, alive_ns) > BL_POLL_GAP_NS)
        why |= BL_FREEZE_POLL_GAP;
    c->ingest_ns += vouched_ns(c, alive_ns, why);
    if (why && !c->frozen)
        __atomic_store_n(&c->freezes, c->freezes + 1, __ATOMIC_RELAXED);
    if (alive_ns > c->alive_ns)
        c->alive_ns = alive_ns;
    if (now_ns > c->seen_ns)
        c->seen_ns = now_ns;
    /* While it stands still, up to now; else up to the last poll, as
     * what comes after it may yet be vouched for. */
    uint64_t lost_ns = (why ? c->seen_ns : c->alive_ns) - c->ingest_ns - c->base_ns;
    if (lost_ns > c->frozen_ns)
        __atomic_store_n(&c->frozen_ns, lost_ns, __ATOMIC_RELAXED);
    publish(c, c->seen_ns, why);
    return why;
}

void bl_ingest_clock_hold(struct bl_ingest_clock *c, enum bl_freeze why, bool on)
{
    if (on)
        c->held |= (uint32_t)why & HELD_REASONS;
    else
        c->held &= ~(uint32_t)why;
}

uint32_t bl_ingest_clock_now(const struct bl_ingest_clock *c)
{
    return (uint32_t)(c->ingest_ns / BL_TICK_NS);
}

uint32_t bl_ingest_clock_tick(const struct bl_ingest_clock *c, uint64_t now_ns)
{
    uint64_t ingest_ns = now_ns - __atomic_load_n(&c->offset_ns, __ATOMIC_RELAXED);
    uint64_t limit_ns = __atomic_load_n(&c->limit_ns, __ATOMIC_RELAXED);
    return (uint32_t)((ingest_ns < limit_ns ? ingest_ns : limit_ns) / BL_TICK_NS);
}
