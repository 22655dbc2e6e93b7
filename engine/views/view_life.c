/* SPDX-License-Identifier: Apache-2.0 */
/* One view: made, shown to people, settled, given its past, taken out of
 * sight. */
#include <errno.h>

#include "engine/base/counter.h"
#include "engine/views/views_internal.h"

/* ---- a view ------------------------------------------------------------------ */

void bl_views_mark(struct bl_views_generation *g, struct bl_view *view, uint32_t id)
{
    if (view->flags & BL_VIEW_DIRTY)
        return;
    BL_WRITE(view->flags, (uint8_t)(view->flags | BL_VIEW_DIRTY));
    view->next_dirty = g->dirty;
    g->dirty = id;
}

int bl_views_find_or_add(struct bl_views *v, struct bl_views_generation *g, const char *name, unsigned len,
                         uint32_t *id)
{
    *id = bl_generation_find(g, name, len);
    if (*id != BL_VIEW_NONE)
        return 0;
    int r = bl_generation_add(g, name, len, id);
    if (r)
        return r;
    struct bl_view *view = bl_generation_view(g, *id);
    uint32_t was = g == v->now || !v->now ? BL_VIEW_NONE : bl_generation_find(v->now, name, len);
    if (was != BL_VIEW_NONE) {
        const struct bl_view *old = bl_generation_view(v->now, was);
        view->state = old->state;
        view->incident = old->incident;
        view->since_unix_ms = old->since_unix_ms;
    }
    bl_views_mark(g, view, *id);
    return 0;
}

void bl_views_enliven(struct bl_views_generation *g, struct bl_view *view, uint32_t id, uint32_t entry)
{
    const struct bl_views_entry *e = entry == BL_VIEW_NO_ENTRY ? NULL : &g->plan->plan.entry[entry];
    unsigned flags = BL_VIEW_LIVE | (view->flags & BL_VIEW_DIRTY);

    if (view->flags & BL_VIEW_LIVE)
        return;
    if (e && e->notify)
        flags |= BL_VIEW_NOTIFY;
    if (e && !e->name) {
        flags |= BL_VIEW_TEMPLATE;
        g->empty++;
    }
    BL_WRITE(view->entry, entry);
    __atomic_store_n(&view->flags, (uint8_t)flags, __ATOMIC_RELEASE); /* who sees LIVE sees the entry */
    BL_ADD(g->live, 1);
    bl_views_mark(g, view, id);
}

/* ---- states ------------------------------------------------------------------------------- */

static enum bl_state worst_of(const struct bl_view *view)
{
    for (enum bl_state s = BL_STATE_COUNT - 1; s > BL_STATE_OK; s--)
        if (view->count[s] > 0)
            return s;
    return BL_STATE_OK;
}

/* What a generation under way must know of a view in force. */
BL_ON_CONTROL static void tell_next(struct bl_views *v, const struct bl_view *view)
{
    uint32_t id = bl_generation_find(v->next, view->name, view->name_len);
    if (id == BL_VIEW_NONE) {
        bl_views_carry(v, view);
        return;
    }
    struct bl_view *next = bl_generation_view(v->next, id);
    next->state = view->state;
    next->incident = view->incident;
    next->since_unix_ms = view->since_unix_ms;
}

BL_ON_CONTROL static void views_conclude(struct bl_views *v, struct bl_view *view, int64_t unix_ms)
{
    enum bl_state from = (enum bl_state)view->state;
    enum bl_state to = view->flags & BL_VIEW_LIVE ? worst_of(view) : BL_STATE_OK;

    if (to == from && view->since_unix_ms != 0)
        return;
    if (from == BL_STATE_OK && to != from)
        BL_ADD(view->incident, 1);
    BL_WRITE(view->since_unix_ms, unix_ms);
    BL_WRITE(view->state, (uint8_t)to);
    if (v->next)
        tell_next(v, view);
    if (to != from && view->flags & BL_VIEW_LIVE && v->out.transition)
        v->out.transition(
            v->out.ctx,
            &(struct bl_view_transition){
                .view = view, .from = from, .to = to, .time_unix_ms = unix_ms, .incident = view->incident});
}

void bl_views_settle(struct bl_views *v, int64_t unix_ms)
{
    struct bl_views_generation *g = v->now;

    while (g->dirty != BL_VIEW_NONE) {
        struct bl_view *view = bl_generation_view(g, g->dirty);
        g->dirty = view->next_dirty;
        BL_WRITE(view->flags, (uint8_t)(view->flags & ~BL_VIEW_DIRTY));
        views_conclude(v, view, unix_ms);
    }
}

/* ---- the past, and out of sight ------------------------------------------------------------- */

BL_ON_CONTROL static int remember_in(struct bl_views *v, struct bl_views_generation *g,
                                     const struct bl_view_past *p)
{
    uint32_t id;
    int r = bl_views_find_or_add(v, g, p->name, p->name_len, &id);
    if (r)
        return r;
    struct bl_view *view = bl_generation_view(g, id);
    BL_WRITE(view->state, (uint8_t)p->state);
    BL_WRITE(view->incident, p->incident);
    BL_WRITE(view->since_unix_ms, p->since_unix_ms);
    bl_views_mark(g, view, id);
    return 0;
}

int bl_views_remember(struct bl_views *v, const struct bl_view_past *past)
{
    if (past->state < BL_STATE_OK || past->state >= BL_STATE_COUNT)
        return -EINVAL;
    int r = remember_in(v, v->now, past);
    return r == 0 && v->next ? remember_in(v, v->next, past) : r;
}

BL_ON_CONTROL static int forget_in(struct bl_views_generation *g, const char *name, unsigned len)
{
    uint32_t id = bl_view_find(g, name, len);
    if (id == BL_VIEW_NONE)
        return -ENOENT;
    struct bl_view *view = bl_generation_view(g, id);
    if (!(view->flags & BL_VIEW_TEMPLATE))
        return -EINVAL;
    if (bl_view_total(view) > 0)
        return -EBUSY;
    BL_WRITE(view->flags, (uint8_t)(view->flags & BL_VIEW_DIRTY));
    BL_WRITE(view->entry, BL_VIEW_NO_ENTRY);
    BL_WRITE(g->live, g->live - 1);
    g->empty--;
    bl_views_mark(g, view, id);
    return 0;
}

int bl_views_forget(struct bl_views *v, const char *name, unsigned len)
{
    int r = forget_in(v->now, name, len);
    if (r == 0 && v->next)
        forget_in(v->next, name, len); /* may not be there */
    return r;
}
