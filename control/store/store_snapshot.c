/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: the whole fleet into a file. */
#include <unistd.h>

#include "control/store/store_internal.h"
#include "control/text/timestamp.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

/* Nodes between the one that is asked of the caches and the one read. */
#define AHEAD 16u

#define SNAPSHOT_NEW "snapshot.new"

static int put_nodes(struct bl_store *s, struct bl_state_writer *w)
{
    const struct bl_registry *registry = bl_fleet_registry(s->config.fleet);
    uint32_t end = 1;
    int r = 0;

    for (uint32_t node = 0; r == 0 && node < end;) {
        uint64_t now_ns = bl_store_clock_ns();
        int64_t unix_ms = bl_timestamp_now_ms();
        bl_rcu_online();
        end = bl_registry_end(registry);
        uint32_t stop = end - node < BL_STORE_NODES_AT_ONCE ? end : node + BL_STORE_NODES_AT_ONCE;
        for (; node < stop; node++) {
            bl_fleet_past_soon(s->config.fleet, node + AHEAD);
            bl_store_put_node(s, w, node, now_ns, unix_ms);
        }
        bl_rcu_offline();
        r = bl_store_make_room(w, BL_STORE_NODES_AT_ONCE);
        if (s->journal_open && bl_store_clock_ms() >= s->next_flush_ms)
            bl_store_flush_journal(s);
    }
    return r;
}

static int put_views(struct bl_store *s, struct bl_state_writer *w)
{
    const struct bl_views_generation *before = NULL;
    uint32_t end = 1;
    int r = bl_state_flush(w);

    for (uint32_t id = 0; s->config.views && r == 0 && id < end;) {
        bl_rcu_online();
        const struct bl_views_generation *g = bl_views_now(s->config.views);
        if (g != before) /* other ids now: all of them again, twice the same is once */
            id = 0;
        before = g;
        end = bl_views_end(g);
        uint32_t stop = end - id < BL_STORE_NODES_AT_ONCE ? end : id + BL_STORE_NODES_AT_ONCE;
        for (const struct bl_view *v; id < stop; id++)
            if ((v = bl_view_kept(g, id)))
                bl_store_put_view(w, v);
        bl_rcu_offline();
        r = bl_store_make_room(w, BL_STORE_NODES_AT_ONCE);
    }
    return r;
}

static int write_snapshot(struct bl_store *s, int fd, uint64_t generation)
{
    struct bl_state_writer w;
    char name[BL_STATE_NAME];
    int r = bl_state_writer_begin(&w, fd, BL_STATE_SNAPSHOT, generation, bl_timestamp_now_ms());

    if (r == 0)
        r = put_nodes(s, &w);
    uint64_t nodes = w.records + w.section.count;
    if (r == 0)
        r = put_views(s, &w);
    if (r == 0) {
        bl_store_put_numbers(s, &w);
        r = bl_state_end(&w);
    }
    if (r == 0)
        r = bl_state_dir_commit(&s->dir, fd, SNAPSHOT_NEW,
                                bl_state_file_name(BL_SNAPSHOT_PREFIX, generation, name));
    if (r == 0) {
        BL_WRITE(s->stats.snapshot_nodes, nodes);
        BL_WRITE(s->stats.snapshot_bytes, w.written);
    }
    bl_state_writer_free(&w);
    return r;
}

static void note_snapshot(struct bl_store *s, uint64_t generation, uint64_t began_ns)
{
    BL_WRITE(s->stats.generation, generation);
    BL_WRITE(s->stats.snapshot_us, (bl_store_clock_ns() - began_ns) / 1000);
    BL_WRITE(s->stats.snapshot_unix_ms, bl_timestamp_now_ms());
    BL_ADD(s->stats.snapshots, 1);
    if (s->previous)
        bl_state_dir_forget(&s->dir, s->previous);
    s->previous = generation;
    s->snapshot_generation = 0;
}

/* A journal that the next snapshot can have its generation from: begun
 * before it, so that what changes during the walk is in the one or the
 * other. One with holes will not do if it holds anything, which may be
 * older than what the snapshot says. */
static int prepare_journal(struct bl_store *s)
{
    if (s->snapshot_generation != 0 && !(s->holes && s->journal.records > 0))
        return 0;
    int r = bl_store_begin_journal(s, s->next_generation);
    s->next_generation += r == 0;
    return r;
}

int bl_store_snapshot(struct bl_store *s)
{
    uint64_t began_ns = bl_store_clock_ns();
    int r = prepare_journal(s);
    uint64_t generation = s->snapshot_generation;
    bool holes = s->holes, changed = s->changed;
    s->holes = s->changed = false;
    int fd = r ? r : bl_state_dir_create(&s->dir, SNAPSHOT_NEW);
    r = fd < 0 ? fd : write_snapshot(s, fd, generation);
    if (fd >= 0)
        close(fd);
    s->failed = r != 0;
    if (r) {
        s->holes |= holes;
        s->changed |= changed;
        bl_state_dir_delete(&s->dir, SNAPSHOT_NEW);
        BL_ADD(s->stats.snapshot_errors, 1);
        bl_store_complain(s, "snapshot", r);
        return r;
    }
    note_snapshot(s, generation, began_ns);
    bl_store_relax(s);
    return 0;
}
