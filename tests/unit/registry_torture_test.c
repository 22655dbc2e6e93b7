/* SPDX-License-Identifier: Apache-2.0 */
/* One writer adds, names, renames and removes; readers look on under RCU.
 * What stays for the whole run must be found by every lookup, whatever
 * grows meanwhile; what comes and goes must be found right or not at all.
 * Run it under ThreadSanitizer and AddressSanitizer too. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/registry/registry.h"

#define READERS  2u
#define STEADY   500u   /* nodes that stay */
#define FLEETING 20000u /* nodes that come and go */
#define ROUNDS   12u

struct arena {
    struct bl_key_secret secret;
    struct bl_registry *registry;
    uint32_t steady[STEADY];
    /* over all rounds: of the fleeting ones, [removed, added) are there */
    uint64_t added, removed;
    bool over;
    uint64_t lookups, hits; /* of readers, summed at their end */
    const char *wrong;      /* what a reader saw that cannot be */
};

static void complain(struct arena *a, const char *what)
{
    __atomic_store_n(&a->wrong, what, __ATOMIC_RELEASE);
}

static void look_at_steady(struct arena *a, uint32_t k)
{
    char name[32];
    unsigned len = (unsigned)snprintf(name, sizeof(name), "steady.%u", k);
    if (bl_registry_find_name(a->registry, name, len) != a->steady[k])
        complain(a, "a steady node was not found by name");
    if (bl_registry_find_key(a->registry, bl_key_of_id(&a->secret, k)) != a->steady[k])
        complain(a, "a steady node was not found by id");
}

/* "f<k>.<version>": whoever is found under k's key is called so. */
static bool look_at_fleeting(struct arena *a, uint32_t k)
{
    uint32_t index = bl_registry_find_key(a->registry, bl_key_of_id(&a->secret, STEADY + k));
    const struct bl_node *n = index == BL_NODE_NONE ? NULL : bl_registry_get(a->registry, index);
    if (!n)
        return false;
    const char *name = bl_node_name(n);
    char *end;
    if (name[0] == 'f' && strtoul(name + 1, &end, 10) != k)
        complain(a, "a node has another's name");
    if (name[0] != 'f' && strncmp(name, "id:", 3) != 0)
        complain(a, "a name is none that was ever given");
    if (bl_node_id(n) != STEADY + k)
        complain(a, "a node found by its key has another id");
    return true;
}

/* The one that came last may be in the growing index alone. */
static void look_at_newest(struct arena *a)
{
    uint64_t added = __atomic_load_n(&a->added, __ATOMIC_ACQUIRE);
    if (added == 0)
        return;
    uint64_t key = bl_key_of_id(&a->secret, STEADY + (added - 1) % FLEETING);
    bool found = bl_registry_find_key(a->registry, key) != BL_NODE_NONE;
    if (!found && __atomic_load_n(&a->removed, __ATOMIC_ACQUIRE) < added)
        complain(a, "a node that had been added was not found");
}

/* A listing: every record that is there is whole. */
static void list_some(struct arena *a, uint32_t from)
{
    uint32_t end = bl_registry_end(a->registry);
    for (uint32_t i = from; i < end && i < from + 64; i++) {
        const struct bl_node *n = bl_registry_get(a->registry, i);
        if (n && BL_READ(n->key) != bl_key_of_id(&a->secret, bl_node_id(n)))
            complain(a, "a listed record is half of one, half of another");
    }
}

static void *reader(void *arg)
{
    struct arena *a = arg;
    uint64_t lookups = 0, hits = 0;
    bl_rcu_thread_register();
    for (uint32_t i = 1; !__atomic_load_n(&a->over, __ATOMIC_ACQUIRE); i = i * 1664525 + 1013904223) {
        look_at_steady(a, (i >> 8) % STEADY);
        hits += look_at_fleeting(a, (i >> 8) % FLEETING);
        look_at_newest(a);
        lookups++;
        if (lookups % 16 == 0)
            list_some(a, (i >> 8) % FLEETING);
        if (lookups % 8 == 0)
            bl_rcu_quiescent();
    }
    bl_rcu_thread_unregister();
    __atomic_add_fetch(&a->lookups, lookups, __ATOMIC_RELAXED);
    __atomic_add_fetch(&a->hits, hits, __ATOMIC_RELAXED);
    return NULL;
}

static void name_it(struct arena *a, uint32_t index, uint32_t k, unsigned version)
{
    char name[32];
    unsigned len = (unsigned)snprintf(name, sizeof(name), "f%u.%u", k, version);
    bl_role_assume_control();
    assert_int_equal(bl_registry_rename(a->registry, index, name, len), 0);
}

static void remove_next(struct arena *a, const uint32_t *index)
{
    bl_role_assume_control();
    uint64_t k = a->removed;
    __atomic_store_n(&a->removed, k + 1, __ATOMIC_RELEASE);
    bl_registry_remove(a->registry, index[k % FLEETING]);
}

static void reclaim(struct arena *a)
{
    bl_role_assume_control();
    bl_rcu_wait();
    bl_registry_reclaim(a->registry);
}

/* All fleeting nodes come, are named twice, and go: the index grows from
 * small to large while readers look, and is cleaned of removed entries. */
static void write_a_round(struct arena *a, uint32_t *index)
{
    bl_role_assume_control();
    for (uint32_t k = 0; k < FLEETING; k++) {
        assert_int_equal(bl_registry_add_id(a->registry, STEADY + k, &index[k]), 0);
        __atomic_store_n(&a->added, a->added + 1, __ATOMIC_RELEASE);
        name_it(a, index[k], k, 1);
        if (k % 3 == 0)
            name_it(a, index[k], k, 2);
        bl_registry_set_state(a->registry, index[k], BL_STATE_OK);
        if (k % 512 == 0)
            reclaim(a);
        if (k >= FLEETING / 2)
            remove_next(a, index);
    }
    while (a->removed < a->added)
        remove_next(a, index);
    reclaim(a);
}

static void begin(struct arena *a)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(i * 31 + 7);
    bl_key_secret_init(&a->secret, seed);
    a->registry = bl_registry_new(&bl_memory_libc, &a->secret, BL_NODE_MAX);
    assert_non_null(a->registry);
    bl_role_assume_control();
    for (uint32_t k = 0; k < STEADY; k++) {
        char name[32];
        unsigned len = (unsigned)snprintf(name, sizeof(name), "steady.%u", k);
        assert_int_equal(bl_registry_add_id(a->registry, k, &a->steady[k]), 0);
        assert_int_equal(bl_registry_rename(a->registry, a->steady[k], name, len), 0);
    }
}

static void readers_see_what_is_there_whatever_the_writer_does(void **state)
{
    (void)state;
    static struct arena a;
    static uint32_t index[FLEETING];
    pthread_t thread[READERS];
    begin(&a);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, reader, &a), 0);
    for (unsigned round = 0; round < ROUNDS && !__atomic_load_n(&a.wrong, __ATOMIC_ACQUIRE); round++)
        write_a_round(&a, index);
    __atomic_store_n(&a.over, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(thread[i], NULL);
    print_message("%llu lookups, %llu of them of a node that came and went\n", (unsigned long long)a.lookups,
                  (unsigned long long)a.hits);
    if (a.wrong)
        fail_msg("%s", a.wrong);
    assert_true(a.lookups > 0);
    assert_int_equal(bl_registry_total(a.registry), STEADY);
    bl_registry_free(a.registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_what_is_there_whatever_the_writer_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
