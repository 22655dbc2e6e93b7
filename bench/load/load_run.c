/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)
/* A full port is offered the rest again after this. */
#define FULL_NAP_NS UINT64_C(20000)
/* How long beats wait for a full port before time and signals are looked
 * at again. */
#define FULL_WAIT_NS UINT64_C(10000000)
/* How long the end waits for a port to take what is left. */
#define END_WAIT_NS UINT64_C(1000000000)

struct run {
    const struct bl_load_options *o;
    struct bl_load_out *out;
    const volatile int *stop;
    struct bl_load_report *report;
    char *err;
    struct bl_load_fleet fleet;
    uint64_t zero_ns;      /* monotonic: when the beats started */
    uint64_t virtual_ns;   /* time since then, where the clock is ours */
    uint64_t unix_zero_ns; /* wall clock at zero */
    uint64_t moved_ns;     /* the schedule, back */
    uint64_t beats;        /* handed to the output */
    unsigned happened;     /* 1: kill and restart, 2: revive */
    bool ending;           /* a signal no longer stops what is to be sent */
    uint64_t next_line_ns; /* of --progress */
    uint64_t line_beats;   /* sent at the last one */
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Time since the beats started. */
static uint64_t now_ns(const struct run *r)
{
    return r->out->virtual_time ? r->virtual_ns : clock_ns(CLOCK_MONOTONIC) - r->zero_ns;
}

static void sleep_until(struct run *r, uint64_t ns)
{
    if (r->out->virtual_time) {
        r->virtual_ns = ns;
        return;
    }
    uint64_t at = r->zero_ns + ns;
    struct timespec t = {.tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static bool stopped(const struct run *r)
{
    return *r->stop && !r->ending;
}

static void start_clock(struct run *r)
{
    r->zero_ns = clock_ns(CLOCK_MONOTONIC);
    r->virtual_ns = 0;
    r->unix_zero_ns = r->out->virtual_time ? r->o->out.start_unix_ns : clock_ns(CLOCK_REALTIME);
}

static int64_t unix_ms(const struct run *r, uint64_t ns)
{
    return (int64_t)((r->unix_zero_ns + ns) / 1000000);
}

/* Offers all that was ended, napping while the port is full, until
 * `until_ns`, a signal or an error. */
static int push_all(struct run *r, uint64_t until_ns)
{
    int rc;
    while (!bl_load_out_push(r->out, &rc)) {
        uint64_t now = now_ns(r);
        if (rc < 0) {
            memcpy(r->err, r->out->err, BL_ERR_BYTES);
            return rc;
        }
        if (stopped(r) || now >= until_ns)
            return 0;
        sleep_until(r, now + FULL_NAP_NS);
    }
    return 0;
}

static struct bl_load_datagram *datagram_for(struct run *r, uint32_t node, uint64_t ns)
{
    struct bl_load_datagram *d = bl_load_out_datagram(r->out);
    if (d->len == 0) {
        d->flow = (uint16_t)((uint64_t)node * r->o->out.flows / r->o->fleet.nodes);
        d->time_ns = ns;
    }
    return d;
}

/* ---- settings and byes: one per node, at their own pace --------------- */

typedef bool put_setting(const struct bl_load_wire *w, struct bl_load_datagram *d,
                         const struct bl_load_beat *b, uint64_t unix_ns);

static int settings_tick(struct run *r, put_setting *put, uint32_t *node, uint32_t until, uint64_t now)
{
    while (*node < until && bl_load_out_room(r->out) > 1) {
        if (!bl_load_fleet_is_silent(&r->fleet, *node)) {
            struct bl_load_beat b = bl_load_fleet_last(&r->fleet, *node);
            if (put(&r->o->wire, datagram_for(r, *node, now), &b, r->unix_zero_ns + now))
                bl_load_out_end(r->out);
        }
        ++*node;
    }
    return push_all(r, UINT64_MAX);
}

/* How many nodes' settings are due; in a capture file they are all of
 * the same moment. */
static uint32_t settings_due(const struct run *r, uint64_t since_ns)
{
    uint64_t due = (uint64_t)((unsigned __int128)since_ns * r->o->settings_per_s / NS_PER_S) + 1;
    return due < r->o->fleet.nodes && !r->out->virtual_time ? (uint32_t)due : r->o->fleet.nodes;
}

static int send_settings(struct run *r, put_setting *put)
{
    uint64_t start = now_ns(r), now = start;
    int rc = 0;
    for (uint32_t node = 0; node < r->o->fleet.nodes && rc == 0 && !stopped(r);) {
        uint32_t until = settings_due(r, now - start);
        rc = settings_tick(r, put, &node, until, now);
        if (node == until && node < r->o->fleet.nodes)
            sleep_until(r, now + BL_LOAD_TICK_NS);
        now = now_ns(r);
    }
    bl_load_out_end(r->out);
    return rc ? rc : push_all(r, UINT64_MAX);
}

/* ---- what is to happen at its time ------------------------------------ */

static void write_killed(struct run *r)
{
    FILE *f = fopen(r->o->killed_file, "we");
    char name[BL_NAME_MAX + 1];
    for (uint32_t i = 0; f && i < r->o->fleet.kill; i++) {
        bl_load_wire_name(&r->o->wire, bl_load_fleet_killed(&r->fleet, i), name);
        fprintf(f, "%s\n", name);
    }
    if (!f || fclose(f) != 0)
        fprintf(stderr, "beatline-load: --killed-file %s: %s; give a file that you may write\n",
                r->o->killed_file, strerror(errno));
}

static void kill_and_restart(struct run *r, uint64_t at_ns)
{
    bl_load_fleet_kill(&r->fleet);
    bl_load_fleet_restart(&r->fleet);
    r->report->killed = r->o->fleet.kill;
    r->report->restarted = r->o->fleet.restart;
    if (r->o->fleet.kill) {
        r->report->killed_unix_ms = unix_ms(r, at_ns);
        if (r->o->killed_file)
            write_killed(r);
    }
}

static void revive(struct run *r, uint64_t at_ns)
{
    bl_load_fleet_revive(&r->fleet);
    r->report->revived_unix_ms = unix_ms(r, at_ns);
}

/* When the next thing is to happen. */
static uint64_t event_ns(const struct run *r)
{
    const struct bl_load_options *o = r->o;
    uint64_t end = o->duration_ns ? o->duration_ns : UINT64_MAX, at = end;
    if (r->happened == 0 && (o->fleet.kill || o->fleet.restart))
        at = o->at_ns;
    else if (r->happened <= 1 && o->fleet.kill && o->revive_at_ns)
        at = o->revive_at_ns;
    return at < end ? at : end;
}

/* Returns false at the end. */
static bool event(struct run *r, uint64_t at_ns)
{
    if (r->o->duration_ns && at_ns >= r->o->duration_ns)
        return false;
    /* Beats from before must not wait for their datagram to fill. */
    bl_load_out_end(r->out);
    if (r->happened == 0 && (r->o->fleet.kill || r->o->fleet.restart)) {
        kill_and_restart(r, at_ns);
        r->happened = 1;
    } else {
        revive(r, at_ns);
        r->happened = 2;
    }
    return true;
}

/* ---- beats ------------------------------------------------------------- */

static void progress(struct run *r, uint64_t now)
{
    if (!r->o->progress || now < r->next_line_ns)
        return;
    uint64_t beats = r->out->counts.beats;
    fprintf(stderr,
            "%" PRIu64 " s: %" PRIu64 " beats, %" PRIu64 "/s, %" PRIu64 " retries, %" PRIu64 " errors\n",
            now / NS_PER_S, beats, beats - r->line_beats, r->out->counts.retries, r->out->counts.errors);
    r->line_beats = beats;
    r->next_line_ns += NS_PER_S;
}

/* Puts what is due at `until` into datagrams, as far as there is room.
 * Returns whether more may be due. */
static bool fill(struct run *r, uint64_t until)
{
    struct bl_load_beat beats[BL_LOAD_BURST];
    uint64_t left = r->o->beats ? r->o->beats - r->beats : UINT64_MAX;
    unsigned room = bl_load_out_room(r->out), n = 0;
    if (until < r->moved_ns)
        return false;
    if (room >= BL_LOAD_BEATS_PER_PLACE)
        n = bl_load_fleet_due(&r->fleet, until - r->moved_ns, beats, room);
    n = n < left ? n : (unsigned)left;
    for (unsigned i = 0; i < n; i++) {
        struct bl_load_datagram *d = datagram_for(r, beats[i].node, until);
        if (bl_load_wire_beat(&r->o->wire, d, &beats[i], r->unix_zero_ns + until))
            bl_load_out_end(r->out);
    }
    r->beats += n;
    return n > 0 || bl_load_fleet_next_ns(&r->fleet) + r->moved_ns <= until;
}

/* Too late to catch up: the schedule waits for us. */
static void move_schedule(struct run *r, uint64_t now)
{
    uint64_t late = bl_load_fleet_late_ns(&r->fleet, now - r->moved_ns);
    if (late > BL_LOAD_CATCH_UP_NS)
        r->moved_ns += late;
}

/* Sleeps until beats are due again, at least a tick: one wake-up for all
 * beats of a tick. A capture file gets each beat's own time. */
static void await_beats(struct run *r, uint64_t now, uint64_t event_at)
{
    uint64_t next = bl_load_fleet_next_ns(&r->fleet) + r->moved_ns;
    if (!r->out->virtual_time && next < now + BL_LOAD_TICK_NS)
        next = now + BL_LOAD_TICK_NS;
    /* Signals are looked at and lines printed at least this often. */
    if (!r->out->virtual_time && next > now + NS_PER_S / 10)
        next = now + NS_PER_S / 10;
    sleep_until(r, next < event_at ? next : event_at);
}

/* Beats due before an event come before it; at full speed they always
 * are, and the event goes first. */
static bool fill_until(struct run *r, uint64_t now, uint64_t event_at)
{
    if (now < event_at)
        return fill(r, now);
    return event_at > 0 && r->o->fleet.beats_den_ns != 0 && fill(r, event_at - 1);
}

static int send_beats(struct run *r)
{
    int rc = 0;
    while (rc == 0 && !stopped(r) && (!r->o->beats || r->beats < r->o->beats)) {
        uint64_t now = now_ns(r), event_at = event_ns(r);
        progress(r, now);
        move_schedule(r, now);
        bool more = fill_until(r, now, event_at);
        if (!more || r->out->filled >= BL_LOAD_BURST / 2)
            rc = push_all(r, now + FULL_WAIT_NS);
        if (more)
            continue;
        if (now < event_at)
            await_beats(r, now, event_at);
        else if (!event(r, event_at))
            break;
    }
    r->report->beats_ns = now_ns(r);
    return rc;
}

static int end(struct run *r)
{
    int rc = 0;
    r->ending = true;
    bl_load_out_end(r->out);
    if (r->o->bye)
        rc = send_settings(r, bl_load_wire_bye);
    if (rc == 0)
        rc = push_all(r, now_ns(r) + END_WAIT_NS);
    r->report->not_sent = r->out->filled;
    return rc;
}

int bl_load_run(const struct bl_load_options *o, struct bl_load_out *out, const volatile int *stop,
                struct bl_load_report *report, char err[BL_ERR_BYTES])
{
    struct run r = {.o = o, .out = out, .stop = stop, .report = report, .err = err, .next_line_ns = NS_PER_S};
    *report = (struct bl_load_report){0};
    int rc = bl_load_fleet_init(&r.fleet, &o->fleet);
    if (rc) {
        snprintf(err, BL_ERR_BYTES, "--nodes %u: %s; give fewer", o->fleet.nodes, strerror(-rc));
        return rc;
    }
    start_clock(&r);
    if (o->hello || o->timeout_ns)
        rc = send_settings(&r, bl_load_wire_setting);
    start_clock(&r);
    if (rc == 0)
        rc = send_beats(&r);
    int rc_end = rc ? 0 : end(&r);
    report->lost = r.fleet.lost;
    report->behind_ns = r.moved_ns;
    bl_load_fleet_free(&r.fleet);
    return rc ? rc : rc_end;
}
