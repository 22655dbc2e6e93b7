/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/load/load_fleet.h"

#define MS             UINT64_C(1000000)
#define SHARE(percent) ((uint32_t)((percent) / 100.0 * 4294967296.0))
#define NODES_MAX      1000u

/* What came of one node. */
struct seen {
    uint32_t beats, last_sequence, incarnation;
    uint64_t first_ns, last_ns;
};

static struct seen seen[NODES_MAX];

static void note(const struct bl_load_beat *b, uint64_t now_ns)
{
    struct seen *s = &seen[b->node];
    if (s->beats++ == 0)
        s->first_ns = now_ns;
    s->last_ns = now_ns;
    s->last_sequence = b->sequence;
    s->incarnation = b->incarnation;
}

/* Takes all that is due at `now_ns`, in bursts of changing size. */
static uint64_t take_due(struct bl_load_fleet *f, uint64_t now_ns)
{
    struct bl_load_beat beats[64];
    uint64_t sum = 0;
    for (;;) {
        unsigned max = BL_LOAD_BEATS_PER_PLACE + (unsigned)(sum % 60);
        unsigned n = bl_load_fleet_due(f, now_ns, beats, max);
        assert_true(n <= max);
        for (unsigned i = 0; i < n; i++)
            note(&beats[i], now_ns);
        sum += n;
        if (n == 0 && bl_load_fleet_next_ns(f) > now_ns)
            return sum;
    }
}

static void run(struct bl_load_fleet *f, uint64_t from_ns, uint64_t until_ns, uint64_t step_ns)
{
    for (uint64_t now = from_ns; now < until_ns; now += step_ns)
        take_due(f, now);
    take_due(f, until_ns - 1);
}

static void start(struct bl_load_fleet *f, struct bl_load_fleet_config c)
{
    memset(seen, 0, sizeof seen);
    if (c.seed == 0)
        c.seed = 1;
    assert_int_equal(bl_load_fleet_init(f, &c), 0);
}

static void every_node_beats_once_per_interval(void **state)
{
    (void)state;
    static const struct {
        uint32_t nodes;
        uint64_t interval_ns, duration_ns, step_ns;
        uint8_t jitter;
    } cases[] = {
        {1000, 1000 * MS, 10000 * MS, 1 * MS, 0},  {7, 13 * MS, 999 * MS, 5 * MS, 0},
        {1, 100 * MS, 10000 * MS, 333 * MS, 0},    {1000, 10 * MS, 500 * MS, MS / 3, 0},
        {1000, 1000 * MS, 10000 * MS, 1 * MS, 50}, {1000, 100 * MS, 3000 * MS, 7 * MS, 10},
        {3, 1000 * MS, 30000 * MS, 100 * MS, 25},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bl_load_fleet f;
        start(&f, (struct bl_load_fleet_config){.nodes = cases[i].nodes,
                                                .beats_num = cases[i].nodes,
                                                .beats_den_ns = cases[i].interval_ns,
                                                .jitter_percent = cases[i].jitter});
        run(&f, 0, cases[i].duration_ns, cases[i].step_ns);
        uint64_t times = cases[i].duration_ns / cases[i].interval_ns;
        for (uint32_t n = 0; n < cases[i].nodes; n++) {
            assert_in_range(seen[n].beats, times - 1, times + 1);
            assert_int_equal(seen[n].last_sequence, seen[n].beats);
        }
        bl_load_fleet_free(&f);
    }
}

static void a_whole_number_of_intervals_gives_exactly_so_many_beats(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    start(&f, (struct bl_load_fleet_config){.nodes = 997, .beats_num = 997, .beats_den_ns = 1000 * MS});
    run(&f, 0, 60000 * MS, MS);
    for (uint32_t n = 0; n < 997; n++)
        assert_int_equal(seen[n].beats, 60);
    bl_load_fleet_free(&f);
}

static void each_tick_has_its_even_share(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    start(&f, (struct bl_load_fleet_config){.nodes = 1000, .beats_num = 1000, .beats_den_ns = 100 * MS});
    assert_int_equal(take_due(&f, 0), 1);
    for (uint64_t tick = 1; tick < 1000; tick++)
        assert_int_equal(take_due(&f, tick * MS), 10);
    bl_load_fleet_free(&f);
}

static void a_rate_is_held_however_coarsely_it_is_asked(void **state)
{
    (void)state;
    static const uint64_t steps[] = {MS / 7, MS, 13 * MS, 450 * MS};
    for (unsigned i = 0; i < 4; i++) {
        struct bl_load_fleet f;
        uint64_t sum = 0;
        start(&f, (struct bl_load_fleet_config){.nodes = 100, .beats_num = 33333, .beats_den_ns = 1000 * MS});
        for (uint64_t now = 0; now < 5000 * MS; now += steps[i])
            sum += take_due(&f, now);
        sum += take_due(&f, 5000 * MS - 1);
        assert_int_equal(sum, 5 * 33333);
        assert_int_equal(bl_load_fleet_late_ns(&f, 5000 * MS - 1), 0);
        assert_int_equal(bl_load_fleet_late_ns(&f, 5100 * MS), 100 * MS);
        bl_load_fleet_free(&f);
    }
}

static void jitter_delays_by_no_more_than_its_share(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    uint64_t last[100] = {0};
    unsigned moved = 0;
    start(&f, (struct bl_load_fleet_config){
                  .nodes = 100, .beats_num = 100, .beats_den_ns = 1000 * MS, .jitter_percent = 30});
    for (uint64_t now = 0; now < 20000 * MS; now += MS) {
        struct bl_load_beat b[64];
        unsigned n = bl_load_fleet_due(&f, now, b, 64);
        for (unsigned i = 0; i < n; i++) {
            uint64_t gap = now - last[b[i].node];
            if (b[i].sequence > 1) {
                assert_in_range(gap, 700 * MS, 1300 * MS);
                moved += gap != 1000 * MS;
            }
            last[b[i].node] = now;
        }
    }
    assert_true(moved > 1000);
    bl_load_fleet_free(&f);
}

static void the_killed_are_silent_and_nobody_else(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    bool chosen[1000] = {false};
    start(&f, (struct bl_load_fleet_config){
                  .nodes = 1000, .beats_num = 1000, .beats_den_ns = 1000 * MS, .kill = 100, .restart = 50});
    run(&f, 0, 3000 * MS, MS);
    bl_load_fleet_kill(&f);
    run(&f, 3000 * MS, 6000 * MS, MS);
    for (uint32_t i = 0; i < 100; i++) {
        assert_false(chosen[bl_load_fleet_killed(&f, i)]);
        chosen[bl_load_fleet_killed(&f, i)] = true;
    }
    for (uint32_t n = 0; n < 1000; n++) {
        assert_int_equal(seen[n].beats, chosen[n] ? 3 : 6);
        assert_int_equal(bl_load_fleet_is_silent(&f, n), chosen[n]);
    }
    bl_load_fleet_revive(&f);
    run(&f, 6000 * MS, 8000 * MS, MS);
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(seen[n].last_sequence, chosen[n] ? 5 : 8);
    bl_load_fleet_free(&f);
}

static void the_same_seed_chooses_the_same_nodes(void **state)
{
    (void)state;
    static const uint32_t kills[] = {1, 10, 400, 900, 1000};
    for (unsigned k = 0; k < 5; k++) {
        struct bl_load_fleet a, b, other;
        struct bl_load_fleet_config c = {
            .nodes = 1000, .beats_num = 1000, .beats_den_ns = 1000 * MS, .kill = kills[k], .seed = 7};
        bool chosen[1000] = {false};
        unsigned different = 0;
        start(&a, c);
        start(&b, c);
        c.seed = 8;
        start(&other, c);
        for (uint32_t i = 0; i < c.kill; i++) {
            assert_int_equal(bl_load_fleet_killed(&a, i), bl_load_fleet_killed(&b, i));
            different += bl_load_fleet_killed(&a, i) != bl_load_fleet_killed(&other, i);
            assert_false(chosen[bl_load_fleet_killed(&a, i)]);
            chosen[bl_load_fleet_killed(&a, i)] = true;
        }
        assert_true(different > 0);
        bl_load_fleet_free(&a);
        bl_load_fleet_free(&b);
        bl_load_fleet_free(&other);
    }
}

static void a_restarted_node_counts_from_one_in_a_new_incarnation(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    start(&f, (struct bl_load_fleet_config){
                  .nodes = 10, .beats_num = 10, .beats_den_ns = 100 * MS, .restart = 3, .incarnation = 41});
    run(&f, 0, 500 * MS, MS);
    bl_load_fleet_restart(&f);
    run(&f, 500 * MS, 700 * MS, MS);
    unsigned restarted = 0;
    for (uint32_t n = 0; n < 10; n++) {
        assert_int_equal(seen[n].last_sequence, seen[n].incarnation == 42 ? 2 : 7);
        restarted += seen[n].incarnation == 42;
    }
    assert_int_equal(restarted, 3);
    bl_load_fleet_free(&f);
}

/* One node at full speed: its beats in order of sending. */
static void a_lost_beat_uses_its_sequence_number_up(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    struct bl_load_beat b[64];
    uint64_t sent = 0;
    uint32_t last = 0;
    start(&f, (struct bl_load_fleet_config){.nodes = 1, .loss = SHARE(10)});
    while (sent < 100000) {
        unsigned n = bl_load_fleet_due(&f, 0, b, 64);
        for (unsigned i = 0; i < n; i++, sent++) {
            assert_true(b[i].sequence > last);
            last = b[i].sequence;
        }
    }
    assert_in_range(f.lost, 10000, 12300);
    assert_in_range(f.lost + sent, last, last + 64u);
    bl_load_fleet_free(&f);
}

static void reordered_and_duplicated_beats_are_marked_and_none_is_missing(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    struct bl_load_beat b[64];
    uint64_t sent = 0, late = 0, duplicates = 0;
    uint32_t newest = 0, missing = 0;
    start(&f, (struct bl_load_fleet_config){.nodes = 1, .reorder = SHARE(5), .duplicate = SHARE(2)});
    while (sent < 100000) {
        unsigned n = bl_load_fleet_due(&f, 0, b, 64);
        for (unsigned i = 0; i < n; i++, sent++) {
            if (b[i].kind == BL_LOAD_BEAT_LATE) {
                assert_int_equal(b[i].sequence, missing);
                missing = 0;
                late++;
            } else if (b[i].kind == BL_LOAD_BEAT_DUPLICATE) {
                assert_int_equal(b[i].sequence, newest);
                duplicates++;
            } else {
                assert_int_equal(missing, 0);
                assert_in_range(b[i].sequence, newest + 1, newest + 2);
                missing = b[i].sequence == newest + 2 ? newest + 1 : 0;
                newest = b[i].sequence;
            }
        }
    }
    assert_in_range(late, 4000, 5600);
    assert_in_range(duplicates, 1600, 2200);
    bl_load_fleet_free(&f);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct bl_load_fleet f;
    struct bl_load_fleet_config none = {.nodes = 0};
    struct bl_load_fleet_config too_many = {.nodes = 10, .kill = 6, .restart = 5};
    struct bl_load_fleet_config hasty = {
        .nodes = 10, .beats_num = 10, .beats_den_ns = 3 * MS, .jitter_percent = 10};
    assert_int_equal(bl_load_fleet_init(&f, &none), -EINVAL);
    assert_int_equal(bl_load_fleet_init(&f, &too_many), -EINVAL);
    assert_int_equal(bl_load_fleet_init(&f, &hasty), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_beats_once_per_interval),
        cmocka_unit_test(a_whole_number_of_intervals_gives_exactly_so_many_beats),
        cmocka_unit_test(each_tick_has_its_even_share),
        cmocka_unit_test(a_rate_is_held_however_coarsely_it_is_asked),
        cmocka_unit_test(jitter_delays_by_no_more_than_its_share),
        cmocka_unit_test(the_killed_are_silent_and_nobody_else),
        cmocka_unit_test(the_same_seed_chooses_the_same_nodes),
        cmocka_unit_test(a_restarted_node_counts_from_one_in_a_new_incarnation),
        cmocka_unit_test(a_lost_beat_uses_its_sequence_number_up),
        cmocka_unit_test(reordered_and_duplicated_beats_are_marked_and_none_is_missing),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
