/* SPDX-License-Identifier: Apache-2.0 */
/* Ports as control sees them, and what is told when their clocks stand
 * still. */
#include "control/core_internal.h"

struct bl_core_port *bl_core_port_of(struct bl_core *core, const struct bl_worker *w)
{
    unsigned i = 0;
    while (i < core->port_count && core->port[i].port != w->port)
        i++;
    if (i == core->port_count)
        core->port[core->port_count++].port = w->port;
    return &core->port[i];
}

void bl_core_watch_ports(struct bl_core *core)
{
    for (unsigned i = 0; i < core->port_count; i++) {
        const struct bl_port *port = core->port[i].port;
        unsigned workers = 0;
        for (unsigned k = 0; k < core->line_count; k++)
            workers += core->line[k].port == &core->port[i];
        bl_freeze_watch_init(&core->port[i].freeze, port ? bl_port_spec_of(port)->text : "api connections",
                             workers);
    }
    bl_freeze_watch_init(&core->own_gap, "all ports", core->line_count);
}

static void tell_freeze(struct bl_core *core, struct bl_freeze_watch *w) BL_ON_CONTROL
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
    bl_freeze_watch_look(&core->own_gap, own_gap ? BL_FREEZE_OWN_GAP : 0, own_gap ? core->line_count : 0,
                         now_ns, unix_ms);
    tell_freeze(core, &core->own_gap);
    for (unsigned i = 0; i < core->port_count; i++) {
        struct bl_core_port *p = &core->port[i];
        bl_freeze_watch_look(&p->freeze, p->why, p->frozen, now_ns, unix_ms);
        tell_freeze(core, &p->freeze);
        p->why = 0;
        p->frozen = 0;
    }
}
