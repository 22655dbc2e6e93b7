/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what has changed, twice a second. */
#include <errno.h>
#include <unistd.h>

#include "control/store/store_internal.h"
#include "control/text/timestamp.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

#define NAMES_AT_ONCE 64u

int bl_store_begin_journal(struct bl_store *s, uint64_t generation)
{
    char name[BL_STATE_NAME];
    struct bl_state_writer next;
    int fd = bl_state_dir_create(&s->dir, bl_state_file_name(BL_JOURNAL_PREFIX, generation, name));
    if (fd < 0)
        return fd;
    int r = bl_state_writer_begin(&next, fd, BL_STATE_JOURNAL, generation, bl_timestamp_now_ms());
    if (r == 0 && (fsync(fd) != 0 || fsync(s->dir.fd) != 0))
        r = -errno;
    if (r) {
        bl_state_writer_free(&next);
        close(fd);
        bl_state_dir_delete(&s->dir, name);
        return r;
    }
    if (s->journal_open) {
        close(s->journal.fd);
        bl_state_writer_free(&s->journal);
    }
    s->journal = next;
    s->journal_open = true;
    s->snapshot_generation = generation;
    return 0;
}

/* The node of that name or id, if it is there, of the same kind. */
static uint32_t node_of(const struct bl_store *s, const struct bl_node_ref *who)
{
    uint32_t node = bl_fleet_find(s->config.fleet, who);
    const struct bl_node *n =
        node == BL_NODE_NONE ? NULL : bl_registry_get(bl_fleet_registry(s->config.fleet), node);
    bool same_kind = n && !(BL_READ(n->flags) & BL_NODE_BINARY) == (who->name != NULL);
    return same_kind ? node : BL_NODE_NONE;
}

static struct bl_node_ref who_is(const struct bl_name_change *n)
{
    if (n->binary)
        return (struct bl_node_ref){.id = n->id};
    return (struct bl_node_ref){.name = n->name, .name_len = n->name_len};
}

/* Who is gone. Who is back already becomes a node of `back`. */
static unsigned put_removed(struct bl_store *s, const struct bl_name_change *change, unsigned n,
                            uint32_t *back)
{
    unsigned backs = 0;
    for (unsigned i = 0; i < n; i++) {
        struct bl_node_ref who = who_is(&change[i]);
        uint32_t node = change[i].is_view ? BL_NODE_NONE : node_of(s, &who);
        if (node != BL_NODE_NONE)
            back[backs++] = node;
        else if (!change[i].is_view)
            (void)bl_state_put_removed(&s->journal, &who); /* there is room */
    }
    return backs;
}

static void put_changed_views(struct bl_store *s, const struct bl_name_change *change, unsigned n)
{
    const struct bl_views_generation *g = s->config.views ? bl_views_now(s->config.views) : NULL;
    for (unsigned i = 0; g && i < n; i++) {
        if (!change[i].is_view)
            continue;
        uint32_t id = bl_view_find(g, change[i].name, change[i].name_len);
        const struct bl_view *v = id == BL_VIEW_NONE ? NULL : bl_view_at(g, id);
        if (v)
            bl_store_put_view(&s->journal, v);
    }
}

/* Those that are told of by name: who was removed, and views. Sections
 * are of one type each, so each is flushed before the next. */
static int journal_some_names(struct bl_store *s, const struct bl_name_change *change, unsigned n)
{
    uint64_t now_ns = bl_store_clock_ns();
    int64_t unix_ms = bl_timestamp_now_ms();
    uint32_t back[NAMES_AT_ONCE];

    bl_rcu_online();
    unsigned backs = put_removed(s, change, n, back);
    bl_rcu_offline();
    int r = bl_state_flush(&s->journal);
    bl_rcu_online();
    for (unsigned i = 0; i < backs; i++) /* one that is gone again is told of again */
        bl_store_put_node(s, &s->journal, back[i], now_ns, unix_ms);
    bl_rcu_offline();
    r = r ? r : bl_state_flush(&s->journal);
    bl_rcu_online();
    put_changed_views(s, change, n);
    bl_rcu_offline();
    return r ? r : bl_state_flush(&s->journal);
}

/* Before the nodes: who was removed, and is back, comes with them. */
static int journal_names(struct bl_store *s)
{
    struct bl_name_change change[NAMES_AT_ONCE];
    int r = 0;

    for (unsigned n; r == 0 && (n = bl_changes_take_names(s->config.changes, change, NAMES_AT_ONCE)) > 0;)
        r = journal_some_names(s, change, n);
    return r;
}

static int journal_nodes(struct bl_store *s)
{
    uint32_t node[BL_STORE_NODES_AT_ONCE];
    int r = 0;

    for (unsigned n;
         r == 0 && (n = bl_changes_take_nodes(s->config.changes, node, BL_STORE_NODES_AT_ONCE)) > 0;) {
        r = bl_store_make_room(&s->journal, BL_STORE_NODES_AT_ONCE);
        uint64_t now_ns = bl_store_clock_ns();
        int64_t unix_ms = bl_timestamp_now_ms();
        bl_rcu_online();
        for (unsigned i = 0; i < n; i++)
            if (i == 0 || node[i] != node[i - 1]) /* a new node is told of more than once */
                bl_store_put_node(s, &s->journal, node[i], now_ns, unix_ms);
        bl_rcu_offline();
    }
    return r ? r : bl_state_flush(&s->journal);
}

void bl_store_flush_journal(struct bl_store *s)
{
    uint64_t before = s->journal.written, records = s->journal.records;

    s->next_flush_ms = bl_store_clock_ms() + BL_STORE_FLUSH_MS;
    int r = journal_names(s);
    if (r == 0)
        r = journal_nodes(s);
    if (r == 0 && s->journal.written > before) {
        bl_store_put_numbers(s, &s->journal);
        r = bl_state_flush(&s->journal);
        if (r == 0 && fdatasync(s->journal.fd) != 0)
            r = -errno;
    }
    bool lost = bl_changes_take_lost(s->config.changes);
    BL_ADD(s->stats.overruns, lost);
    BL_ADD(s->stats.journal_records, s->journal.records - records);
    BL_WRITE(s->stats.journal_bytes, s->journal.written);
    s->changed |= r != 0 || s->journal.written > before || lost;
    s->holes |= r != 0 || lost;
    if (r == 0) {
        BL_ADD(s->stats.journal_flushes, !lost);
        return;
    }
    BL_ADD(s->stats.journal_errors, 1);
    bl_store_complain(s, "journal", r);
}
