/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/counter.h"
#include "engine/registry/registry.h"

static struct bl_key_secret secret;

static int fill_secret(void **state)
{
    (void)state;
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(i * 167 + 13);
    bl_key_secret_init(&secret, seed);
    return 0;
}

static struct bl_registry *make(uint32_t max_nodes)
{
    struct bl_registry *r = bl_registry_new(&bl_memory_libc, &secret, max_nodes);
    assert_non_null(r);
    return r;
}

static uint32_t add(struct bl_registry *r, const char *name)
{
    uint32_t index = BL_NODE_NONE;
    bl_role_assume_control();
    assert_int_equal(bl_registry_add_name(r, name, (unsigned)strlen(name), &index), 0);
    return index;
}

static uint32_t find(const struct bl_registry *r, const char *name)
{
    return bl_registry_find_name(r, name, (unsigned)strlen(name));
}

static int rename_to(struct bl_registry *r, uint32_t index, const char *name)
{
    bl_role_assume_control();
    return bl_registry_rename(r, index, name, (unsigned)strlen(name));
}

static void a_name_is_1_to_200_bytes_that_a_line_can_carry(void **state)
{
    (void)state;
    char longest[BL_NAME_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    assert_true(bl_name_is_valid("a", 1));
    assert_true(bl_name_is_valid("AZaz09._-/@#%", 13));
    assert_true(bl_name_is_valid("k\xc3\xb6ln\xff", 6));
    assert_true(bl_name_is_valid(longest, BL_NAME_MAX));
    assert_false(bl_name_is_valid(longest, BL_NAME_MAX + 1));
    assert_false(bl_name_is_valid("", 0));
    for (unsigned b = 0; b < 256; b++) {
        char name[3] = {'a', (char)b, 'z'};
        bool bad = b <= 0x20 || b == 0x7f || b == ':' || b == '|';
        assert_int_equal(bl_name_is_valid(name, 3), !bad);
    }
}

static void a_node_is_found_by_name_and_key(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    uint32_t a = add(r, "invoice.mailer"), b = add(r, "b");
    assert_int_equal(find(r, "invoice.mailer"), a);
    assert_int_equal(find(r, "b"), b);
    assert_int_equal(find(r, "invoice.maile"), BL_NODE_NONE);
    assert_int_equal(bl_registry_find_key(r, bl_key_of_name(&secret, "b", 1)), b);
    assert_int_equal(bl_registry_find_key(r, bl_key_of_name(&secret, "c", 1)), BL_NODE_NONE);
    const struct bl_node *n = bl_registry_get(r, a);
    assert_string_equal(bl_node_name(n), "invoice.mailer");
    assert_int_equal(n->name_len, 14);
    assert_int_equal(n->state, BL_STATE_NEW);
    assert_int_equal(n->flags, BL_NODE_LIVE);
    assert_int_equal(bl_registry_total(r), 2);
    assert_null(bl_registry_get(r, 2));
    assert_null(bl_registry_get(r, UINT32_MAX));
    bl_registry_free(r);
}

static void a_known_name_is_not_added_twice(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t a = add(r, "a"), index = BL_NODE_NONE;
    assert_int_equal(bl_registry_add_name(r, "a", 1, &index), -EEXIST);
    assert_int_equal(index, a);
    assert_int_equal(bl_registry_add_id(r, 7, &index), 0);
    assert_int_equal(bl_registry_add_id(r, 7, &index), -EEXIST);
    assert_int_equal(index, 1);
    assert_int_equal(bl_registry_total(r), 2);
    bl_registry_free(r);
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t index;
    assert_int_equal(bl_registry_add_name(r, "", 0, &index), -EINVAL);
    assert_int_equal(bl_registry_add_name(r, "a b", 3, &index), -EINVAL);
    assert_int_equal(bl_registry_add_name(r, "id:00000000000000ff", 19, &index), -EINVAL);
    assert_int_equal(bl_registry_total(r), 0);
    bl_registry_free(r);
}

static void max_nodes_holds_and_can_be_moved(void **state)
{
    (void)state;
    struct bl_registry *r = make(2);
    bl_role_assume_control();
    uint32_t index;
    add(r, "a");
    add(r, "b");
    assert_int_equal(bl_registry_add_name(r, "c", 1, &index), -ENOSPC);
    assert_int_equal(bl_registry_add_name(r, "a", 1, &index), -EEXIST);
    bl_registry_set_max(r, 3);
    add(r, "c");
    bl_registry_set_max(r, 1);
    assert_int_equal(bl_registry_total(r), 3);
    bl_registry_remove(r, 0);
    assert_int_equal(bl_registry_add_name(r, "d", 1, &index), -ENOSPC);
    bl_registry_free(r);
}

static void a_binary_node_is_found_by_id_under_any_name(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t n, index;
    assert_int_equal(bl_registry_add_id(r, 0xff, &n), 0);
    assert_string_equal(bl_node_name(bl_registry_get(r, n)), "id:00000000000000ff");
    assert_int_equal(find(r, "id:00000000000000ff"), n);
    assert_int_equal(find(r, "id:00000000000000FF"), n);
    assert_int_equal(find(r, "id:00000000000000fe"), BL_NODE_NONE);
    assert_int_equal(find(r, "id:00000000000000fg"), BL_NODE_NONE);
    assert_int_equal(find(r, "id:ff"), BL_NODE_NONE);
    assert_int_equal(rename_to(r, n, "eu.db.1"), 0);
    assert_int_equal(find(r, "id:00000000000000ff"), n);
    assert_int_equal(find(r, "eu.db.1"), n);
    assert_int_equal(bl_registry_find_key(r, bl_key_of_name(&secret, "eu.db.1", 7)), n);
    assert_int_equal(bl_registry_find_key(r, bl_key_of_id(&secret, 0xff)), n);
    assert_int_equal(bl_registry_add_name(r, "eu.db.1", 7, &index), -EEXIST);
    assert_int_equal(index, n);
    assert_int_equal(bl_registry_get(r, n)->flags, BL_NODE_LIVE | BL_NODE_BINARY);
    bl_registry_free(r);
}

static void a_hello_can_change_its_name(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t n;
    assert_int_equal(bl_registry_add_id(r, 1, &n), 0);
    assert_int_equal(rename_to(r, n, "one"), 0);
    assert_int_equal(rename_to(r, n, "one"), 0);
    assert_int_equal(bl_registry_removed(r), 1); /* the id's name */
    assert_int_equal(rename_to(r, n, "uno"), 0);
    assert_int_equal(find(r, "one"), BL_NODE_NONE);
    assert_int_equal(find(r, "uno"), n);
    assert_int_equal(bl_registry_get(r, n)->name_len, 3);
    uint32_t t = add(r, "one");
    assert_int_equal(rename_to(r, n, "one"), -EEXIST);
    assert_int_equal(find(r, "one"), t);
    assert_int_equal(find(r, "uno"), n);
    assert_int_equal(rename_to(r, n, "b d"), -EINVAL);
    assert_int_equal(rename_to(r, t, "text.nodes.keep.theirs"), -EINVAL);
    assert_int_equal(rename_to(r, 5, "nobody"), -EINVAL);
    assert_int_equal(bl_registry_removed(r), 2);
    bl_registry_reclaim(r);
    assert_int_equal(bl_registry_removed(r), 0);
    bl_registry_free(r);
}

static void a_removed_record_is_kept_until_reclaim(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t a = add(r, "a");
    const struct bl_node *held = bl_registry_get(r, a);
    const char *name = bl_node_name(held);
    bl_registry_remove(r, a);
    bl_registry_remove(r, a); /* there is none any more */
    assert_null(bl_registry_get(r, a));
    assert_int_equal(find(r, "a"), BL_NODE_NONE);
    assert_int_equal(bl_registry_total(r), 0);
    assert_int_equal(bl_registry_removed(r), 1);
    uint32_t b = add(r, "a");
    assert_int_not_equal(b, a);
    assert_string_equal(name, "a");
    assert_ptr_equal(bl_node_name(held), name);
    bl_registry_reclaim(r);
    assert_int_equal(bl_registry_removed(r), 0);
    assert_int_equal(add(r, "c"), a);
    assert_int_equal(bl_registry_end(r), 2);
    bl_registry_free(r);
}

static void a_reused_record_starts_afresh(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t n;
    assert_int_equal(bl_registry_add_id(r, 9, &n), 0);
    assert_int_equal(rename_to(r, n, "nine"), 0);
    struct bl_node *w = bl_registry_at(r, n);
    BL_WRITE(w->incident, 5);
    BL_WRITE(w->policy.timeout_ms, 1000);
    BL_WRITE(w->flags, (uint8_t)(w->flags | BL_NODE_UNTIL_BEAT));
    BL_WRITE(w->last_beat_unix_ms, 77);
    bl_registry_set_state(r, n, BL_STATE_FAILED);
    bl_registry_remove(r, n);
    assert_int_equal(find(r, "nine"), BL_NODE_NONE);
    assert_int_equal(find(r, "id:0000000000000009"), BL_NODE_NONE);
    bl_registry_reclaim(r);
    assert_int_equal(add(r, "nine"), n);
    const struct bl_node *f = bl_registry_get(r, n);
    assert_int_equal(f->incident, 0);
    assert_int_equal(f->policy.timeout_ms, 0);
    assert_int_equal(f->flags, BL_NODE_LIVE);
    assert_int_equal(f->last_beat_unix_ms, 0);
    assert_int_equal(bl_node_id(f), 0);
    assert_int_equal(f->state, BL_STATE_NEW);
    bl_registry_free(r);
}

static void counts_follow_the_states(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t a = add(r, "a"), b = add(r, "b");
    assert_int_equal(bl_registry_count(r, BL_STATE_NEW), 2);
    bl_registry_set_state(r, a, BL_STATE_OK);
    bl_registry_set_state(r, b, BL_STATE_FAILED);
    bl_registry_set_state(r, b, BL_STATE_FAILED);
    assert_int_equal(bl_registry_count(r, BL_STATE_NEW), 0);
    assert_int_equal(bl_registry_count(r, BL_STATE_OK), 1);
    assert_int_equal(bl_registry_count(r, BL_STATE_FAILED), 1);
    bl_registry_remove(r, b);
    bl_registry_set_state(r, b, BL_STATE_OK);
    assert_int_equal(bl_registry_count(r, BL_STATE_OK), 1);
    assert_int_equal(bl_registry_count(r, BL_STATE_FAILED), 0);
    assert_int_equal(bl_registry_count(r, BL_STATE_COUNT), 0);
    bl_registry_free(r);
}

/* ---- collisions: bl_key_of_id is a bijection but for its low bit ------- */

static uint64_t inverse_of_odd(uint64_t m)
{
    uint64_t x = m;
    for (unsigned i = 0; i < 6; i++)
        x *= 2 - m * x;
    return x;
}

/* The id whose key comes out of hash `h`. */
static uint64_t id_of_hash(uint64_t h)
{
    h ^= h >> 32;
    h *= inverse_of_odd(secret.id_mul_1);
    h ^= h >> 29 ^ h >> 58;
    h *= inverse_of_odd(secret.id_mul_2);
    h ^= h >> 32;
    h *= inverse_of_odd(secret.id_mul_1);
    return h ^ secret.id_xor;
}

static void every_change_is_counted_and_nothing_else(void **state)
{
    (void)state;
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t a = add(r, "a"), binary = BL_NODE_NONE;
    assert_int_equal(bl_registry_add_id(r, 7, &binary), 0);
    assert_int_equal(bl_registry_changes(r).nodes, 2);
    assert_int_equal(bl_registry_add_id(r, 7, &binary), -EEXIST);
    assert_int_equal(rename_to(r, binary, "seven"), 0);
    assert_int_equal(rename_to(r, binary, "seven"), 0);
    assert_int_equal(bl_registry_changes(r).nodes, 3);
    assert_int_equal(bl_registry_changes(r).states, 0);
    bl_registry_set_state(r, a, BL_STATE_OK);
    bl_registry_set_state(r, a, BL_STATE_OK);
    assert_int_equal(bl_registry_changes(r).states, 1);
    bl_registry_remove(r, a);
    bl_registry_remove(r, a);
    assert_int_equal(bl_registry_changes(r).nodes, 4);
    bl_registry_free(r);
}

static void a_node_whose_key_collides_is_refused_not_mixed_up(void **state)
{
    (void)state;
    uint64_t one = id_of_hash(UINT64_C(0x123456789abcdef0)), two = id_of_hash(UINT64_C(0x123456789abcdef1));
    assert_true(one != two && bl_key_of_id(&secret, one) == bl_key_of_id(&secret, two));
    struct bl_registry *r = make(10);
    bl_role_assume_control();
    uint32_t n, index;
    char name[24];
    assert_int_equal(bl_registry_add_id(r, one, &n), 0);
    assert_int_equal(bl_registry_add_id(r, two, &index), -EINVAL);
    snprintf(name, sizeof(name), "id:%016llx", (unsigned long long)two);
    assert_int_equal(find(r, name), BL_NODE_NONE);
    snprintf(name, sizeof(name), "id:%016llx", (unsigned long long)one);
    assert_int_equal(find(r, name), n);
    bl_registry_free(r);
}

/* ---- memory ------------------------------------------------------------ */

struct meter {
    size_t left;  /* allocations until one is refused */
    size_t alive; /* allocations not freed */
};

static void *metered_alloc(void *ctx, size_t bytes)
{
    struct meter *m = ctx;
    if (m->left == 0)
        return NULL;
    m->left--;
    m->alive++;
    void *p = malloc(bytes);
    memset(p, 0xa5, bytes); /* nobody may count on zeroes */
    return p;
}

static void metered_free(void *ctx, void *p)
{
    struct meter *m = ctx;
    assert_non_null(p);
    m->alive--;
    free(p);
}

static void refused_memory_leaves_it_as_it_was(void **state)
{
    (void)state;
    for (size_t granted = 0; granted < 90; granted++) {
        struct meter meter = {.left = granted};
        struct bl_memory m = {metered_alloc, metered_free, &meter};
        struct bl_registry *r = bl_registry_new(&m, &secret, 1000);
        bl_role_assume_control();
        for (unsigned i = 0; r && i < 70; i++) {
            char name[16];
            uint32_t n, total = bl_registry_total(r);
            int err = bl_registry_add_id(r, i, &n);
            assert_int_equal(bl_registry_total(r), total + (err == 0));
            int len = snprintf(name, sizeof(name), "n%u", i);
            int err_2 = err ? err : bl_registry_rename(r, n, name, (unsigned)len);
            assert_true((err == 0 || err == -ENOMEM) && (err_2 == 0 || err_2 == -ENOMEM));
            assert_int_equal(find(r, name) != BL_NODE_NONE, err_2 == 0);
        }
        bl_registry_free(r);
        assert_int_equal(meter.alive, 0);
    }
}

/* ---- against a model --------------------------------------------------- */

#define MODEL_NAMES 12000u

/* What should be: per number one text node "t<number>" and one binary
 * node <number>, which may be called "b<number>.<version>". */
struct model {
    uint32_t text[MODEL_NAMES], binary[MODEL_NAMES]; /* index, or NONE */
    unsigned version[MODEL_NAMES];                   /* 0: not named */
    uint32_t total;
};

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) % n);
}

static void model_text(struct model *m, struct bl_registry *r, unsigned k)
{
    bl_role_assume_control();
    char name[24];
    unsigned len = (unsigned)snprintf(name, sizeof(name), "t%u", k);
    uint32_t index;
    int err = bl_registry_add_name(r, name, len, &index);
    if (m->text[k] != BL_NODE_NONE) {
        assert_int_equal(err, -EEXIST);
        assert_int_equal(index, m->text[k]);
        return;
    }
    assert_int_equal(err, 0);
    m->text[k] = index;
    m->total++;
}

static void model_binary(struct model *m, struct bl_registry *r, unsigned k)
{
    bl_role_assume_control();
    char name[24];
    uint32_t index = m->binary[k];
    if (index == BL_NODE_NONE) {
        assert_int_equal(bl_registry_add_id(r, k, &index), 0);
        m->binary[k] = index;
        m->total++;
        return;
    }
    unsigned len = (unsigned)snprintf(name, sizeof(name), "b%u.%u", k, ++m->version[k]);
    assert_int_equal(bl_registry_rename(r, index, name, len), 0);
}

static void model_remove(struct model *m, struct bl_registry *r, uint32_t *index)
{
    if (*index == BL_NODE_NONE)
        return;
    bl_role_assume_control();
    bl_registry_remove(r, *index);
    *index = BL_NODE_NONE;
    m->total--;
}

static void model_check(const struct model *m, const struct bl_registry *r, unsigned k)
{
    char name[24];
    snprintf(name, sizeof(name), "t%u", k);
    assert_int_equal(find(r, name), m->text[k]);
    snprintf(name, sizeof(name), "id:%016x", k);
    assert_int_equal(find(r, name), m->binary[k]);
    assert_int_equal(bl_registry_find_key(r, bl_key_of_id(&secret, k)), m->binary[k]);
    snprintf(name, sizeof(name), "b%u.%u", k, m->version[k]);
    assert_int_equal(find(r, name), m->version[k] ? m->binary[k] : BL_NODE_NONE);
    if (m->version[k] > 1) {
        snprintf(name, sizeof(name), "b%u.%u", k, m->version[k] - 1);
        assert_int_equal(find(r, name), BL_NODE_NONE);
    }
    assert_int_equal(bl_registry_total(r), m->total);
}

static void it_behaves_like_a_simple_array(void **state)
{
    (void)state;
    random_state = UINT64_C(20240607);
    print_message("seed %llu\n", (unsigned long long)random_state);
    static struct model m;
    for (unsigned k = 0; k < MODEL_NAMES; k++)
        m.text[k] = m.binary[k] = BL_NODE_NONE;
    struct bl_registry *r = make(BL_NODE_MAX);
    bl_role_assume_control();
    for (unsigned op = 0; op < 400000; op++) {
        /* phases of growth and of decline */
        unsigned k = random_below(MODEL_NAMES), what = random_below(100), adds = op / 100000 % 2 ? 30 : 70;
        if (what < adds)
            model_text(&m, r, k);
        else if (what < adds + 15)
            model_binary(&m, r, k);
        else
            model_remove(&m, r, &m.text[k]);
        if (what > 95) {
            model_remove(&m, r, &m.binary[k]);
            m.version[k] = 0;
        }
        model_check(&m, r, k);
        model_check(&m, r, random_below(MODEL_NAMES));
        if (what == 0)
            bl_registry_reclaim(r);
    }
    uint32_t listed = 0;
    for (uint32_t i = 0; i < bl_registry_end(r); i++)
        listed += bl_registry_get(r, i) != NULL;
    assert_int_equal(listed, m.total);
    assert_int_equal(bl_registry_count(r, BL_STATE_NEW), m.total);
    bl_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_1_to_200_bytes_that_a_line_can_carry),
        cmocka_unit_test(a_node_is_found_by_name_and_key),
        cmocka_unit_test(a_known_name_is_not_added_twice),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(max_nodes_holds_and_can_be_moved),
        cmocka_unit_test(a_binary_node_is_found_by_id_under_any_name),
        cmocka_unit_test(a_hello_can_change_its_name),
        cmocka_unit_test(a_removed_record_is_kept_until_reclaim),
        cmocka_unit_test(a_reused_record_starts_afresh),
        cmocka_unit_test(counts_follow_the_states),
        cmocka_unit_test(every_change_is_counted_and_nothing_else),
        cmocka_unit_test(a_node_whose_key_collides_is_refused_not_mixed_up),
        cmocka_unit_test(refused_memory_leaves_it_as_it_was),
        cmocka_unit_test(it_behaves_like_a_simple_array),
    };
    return cmocka_run_group_tests(tests, fill_secret, NULL);
}
