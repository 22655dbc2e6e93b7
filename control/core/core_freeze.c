/* SPDX-License-Identifier: Apache-2.0 */
/* Ports as control sees them, and what is told when their clocks stand
 * still. */
#include <errno.h>

#include "control/core/core_internal.h"
#include "control/text/log.h"
#include "engine/base/counter.h"

/* Links and misses are looked at ten times a second. A look takes
 * microseconds; one that takes so long is no look any more: whether
 * packets come in nobody knows. */
#define LOOK_NS      UINT64_C(100000000)
#define LOOK_LATE_NS UINT64_C(500000000)
#define LOOK_SAID_NS UINT64_C(3000000000)

struct bl_core_port *bl_core_port_of(struct bl_core *core, const struct bl_worker *w)
{
    unsigned i = 0;
    while (i < core->port_count && core->port[i].port != w->port)
        i++;
    if (i == core->port_count)
        core->port[core->port_count++].port = w->port;
    return &core->port[i];
}

int bl_core_watch_ports(struct bl_core *core, bl_port_look_at *look_at)
{
    for (unsigned i = 0; i < core->port_count; i++) {
        struct bl_core_port *p = &core->port[i];
        unsigned workers = 0;
        for (unsigned k = 0; k < core->worker_count; k++)
            workers += core->worker[k].port == p;
        bl_freeze_watch_init(&p->freeze, p->port ? bl_port_spec_of(p->port)->text : "api connections",
                             workers);
        p->watch = p->port ? bl_port_watch_new(p->port, look_at) : NULL;
        if (p->port && !p->watch)
            return -ENOMEM;
    }
    bl_freeze_watch_init(&core->own_gap, "all ports", core->worker_count);
    return 0;
}

/* ---- links ------------------------------------------------------------------------ */

/* Whether its driver has been asked too long ago. */
static bool port_is_silent(struct bl_core_port *p, bool answered, uint64_t now_ns)
{
    uint64_t waited_ns = answered ? 0 : now_ns - p->asked_ns;
    if (waited_ns > LOOK_SAID_NS && !p->silence_said) {
        p->silence_said = true;
        bl_log(BL_LOG_WARNING,
               "port %s: its driver has not answered for %u s; its nodes' ages stand still, the other ports "
               "run on",
               bl_port_spec_of(p->port)->text, (unsigned)(LOOK_SAID_NS / 1000000000));
    }
    if (answered && p->silence_said) {
        p->silence_said = false;
        bl_log(BL_LOG_INFO, "port %s: its driver answers again", bl_port_spec_of(p->port)->text);
    }
    return waited_ns > LOOK_LATE_NS;
}

BL_ON_CONTROL static void look_at_port(struct bl_core *core, struct bl_core_port *p, uint64_t now_ns)
{
    struct bl_port_look look;
    bool answered = bl_port_watch_answer(p->watch, &look);
    bool silent = port_is_silent(p, answered, now_ns);

    if (p->asked_ns && answered && look.link_up)
        bl_freeze_watch_link(&p->freeze);
    for (unsigned i = 0; i < core->worker_count; i++) {
        struct bl_worker_slot *l = &core->worker[i];
        if (l->port != p)
            continue;
        bl_ingest_clock_hold(&l->worker->clock, BL_FREEZE_LINK_DOWN, !look.link_up);
        bl_ingest_clock_hold(&l->worker->clock, BL_FREEZE_NO_ANSWER, silent);
        BL_WRITE(l->link_up, look.link_up);
        if (l->worker->queue == 0)
            BL_WRITE(l->missed, look.missed);
    }
    if (!answered || now_ns < p->next_look_ns)
        return;
    p->next_look_ns = now_ns + LOOK_NS;
    p->asked_ns = now_ns;
    bl_port_watch_ask(p->watch);
}

void bl_core_look_at_ports(struct bl_core *core, uint64_t now_ns)
{
    for (unsigned i = 0; i < core->port_count; i++)
        if (core->port[i].watch)
            look_at_port(core, &core->port[i], now_ns);
}

bool bl_core_ports_end(struct bl_core *core, unsigned wait_ms)
{
    bool all = true;
    for (unsigned i = 0; i < core->port_count; i++)
        if (core->port[i].watch)
            bl_port_watch_end(core->port[i].watch);
    for (unsigned i = 0; i < core->port_count; i++) {
        struct bl_core_port *p = &core->port[i];
        if (!p->watch || bl_port_watch_has_ended(p->watch, all ? wait_ms : 0))
            continue;
        bl_log(BL_LOG_WARNING, "port %s: its driver does not answer; ending without it",
               bl_port_spec_of(p->port)->text);
        all = false;
    }
    return all;
}

/* ---- freezes ---------------------------------------------------------------------- */

BL_ON_CONTROL static void tell_freeze(struct bl_core *core, struct bl_freeze_watch *w)
{
    struct bl_event e;

    if (bl_freeze_watch_event(w, &e)) {
        bl_core_emit(core, &e);
        bl_freeze_watch_numbered(w, e.number);
    }
    if (bl_freeze_watch_notice(w, &e))
        bl_event_feed_push(&core->notifier_feed, &e);
}

void bl_core_tell_freezes(struct bl_core *core, bool own_gap, uint64_t now_ns, int64_t unix_ms)
{
    bl_freeze_watch_look(&core->own_gap, own_gap ? BL_FREEZE_OWN_GAP : 0, own_gap ? core->worker_count : 0,
                         now_ns, unix_ms);
    tell_freeze(core, &core->own_gap);
    for (unsigned i = 0; i < core->port_count; i++) {
        struct bl_core_port *p = &core->port[i];
        /* A gap of ours is told once, for all ports, and says nothing of
         * their links and workers: they are what they were. */
        if (own_gap)
            bl_freeze_watch_look(&p->freeze, p->freeze.is.why, p->freeze.is.workers, now_ns, unix_ms);
        else
            bl_freeze_watch_look(&p->freeze, p->why, p->frozen, now_ns, unix_ms);
        tell_freeze(core, &p->freeze);
        p->why = 0;
        p->frozen = 0;
    }
}
