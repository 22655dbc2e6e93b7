/* SPDX-License-Identifier: Apache-2.0 */
/* The start: from the folder to the fleet. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/store/store_internal.h"
#include "control/text/log.h"
#include "engine/base/counter.h"

/* Nodes that wait until the caches have what they need. */
#define AHEAD 16u

struct waiting {
    struct bl_node_past past;
    char name[BL_NAME_MAX];
};

struct loading {
    struct bl_store *store;
    struct bl_store_loaded *out;
    bool journal;
    char *why;
    struct waiting waiting[AHEAD]; /* node n at n % AHEAD */
    uint64_t first, next;
};

/* ---- what a file says --------------------------------------------------------- */

static void take_first(struct loading *l)
{
    bl_role_assume_control(); /* bl_store_load's */
    int r = bl_fleet_restore(l->store->config.fleet, &l->waiting[l->first++ % AHEAD].past);

    /* -EEXIST: it is there, but its hello's name is another node's. */
    if (r != 0 && r != -EEXIST)
        l->out->refused++;
}

/* Before anything that is not a node, and at the end of a file. */
static void take_waiting(struct loading *l)
{
    while (l->first < l->next)
        take_first(l);
}

static void take_node(void *ctx, const struct bl_node_past *p)
{
    struct loading *l = ctx;

    l->out->changes += l->journal;
    if (l->next - l->first == AHEAD)
        take_first(l);
    struct waiting *w = &l->waiting[l->next++ % AHEAD];
    w->past = *p;
    w->past.name = w->name;
    memcpy(w->name, p->name, p->name_len);
    bl_fleet_restore_soon(l->store->config.fleet, &w->past);
}

static void take_removed(void *ctx, const struct bl_node_ref *who)
{
    struct loading *l = ctx;
    struct bl_fleet *fleet = l->store->config.fleet;
    bl_role_assume_control(); /* bl_store_load's */
    take_waiting(l);
    uint32_t node = bl_fleet_find(fleet, who);

    l->out->changes++;
    if (node != BL_NODE_NONE)
        bl_fleet_remove(fleet, node);
}

static void take_view(void *ctx, const struct bl_view_saved *v)
{
    struct loading *l = ctx;
    struct bl_view_past past = {.name = v->name,
                                .name_len = v->name_len,
                                .state = (enum bl_state)v->state,
                                .incident = v->incident,
                                .since_unix_ms = v->since_unix_ms};
    bl_role_assume_control(); /* bl_store_load's */
    l->out->changes += l->journal;
    if (!l->store->config.views)
        return;
    bool known = bl_views_remember(l->store->config.views, &past) == 0;
    l->out->views += known && !l->journal;
    l->out->refused += !known;
}

static void take_numbers(void *ctx, const struct bl_state_numbers *n)
{
    struct loading *l = ctx;
    if (n->events > l->out->events)
        l->out->events = n->events;
    l->out->stopped = n->stopped == 1;
}

/* ---- trouble ------------------------------------------------------------------- */

static void note_trouble(struct loading *l, const char *name, const char *what)
{
    l->out->damaged++;
    if (l->out->trouble[0] == '\0')
        snprintf(l->out->trouble, sizeof(l->out->trouble), "%s: %s", name, what);
    bl_log(BL_LOG_ERROR, "state.dir %s: %s: %s", l->store->dir.path, name, what);
}

static int give_up(const struct loading *l, const char *name, const char *what, int error)
{
    snprintf(l->why, BL_ERR_BYTES, "state.dir %.80s: %s: %.140s", l->store->dir.path, name, what);
    return error;
}

/* ---- snapshots -------------------------------------------------------------------- */

/* Reads a snapshot twice: whether it is good, then into the fleet, so
 * that nothing comes from a bad one. 0, -EBADMSG (told), or an error to
 * give up with. */
static int read_snapshot(struct loading *l, uint64_t generation)
{
    struct bl_state_sink sink = {.ctx = l, .node = take_node, .view = take_view, .numbers = take_numbers};
    char name[BL_STATE_NAME], what[BL_ERR_BYTES];
    struct bl_state_info info;

    bl_state_file_name(BL_SNAPSHOT_PREFIX, generation, name);
    int fd = bl_state_dir_read(&l->store->dir, BL_SNAPSHOT_PREFIX, generation);
    if (fd < 0)
        return give_up(l, name, strerror(-fd), fd);
    int r = bl_state_read(fd, BL_STATE_SNAPSHOT, generation, NULL, &info, what);
    if (r == 0)
        r = bl_state_read(fd, BL_STATE_SNAPSHOT, generation, &sink, &info, what);
    take_waiting(l);
    close(fd);
    if (r == -EBADMSG) {
        note_trouble(l, name, what);
        bl_state_dir_put_aside(&l->store->dir, BL_SNAPSHOT_PREFIX, generation);
        return r;
    }
    if (r == 0)
        l->out->saved_unix_ms = info.header.time_unix_ms;
    return r ? give_up(l, name, what[0] ? what : strerror(-r), r) : 0;
}

/* The last good one. *base is its generation, 0: there is none. */
static int find_snapshot(struct loading *l, const struct bl_state_list *snapshots, uint64_t *base)
{
    *base = 0;
    for (unsigned i = snapshots->count; i-- > 0;) {
        int r = read_snapshot(l, snapshots->generation[i]);
        if (r == 0)
            *base = snapshots->generation[i];
        if (r != -EBADMSG)
            return r;
    }
    return 0;
}

/* ---- journals --------------------------------------------------------------------- */

static int read_journal(struct loading *l, uint64_t generation, bool last)
{
    struct bl_state_sink sink = {
        .ctx = l, .node = take_node, .removed = take_removed, .view = take_view, .numbers = take_numbers};
    char name[BL_STATE_NAME], what[BL_ERR_BYTES];
    struct bl_state_info info;

    bl_state_file_name(BL_JOURNAL_PREFIX, generation, name);
    int fd = bl_state_dir_read(&l->store->dir, BL_JOURNAL_PREFIX, generation);
    if (fd < 0)
        return give_up(l, name, strerror(-fd), fd);
    l->journal = true;
    int r = bl_state_read(fd, BL_STATE_JOURNAL, generation, &sink, &info, what);
    take_waiting(l);
    close(fd);
    if (r == -EBADMSG && last) {
        /* The machine, or the daemon, was stopped within a write. */
        bl_log(BL_LOG_WARNING, "state.dir %s: %s: the last %" PRIu64 " bytes are no whole write; left out",
               l->store->dir.path, name, info.bytes - info.good_bytes);
        return 0;
    }
    if (r == -EBADMSG) {
        note_trouble(l, name, what);
        return 0;
    }
    return r ? give_up(l, name, what[0] ? what : strerror(-r), r) : 0;
}

static int read_journals(struct loading *l, const struct bl_state_list *journals, uint64_t base)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < journals->count; i++)
        if (journals->generation[i] >= base)
            r = read_journal(l, journals->generation[i], i + 1 == journals->count);
    return r;
}

/* ---- all of it ----------------------------------------------------------------------- */

static uint64_t store_load_highest(const struct bl_state_list *l)
{
    return l->count > 0 ? l->generation[l->count - 1] : 0;
}

static void store_load_count(struct bl_store *s, const struct bl_store_loaded *out)
{
    BL_WRITE(s->stats.damaged, out->damaged);
    BL_WRITE(s->stats.restored, out->nodes);
    BL_WRITE(s->stats.refused, out->refused);
}

int bl_store_load(struct bl_store *s, struct bl_store_loaded *out, char why[BL_ERR_BYTES])
{
    struct loading l = {.store = s, .out = out, .why = why};
    struct bl_state_list snapshots, journals;
    uint64_t base;

    *out = (struct bl_store_loaded){0};
    bl_state_dir_list(&s->dir, BL_SNAPSHOT_PREFIX, &snapshots);
    bl_state_dir_list(&s->dir, BL_JOURNAL_PREFIX, &journals);
    uint64_t last = store_load_highest(&snapshots) > store_load_highest(&journals)
                        ? store_load_highest(&snapshots)
                        : store_load_highest(&journals);
    int r = find_snapshot(&l, &snapshots, &base);
    if (r == 0)
        r = read_journals(&l, &journals, base);
    if (r)
        return r;
    if (!out->stopped)
        bl_fleet_forget_silence(s->config.fleet);
    if (base == 0 && journals.count > 0 && journals.generation[0] > 1)
        note_trouble(&l, BL_SNAPSHOT_PREFIX "*", "no good one is left; only what was journaled is known");
    s->previous = base;
    s->first_generation = last + 1;
    bl_registry_reclaim(bl_fleet_registry_own(s->config.fleet)); /* nobody reads yet */
    out->nodes = bl_registry_total(bl_fleet_registry(s->config.fleet));
    store_load_count(s, out);
    if (out->damaged)
        snprintf(s->trouble, sizeof(s->trouble), "state on disk: %s", out->trouble);
    return 0;
}
