/* SPDX-License-Identifier: Apache-2.0 */
/* Views over a registry, with a plan that a model can follow: view "x"
 * has the nodes with an x in their name, for x from a to h; "t-PREFIX"
 * is made for what stands before the first dot. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/views/views.h"
#include "tests/unit/random.h"

#define STATIC   8u
#define TEMPLATE STATIC
#define UNIX_MS  INT64_C(1790000000000)

static struct bl_key_secret secret;

static const struct bl_views_entry entries[] = {
    {"a", false}, {"b", true},  {"c", false}, {"d", false}, {"e", false},
    {"f", false}, {"g", false}, {"h", false}, {NULL, true},
};

struct world {
    struct bl_registry *registry;
    struct bl_views *views;
    unsigned skipped; /* letters that the plan in force leaves out */
    unsigned released, events;
    char last[BL_VIEW_NAME_MAX + 64];
};

/* What a plan's ctx is: whose, and which letters it leaves out. */
struct plan_ctx {
    struct world *w;
    unsigned skip;
};

static void match(void *ctx, const char *name, unsigned len, struct bl_views_found *found)
{
    const struct plan_ctx *p = ctx;
    char made[BL_VIEW_NAME_MAX + 1];

    bl_role_assume_control();
    for (unsigned e = 0; e < STATIC; e++)
        if (!(p->skip >> e & 1) && memchr(name, 'a' + (int)e, len))
            bl_views_found(found, e, NULL, 0);
    const char *dot = memchr(name, '.', len);
    if (!dot)
        return;
    int made_len = snprintf(made, sizeof(made), "t-%.*s", (int)(dot - name), name);
    bl_views_found(found, TEMPLATE, made, (unsigned)made_len);
}

static void release(void *ctx)
{
    struct plan_ctx *p = ctx;
    p->w->released++;
    free(p);
}

static void on_transition(void *ctx, const struct bl_view_transition *t)
{
    struct world *w = ctx;
    w->events++;
    snprintf(w->last, sizeof(w->last), "%s %s>%s %u", t->view->name, bl_state_name(t->from),
             bl_state_name(t->to), t->incident);
}

static void begin(struct world *w, unsigned skip)
{
    bl_role_assume_control();
    struct plan_ctx *p = malloc(sizeof(*p));
    assert_non_null(p);
    *p = (struct plan_ctx){.w = w, .skip = skip};
    w->skipped = skip;
    assert_int_equal(bl_views_begin(w->views, &(struct bl_views_plan){.entry = entries,
                                                                      .entry_count = STATIC + 1,
                                                                      .ctx = p,
                                                                      .match = match,
                                                                      .release = release}),
                     0);
}

static void finish(struct world *w)
{
    bl_role_assume_control();
    while (bl_views_step(w->views, 7))
        ;
}

static void setup(struct world *w)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(i * 131 + 7);
    bl_key_secret_init(&secret, seed);
    bl_role_assume_control();
    memset(w, 0, sizeof(*w));
    w->registry = bl_registry_new(&bl_memory_libc, &secret, 100000);
    w->views = bl_views_new(&bl_memory_libc, &secret, w->registry,
                            &(struct bl_views_out){.ctx = w, .transition = on_transition});
    assert_non_null(w->views);
    struct bl_registry_watch watch = bl_views_watch(w->views);
    bl_registry_watch(w->registry, &watch);
    begin(w, 0);
    finish(w);
}

static void teardown(struct world *w)
{
    bl_registry_free(w->registry);
    bl_views_free(w->views);
}

static uint32_t add(struct world *w, const char *name)
{
    uint32_t node;
    bl_role_assume_control();
    assert_int_equal(bl_registry_add_name(w->registry, name, (unsigned)strlen(name), &node), 0);
    return node;
}

static void set(struct world *w, uint32_t node, enum bl_state s)
{
    bl_role_assume_control();
    bl_registry_set_state(w->registry, node, s);
}

static void settle(struct world *w)
{
    bl_role_assume_control();
    bl_views_settle(w->views, UNIX_MS);
}

static const struct bl_view *view(const struct world *w, const char *name)
{
    const struct bl_views_generation *g = bl_views_now(w->views);
    uint32_t id = bl_view_find(g, name, (unsigned)strlen(name));
    return id == BL_VIEW_NONE ? NULL : bl_view_at(g, id);
}

static bool has(const struct world *w, const char *name, uint32_t node)
{
    const struct bl_views_generation *g = bl_views_now(w->views);
    uint32_t id = bl_view_find(g, name, (unsigned)strlen(name));
    return id != BL_VIEW_NONE && bl_view_has(g, id, node);
}

static void a_node_is_in_the_views_that_match_and_in_all(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    uint32_t n = add(&w, "bad.x"), count;
    assert_true(has(&w, "all", n));
    assert_true(has(&w, "a", n) && has(&w, "b", n) && has(&w, "d", n));
    assert_false(has(&w, "c", n) || has(&w, "h", n));
    assert_true(has(&w, "t-bad", n));
    assert_int_equal(bl_views_of(bl_views_now(w.views), n, &count)[0], BL_VIEW_ALL);
    assert_int_equal(count, 5);
    assert_int_equal(bl_view_count(view(&w, "a"), BL_STATE_NEW), 1);
    assert_int_equal(bl_view_total(view(&w, "c")), 0);
    assert_null(view(&w, "t-x"));
    assert_true(view(&w, "t-bad")->flags & BL_VIEW_NOTIFY);
    assert_false(view(&w, "a")->flags & BL_VIEW_NOTIFY);
    teardown(&w);
}

static void the_worst_state_wins_and_leaving_ok_is_an_incident(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    uint32_t one = add(&w, "a1"), two = add(&w, "a2");
    settle(&w);
    assert_int_equal(w.events, 0);
    assert_int_equal(view(&w, "a")->state, BL_STATE_OK);
    set(&w, one, BL_STATE_OK);
    set(&w, two, BL_STATE_WARNING);
    settle(&w);
    assert_int_equal(view(&w, "a")->state, BL_STATE_WARNING);
    assert_int_equal(view(&w, "a")->incident, 1);
    assert_int_equal(view(&w, "a")->since_unix_ms, UNIX_MS);
    set(&w, one, BL_STATE_FAILED);
    settle(&w);
    assert_int_equal(view(&w, "a")->state, BL_STATE_FAILED);
    assert_int_equal(view(&w, "a")->incident, 1);
    set(&w, one, BL_STATE_PAUSED); /* makes nothing worse */
    set(&w, two, BL_STATE_UNKNOWN);
    settle(&w);
    assert_int_equal(view(&w, "a")->state, BL_STATE_UNKNOWN);
    bl_role_assume_control();
    bl_registry_remove(w.registry, two);
    settle(&w);
    assert_int_equal(view(&w, "a")->state, BL_STATE_OK);
    set(&w, one, BL_STATE_FAILED);
    settle(&w);
    assert_int_equal(view(&w, "a")->incident, 2);
    assert_int_equal(view(&w, "all")->incident, 2);
    teardown(&w);
}

static void what_comes_back_within_a_turn_has_not_left_ok(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    uint32_t one = add(&w, "a1"), two = add(&w, "a2");
    settle(&w);
    set(&w, one, BL_STATE_FAILED);
    set(&w, one, BL_STATE_OK);
    settle(&w);
    assert_int_equal(w.events, 0);
    set(&w, one, BL_STATE_FAILED);
    settle(&w);
    set(&w, one, BL_STATE_OK);
    set(&w, two, BL_STATE_FAILED);
    settle(&w);
    assert_int_equal(w.events, 2); /* a and all, once each */
    assert_int_equal(view(&w, "a")->incident, 1);
    teardown(&w);
}

static void a_renamed_node_changes_views_and_keeps_its_state(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    uint32_t node;
    assert_int_equal(bl_registry_add_id(w.registry, 77, &node), 0);
    set(&w, node, BL_STATE_FAILED);
    assert_int_equal(bl_registry_rename(w.registry, node, "gg.1", 4), 0);
    settle(&w);
    assert_true(has(&w, "g", node) && has(&w, "t-gg", node));
    assert_int_equal(view(&w, "g")->state, BL_STATE_FAILED);
    assert_int_equal(bl_registry_rename(w.registry, node, "gg.h", 4), 0);
    settle(&w);
    assert_int_equal(view(&w, "g")->incident, 1); /* it never left */
    assert_int_equal(view(&w, "h")->state, BL_STATE_FAILED);
    assert_int_equal(bl_registry_rename(w.registry, node, "x", 1), 0);
    settle(&w);
    assert_int_equal(view(&w, "g")->state, BL_STATE_OK);
    assert_int_equal(bl_view_total(view(&w, "t-gg")), 0);
    teardown(&w);
}

static void a_new_plan_is_seen_only_when_it_is_complete(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    char name[16];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "ab%u", i);
        set(&w, add(&w, name), i == 99 ? BL_STATE_FAILED : BL_STATE_OK);
    }
    settle(&w);
    unsigned events = w.events;
    begin(&w, 1); /* without a */
    assert_true(bl_views_step(w.views, 50));
    assert_int_equal(bl_view_total(view(&w, "a")), 100);
    add(&w, "ab-late");
    settle(&w);
    finish(&w);
    settle(&w);
    assert_int_equal(bl_view_total(view(&w, "a")), 0);
    assert_int_equal(bl_view_total(view(&w, "b")), 101);
    assert_int_equal(view(&w, "b")->incident, 1); /* failed before and after */
    assert_int_equal(view(&w, "b")->since_unix_ms, UNIX_MS);
    assert_int_equal(view(&w, "a")->state, BL_STATE_OK);
    assert_int_equal(w.events, events + 1); /* a is ok now */
    assert_string_equal(w.last, "a failed>ok 1");
    assert_int_equal(w.released, 0);
    assert_int_equal(bl_views_waiting(w.views) > 0, 1);
    bl_views_reclaim(w.views);
    assert_int_equal(w.released, 1);
    assert_int_equal(bl_views_waiting(w.views), 0);
    teardown(&w);
    assert_int_equal(w.released, 2);
}

static void a_plan_that_is_overtaken_is_given_up(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    for (unsigned i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "ab%u", i);
        add(&w, name);
    }
    begin(&w, 1);
    bl_views_step(w.views, 10);
    begin(&w, 2);
    assert_int_equal(w.released, 1);
    finish(&w);
    assert_int_equal(bl_view_total(view(&w, "a")), 20);
    assert_int_equal(bl_view_total(view(&w, "b")), 0);
    teardown(&w);
}

static void an_empty_view_of_a_template_can_be_forgotten_and_comes_back(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    uint32_t node = add(&w, "x.1");
    set(&w, node, BL_STATE_FAILED);
    settle(&w);
    assert_int_equal(bl_views_forget(w.views, "t-x", 3), -EBUSY);
    assert_int_equal(bl_views_forget(w.views, "t-y", 3), -ENOENT);
    assert_int_equal(bl_views_forget(w.views, "a", 1), -EINVAL);
    assert_int_equal(bl_views_forget(w.views, "all", 3), -EINVAL);
    bl_registry_remove(w.registry, node);
    settle(&w);
    assert_non_null(view(&w, "t-x"));
    assert_int_equal(bl_views_forget(w.views, "t-x", 3), 0);
    settle(&w);
    assert_null(view(&w, "t-x"));
    set(&w, add(&w, "x.2"), BL_STATE_FAILED);
    settle(&w);
    assert_int_equal(view(&w, "t-x")->incident, 2);
    teardown(&w);
}

static void a_view_goes_on_with_its_past(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    struct bl_view_past a = {"a", 1, BL_STATE_FAILED, 41, 1000}, t = {"t-b", 3, BL_STATE_FAILED, 7, 2000};
    struct bl_view_past bad = {"a", 1, BL_STATE_PAUSED, 1, 1}, gone = {"t-gone", 6, BL_STATE_FAILED, 3, 1};
    assert_int_equal(bl_views_remember(w.views, &a), 0);
    assert_int_equal(bl_views_remember(w.views, &t), 0);
    assert_int_equal(bl_views_remember(w.views, &gone), 0);
    assert_int_equal(bl_views_remember(w.views, &bad), -EINVAL);
    assert_null(view(&w, "t-b"));
    set(&w, add(&w, "a1"), BL_STATE_FAILED); /* as it was */
    set(&w, add(&w, "b.1"), BL_STATE_OK);    /* better than it was */
    settle(&w);
    assert_int_equal(view(&w, "a")->incident, 41);
    assert_int_equal(view(&w, "a")->since_unix_ms, 1000);
    assert_int_equal(view(&w, "t-b")->incident, 7);
    assert_int_equal(w.events, 2); /* all failed; t-b ok */
    begin(&w, 0);
    finish(&w);
    settle(&w);
    set(&w, add(&w, "gone.1"), BL_STATE_FAILED);
    settle(&w);
    assert_int_equal(view(&w, "t-gone")->incident, 4); /* kept through the new plan */
    teardown(&w);
}

static void what_nobody_refers_to_goes(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    char name[64];
    struct bl_views_stats before, after;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "host-%u.load", i);
        uint32_t node = add(&w, name);
        bl_registry_remove(w.registry, node);
    }
    settle(&w);
    bl_views_stats_of(w.views, &before);
    assert_int_equal(before.views, 1 + STATIC + 3000);
    finish(&w);
    bl_views_stats_of(w.views, &after);
    assert_int_equal(after.views, 1 + STATIC);
    assert_int_equal(after.generations, before.generations + 1);
    assert_false(bl_views_step(w.views, 100));
    bl_views_stats_of(w.views, &after);
    assert_int_equal(after.generations, before.generations + 1);
    teardown(&w);
}

static void what_finds_no_room_is_left_out_and_counted(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    char name[BL_NAME_MAX + 1];
    struct bl_views_stats stats;
    memset(name, 'z', sizeof(name)); /* t-zzz... is too long for a view */
    name[BL_NAME_MAX - 1] = '.';
    name[BL_NAME_MAX] = '\0';
    uint32_t node = add(&w, name);
    bl_views_stats_of(w.views, &stats);
    assert_int_equal(stats.left_out, 1);
    assert_true(has(&w, "all", node));
    teardown(&w);
}

/* ---- against a model ------------------------------------------------------------ */

#define NODES  60u
#define NAMES  (STATIC + 1 + 27)
#define ROUNDS 20000u

struct model_node {
    char name[16];
    uint32_t index;
    bool there, binary;
    enum bl_state state;
};

struct model {
    struct model_node node[NODES];
    enum bl_state state[NAMES];
    uint32_t incident[NAMES];
    bool there[NAMES];
};

/* Names of views by number: all, a..h, t-a..t-z, t-id:... is none. */
static const char *name_of(unsigned i, char out[8])
{
    if (i == 0)
        return "all";
    if (i <= STATIC)
        snprintf(out, 8, "%c", 'a' + (int)i - 1);
    else
        snprintf(out, 8, "t-%c", 'a' + (int)(i - STATIC - 1) % 26);
    return out;
}

static bool model_in(const struct world *w, unsigned i, const struct model_node *n)
{
    if (i == 0)
        return true;
    if (i <= STATIC)
        return !(w->skipped >> (i - 1) & 1) && strchr(n->name, 'a' + (int)i - 1);
    return n->name[1] == '.' && n->name[0] == 'a' + (int)(i - STATIC - 1);
}

static void compare(const struct world *w, struct model *m, bool settled)
{
    for (unsigned i = 0; i < NAMES - 1; i++) {
        char name[8];
        uint32_t count[BL_STATE_COUNT] = {0}, total = 0;
        enum bl_state worst = BL_STATE_OK;
        const struct bl_view *v = view(w, name_of(i, name));
        for (unsigned k = 0; k < NODES; k++) {
            const struct model_node *n = &m->node[k];
            bool in = n->there && model_in(w, i, n);
            if (n->there)
                assert_int_equal(has(w, name_of(i, name), n->index), in);
            count[n->state] += in;
            total += in;
            worst = in && n->state > worst ? n->state : worst;
        }
        m->incident[i] += settled && m->state[i] == BL_STATE_OK && worst > BL_STATE_OK;
        m->state[i] = settled ? worst : m->state[i];
        assert_true(v || (total == 0 && i > STATIC));
        for (unsigned s = 0; v && s < BL_STATE_COUNT; s++)
            assert_int_equal(bl_view_count(v, (enum bl_state)s), count[s]);
        if (v && settled) {
            assert_int_equal(v->state, worst);
            assert_int_equal(v->incident, m->incident[i]);
        }
    }
}

static void random_name(struct test_random *r, char out[16])
{
    unsigned len = 2 + test_random_below(r, 5);
    for (unsigned i = 0; i < len; i++)
        out[i] = (char)('a' + (int)test_random_below(r, 26));
    if (test_random_below(r, 2))
        out[1] = '.';
    out[len] = '\0';
}

static void random_change(struct test_random *r, struct world *w, struct model_node *n)
{
    bl_role_assume_control();
    char name[16];
    random_name(r, name);
    unsigned len = (unsigned)strlen(name);
    if (!n->there) {
        n->binary = test_random_below(r, 3) == 0;
        int err = n->binary ? bl_registry_add_id(w->registry, test_random_below(r, 1u << 30), &n->index)
                            : bl_registry_add_name(w->registry, name, len, &n->index);
        if (err)
            return;
        n->there = true;
        n->state = BL_STATE_NEW;
        strcpy(n->name, n->binary ? "id" : name); /* "id:%016x" has digits and a to f */
        if (n->binary && bl_registry_rename(w->registry, n->index, name, len) == 0)
            strcpy(n->name, name);
        else if (n->binary) {
            bl_registry_remove(w->registry, n->index);
            n->there = false;
        }
    } else if (test_random_below(r, 5) == 0) {
        bl_registry_remove(w->registry, n->index);
        n->there = false;
    } else if (n->binary && test_random_below(r, 3) == 0) {
        if (bl_registry_rename(w->registry, n->index, name, len) == 0)
            strcpy(n->name, name);
    } else {
        n->state = (enum bl_state)test_random_below(r, BL_STATE_COUNT);
        set(w, n->index, n->state);
    }
}

static void views_and_a_model_agree_after_each_of_20000_random_changes(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("views_test")};
    struct world w;
    static struct model m;
    unsigned plan = 0;
    bool building = false;

    setup(&w);
    bl_role_assume_control();
    memset(&m, 0, sizeof(m));
    for (unsigned i = 0; i < NAMES; i++)
        m.state[i] = BL_STATE_OK;
    for (unsigned i = 0; i < ROUNDS; i++) {
        random_change(&r, &w, &m.node[test_random_below(&r, NODES)]);
        if (!building && test_random_below(&r, 200) == 0) {
            unsigned in_force = w.skipped;
            plan = test_random_below(&r, 256);
            begin(&w, plan);
            w.skipped = in_force; /* until it is complete */
            building = true;
        } else if (building && !bl_views_step(w.views, 1 + test_random_below(&r, 8))) {
            building = false;
            w.skipped = plan;
        }
        bool settled = test_random_below(&r, 3) == 0;
        if (settled)
            settle(&w);
        compare(&w, &m, settled);
        if (test_random_below(&r, 50) == 0) {
            bl_registry_reclaim(w.registry);
            bl_views_reclaim(w.views);
        }
    }
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_is_in_the_views_that_match_and_in_all),
        cmocka_unit_test(the_worst_state_wins_and_leaving_ok_is_an_incident),
        cmocka_unit_test(what_comes_back_within_a_turn_has_not_left_ok),
        cmocka_unit_test(a_renamed_node_changes_views_and_keeps_its_state),
        cmocka_unit_test(a_new_plan_is_seen_only_when_it_is_complete),
        cmocka_unit_test(a_plan_that_is_overtaken_is_given_up),
        cmocka_unit_test(an_empty_view_of_a_template_can_be_forgotten_and_comes_back),
        cmocka_unit_test(a_view_goes_on_with_its_past),
        cmocka_unit_test(what_nobody_refers_to_goes),
        cmocka_unit_test(what_finds_no_room_is_left_out_and_counted),
        cmocka_unit_test(views_and_a_model_agree_after_each_of_20000_random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
