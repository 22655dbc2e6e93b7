/* SPDX-License-Identifier: Apache-2.0 */
/* The store over a fleet in virtual time, in a folder of its own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/store/store.h"
#include "tests/unit/fleet_world.h"
#include "tests/unit/random.h"

#define TIMEOUT_1S ((struct bl_policy){.timeout_ms = 1000})
#define EVENTS     UINT64_C(4711)

/* A daemon's life, from start to its end. */
struct life {
    struct world w; /* first: the fleet's callbacks get it */
    struct bl_changes *changes;
    struct bl_store *store;
    struct bl_store_loaded found;
    unsigned said;
};

static char folder[] = "/tmp/bl-store-XXXXXX";

static void changed(void *ctx, uint32_t node)
{
    bl_role_assume_control();
    bl_changes_node(((struct life *)ctx)->changes, node);
}

static void removed(void *ctx, uint32_t node)
{
    struct life *l = ctx;
    bl_role_assume_control();
    bl_changes_removed(l->changes, bl_registry_get(bl_fleet_registry(l->w.fleet), node));
}

static uint64_t events(void *ctx)
{
    (void)ctx;
    return EVENTS;
}

static void say(void *ctx, const char *text)
{
    (void)text;
    __atomic_fetch_add(&((struct life *)ctx)->said, 1, __ATOMIC_RELAXED);
}

static int try_begin(struct life *l, char why[BL_ERR_BYTES])
{
    bl_role_assume_control();
    setup_saved(&l->w, TIMEOUT_1S, changed, removed); /* clears it */
    l->store = NULL;
    l->said = 0;
    l->changes = bl_changes_new();
    assert_non_null(l->changes);
    char *dir = strdup(folder);
    struct bl_store_config c = {.dir = dir,
                                .save_every_ms = 3600000,
                                .fleet = l->w.fleet,
                                .changes = l->changes,
                                .events = events,
                                .say = say,
                                .ctx = l};
    l->store = bl_store_open(&c, why);
    free(dir); /* as a config's, after a reload */
    if (!l->store)
        return -EIO;
    int r = bl_store_load(l->store, &l->found, why);
    bl_fleet_take_places(l->w.fleet);
    return r;
}

static void begin(struct life *l)
{
    char why[BL_ERR_BYTES] = "";
    if (try_begin(l, why) != 0)
        fail_msg("%s", why);
}

static struct bl_store_stats stats(const struct life *l)
{
    struct bl_store_stats s;
    bl_store_stats(l->store, &s);
    return s;
}

/* What has ended, it is said; with `clean` after a last save. */
static void end(struct life *l, bool clean)
{
    bl_rcu_offline();
    bl_store_stop(l->store);
    bl_rcu_online();
    bl_rcu_thread_unregister();
    if (clean)
        assert_int_equal(bl_store_save(l->store), 0);
    bl_rcu_thread_register();
    bl_store_free(l->store);
    bl_changes_free(l->changes);
    teardown(&l->w);
}

static void start(struct life *l)
{
    char why[BL_ERR_BYTES];
    assert_int_equal(bl_store_start(l->store, why), 0);
}

/* Waits until the store's thread has saved what was done so far. */
static void wait_for_journal(const struct life *l, uint64_t records)
{
    for (int i = 0; i < 2000 && stats(l).journal_records < records; i++) {
        bl_rcu_offline();
        usleep(5000);
        bl_rcu_online();
    }
    assert_true(stats(l).journal_records >= records);
}

static void wait_for_snapshot(const struct life *l, uint64_t snapshots)
{
    for (int i = 0; i < 2000 && stats(l).snapshots < snapshots; i++) {
        bl_rcu_offline();
        usleep(5000);
        bl_rcu_online();
    }
    assert_true(stats(l).snapshots >= snapshots);
}

/* ---- the folder --------------------------------------------------------------- */

static void clear_folder(void)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
    closedir(d);
}

static unsigned files(const char *beginning)
{
    unsigned count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        count += strncmp(e->d_name, beginning, strlen(beginning)) == 0;
    closedir(d);
    return count;
}

static int open_file(const char *prefix, uint64_t generation)
{
    char name[BL_STATE_NAME], path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, bl_state_file_name(prefix, generation, name));
    return open(path, O_RDWR | O_CLOEXEC);
}

/* Turns a bit of the byte at `at`, from the end if below 0. */
static void damage(const char *prefix, uint64_t generation, off_t at)
{
    int fd = open_file(prefix, generation);
    uint8_t byte;
    assert_true(fd >= 0);
    if (at < 0)
        at += lseek(fd, 0, SEEK_END);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void cut(const char *prefix, uint64_t generation, off_t bytes)
{
    int fd = open_file(prefix, generation);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - bytes), 0);
    close(fd);
}

/* ---- tests ---------------------------------------------------------------------- */

static void a_clean_stop_loses_nothing(void **state)
{
    (void)state;
    struct life l;
    clear_folder();
    begin(&l);
    assert_int_equal(l.found.nodes, 0);
    start(&l);
    beat(&l.w, 0, "a");
    beat(&l.w, 1, "b");
    beat(&l.w, 1, "c");
    pass(&l.w, 1100);
    beat(&l.w, 1, "c");
    pass(&l.w, BL_RECHECK_TICKS + 10);
    bl_role_assume_control();
    assert_int_equal(bl_fleet_pause(l.w.fleet, node_of(&l.w, "b"), NULL, unix_ms(&l.w)), 0);
    end(&l, true);

    begin(&l);
    assert_int_equal(l.found.nodes, 3);
    assert_int_equal(l.found.changes, 0);
    assert_int_equal(l.found.events, EVENTS);
    assert_int_equal(state_of(&l.w, "a"), BL_STATE_FAILED);
    assert_int_equal(state_of(&l.w, "b"), BL_STATE_PAUSED);
    assert_int_equal(bl_registry_get(bl_fleet_registry(l.w.fleet), node_of(&l.w, "a"))->incident, 1);
    pass(&l.w, 5000);
    assert_int_equal(l.w.transitions, 1); /* c, after a full timeout */
    end(&l, true);
}

/* Silence adds up over clean stops; after a crash nobody knows of it. */
static void a_clean_stop_tells_who_was_silent_a_crash_does_not(void **state)
{
    (void)state;
    for (int clean = 0; clean < 2; clean++) {
        struct life l;
        struct bl_node_past p;
        clear_folder();
        begin(&l);
        beat(&l.w, 0, "a");
        pass(&l.w, 700);
        end(&l, true);

        begin(&l);
        assert_true(l.found.stopped);
        assert_true(bl_fleet_past_of(l.w.fleet, node_of(&l.w, "a"), l.w.now_ns, unix_ms(&l.w), &p));
        assert_in_range(p.silent_ms, 700, 700 + BL_POLL_GAP_NS / MS);
        start(&l);
        wait_for_snapshot(&l, 1);
        end(&l, clean);

        begin(&l);
        assert_int_equal(l.found.stopped, clean);
        assert_true(bl_fleet_past_of(l.w.fleet, node_of(&l.w, "a"), l.w.now_ns, unix_ms(&l.w), &p));
        assert_in_range(p.silent_ms, clean ? 700 : 0, clean ? 1000 : 0);
        end(&l, true);
    }
}

static void a_crash_loses_nothing_that_was_journaled(void **state)
{
    (void)state;
    struct life l;
    clear_folder();
    begin(&l);
    start(&l);
    wait_for_snapshot(&l, 1);
    beat(&l.w, 0, "a");
    beat(&l.w, 0, "b");
    bl_role_assume_control();
    set(&l.w, "created", BL_SET_ERR, (struct bl_policy){.err_ms = 5000});
    wait_for_journal(&l, 3);
    uint64_t before = stats(&l).journal_records;
    assert_int_equal(bl_fleet_remove(l.w.fleet, node_of(&l.w, "b")), 0);
    set(&l.w, "a", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 7000});
    wait_for_journal(&l, before + 2);
    end(&l, false);

    begin(&l);
    assert_true(l.found.changes >= 5);
    assert_int_equal(l.found.nodes, 2);
    assert_int_equal(node_of(&l.w, "b"), BL_NODE_NONE);
    assert_int_equal(state_of(&l.w, "created"), BL_STATE_NEW);
    assert_int_equal(bl_registry_get(bl_fleet_registry(l.w.fleet), node_of(&l.w, "a"))->policy.timeout_ms,
                     7000);
    end(&l, false);
}

static struct bl_policy policy_of(const struct life *l, const char *name)
{
    return bl_fleet_policy_of(l->w.fleet,
                              bl_registry_get(bl_fleet_registry(l->w.fleet), node_of(&l->w, name)));
}

/* Fixed timeouts that somebody asked for, where others learn. */
static void an_own_detector_outlives_a_crash(void **state)
{
    (void)state;
    struct bl_fleet_config learns = {.max_nodes = 1000,
                                     .defaults = {.timeout_ms = 1000, .detector = BL_DETECTOR_AUTO}};
    struct life l;
    clear_folder();
    begin(&l);
    start(&l);
    bl_role_assume_control();
    beat(&l.w, 0, "learns");
    beat(&l.w, 0, "fixed");
    set(&l.w, "fixed", BL_SET_DETECTOR, (struct bl_policy){.detector = BL_DETECTOR_FIXED});
    set(&l.w, "phi", BL_SET_DETECTOR, (struct bl_policy){.detector = BL_DETECTOR_PHI});
    wait_for_journal(&l, 3);
    end(&l, false);

    begin(&l);
    bl_fleet_configure(l.w.fleet, &learns);
    assert_int_equal(policy_of(&l, "learns").detector, BL_DETECTOR_AUTO);
    assert_int_equal(policy_of(&l, "fixed").detector, BL_DETECTOR_FIXED);
    assert_int_equal(policy_of(&l, "phi").detector, BL_DETECTOR_PHI);
    end(&l, false);
}

/* Removed and back within one look of the store, in both orders. */
static void who_is_back_is_back(void **state)
{
    (void)state;
    struct life l;
    clear_folder();
    begin(&l);
    bl_role_assume_control();
    beat(&l.w, 0, "back");
    beat(&l.w, 0, "gone");
    assert_int_equal(bl_fleet_remove(l.w.fleet, node_of(&l.w, "back")), 0);
    worker_do_commands(&l.w);
    beat(&l.w, 0, "back");
    assert_int_equal(bl_fleet_remove(l.w.fleet, node_of(&l.w, "gone")), 0);
    start(&l);
    wait_for_snapshot(&l, 1);
    wait_for_journal(&l, 2);
    end(&l, false);
    begin(&l);
    assert_int_equal(l.found.nodes, 1);
    assert_int_equal(state_of(&l.w, "back"), BL_STATE_OK);
    end(&l, false);
}

/* Two snapshots with a journal after each, saved by clean stops. */
static void make_two(void)
{
    struct life l;
    clear_folder();
    begin(&l);
    start(&l);
    beat(&l.w, 0, "first");
    wait_for_snapshot(&l, 1);
    wait_for_journal(&l, 1);
    end(&l, false);
    begin(&l);
    start(&l);
    wait_for_snapshot(&l, 1);
    beat(&l.w, 0, "second");
    wait_for_journal(&l, 1);
    end(&l, false);
}

static void a_damaged_snapshot_costs_nothing_while_there_is_the_one_before(void **state)
{
    (void)state;
    struct life l;
    off_t at[] = {0, 30, 45, 70, -30, -1};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        make_two();
        damage(BL_SNAPSHOT_PREFIX, 2, at[i]);
        begin(&l);
        assert_int_equal(l.found.damaged, 1);
        assert_non_null(strstr(l.found.trouble, "snapshot-0000000002: damaged at byte"));
        assert_int_equal(l.found.nodes, 2);
        assert_int_equal(state_of(&l.w, "first"), BL_STATE_OK);
        assert_int_equal(state_of(&l.w, "second"), BL_STATE_OK);
        assert_int_equal(files("snapshot-0000000002.damaged"), 1);
        assert_int_equal(stats(&l).damaged, 1);
        start(&l);
        wait_for_snapshot(&l, 1);
        assert_true(__atomic_load_n(&l.said, __ATOMIC_RELAXED) > 0);
        end(&l, false);
        begin(&l);
        assert_int_equal(l.found.damaged, 0);
        assert_int_equal(l.found.nodes, 2);
        end(&l, false);
    }
}

static void a_torn_journal_is_good_up_to_there(void **state)
{
    (void)state;
    struct life l;
    make_two();
    cut(BL_JOURNAL_PREFIX, 2, 1);
    begin(&l);
    assert_int_equal(l.found.damaged, 0); /* that is how a crash looks */
    assert_int_equal(state_of(&l.w, "first"), BL_STATE_OK);
    assert_int_equal(state_of(&l.w, "second"), BL_STATE_OK);
    end(&l, false);
    make_two();
    cut(BL_JOURNAL_PREFIX, 2, 100);
    begin(&l);
    assert_int_equal(l.found.nodes, 1);
    end(&l, false);
}

static void only_the_last_two_are_kept(void **state)
{
    (void)state;
    struct life l;
    clear_folder();
    for (int i = 0; i < 6; i++) {
        begin(&l);
        end(&l, true);
    }
    assert_int_equal(files("snapshot-"), 2);
    assert_int_equal(files("journal-"), 2);
    assert_int_equal(files(""), 2 + 2 + 1 + 2); /* the lock, . and .. */
}

static void a_folder_is_of_one_daemon(void **state)
{
    (void)state;
    struct life l, other;
    char why[BL_ERR_BYTES];
    clear_folder();
    begin(&l);
    assert_true(try_begin(&other, why) != 0);
    assert_non_null(strstr(why, "another beatlined uses it"));
    bl_changes_free(other.changes);
    teardown(&other.w);
    end(&l, false);
}

static void nothing_is_written_over_what_a_newer_version_wrote(void **state)
{
    (void)state;
    struct life l;
    char why[BL_ERR_BYTES];
    make_two();
    int fd = open_file(BL_SNAPSHOT_PREFIX, 2);
    struct bl_state_writer w;
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(bl_state_writer_begin(&w, fd, BL_STATE_SNAPSHOT, 2, 0), 0);
    w.section = (struct bl_state_section){.type = 77, .fixed_bytes = 8, .bytes = 8, .count = 1};
    memset(w.buffer, 7, 8);
    assert_int_equal(bl_state_end(&w), 0);
    bl_state_writer_free(&w);
    close(fd);
    assert_int_equal(try_begin(&l, why), -EPROTO);
    assert_non_null(strstr(why, "newer beatline"));
    end(&l, false);
}

/* A life full of everything, crashed and begun again, against the fleet
 * that it was. */
static void it_comes_back_like_the_fleet_that_it_was(void **state)
{
    (void)state;
    struct test_random r = {.state = test_random_seed("store")};
    struct life l, again;
    clear_folder();
    begin(&l);
    start(&l);
    bl_role_assume_control();
    for (int step = 0; step < 3000; step++) {
        char name[16];
        snprintf(name, sizeof(name), "node-%u", test_random_below(&r, 200));
        uint32_t node = node_of(&l.w, name), what = test_random_below(&r, 10);
        if (what < 5)
            beat(&l.w, test_random_below(&r, 2), name);
        else if (what == 5)
            set(&l.w, name, BL_SET_ERR, (struct bl_policy){.err_ms = 1000 + test_random_below(&r, 5) * 500});
        else if (what == 6 && node != BL_NODE_NONE)
            assert_int_equal(bl_fleet_remove(l.w.fleet, node), 0);
        else if (what == 7 && node != BL_NODE_NONE)
            assert_int_equal(bl_fleet_pause(l.w.fleet, node, NULL, unix_ms(&l.w)), 0);
        else if (what == 8 && node != BL_NODE_NONE)
            assert_int_equal(bl_fleet_resume(l.w.fleet, node, unix_ms(&l.w)), 0);
        else
            pass(&l.w, 20);
        if (step % 100 == 0) {
            bl_rcu_offline();
            usleep(1000);
            bl_rcu_online();
        } else
            bl_rcu_quiescent();
        if (bl_registry_removed(bl_fleet_registry(l.w.fleet)) > 20) {
            bl_rcu_wait();
            bl_registry_reclaim(bl_fleet_registry_own(l.w.fleet));
        }
    }
    uint64_t overruns = stats(&l).overruns;
    assert_int_equal(overruns, 0);
    bl_rcu_offline();
    usleep(1200000); /* what store.h promises */
    bl_store_stop(l.store);
    bl_store_free(l.store);
    l.store = NULL;
    bl_rcu_online();

    begin(&again);
    assert_int_equal(bl_registry_total(bl_fleet_registry(again.w.fleet)),
                     bl_registry_total(bl_fleet_registry(l.w.fleet)));
    for (uint32_t i = 0; i < bl_registry_end(bl_fleet_registry(l.w.fleet)); i++) {
        struct bl_node_past was, is;
        if (!bl_fleet_past_of(l.w.fleet, i, l.w.now_ns, unix_ms(&l.w), &was))
            continue;
        struct bl_node_ref who = {.name = was.name, .name_len = was.name_len};
        assert_true(bl_fleet_past_of(again.w.fleet, bl_fleet_find(again.w.fleet, &who), again.w.now_ns,
                                     unix_ms(&again.w), &is));
        assert_int_equal(is.state, was.state);
        assert_int_equal(is.incident, was.incident);
        assert_int_equal(is.state_since_unix_ms, was.state_since_unix_ms);
        assert_memory_equal(&is.policy, &was.policy, sizeof(is.policy));
    }
    bl_changes_free(l.changes);
    teardown(&l.w);
    end(&again, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_stop_loses_nothing),
        cmocka_unit_test(a_clean_stop_tells_who_was_silent_a_crash_does_not),
        cmocka_unit_test(a_crash_loses_nothing_that_was_journaled),
        cmocka_unit_test(an_own_detector_outlives_a_crash),
        cmocka_unit_test(who_is_back_is_back),
        cmocka_unit_test(a_damaged_snapshot_costs_nothing_while_there_is_the_one_before),
        cmocka_unit_test(a_torn_journal_is_good_up_to_there),
        cmocka_unit_test(only_the_last_two_are_kept),
        cmocka_unit_test(a_folder_is_of_one_daemon),
        cmocka_unit_test(nothing_is_written_over_what_a_newer_version_wrote),
        cmocka_unit_test(it_comes_back_like_the_fleet_that_it_was),
    };
    if (!mkdtemp(folder))
        return 1;
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    clear_folder();
    rmdir(folder);
    return failed;
}
