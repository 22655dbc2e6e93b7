/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet that was saved, and the one that goes on with it. */
#include <errno.h>

#include "tests/unit/fleet_world.h"
#include "tests/unit/random.h"

#define TIMEOUT_1S ((struct bl_policy){.timeout_ms = 1000})

static struct bl_node_past past_of_name(const char *name, enum bl_state state)
{
    return (struct bl_node_past){.name = name,
                                 .name_len = (uint8_t)strlen(name),
                                 .state = (uint8_t)state,
                                 .incident = 7,
                                 .first_seen_unix_ms = UNIX_MS - 9000,
                                 .state_since_unix_ms = UNIX_MS - 8000,
                                 .last_beat_unix_ms = UNIX_MS - 7000};
}

static void restore(struct world *w, struct bl_node_past p)
{
    bl_role_assume_control();
    assert_int_equal(bl_fleet_restore(w->fleet, &p), 0);
}

static void begin(struct world *w)
{
    bl_role_assume_control();
    assert_int_equal(bl_fleet_take_places(w->fleet), 0);
}

static const struct bl_node *record(const struct world *w, const char *name)
{
    return bl_registry_get(bl_fleet_registry(w->fleet), node_of(w, name));
}

static void who_was_ok_has_its_full_timeout_again(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    restore(&w, past_of_name("silent", BL_STATE_OK));
    restore(&w, past_of_name("beating", BL_STATE_OK));
    begin(&w);
    pass(&w, 500);
    assert_int_equal(beat(&w, 0, "beating"), 0);
    pass(&w, 500);
    assert_int_equal(w.transitions, 0);
    pass(&w, 20);
    assert_int_equal(w.transitions, 1);
    assert_int_equal(state_of(&w, "silent"), BL_STATE_FAILED);
    assert_string_equal(w.last.reason, "timeout");
    assert_int_equal(w.last.incident, 8);
    assert_int_equal(w.last.last_beat_unix_ms, UNIX_MS - 7000); /* not the restart */
    pass(&w, 500);
    assert_int_equal(state_of(&w, "beating"), BL_STATE_FAILED);
    assert_int_equal(w.last.last_beat_unix_ms, UNIX_MS + 1500);
    teardown(&w);
}

static void who_had_failed_stays_so_untold_until_it_beats(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    restore(&w, past_of_name("dead", BL_STATE_FAILED));
    restore(&w, past_of_name("unknown", BL_STATE_UNKNOWN));
    begin(&w);
    pass(&w, 900);
    set(&w, "dead", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 60000});
    set(&w, "unknown", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 30000});
    pass(&w, 50);
    assert_int_equal(w.transitions, 0);
    assert_int_equal(state_of(&w, "dead"), BL_STATE_FAILED);
    assert_int_equal(record(&w, "dead")->state_since_unix_ms, UNIX_MS - 8000);
    beat(&w, 0, "dead");
    pass(&w, BL_RECHECK_TICKS);
    assert_int_equal(state_of(&w, "dead"), BL_STATE_OK);
    assert_string_equal(w.last.reason, "beat");
    assert_int_equal(w.last.incident, 7);
    pass(&w, 61000);
    assert_int_equal(w.last.incident, 8);
    assert_int_equal(state_of(&w, "dead"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "unknown"), BL_STATE_FAILED);
    teardown(&w);
}

static void a_warning_fails_after_the_rest_of_its_retries(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.warn_ms = 1000, .err_ms = 3000});
    restore(&w, past_of_name("late", BL_STATE_WARNING));
    begin(&w);
    pass(&w, 3000);
    assert_int_equal(w.transitions, 0);
    pass(&w, 20);
    assert_int_equal(state_of(&w, "late"), BL_STATE_FAILED);
    assert_int_equal(w.last.incident, 7); /* still the same */
    teardown(&w);
}

static void pauses_go_on_and_end_as_they_should(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    struct bl_node_past timed = past_of_name("timed", BL_STATE_PAUSED);
    struct bl_node_past bye = past_of_name("bye", BL_STATE_PAUSED);
    struct bl_node_past muted = past_of_name("muted", BL_STATE_PAUSED);
    timed.pause_end_s = (uint32_t)(UNIX_MS / 1000) + 5;
    bye.until_beat = true;
    restore(&w, timed);
    restore(&w, bye);
    restore(&w, muted);
    begin(&w);
    pass(&w, 3000);
    beat(&w, 1, "muted");
    beat(&w, 1, "bye");
    pass(&w, BL_RECHECK_TICKS + 10);
    assert_int_equal(state_of(&w, "bye"), BL_STATE_OK);
    assert_int_equal(w.transitions, 1);
    pass(&w, 2000);
    assert_int_equal(state_of(&w, "timed"), BL_STATE_FAILED); /* silent for 4 s of ours */
    assert_int_equal(state_of(&w, "muted"), BL_STATE_PAUSED);
    teardown(&w);
}

static void who_moved_meanwhile_beats_on_in_its_new_table(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    struct bl_node_past p = past_of_name("mover", BL_STATE_OK), q = past_of_name("far", BL_STATE_OK);
    p.table = 1;
    q.table = 77; /* there were more then */
    restore(&w, p);
    restore(&w, q);
    begin(&w);
    assert_int_equal(bl_table_used(&w.table[0]) + bl_table_used(&w.table[1]), 2);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(beat(&w, 0, "mover"), 0);
        assert_int_equal(beat(&w, 0, "far"), 0);
        pass(&w, 100);
    }
    assert_int_equal(w.transitions, 0);
    assert_int_equal(bl_table_used(&w.table[0]), 2);
    assert_int_equal(bl_table_used(&w.table[1]), 0);
    teardown(&w);
}

static void the_tables_are_made_large_enough(void **state)
{
    (void)state;
    struct world w;
    char name[16];
    setup(&w, TIMEOUT_1S);
    for (int i = 0; i < 900; i++) {
        snprintf(name, sizeof(name), "node-%d", i);
        restore(&w, past_of_name(name, BL_STATE_OK));
    }
    begin(&w);
    assert_int_equal(bl_table_used(&w.table[0]), 900);
    assert_true(bl_table_slot_count(&w.table[0]) >= 1500);
    pass(&w, 1020);
    assert_int_equal(w.failures, 900);
    teardown(&w);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    struct bl_node_past bad[] = {
        past_of_name("a b", BL_STATE_OK),
        past_of_name("", BL_STATE_OK),
        past_of_name("state", BL_STATE_COUNT),
        past_of_name("timeout", BL_STATE_OK),
    };
    bad[3].policy.err_ms = BL_TIMEOUT_MAX_MS + 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(bl_fleet_restore(w.fleet, &bad[i]), -EINVAL);
    restore(&w, past_of_name("name", BL_STATE_OK));
    struct bl_node_past binary = past_of_name("name", BL_STATE_FAILED);
    binary.binary = true;
    binary.id = 5;
    assert_int_equal(bl_fleet_restore(w.fleet, &binary), -EEXIST); /* named by its id instead */
    assert_int_equal(state_of(&w, "id:0000000000000005"), BL_STATE_FAILED);
    binary = past_of_name("other", BL_STATE_OK);
    binary.binary = true;
    binary.id = 5;
    restore(&w, binary);
    assert_int_equal(bl_fleet_restore(w.fleet, &(struct bl_node_past){.name = "other", .name_len = 5}),
                     -EEXIST);
    assert_int_equal(bl_registry_total(bl_fleet_registry(w.fleet)), 2);
    teardown(&w);
}

/* ---- silence over restarts ------------------------------------------------ */

/* Two lives, of which one runs. */
struct lives {
    struct world w[2];
    struct bl_policy defaults;
    uint32_t grace_ms;
    unsigned now;
};

static struct world *begin_life(struct lives *l, struct bl_policy defaults, uint32_t grace_ms)
{
    *l = (struct lives){.defaults = defaults, .grace_ms = grace_ms};
    setup(&l->w[0], defaults);
    return &l->w[0];
}

/* It stops, is off for a while, and starts with what was saved; without
 * `clean` that does not tell how long each node was silent. */
static struct world *restart(struct lives *l, uint32_t off_ms, bool clean)
{
    struct world *was = &l->w[l->now], *is = &l->w[!l->now];
    struct bl_fleet_config c = {
        .max_nodes = 1000, .grace_ms = l->grace_ms, .defaults = l->defaults, .memory = bl_memory_libc};
    struct bl_node_past p;

    bl_role_assume_control();
    setup(is, l->defaults);
    bl_fleet_configure(is->fleet, &c);
    is->now_ns = was->now_ns + off_ms * MS;
    for (unsigned i = 0; i < 2; i++)
        bl_ingest_clock_init(&is->clock[i], is->now_ns, 1);
    for (uint32_t i = 0; i < bl_registry_end(bl_fleet_registry(was->fleet)); i++)
        if (bl_fleet_past_of(was->fleet, i, was->now_ns, unix_ms(was), &p))
            restore(is, p);
    if (!clean)
        bl_fleet_forget_silence(is->fleet);
    begin(is);
    teardown(was);
    l->now = !l->now;
    return is;
}

/* Restarts every `run_ms`; how long a node that was heard last just now
 * is listened to until it has failed, at most `most_ms`. */
static uint32_t listened_ms(struct lives *l, const char *name, uint32_t run_ms, uint32_t most_ms)
{
    struct world *w = &l->w[l->now];
    for (uint32_t ms = 0; ms < most_ms; ms += 10) {
        if (ms > 0 && ms % run_ms == 0)
            w = restart(l, 400, true);
        pass(w, 10);
        if (state_of(w, name) == BL_STATE_FAILED)
            return ms + 10;
    }
    return most_ms;
}

#define TIMEOUT_6S ((struct bl_policy){.timeout_ms = 6000})

static void silence_adds_up_over_restarts(void **state)
{
    (void)state;
    struct lives l;
    struct world *w = begin_life(&l, TIMEOUT_6S, 0);
    beat(w, 0, "dead");
    /* Its interval is not known: the timeout, and as much again. */
    assert_in_range(listened_ms(&l, "dead", 3600, 18000), 12000, 12600);
    teardown(&l.w[l.now]);
    w = begin_life(&l, TIMEOUT_6S, 2000);
    beat(w, 0, "dead");
    /* 8 s, and 1.5 s (a quarter) of a run at least. */
    assert_in_range(listened_ms(&l, "dead", 3600, 18000), 8000, 8800);
    teardown(&l.w[l.now]);
}

static void who_promised_an_interval_is_listened_to_for_as_long(void **state)
{
    (void)state;
    struct lives l;
    struct world *w = begin_life(&l, TIMEOUT_6S, 0);
    beat(w, 0, "dead");
    bl_role_assume_control();
    struct bl_node_ref who = ref("dead");
    struct bl_policy_patch promise = {.set = BL_SET_INTERVAL, .interval_ms = 1000};
    assert_int_equal(bl_fleet_set(w->fleet, &who, &promise, unix_ms(w)), 0);
    /* The timeout, the interval and a margin. */
    assert_in_range(listened_ms(&l, "dead", 3600, 18000), 7170, 7200);
    teardown(&l.w[l.now]);
}

static void one_restart_leaves_what_was_left_and_the_grace(void **state)
{
    (void)state;
    struct lives l;
    struct world *w = begin_life(&l, (struct bl_policy){.timeout_ms = 60000}, 5000);
    beat(w, 0, "dead");
    pass(w, 50000);
    w = restart(&l, 3600000, true);
    pass(w, 15000);
    assert_int_equal(w->transitions, 0);
    pass(w, 20);
    assert_int_equal(state_of(w, "dead"), BL_STATE_FAILED);
    assert_string_equal(w->last.reason, "timeout");
    teardown(w);
}

static void after_a_crash_each_has_its_full_timeout(void **state)
{
    (void)state;
    struct lives l;
    struct world *w = begin_life(&l, TIMEOUT_6S, 1000);
    beat(w, 0, "a");
    pass(w, 5000);
    w = restart(&l, 1000, false);
    pass(w, 6000);
    assert_int_equal(w->transitions, 0);
    pass(w, 20);
    assert_int_equal(state_of(w, "a"), BL_STATE_FAILED);
    teardown(w);
}

static void a_warning_goes_on_where_it_was(void **state)
{
    (void)state;
    struct lives l;
    struct world *w = begin_life(&l, (struct bl_policy){.warn_ms = 2000, .err_ms = 10000}, 1000);
    beat(w, 0, "late");
    pass(w, 6000);
    assert_int_equal(state_of(w, "late"), BL_STATE_WARNING);
    w = restart(&l, 5000, true);
    pass(w, 5000);
    assert_int_equal(w->transitions, 0);
    pass(w, 20);
    assert_int_equal(state_of(w, "late"), BL_STATE_FAILED);
    teardown(w);
}

static void who_learns_and_dies_while_we_are_away_fails(void **state)
{
    (void)state;
    for (unsigned detector = BL_DETECTOR_AUTO; detector < BL_DETECTOR_COUNT; detector++) {
        struct lives l;
        struct world *w = begin_life(&l, (struct bl_policy){.detector = (uint8_t)detector}, 0);
        for (int i = 0; i < 60; i++) {
            beat(w, 0, "dead");
            beat(w, 0, "lives");
            pass(w, 1000);
        }
        w = restart(&l, 700, true);
        for (int i = 0; i < 50; i++) {
            beat(w, 0, "lives");
            pass(w, 1000);
        }
        assert_int_equal(state_of(w, "dead"), BL_STATE_FAILED);
        assert_int_equal(state_of(w, "lives"), BL_STATE_OK);
        assert_int_equal(w->transitions, 1);
        assert_int_equal(w->measures, 0); /* nobody had to ask for it */
        pass(w, 2500);
        assert_int_equal(state_of(w, "lives"), BL_STATE_FAILED);
        teardown(w);
    }
}

/* A living node of any interval, up to half of its timeout, one that is
 * promised up to all of it: whatever the time off, and when. */
static void nobody_who_lives_is_failed_by_time_off(void **state)
{
    (void)state;
    struct test_random r = {.state = test_random_seed("fleet_past, time off")};
    enum { NODES = 24 };
    for (unsigned round = 0; round < 40; round++) {
        struct lives l;
        char name[NODES][8];
        uint32_t interval[NODES], next[NODES];
        struct world *w = begin_life(&l, (struct bl_policy){0}, 0);
        bl_role_assume_control();
        for (unsigned i = 0; i < NODES; i++) {
            bool learns = i % 3 == 0, promises = i % 3 == 1;
            uint32_t timeout_ms = 500 + test_random_below(&r, 4000);
            interval[i] =
                learns ? 300 + test_random_below(&r, 2000) : timeout_ms * (promises ? 95 : 50) / 100;
            interval[i] = interval[i] / 10 * 10;
            next[i] = 0;
            snprintf(name[i], sizeof(name[i]), "n%u", i);
            beat(w, 0, name[i]);
            struct bl_node_ref who = ref(name[i]);
            struct bl_policy_patch patch = {
                .set = BL_SET_DETECTOR | BL_SET_TIMEOUT | BL_SET_INTERVAL,
                .policy = {.timeout_ms = timeout_ms,
                           .detector = learns ? BL_DETECTOR_AUTO : BL_DETECTOR_FIXED},
                .interval_ms = promises ? interval[i] : 0};
            if (learns)
                patch.set &= ~(uint32_t)BL_SET_TIMEOUT;
            assert_int_equal(bl_fleet_set(w->fleet, &who, &patch, unix_ms(w)), 0);
        }
        uint32_t off_until = 0, on_until = 30000;
        for (uint32_t ms = 0; ms < 60000; ms += 10) {
            if (ms == on_until) {
                uint32_t off = (1 + test_random_below(&r, 600)) * 10;
                w = restart(&l, off, test_random_below(&r, 4) != 0);
                off_until = ms + off;
                on_until = off_until + 5000 + test_random_below(&r, 1000) * 10;
            }
            for (unsigned i = 0; i < NODES; i++)
                if (ms >= next[i]) {
                    next[i] = ms + interval[i];
                    if (ms >= off_until)
                        beat(w, 0, name[i]);
                }
            if (ms >= off_until)
                pass(w, 10);
            assert_int_equal(w->transitions, 0);
        }
        teardown(w);
    }
}

/* ---- there and back ------------------------------------------------------- */

static struct bl_node_past random_past(struct test_random *r, char name[32])
{
    struct bl_node_past p = {
        .name = name,
        .binary = test_random_below(r, 2),
        .own_retries = test_random_below(r, 2),
        .state = (uint8_t)test_random_below(r, BL_STATE_COUNT),
        .table = (uint16_t)test_random_below(r, 2),
        .policy = {.timeout_ms = test_random_below(r, 2) * 5000,
                   .warn_ms = test_random_below(r, 3) * 1000,
                   .err_ms = test_random_below(r, 3) * 2000,
                   .retries = (uint8_t)test_random_below(r, 255),
                   .detector = (uint8_t)test_random_below(r, 2)},
        .interval_ms = test_random_below(r, 100),
        .incident = test_random_below(r, UINT32_MAX),
        .first_seen_unix_ms = UNIX_MS - test_random_below(r, 1000000),
        .state_since_unix_ms = UNIX_MS - test_random_below(r, 1000000),
        .last_beat_unix_ms = UNIX_MS - test_random_below(r, 1000000),
    };
    /* Files of old had no bit for it: learning is always a node's own. */
    p.own_detector = p.policy.detector != BL_DETECTOR_FIXED || test_random_below(r, 2);
    p.id = p.binary ? test_random_u64(r) % 200 : 0;
    p.name_len = (uint8_t)snprintf(name, 32, "%s%u", p.binary ? "hello-" : "node-",
                                   p.binary ? (unsigned)p.id : test_random_below(r, 200));
    if (p.binary && p.id % 2)
        p.name_len = 0;
    if (p.state == BL_STATE_PAUSED) {
        p.until_beat = test_random_below(r, 2);
        p.pause_end_s = test_random_below(r, 2) * ((uint32_t)(UNIX_MS / 1000) + 1000);
    }
    return p;
}

static void assert_same(const struct bl_node_past *a, const struct bl_node_past *b)
{
    assert_int_equal(a->name_len, b->name_len);
    assert_memory_equal(a->name, b->name, a->name_len);
    assert_int_equal(a->binary, b->binary);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->until_beat, b->until_beat);
    assert_int_equal(a->own_retries, b->own_retries);
    assert_int_equal(a->own_detector, b->own_detector);
    assert_int_equal(a->state, b->state);
    assert_memory_equal(&a->policy, &b->policy, sizeof(a->policy));
    assert_int_equal(a->interval_ms, b->interval_ms);
    assert_int_equal(a->incident, b->incident);
    assert_int_equal(a->pause_end_s, b->pause_end_s);
    assert_int_equal(a->first_seen_unix_ms, b->first_seen_unix_ms);
    assert_int_equal(a->state_since_unix_ms, b->state_since_unix_ms);
    assert_int_equal(a->last_beat_unix_ms, b->last_beat_unix_ms);
    if (a->state != BL_STATE_NEW)
        assert_int_equal(a->table, b->table);
}

static void what_comes_back_is_what_was_saved(void **state)
{
    (void)state;
    struct test_random r = {.state = test_random_seed("fleet_past")};
    struct bl_node_past model[400];
    static char name[400][32];
    bool there[400] = {false};
    struct world w;
    setup(&w, TIMEOUT_1S);
    for (int i = 0; i < 2000; i++) { /* again and again: the last one counts */
        char made[32];
        struct bl_node_past p = random_past(&r, made);
        uint32_t at = p.binary ? (uint32_t)p.id : 200 + (uint32_t)strtoul(made + 5, NULL, 10);
        restore(&w, p);
        model[at] = p;
        memcpy(name[at], made, sizeof(made));
        model[at].name = name[at];
        there[at] = true;
    }
    begin(&w);
    for (uint32_t at = 0; at < 400; at++) {
        struct bl_node_past is;
        if (!there[at])
            continue;
        struct bl_node_ref who = {.id = model[at].id};
        if (!model[at].binary)
            who = ref(name[at]);
        assert_true(bl_fleet_past_of(w.fleet, bl_fleet_find(w.fleet, &who), w.now_ns, unix_ms(&w), &is));
        assert_same(&is, &model[at]);
    }
    teardown(&w);
}

static void a_beating_node_is_saved_with_its_last_beat(void **state)
{
    (void)state;
    struct world w;
    struct bl_node_past p;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "a");
    assert_int_equal(bl_fleet_pause(w.fleet, node_of(&w, "a"), NULL, unix_ms(&w)), 0);
    pass(&w, 500);
    beat(&w, 1, "a");
    pass(&w, 100);
    assert_true(bl_fleet_past_of(w.fleet, node_of(&w, "a"), w.now_ns, unix_ms(&w), &p));
    assert_int_equal(p.last_beat_unix_ms, unix_ms(&w) - 100);
    assert_int_equal(p.state, BL_STATE_PAUSED);
    assert_false(bl_fleet_past_of(w.fleet, 99, w.now_ns, unix_ms(&w), &p));
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_ok_has_its_full_timeout_again),
        cmocka_unit_test(who_had_failed_stays_so_untold_until_it_beats),
        cmocka_unit_test(a_warning_fails_after_the_rest_of_its_retries),
        cmocka_unit_test(pauses_go_on_and_end_as_they_should),
        cmocka_unit_test(who_moved_meanwhile_beats_on_in_its_new_table),
        cmocka_unit_test(the_tables_are_made_large_enough),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(silence_adds_up_over_restarts),
        cmocka_unit_test(who_promised_an_interval_is_listened_to_for_as_long),
        cmocka_unit_test(one_restart_leaves_what_was_left_and_the_grace),
        cmocka_unit_test(after_a_crash_each_has_its_full_timeout),
        cmocka_unit_test(a_warning_goes_on_where_it_was),
        cmocka_unit_test(who_learns_and_dies_while_we_are_away_fails),
        cmocka_unit_test(nobody_who_lives_is_failed_by_time_off),
        cmocka_unit_test(what_comes_back_is_what_was_saved),
        cmocka_unit_test(a_beating_node_is_saved_with_its_last_beat),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
