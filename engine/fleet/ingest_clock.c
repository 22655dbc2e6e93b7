/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fleet/ingest_clock.h"

#include "engine/base/counter.h"

/* Reasons that only bl_ingest_clock_hold sets and clears. */
#define HELD_REASONS ((uint32_t)(BL_FREEZE_LINK_DOWN | BL_FREEZE_NO_ANSWER))

static uint64_t ingest_clock_since(uint64_t later_ns, uint64_t earlier_ns)
{
    return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

/* Ingest time at `now_ns`, as published. */
static uint64_t ingest_at_ns(const struct bl_ingest_clock *c, uint64_t now_ns)
{
    uint64_t ingest_ns = now_ns - BL_READ(c->offset_ns);
    uint64_t limit_ns = BL_READ(c->limit_ns);
    return ingest_ns < limit_ns ? ingest_ns : limit_ns;
}

/* How much of the time since the last look counts: what polls vouch for,
 * up to control's last look if control itself was away since. */
BL_ON_CONTROL static uint64_t vouched_ns(const struct bl_ingest_clock *c, uint64_t alive_ns, uint32_t why)
{
    /* Of a look's interval in which the link went down or came back
     * nobody knows how much of it was good: none counts. */
    if ((c->held | c->frozen) & HELD_REASONS)
        return 0;
    if ((why & BL_FREEZE_OWN_GAP) && alive_ns > c->seen_ns)
        alive_ns = c->seen_ns;
    uint64_t ns = ingest_clock_since(alive_ns, c->alive_ns);
    return ns > BL_POLL_GAP_NS ? 0 : ns;
}

/* ---- standstills ---------------------------------------------------------- */

static uint32_t *stood_tick(struct bl_ingest_clock *c, uint32_t i)
{
    return &c->stood_tick[i % BL_STANDSTILLS_KEPT];
}

static uint64_t *ran_on_ns(struct bl_ingest_clock *c, uint32_t i)
{
    return &c->ran_on_ns[i % BL_STANDSTILLS_KEPT];
}

/* The offset since the last standstill that is over. */
static uint64_t running_offset_ns(const struct bl_ingest_clock *c)
{
    return c->standstills > c->forgotten ? c->ran_on_ns[(c->standstills - 1) % BL_STANDSTILLS_KEPT]
                                         : c->first_offset_ns;
}

static void forget_oldest(struct bl_ingest_clock *c)
{
    BL_WRITE(c->first_offset_ns, *ran_on_ns(c, c->forgotten));
    BL_ADD(c->forgotten, 1);
}

/* The clock runs with `offset_ns` since `tick`: if that is another offset
 * than before, it had stood still there. */
BL_ON_CONTROL static void note_standstill(struct bl_ingest_clock *c, uint32_t tick, uint64_t offset_ns)
{
    uint32_t n = c->standstills;

    /* Ticks wrap: an old one would look new. */
    if (n > c->forgotten &&
        bl_age_ticks(bl_ingest_clock_now(c), *stood_tick(c, c->forgotten)) > BL_TIMEOUT_MAX_MS)
        forget_oldest(c);
    if (offset_ns == running_offset_ns(c))
        return;
    if (n - c->forgotten == BL_STANDSTILLS_KEPT)
        forget_oldest(c);
    BL_WRITE(*(stood_tick(c, n)), tick);
    BL_WRITE(*(ran_on_ns(c, n)), offset_ns);
    __atomic_store_n(&c->standstills, n + 1, __ATOMIC_RELEASE);
}

/* The offset that the clock ran with when its tick was `age_ticks` less
 * than `now`. */
static uint64_t offset_then_ns(const struct bl_ingest_clock *c, uint32_t now, uint32_t age_ticks)
{
    uint32_t forgotten = BL_READ(c->forgotten);

    for (uint32_t i = __atomic_load_n(&c->standstills, __ATOMIC_ACQUIRE); i != forgotten;) {
        uint32_t at = --i % BL_STANDSTILLS_KEPT;
        if (age_ticks <= bl_age_ticks(now, BL_READ(c->stood_tick[at])))
            return BL_READ(c->ran_on_ns[at]);
    }
    return BL_READ(c->first_offset_ns);
}

/* ---- the clock ------------------------------------------------------------ */

BL_ON_CONTROL static void ingest_clock_publish(struct bl_ingest_clock *c, uint64_t now_ns, uint32_t why)
{
    uint64_t offset_ns = c->alive_ns - c->ingest_ns; /* modulo 2^64 */
    uint64_t limit_ns = c->ingest_ns;
    /* After control's own gap the clock runs on at once. */
    if (!(why & ~(uint32_t)BL_FREEZE_OWN_GAP))
        limit_ns += ingest_clock_since(now_ns, c->alive_ns) + BL_POLL_GAP_NS;
    BL_WRITE(c->offset_ns, offset_ns);
    BL_WRITE(c->limit_ns, limit_ns);
    BL_WRITE(c->frozen, why);
}

void bl_ingest_clock_init(struct bl_ingest_clock *c, uint64_t now_ns, uint32_t start_ticks)
{
    *c = (struct bl_ingest_clock){0};
    c->ingest_ns = start_ticks * BL_TICK_NS;
    c->seen_ns = now_ns;
    c->alive_ns = now_ns;
    c->base_ns = now_ns - c->ingest_ns; /* modulo 2^64 */
    c->first_offset_ns = c->base_ns;
    ingest_clock_publish(c, now_ns, 0);
}

uint32_t bl_ingest_clock_advance(struct bl_ingest_clock *c, uint64_t now_ns, uint64_t alive_ns)
{
    uint32_t why = c->held;
    if (ingest_clock_since(now_ns, c->seen_ns) > BL_POLL_GAP_NS)
        why |= BL_FREEZE_OWN_GAP;
    if (ingest_clock_since(now_ns, alive_ns) > BL_POLL_GAP_NS)
        why |= BL_FREEZE_POLL_GAP;
    uint32_t tick_before = bl_ingest_clock_now(c);
    c->ingest_ns += vouched_ns(c, alive_ns, why);
    if (why && !c->frozen)
        BL_ADD(c->freezes, 1);
    if (alive_ns > c->alive_ns)
        c->alive_ns = alive_ns;
    if (now_ns > c->seen_ns)
        c->seen_ns = now_ns;
    /* While it stands still, up to now; else up to the last poll, as
     * what comes after it may yet be vouched for. */
    uint64_t lost_ns = (why ? c->seen_ns : c->alive_ns) - c->ingest_ns - c->base_ns;
    if (lost_ns > c->frozen_ns)
        BL_WRITE(c->frozen_ns, lost_ns);
    if (!why)
        note_standstill(c, tick_before, c->alive_ns - c->ingest_ns);
    ingest_clock_publish(c, c->seen_ns, why);
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

uint64_t bl_ingest_clock_seen_ns(const struct bl_ingest_clock *c)
{
    return c->seen_ns;
}

uint64_t bl_ingest_clock_stood_ms(const struct bl_ingest_clock *c)
{
    if (!c->frozen)
        return 0;
    /* It ran with that offset until it stopped. */
    return (c->seen_ns - running_offset_ns(c) - c->ingest_ns) / UINT64_C(1000000);
}

uint32_t bl_ingest_clock_frozen(const struct bl_ingest_clock *c)
{
    return BL_READ(c->frozen);
}

uint32_t bl_ingest_clock_tick(const struct bl_ingest_clock *c, uint64_t now_ns)
{
    return (uint32_t)(ingest_at_ns(c, now_ns) / BL_TICK_NS);
}

uint64_t bl_ingest_clock_since_ms(const struct bl_ingest_clock *c, uint64_t now_ns, uint32_t tick)
{
    uint64_t now = ingest_at_ns(c, now_ns) / BL_TICK_NS;
    uint32_t age_ticks = bl_age_ticks((uint32_t)now, tick);
    uint64_t came_ns = (now - age_ticks) * BL_TICK_NS + offset_then_ns(c, (uint32_t)now, age_ticks);
    uint64_t since_ns = now_ns - came_ns; /* modulo 2^64 */
    /* Stamped a little ahead of `now_ns`: no longer than its age. */
    return since_ns / BL_TICK_NS > age_ticks && (int64_t)since_ns > 0 ? since_ns / BL_TICK_NS : age_ticks;
}
