/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of pause ends against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/fleet/pause_ends.h"
#include "tests/unit/random.h"

#define MODEL_MAX 4096u

struct model {
    struct bl_pause_end entry[MODEL_MAX];
    uint32_t count;
};

static uint32_t soonest(const struct model *m)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < m->count; i++)
        if (m->entry[i].end_s < m->entry[best].end_s)
            best = i;
    return best;
}

static void forget(struct model *m, const struct bl_pause_end *e)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (memcmp(&m->entry[i], e, sizeof(*e)) == 0) {
            m->entry[i] = m->entry[--m->count];
            return;
        }
    fail_msg("node %u at %u was never added", e->node, e->end_s);
}

static bool is_exception(const void *ctx, const struct bl_pause_end *e)
{
    (void)ctx;
    return e->node & 1;
}

static void clear_even(struct model *m)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->entry[i].node & 1)
            m->entry[kept++] = m->entry[i];
    m->count = kept;
}

static void ends_come_out_soonest_first_as_in_a_list(void **state)
{
    (void)state;
    struct test_random random = {.state = test_random_seed("pause_ends")};
    struct bl_pause_ends p = {0};
    static struct model m;
    m.count = 0;
    for (uint32_t step = 0; step < 50000; step++) {
        uint32_t what = test_random_below(&random, 100);
        if (what < 55 && m.count < MODEL_MAX) {
            struct bl_pause_end e = {.end_s = test_random_below(&random, 1000), .node = step};
            assert_true(bl_pause_ends_add(&p, e));
            m.entry[m.count++] = e;
        } else if (what == 99 && test_random_below(&random, 50) == 0) {
            bl_pause_ends_clear(&p, is_exception, NULL);
            clear_even(&m);
        } else {
            uint32_t now_s = test_random_below(&random, 1000);
            struct bl_pause_end e;
            bool due = m.count > 0 && m.entry[soonest(&m)].end_s <= now_s;
            assert_int_equal(bl_pause_ends_take(&p, now_s, &e), due);
            if (due) {
                assert_int_equal(e.end_s, m.entry[soonest(&m)].end_s);
                forget(&m, &e);
            }
        }
        assert_int_equal(p.count, m.count);
    }
    bl_pause_ends_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_come_out_soonest_first_as_in_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
