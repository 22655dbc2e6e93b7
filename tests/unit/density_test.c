/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/model/density.h"
#include "control/model/groups.h"
#include "tests/unit/random.h"

/* ---- groups -------------------------------------------------------------- */

static void assert_group(const char *name, unsigned depth, const char *group)
{
    unsigned len = bl_group_of_name(name, (unsigned)strlen(name), depth);
    if (len != strlen(group) || strncmp(name, group, len) != 0)
        fail_msg("%s at depth %u: %.*s, not %s", name, depth, (int)len, name, group);
}

static void a_group_is_the_first_parts_of_a_name(void **state)
{
    (void)state;
    assert_group("fra1.rack07.n12", 0, "");
    assert_group("fra1.rack07.n12", 1, "fra1");
    assert_group("fra1.rack07.n12", 2, "fra1.rack07");
    assert_group("fra1.rack07.n12", 3, "fra1.rack07");
    assert_group("a-b_c/d.e", 4, "a-b_c/d");
    assert_group("id:00000000000000ff", 1, "id");
    assert_group("web07", 2, "web");
    assert_group("web", 1, "web");
    assert_group("12345", 1, "");
    assert_group(".hidden", 1, ".hidden");
    assert_group("trailing.", 1, "trailing.");
    assert_group("a..b", 2, "a.");
    assert_group("-", 1, "-");
}

static int compare(const char *a, const char *b)
{
    int order = bl_group_compare(a, (unsigned)strlen(a), b, (unsigned)strlen(b));
    return order < 0 ? -1 : order > 0;
}

static void groups_stand_in_the_order_of_people(void **state)
{
    (void)state;
    static const char *const ordered[] = {"",
                                          "a",
                                          "a1",
                                          "a01",
                                          "a2",
                                          "a10",
                                          "a10.b2",
                                          "a10.b10",
                                          "b",
                                          "rack7",
                                          "rack07",
                                          "rack007x",
                                          "rack8",
                                          "rack99999999999999999998",
                                          "rack99999999999999999999",
                                          "\xc3\xb6"};
    for (unsigned i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++) {
        for (unsigned k = 0; k < sizeof(ordered) / sizeof(ordered[0]); k++)
            assert_int_equal(compare(ordered[i], ordered[k]), i < k ? -1 : i > k);
    }
}

static void past_the_limit_groups_share_the_last_one(void **state)
{
    (void)state;
    struct bl_groups *g = bl_groups_new(42);
    char name[32];
    for (unsigned i = 0; i < BL_GROUPS_MAX + 100; i++) {
        int len = snprintf(name, sizeof(name), "g%u", i);
        assert_int_equal(bl_groups_find(g, name, (unsigned)len), i < BL_GROUPS_MAX ? i : BL_GROUPS_MAX);
    }
    assert_int_equal(bl_groups_find(g, "g17", 3), 17);
    assert_int_equal(bl_groups_sort(g), BL_GROUPS_MAX + 1);
    assert_int_equal(g->sorted[BL_GROUPS_MAX], BL_GROUPS_MAX);
    for (unsigned i = 0; i < BL_GROUPS_MAX; i++)
        assert_int_equal(g->sorted[i], i);
    bl_groups_clear(g);
    assert_int_equal(bl_groups_find(g, "g17", 3), 0);
    assert_int_equal(bl_groups_sort(g), 1);
    free(g);
}

/* ---- reading a picture, as the page does ---------------------------------- */

#define CELLS_MAX 60000u

struct seen {
    uint32_t layout, cells, groups, depth;
    struct {
        uint32_t cells;
        char name[BL_NAME_MAX + 1];
    } group[BL_GROUPS_MAX + 1];
    uint8_t cell[CELLS_MAX];
    uint16_t cell_group[CELLS_MAX];
};

static uint32_t get_u32(const unsigned char **at)
{
    const unsigned char *b = *at;
    *at += 4;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t run_length(const unsigned char **at)
{
    uint32_t length = (*(*at)++ & 31u) + 1, shift = 0;
    if (length < 32)
        return length;
    do
        length += (**at & 127u) << shift;
    while (shift += 7, *(*at)++ & 128u);
    return length;
}

static void read_groups(struct seen *s, const unsigned char **at)
{
    uint32_t cell = 0;
    for (uint32_t g = 0; g < s->groups; g++) {
        s->group[g].cells = get_u32(at);
        unsigned len = *(*at)++;
        memcpy(s->group[g].name, *at, len);
        s->group[g].name[len] = '\0';
        *at += len;
        for (uint32_t i = 0; i < s->group[g].cells; i++)
            s->cell_group[cell++] = (uint16_t)g;
    }
    assert_int_equal(cell, s->cells);
}

static void look(struct seen *s, const struct bl_density *d)
{
    const struct bl_density_picture *p = bl_density_picture(d);
    assert_non_null(p);
    const unsigned char *at = (const unsigned char *)p->bytes.data, *end = at + p->bytes.len;
    assert_memory_equal(at, "BLD1", 4);
    at += 4;
    s->layout = get_u32(&at);
    uint64_t version = get_u32(&at);
    assert_true((version | (uint64_t)get_u32(&at) << 32) == p->version);
    s->cells = get_u32(&at);
    s->groups = get_u32(&at);
    s->depth = get_u32(&at);
    assert_int_equal(s->layout, p->layout);
    assert_int_equal(s->cells, p->cells);
    read_groups(s, &at);
    for (uint32_t cell = 0; cell < s->cells;) {
        uint8_t run_state = *at >> 5;
        for (uint32_t n = run_length(&at); n > 0; n--)
            s->cell[cell++] = run_state;
    }
    assert_ptr_equal(at, end);
}

/* ---- a fleet ---------------------------------------------------------------- */

struct rig {
    struct bl_key_secret secret;
    struct bl_registry *r;
    struct bl_density *d;
    struct seen seen;
};

static struct rig *make(unsigned depth)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    memset(seed, 99, sizeof(seed));
    bl_key_secret_init(&rig->secret, seed);
    rig->r = bl_registry_new(&bl_memory_libc, &rig->secret, 1u << 20);
    rig->d = bl_density_new(&(struct bl_density_by){.depth = depth}, 7);
    assert_non_null(rig->r);
    assert_non_null(rig->d);
    return rig;
}

static void done(struct rig *rig)
{
    bl_density_free(rig->d);
    bl_registry_free(rig->r);
    free(rig);
}

static uint32_t add(struct rig *rig, const char *name)
{
    uint32_t index = BL_NODE_NONE;
    bl_role_assume_control();
    assert_int_equal(bl_registry_add_name(rig->r, name, (unsigned)strlen(name), &index), 0);
    return index;
}

/* racks x nodes: "dc1.rack3.n17". */
static void add_racks(struct rig *rig, unsigned racks, unsigned nodes)
{
    char name[64];
    for (unsigned n = 0; n < nodes; n++) {
        for (unsigned k = 0; k < racks; k++) {
            snprintf(name, sizeof(name), "dc%u.rack%u.n%u", k % 2, k, n);
            add(rig, name);
        }
    }
}

static void set(struct rig *rig, uint32_t index, enum bl_state s)
{
    bl_role_assume_control();
    bl_registry_set_state(rig->r, index, s);
}

/* A whole new picture, `slice` nodes at a time; how many steps it took. */
static unsigned draw(struct rig *rig, uint32_t slice)
{
    unsigned steps = 0;
    bl_role_assume_api();
    bl_density_refresh(rig->d, rig->r);
    while (bl_density_step(rig->d, rig->r, slice))
        steps++;
    look(&rig->seen, rig->d);
    return steps;
}

static uint64_t version(const struct rig *rig)
{
    assert_non_null(bl_density_picture(rig->d));
    return bl_density_picture(rig->d)->version;
}

/* ---- pictures ----------------------------------------------------------------- */

static void a_dead_rack_is_a_dead_block(void **state)
{
    (void)state;
    struct rig *rig = make(BL_DENSITY_DEPTH_AUTO);
    add_racks(rig, 12, 40);
    for (uint32_t i = 0; i < 480; i++)
        set(rig, i,
            strstr(bl_node_name(bl_registry_get(rig->r, i)), ".rack7.") ? BL_STATE_FAILED : BL_STATE_OK);
    draw(rig, 64);
    struct seen *s = &rig->seen;
    assert_int_equal(s->cells, 480);
    assert_int_equal(s->groups, 12);
    assert_string_equal(s->group[0].name, "dc0.rack0");
    assert_string_equal(s->group[5].name, "dc0.rack10");
    for (uint32_t c = 0; c < s->cells; c++) {
        const char *group = s->group[s->cell_group[c]].name;
        assert_int_equal(s->cell[c], strcmp(group, "dc1.rack7") == 0 ? BL_STATE_FAILED : BL_STATE_OK);
        const char *name = bl_node_name(bl_registry_get(rig->r, bl_density_at(rig->d, s->layout, c)));
        assert_int_equal(strncmp(name, group, strlen(group)), 0);
        assert_int_equal(name[strlen(group)], '.');
    }
    done(rig);
}

static void many_quiet_nodes_are_a_few_bytes(void **state)
{
    (void)state;
    struct rig *rig = make(0);
    char name[32];
    for (unsigned i = 0; i < 50000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        set(rig, add(rig, name), BL_STATE_OK);
    }
    draw(rig, 4096);
    assert_in_range(bl_density_picture(rig->d)->bytes.len, 30, 50);
    done(rig);
}

static void a_step_looks_at_no_more_than_it_may(void **state)
{
    (void)state;
    struct rig *rig = make(2);
    add_racks(rig, 10, 100);
    /* grouped, placed, read: 1000 nodes each, 10 at a time */
    assert_in_range(draw(rig, 10), 297, 303);
    set(rig, 5, BL_STATE_OK);
    assert_in_range(draw(rig, 10), 98, 101);
    done(rig);
}

static void nothing_is_made_anew_when_nothing_changed(void **state)
{
    (void)state;
    struct rig *rig = make(2);
    add_racks(rig, 4, 10);
    draw(rig, 100);
    uint64_t before = version(rig);
    assert_int_equal(draw(rig, 100), 0);
    assert_int_equal(version(rig), before);
    /* There and back: read again, but the same bytes are the same version. */
    set(rig, 3, BL_STATE_OK);
    set(rig, 3, BL_STATE_NEW);
    uint32_t layout = rig->seen.layout;
    draw(rig, 100);
    assert_int_equal(version(rig), before);
    set(rig, 3, BL_STATE_FAILED);
    draw(rig, 100);
    assert_int_not_equal(version(rig), before);
    assert_int_equal(rig->seen.layout, layout);
    done(rig);
}

static void the_old_picture_stays_until_the_new_one_is_finished(void **state)
{
    (void)state;
    struct rig *rig = make(2);
    bl_role_assume_api();
    assert_null(bl_density_picture(rig->d));
    add_racks(rig, 4, 10);
    draw(rig, 100);
    uint32_t layout = rig->seen.layout, node = bl_density_at(rig->d, layout, 39);
    add(rig, "dc0.rack0.late");
    bl_density_refresh(rig->d, rig->r);
    assert_true(bl_density_step(rig->d, rig->r, 30));
    look(&rig->seen, rig->d);
    assert_int_equal(rig->seen.cells, 40);
    assert_int_equal(bl_density_at(rig->d, layout, 39), node);
    while (bl_density_step(rig->d, rig->r, 30)) {
    }
    look(&rig->seen, rig->d);
    assert_int_equal(rig->seen.cells, 41);
    assert_int_equal(bl_density_at(rig->d, layout, 39), BL_NODE_NONE);
    assert_int_equal(bl_density_at(rig->d, rig->seen.layout, 41), BL_NODE_NONE);
    done(rig);
}

static void who_holds_a_picture_keeps_it(void **state)
{
    (void)state;
    struct rig *rig = make(2);
    add_racks(rig, 4, 10);
    draw(rig, 100);
    struct bl_density_picture *held = bl_density_picture(rig->d);
    size_t len = held->bytes.len;
    char *copy = malloc(len);
    memcpy(copy, held->bytes.data, len);
    bl_density_hold(held);
    add(rig, "dc0.rack0.late");
    draw(rig, 100);
    assert_ptr_not_equal(bl_density_picture(rig->d), held);
    done(rig);
    assert_memory_equal(held->bytes.data, copy, len);
    bl_density_release(held);
    free(copy);
}

static void who_leaves_while_it_is_made_is_a_hole(void **state)
{
    (void)state;
    struct rig *rig = make(2);
    add_racks(rig, 1, 10);
    bl_role_assume_api();
    bl_density_refresh(rig->d, rig->r);
    assert_true(bl_density_step(rig->d, rig->r, 10));
    bl_role_assume_control();
    bl_registry_remove(rig->r, 4);
    while (bl_density_step(rig->d, rig->r, 10)) {
    }
    look(&rig->seen, rig->d);
    assert_int_equal(rig->seen.cells, 10);
    assert_int_equal(rig->seen.cell[4], BL_DENSITY_GONE);
    draw(rig, 10);
    assert_int_equal(rig->seen.cells, 9);
    done(rig);
}

static void depth_is_chosen_so_that_groups_are_blocks(void **state)
{
    (void)state;
    struct rig *rig = make(BL_DENSITY_DEPTH_AUTO);
    char name[64];
    draw(rig, 100);
    assert_int_equal(rig->seen.cells, 0);
    assert_int_equal(rig->seen.groups, 0);
    /* Two machines a rack: racks would be crumbs, rooms are blocks. */
    for (unsigned i = 0; i < 400; i++) {
        snprintf(name, sizeof(name), "room%u.rack%u.n%u", i / 40, i / 2, i);
        add(rig, name);
    }
    draw(rig, 100);
    assert_int_equal(rig->seen.depth, 1);
    assert_int_equal(rig->seen.groups, 10);
    done(rig);
}

static const char *by_number(void *ctx, uint32_t node, unsigned *len)
{
    *len = 3;
    return node % *(const uint64_t *)ctx == 0 ? "one" : "two";
}

static uint64_t divisor(void *ctx)
{
    return *(const uint64_t *)ctx;
}

static void somebody_else_may_say_the_group(void **state)
{
    (void)state;
    struct rig *rig = make(0);
    bl_density_free(rig->d);
    uint64_t every = 2;
    rig->d =
        bl_density_new(&(struct bl_density_by){.group = by_number, .changes = divisor, .ctx = &every}, 7);
    add_racks(rig, 3, 11);
    draw(rig, 100);
    assert_int_equal(rig->seen.groups, 2);
    assert_int_equal(rig->seen.group[0].cells, 17);
    assert_string_equal(rig->seen.group[1].name, "two");
    every = 3;
    draw(rig, 100);
    assert_int_equal(rig->seen.group[0].cells, 11);
    done(rig);
}

/* ---- against the obvious way ------------------------------------------------ */

static void check_picture(struct rig *rig)
{
    struct seen *s = &rig->seen;
    uint8_t *there = calloc(1, bl_registry_end(rig->r) + 1);
    assert_int_equal(s->cells, bl_registry_total(rig->r));
    for (uint32_t c = 0; c < s->cells; c++) {
        uint32_t index = bl_density_at(rig->d, s->layout, c);
        const struct bl_node *n = bl_registry_get(rig->r, index);
        assert_non_null(n);
        assert_int_equal(there[index]++, 0);
        assert_int_equal(s->cell[c], n->state);
        unsigned len = bl_group_of_name(n->name, n->name_len, s->depth);
        const char *group = s->group[s->cell_group[c]].name;
        assert_int_equal(len, strlen(group));
        assert_memory_equal(group, n->name, len);
    }
    free(there);
}

static void change_some(struct rig *rig, struct test_random *random)
{
    char name[64];
    bl_role_assume_control();
    for (unsigned i = test_random_below(random, 30); i > 0; i--) {
        uint32_t index = BL_NODE_NONE, what = test_random_below(random, 10);
        snprintf(name, sizeof(name), "r%u.%.*sn%u", test_random_below(random, 9),
                 (int)test_random_below(random, 4), "x-y", test_random_below(random, 400));
        if (what < 4)
            (void)bl_registry_add_name(rig->r, name, (unsigned)strlen(name), &index);
        else if (what < 5)
            bl_registry_remove(rig->r, test_random_below(random, bl_registry_end(rig->r) + 1));
        else
            bl_registry_set_state(rig->r, test_random_below(random, bl_registry_end(rig->r) + 1),
                                  test_random_below(random, BL_STATE_COUNT));
    }
    bl_registry_reclaim(rig->r);
}

static void every_node_is_in_its_group_in_its_state(void **state)
{
    (void)state;
    struct test_random random = {test_random_seed("density")};
    for (unsigned depth = 0; depth <= BL_DENSITY_DEPTH_AUTO; depth++) {
        struct rig *rig = make(depth);
        for (unsigned round = 0; round < 200; round++) {
            change_some(rig, &random);
            draw(rig, 1 + test_random_below(&random, 300));
            check_picture(rig);
        }
        done(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_the_first_parts_of_a_name),
        cmocka_unit_test(groups_stand_in_the_order_of_people),
        cmocka_unit_test(past_the_limit_groups_share_the_last_one),
        cmocka_unit_test(a_dead_rack_is_a_dead_block),
        cmocka_unit_test(many_quiet_nodes_are_a_few_bytes),
        cmocka_unit_test(a_step_looks_at_no_more_than_it_may),
        cmocka_unit_test(nothing_is_made_anew_when_nothing_changed),
        cmocka_unit_test(the_old_picture_stays_until_the_new_one_is_finished),
        cmocka_unit_test(who_holds_a_picture_keeps_it),
        cmocka_unit_test(who_leaves_while_it_is_made_is_a_hole),
        cmocka_unit_test(depth_is_chosen_so_that_groups_are_blocks),
        cmocka_unit_test(somebody_else_may_say_the_group),
        cmocka_unit_test(every_node_is_in_its_group_in_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
