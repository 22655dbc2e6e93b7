/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/incidents.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/array.h"
#include "engine/base/counter.h"

#define WALK_NS         UINT64_C(1000000000)
#define VIEWS_PER_TURN  2048u
#define FIRST_CAPACITY  64u
#define FIRST_INCIDENTS 2u

struct bl_incidents_of {
    uint64_t key;
    struct bl_incident *list; /* oldest first; NULL: the place is free */
    uint32_t count, capacity;
};

/* ---- views by key ------------------------------------------------------- */

/* The key's place, or the free one where it belongs. Keys are hashes. */
static struct bl_incidents_of *place_of(struct bl_incidents_of *views, uint32_t capacity, uint64_t key)
{
    uint32_t at = (uint32_t)key & (capacity - 1);

    while (views[at].list != NULL && views[at].key != key)
        at = (at + 1) & (capacity - 1);
    return &views[at];
}

static struct bl_incidents_of *find_view(const struct bl_incidents *in, uint64_t key)
{
    struct bl_incidents_of *v = in->capacity > 0 ? place_of(in->views, in->capacity, key) : NULL;
    return v != NULL && v->list != NULL ? v : NULL;
}

static bool make_room(struct bl_incidents *in)
{
    uint32_t capacity = in->capacity > 0 ? in->capacity * 2 : FIRST_CAPACITY;

    if (in->view_count < in->capacity / 2)
        return true;
    struct bl_incidents_of *views = calloc(capacity, sizeof(*views));
    if (views == NULL)
        return false;
    for (uint32_t i = 0; i < in->capacity; i++) {
        if (in->views[i].list != NULL)
            *place_of(views, capacity, in->views[i].key) = in->views[i];
    }
    free(in->views);
    in->views = views;
    in->capacity = capacity;
    return true;
}

/* NULL: no memory, or no room. */
static struct bl_incidents_of *add_view(struct bl_incidents *in, uint64_t key)
{
    if (!make_room(in))
        return NULL;
    struct bl_incidents_of *v = place_of(in->views, in->capacity, key);
    *v = (struct bl_incidents_of){.key = key, .capacity = FIRST_INCIDENTS};
    v->list = calloc(FIRST_INCIDENTS, sizeof(*v->list));
    in->view_count += v->list != NULL;
    return v->list != NULL ? v : NULL;
}

void bl_incidents_free(struct bl_incidents *in)
{
    for (uint32_t i = 0; i < in->capacity; i++)
        free(in->views[i].list);
    free(in->views);
    *in = (struct bl_incidents){0};
}

/* ---- a view's incidents --------------------------------------------------- */

static struct bl_incident *incidents_find(const struct bl_incidents *in, uint64_t key, uint32_t number)
{
    const struct bl_incidents_of *v = find_view(in, key);

    for (uint32_t i = v != NULL ? v->count : 0; i > 0; i--) {
        if (v->list[i - 1].number == number)
            return &v->list[i - 1];
    }
    return NULL;
}

static void drop_oldest(struct bl_incidents *in, struct bl_incidents_of *v)
{
    memmove(v->list, v->list + 1, (v->count - 1) * sizeof(*v->list));
    v->count--;
    in->count--;
}

/* A place behind the newest; false: there is none, and no memory for it. */
static bool make_place(struct bl_incidents *in, struct bl_incidents_of *v)
{
    if (v->count > 0 && (v->count == BL_INCIDENTS_PER_VIEW || in->count >= BL_INCIDENTS_MAX))
        drop_oldest(in, v);
    struct bl_incident *list = bl_array_room(v->list, v->count, &v->capacity, sizeof(*list));
    if (list == NULL)
        return false;
    v->list = list;
    return in->count < BL_INCIDENTS_MAX;
}

static struct bl_incident *open_one(struct bl_incidents *in, uint64_t key, uint32_t number,
                                    enum bl_state state, int64_t unix_ms)
{
    struct bl_incidents_of *v = find_view(in, key);
    struct bl_incident *last = v != NULL && v->count > 0 ? &v->list[v->count - 1] : NULL;

    if (last != NULL && last->number > number)
        return NULL; /* an event that the walk has overtaken */
    if (last != NULL && last->until_unix_ms == 0)
        last->until_unix_ms = unix_ms; /* no later than that */
    if (v == NULL)
        v = add_view(in, key);
    if (v == NULL || !make_place(in, v)) {
        in->left_out++;
        return NULL;
    }
    struct bl_incident *i = &v->list[v->count++];
    *i = (struct bl_incident){.number = number, .worst = (uint8_t)state, .since_unix_ms = unix_ms};
    in->count++;
    return i;
}

static void count_most(uint32_t *most, const struct bl_view *view, enum bl_state s)
{
    uint32_t now = bl_view_count(view, s);
    *most = now > *most ? now : *most;
}

static void incidents_note(struct bl_incident *i, const struct bl_view *view, enum bl_state state)
{
    i->worst = state > i->worst ? (uint8_t)state : i->worst;
    count_most(&i->failed_most, view, BL_STATE_FAILED);
    count_most(&i->warning_most, view, BL_STATE_WARNING);
    count_most(&i->unknown_most, view, BL_STATE_UNKNOWN);
}

const struct bl_incident *bl_incident_at(const struct bl_incidents *in, const struct bl_view *view,
                                         unsigned at)
{
    const struct bl_incidents_of *v = find_view(in, view->key);
    return v != NULL && at < v->count ? &v->list[v->count - 1 - at] : NULL;
}

/* ---- what happens ------------------------------------------------------------ */

void bl_incidents_event(struct bl_incidents *in, const struct bl_view *view, enum bl_state to,
                        uint32_t number, int64_t unix_ms)
{
    struct bl_incident *i = incidents_find(in, view->key, number);

    if (to == BL_STATE_OK) {
        if (i != NULL)
            i->until_unix_ms = unix_ms;
        return;
    }
    if (i == NULL)
        i = open_one(in, view->key, number, to, unix_ms);
    if (i != NULL)
        incidents_note(i, view, to);
}

void bl_incidents_look(struct bl_incidents *in, const struct bl_view *view)
{
    enum bl_state state = (enum bl_state)BL_READ(view->state);
    uint32_t number = BL_READ(view->incident);
    int64_t since = BL_READ(view->since_unix_ms);
    struct bl_incident *i = incidents_find(in, view->key, number);

    if (since == 0)
        return; /* not settled yet */
    if (state == BL_STATE_OK) {
        if (i != NULL && i->until_unix_ms == 0 && since >= i->since_unix_ms)
            i->until_unix_ms = since;
        return;
    }
    if (i == NULL)
        i = open_one(in, view->key, number, state, since);
    if (i != NULL && i->until_unix_ms == 0)
        incidents_note(i, view, state);
}

void bl_incidents_turn(struct bl_incidents *in, const struct bl_views_generation *g, uint64_t now_ns)
{
    bool through = in->next >= bl_views_end(g);

    if (in->walk_of == bl_views_number(g) && through && now_ns - in->walk_ns < WALK_NS)
        return;
    if (through || in->walk_of != bl_views_number(g)) {
        in->walk_of = bl_views_number(g);
        in->walk_ns = now_ns;
        in->next = 0;
    }
    for (uint32_t n = 0; n < VIEWS_PER_TURN && in->next < bl_views_end(g); n++, in->next++) {
        const struct bl_view *view = bl_view_at(g, in->next);
        if (view != NULL)
            bl_incidents_look(in, view);
    }
}
