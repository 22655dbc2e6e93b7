/* SPDX-License-Identifier: Apache-2.0 */
#include "control/store/store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/store/store_internal.h"
#include "control/text/log.h"
#include "control/text/timestamp.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

/* The journal is written this often: half of the second that store.h
 * promises, the other half is the disk's. */
#define FLUSH_MS 500u

/* Nodes read in one RCU read: about 0.2 ms that a grace period may wait. */
#define NODES_AT_ONCE 1024u
#define NAMES_AT_ONCE 64u

/* Nodes between the one that is asked of the caches and the one read. */
#define AHEAD 16u

/* A journal is cheaper than a snapshot below this, whatever its size. */
#define JOURNAL_FREE_BYTES (UINT64_C(16) << 20)

/* After a snapshot that failed; and after one that was made because
 * changes overran their rings, at least three times as long as it took, so
 * that a storm of changes does not take a CPU. */
#define RETRY_MS      5000u
#define REST_PER_WORK 3u

/* Below the daemon's other threads: nobody waits for a snapshot. */
#define NICENESS 10

#define SNAPSHOT_NEW "snapshot.new"

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- trouble ----------------------------------------------------------------- */

static void store_say(struct bl_store *s, const char *text)
{
    if (s->config.say)
        s->config.say(s->config.ctx, text);
}

/* Told once, however long it lasts. */
static void store_complain(struct bl_store *s, const char *what, int error)
{
    char text[BL_ERR_BYTES];

    if (s->troubled)
        return;
    s->troubled = true;
    snprintf(text, sizeof(text), "state is not saved: %s: %s; tried again every %u s", what, strerror(-error),
             RETRY_MS / 1000);
    bl_log(BL_LOG_ERROR, "state.dir %s: %s", s->dir.path, text);
    store_say(s, text);
}

static void store_relax(struct bl_store *s)
{
    if (!s->troubled)
        return;
    s->troubled = false;
    bl_log(BL_LOG_INFO, "state.dir %s: state is saved again", s->dir.path);
    store_say(s, "state is saved again");
}

/* ---- records ----------------------------------------------------------------- */

/* Makes sure that `records` fit what is being filled, so that nothing is
 * written while the thread is online. 0 or negative errno. */
static int make_room(struct bl_state_writer *w, unsigned records)
{
    return bl_state_room(w) < records * BL_STATE_RECORD_MAX ? bl_state_flush(w) : 0;
}

/* One node as it is now; false: there is none. */
static bool put_node(const struct bl_store *s, struct bl_state_writer *w, uint32_t node, uint64_t now_ns,
                     int64_t unix_ms)
{
    struct bl_node_past p;
    if (!bl_fleet_past_of(s->config.fleet, node, now_ns, unix_ms, &p))
        return false;
    (void)bl_state_put_node(w, &p); /* there is room: nothing is written */
    return true;
}

static void put_numbers(struct bl_store *s, struct bl_state_writer *w)
{
    struct bl_state_numbers n = {.events = s->config.events ? s->config.events(s->config.ctx) : 0,
                                 .stopped = s->stopped};
    (void)bl_state_put_numbers(w, &n); /* what it writes fails again with the next flush */
}

/* ---- the journal --------------------------------------------------------------- */

/* Begins the journal of a generation, which the next snapshot is of. */
static int begin_journal(struct bl_store *s, uint64_t generation)
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

static void put_view(struct bl_state_writer *w, const struct bl_view *v)
{
    struct bl_view_saved saved = {.name = v->name,
                                  .name_len = v->name_len,
                                  .state = BL_READ(v->state),
                                  .incident = BL_READ(v->incident),
                                  .since_unix_ms = BL_READ(v->since_unix_ms)};
    (void)bl_state_put_view(w, &saved); /* there is room */
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
            put_view(&s->journal, v);
    }
}

/* Those that are told of by name: who was removed, and views. Sections
 * are of one type each, so each is flushed before the next. */
static int journal_some_names(struct bl_store *s, const struct bl_name_change *change, unsigned n)
{
    uint64_t now_ns = clock_ns();
    int64_t unix_ms = bl_timestamp_now_ms();
    uint32_t back[NAMES_AT_ONCE];

    bl_rcu_online();
    unsigned backs = put_removed(s, change, n, back);
    bl_rcu_offline();
    int r = bl_state_flush(&s->journal);
    bl_rcu_online();
    for (unsigned i = 0; i < backs; i++) /* one that is gone again is told of again */
        put_node(s, &s->journal, back[i], now_ns, unix_ms);
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
    uint32_t node[NODES_AT_ONCE];
    int r = 0;

    for (unsigned n; r == 0 && (n = bl_changes_take_nodes(s->config.changes, node, NODES_AT_ONCE)) > 0;) {
        r = make_room(&s->journal, NODES_AT_ONCE);
        uint64_t now_ns = clock_ns();
        int64_t unix_ms = bl_timestamp_now_ms();
        bl_rcu_online();
        for (unsigned i = 0; i < n; i++)
            if (i == 0 || node[i] != node[i - 1]) /* a new node is told of more than once */
                put_node(s, &s->journal, node[i], now_ns, unix_ms);
        bl_rcu_offline();
    }
    return r ? r : bl_state_flush(&s->journal);
}

/* Writes what has changed. An error means that changes were lost to the
 * journal: a snapshot, with a journal of its own, makes up for it. */
static void flush_journal(struct bl_store *s)
{
    uint64_t before = s->journal.written, records = s->journal.records;

    s->next_flush_ms = clock_ms() + FLUSH_MS;
    int r = journal_names(s);
    if (r == 0)
        r = journal_nodes(s);
    if (r == 0 && s->journal.written > before) {
        put_numbers(s, &s->journal);
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
    store_complain(s, "journal", r);
}

/* ---- snapshots -------------------------------------------------------------------- */

static int put_nodes(struct bl_store *s, struct bl_state_writer *w)
{
    const struct bl_registry *registry = bl_fleet_registry(s->config.fleet);
    uint32_t end = 1;
    int r = 0;

    for (uint32_t node = 0; r == 0 && node < end;) {
        uint64_t now_ns = clock_ns();
        int64_t unix_ms = bl_timestamp_now_ms();
        bl_rcu_online();
        end = bl_registry_end(registry);
        uint32_t stop = end - node < NODES_AT_ONCE ? end : node + NODES_AT_ONCE;
        for (; node < stop; node++) {
            bl_fleet_past_soon(s->config.fleet, node + AHEAD);
            put_node(s, w, node, now_ns, unix_ms);
        }
        bl_rcu_offline();
        r = make_room(w, NODES_AT_ONCE);
        if (s->journal_open && clock_ms() >= s->next_flush_ms)
            flush_journal(s);
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
        uint32_t stop = end - id < NODES_AT_ONCE ? end : id + NODES_AT_ONCE;
        for (const struct bl_view *v; id < stop; id++)
            if ((v = bl_view_kept(g, id)))
                put_view(w, v);
        bl_rcu_offline();
        r = make_room(w, NODES_AT_ONCE);
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
        put_numbers(s, &w);
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
    BL_WRITE(s->stats.snapshot_us, (clock_ns() - began_ns) / 1000);
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
    int r = begin_journal(s, s->next_generation);
    s->next_generation += r == 0;
    return r;
}

static int store_snapshot(struct bl_store *s)
{
    uint64_t began_ns = clock_ns();
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
        store_complain(s, "snapshot", r);
        return r;
    }
    note_snapshot(s, generation, began_ns);
    store_relax(s);
    return 0;
}

/* ---- the thread ------------------------------------------------------------------- */

static bool is_due(const struct bl_store *s, uint64_t now_ms)
{
    uint64_t free_bytes =
        s->stats.snapshot_bytes > JOURNAL_FREE_BYTES ? s->stats.snapshot_bytes : JOURNAL_FREE_BYTES;

    if (now_ms < s->not_before_ms)
        return false;
    return s->holes || s->failed || s->previous < s->first_generation ||
           (s->changed && (now_ms >= s->next_save_ms || s->journal.written > free_bytes));
}

static void save_if_due(struct bl_store *s)
{
    uint64_t began_ms = clock_ms();
    if (!is_due(s, began_ms))
        return;
    (void)store_snapshot(s); /* what went wrong is told */
    uint64_t now_ms = clock_ms();
    s->not_before_ms = now_ms + (s->failed ? RETRY_MS : (now_ms - began_ms) * REST_PER_WORK);
    s->next_save_ms = now_ms + BL_READ(s->save_every_ms);
}

/* Whether to stop. */
static bool wait_until(const struct bl_store *s, uint64_t at_ms)
{
    uint64_t now_ms = clock_ms();
    struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};
    return poll(&p, 1, at_ms > now_ms ? (int)(at_ms - now_ms) : 0) > 0;
}

static void *store_run(void *arg)
{
    struct bl_store *s = arg;

    (void)!setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
    bl_rcu_thread_register();
    bl_rcu_offline(); /* online for as long as something is read */
    if (s->trouble[0])
        store_say(s, s->trouble);
    save_if_due(s);
    do {
        if (s->journal_open)
            flush_journal(s);
        else
            s->next_flush_ms = clock_ms() + FLUSH_MS;
        save_if_due(s);
    } while (!wait_until(s, s->next_flush_ms));
    bl_rcu_online();
    bl_rcu_thread_unregister();
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

struct bl_store *bl_store_open(const struct bl_store_config *c, char why[BL_ERR_BYTES])
{
    struct bl_store *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(why, BL_ERR_BYTES, "state.dir %.120s: out of memory", c->dir);
        return NULL;
    }
    s->config = *c;
    s->dir.fd = s->dir.lock_fd = -1;
    s->first_generation = s->next_generation = 1;
    s->save_every_ms = c->save_every_ms;
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->stop_fd < 0)
        snprintf(why, BL_ERR_BYTES, "state.dir %.120s: %s; raise the limit on open files (ulimit -n)", c->dir,
                 strerror(errno));
    else if (bl_state_dir_open(&s->dir, c->dir, why) == 0)
        return s;
    bl_store_free(s);
    return NULL;
}

void bl_store_free(struct bl_store *s)
{
    if (!s)
        return;
    if (s->journal_open) {
        close(s->journal.fd);
        bl_state_writer_free(&s->journal);
    }
    bl_state_dir_close(&s->dir);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    free(s);
}

int bl_store_start(struct bl_store *s, char why[BL_ERR_BYTES])
{
    s->next_generation = s->first_generation;
    int r = pthread_create(&s->thread, NULL, store_run, s);
    if (r) {
        snprintf(why, BL_ERR_BYTES, "store: cannot start its thread: %s", strerror(r));
        return -r;
    }
    pthread_setname_np(s->thread, "bl-store");
    s->started = true;
    return 0;
}

void bl_store_stop(struct bl_store *s)
{
    uint64_t one = 1;

    if (!s || !s->started)
        return;
    if (write(s->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
        pthread_join(s->thread, NULL);
    s->started = false;
}

int bl_store_save(struct bl_store *s)
{
    s->config.say = NULL; /* who listened has stopped */
    s->stopped = true;
    bl_rcu_thread_register();
    bl_rcu_offline();
    s->next_generation = s->next_generation > s->first_generation ? s->next_generation : s->first_generation;
    int r = store_snapshot(s);
    bl_rcu_online();
    bl_rcu_thread_unregister();
    return r;
}

void bl_store_set_save_every(struct bl_store *s, uint32_t ms)
{
    BL_WRITE(s->save_every_ms, ms);
}

void bl_store_stats(const struct bl_store *s, struct bl_store_stats *out)
{
    const uint64_t *from = (const uint64_t *)&s->stats;
    uint64_t *to = (uint64_t *)out;
    _Static_assert(sizeof(*out) % sizeof(*to) == 0, "words, each read whole");
    for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
        to[i] = BL_READ(from[i]);
}
