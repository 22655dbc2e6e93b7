/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet without a daemon: loaded from the state folder, added to, and
 * saved there. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/core/key_secret.h"
#include "control/import/lovebeat.h"
#include "control/store/store.h"
#include "control/text/timestamp.h"
#include "engine/base/rcu.h"

struct import {
    const struct bl_config *config;
    struct bl_key_secret secret;
    struct bl_fleet *fleet;
    struct bl_views *views;
    struct bl_changes *changes; /* nobody tells any, but a store has them */
    struct bl_store *store;
    struct bl_store_loaded found;
};

static uint64_t last_event(void *ctx)
{
    const struct import *i = ctx;
    return i->found.events;
}

static void import_end(struct import *i)
{
    bl_store_free(i->store);
    bl_views_free(i->views);
    bl_fleet_free(i->fleet);
    bl_changes_free(i->changes);
}

static int make_fleet(struct import *i)
{
    struct bl_fleet_config fleet = {.max_nodes = i->config->max_nodes, .memory = bl_memory_libc};
    struct bl_fleet_out nobody = {0};
    struct bl_views_out none = {0};

    if (bl_key_secret_draw(&i->secret))
        return -EIO;
    i->changes = bl_changes_new();
    i->fleet = bl_fleet_new(&fleet, &i->secret, &nobody);
    if (i->changes && i->fleet)
        i->views = bl_views_new(&bl_memory_libc, &i->secret, bl_fleet_registry(i->fleet), &none);
    return i->views ? 0 : -ENOMEM;
}

/* The folder's fleet. 0, or negative errno with err. */
BL_ON_CONTROL static int import_begin(struct import *i, char *err)
{
    char why[BL_ERR_BYTES] = "";
    int r = make_fleet(i);

    if (r) {
        snprintf(err, BL_ERR_BYTES, "--import-lovebeat: %s", strerror(-r));
        return r;
    }
    struct bl_store_config c = {.dir = i->config->state_dir,
                                .fleet = i->fleet,
                                .views = i->views,
                                .changes = i->changes,
                                .events = last_event,
                                .ctx = i};
    i->store = bl_store_open(&c, why);
    r = i->store ? bl_store_load(i->store, &i->found, why) : -EIO;
    if (r)
        snprintf(err, BL_ERR_BYTES, "%s", why);
    return r;
}

static void import_account(const struct import *i, const char *file, const struct bl_lovebeat_imported *n,
                           FILE *to)
{
    uint64_t known = n->services + i->found.nodes - bl_registry_total(bl_fleet_registry(i->fleet));

    fprintf(to, "%s: %" PRIu64 " services (%" PRIu64 " muted, %" PRIu64 " warning or failed)", file,
            n->services, n->muted, n->bad);
    if (known > 0)
        fprintf(to, ", %" PRIu64 " of them known before or there twice", known);
    fprintf(to, ", and %" PRIu64 " views or alarms are in %s now\n", n->views, i->config->state_dir);
    if (n->shortened > 0)
        fprintf(to,
                "timeouts over 45 days, which is the longest there is, and are 45 days now: %" PRIu64 "\n",
                n->shortened);
    if (n->yaml.len > 0)
        fprintf(to, "the views are for the config:\n");
}

BL_ON_CONTROL static int import_run(struct import *i, const char *file, FILE *yaml, FILE *to, char *err)
{
    struct bl_lovebeat_imported n = {0};
    int r = import_begin(i, err);

    if (r)
        return r;
    struct bl_lovebeat_import target = {
        .fleet = i->fleet, .views = i->views, .now_unix_ms = bl_timestamp_now_ms()};
    r = bl_lovebeat_read(&target, file, &n, err);
    if (r == 0) {
        bl_rcu_thread_unregister(); /* the store's own, from here on */
        r = bl_store_save(i->store);
        bl_rcu_thread_register();
        if (r)
            snprintf(err, BL_ERR_BYTES, "state.dir %.200s: %s; nothing is imported", i->config->state_dir,
                     strerror(-r));
    }
    if (r == 0) {
        import_account(i, file, &n, to);
        fwrite(n.comments.data, 1, n.comments.len, yaml);
        fwrite(n.yaml.data, 1, n.yaml.len, yaml);
    }
    bl_text_free(&n.yaml);
    bl_text_free(&n.comments);
    return r;
}

int bl_lovebeat_import(const struct bl_config *c, const char *file, FILE *yaml, FILE *to,
                       char err[BL_ERR_BYTES])
{
    struct import i = {.config = c};

    err[0] = '\0';
    if (!c->state_dir[0]) {
        snprintf(err, BL_ERR_BYTES,
                 "--import-lovebeat: state.dir of the config is not set; give --state-dir DIR: what is "
                 "imported is kept there");
        return -EINVAL;
    }
    bl_role_assume_control(); /* no other thread runs */
    bl_rcu_thread_register();
    int r = import_run(&i, file, yaml, to, err);
    bl_rcu_thread_unregister();
    import_end(&i);
    return r;
}
