/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's ports and the workers on their queues: opened at the
 * start, ended and closed at the end, also when a card has died. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/daemon/daemon_internal.h"
#include "control/text/log.h"
#include "dataplane/port/eal.h"

/* At the end a worker, and a driver that closes its device, are waited
 * for so long; they take milliseconds, a link that is brought down some
 * hundred. */
#define WORKER_STOP_MS 1000u
#define PORTS_CLOSE_MS 4000u
/* The least with room for a piece of lines whenever it is 5/8 full (tcp.h). */
#define API_FIRST_SLOTS 16384u

/* ---- start ------------------------------------------------------------------- */

static int first_allowed_cpu(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET((unsigned)cpu, &set))
                return cpu;
    return -1;
}

int bl_daemon_control_cpu(const struct bl_config *c, bool has_dpdk)
{
    if (c->control_cpu >= 0)
        return c->control_cpu;
    return has_dpdk ? first_allowed_cpu() : -1;
}

/* "0000:01:00.0", or short "01:00.0". */
static bool is_pci_address(const char *device)
{
    size_t address = strspn(device, "0123456789abcdefABCDEF:.");
    return address >= strlen("01:00.0") && device[address] == 0 && strchr(device, ':') &&
           device[address - 2] == '.';
}

static int parse_specs(struct bl_daemon *d, unsigned *lcores, bool *pci, char *err)
{
    *lcores = 0;
    *pci = false;
    for (unsigned i = 0; i < d->config->port_count; i++) {
        int r = bl_port_spec_parse(&d->spec[i], d->config->ports[i], err);
        if (r)
            return r;
        if (d->spec[i].kind != BL_PORT_DPDK)
            continue;
        *lcores += d->spec[i].queues;
        *pci |= is_pci_address(d->spec[i].name);
    }
    bl_port_specs_share(d->spec, d->config->port_count);
    return 0;
}

static int add_worker(struct bl_daemon *d, const struct bl_worker_config *c, char *err)
{
    if (d->worker_count == BL_TABLES_MAX) {
        snprintf(err, BL_ERR_BYTES, "too many queues: at most %u workers in all", BL_TABLES_MAX - 1);
        return -ENOSPC;
    }
    struct bl_worker *w = bl_worker_new(c, d->worker_count, err);
    if (!w)
        return -ENOMEM;
    d->worker[d->worker_count++] = w;
    return 0;
}

static int open_port(struct bl_daemon *d, unsigned i, unsigned *lcore, char *err)
{
    const struct bl_port_spec *s = &d->spec[i];

    d->port[i] = bl_port_open(s, d->config->udp_port, err);
    if (!d->port[i])
        return -EIO;
    for (unsigned q = 0; q < s->queues; q++) {
        struct bl_worker_config c = {
            .port = d->port[i],
            .queue = q,
            .cpu = -1,
            .lcore = s->kind == BL_PORT_DPDK ? (int)bl_eal_worker_lcore((*lcore)++) : -1,
            .wire = d->wire,
            .first_slots = d->config->first_slots,
            .max_nodes = d->config->max_nodes,
        };
        int r = add_worker(d, &c, err);
        if (r)
            return r;
    }
    return 0;
}

int bl_daemon_open_ports(struct bl_daemon *d, const char *program, char *err)
{
    unsigned lcores, lcore = 0;
    bool pci;
    int r = parse_specs(d, &lcores, &pci, err);

    if (r == 0 && lcores) {
        struct bl_eal_config eal = {.program = program,
                                    .extra = d->config->eal,
                                    .workers = lcores,
                                    .pci = pci,
                                    .main_cpu = bl_daemon_control_cpu(d->config, true)};
        r = bl_eal_start(&eal, err);
    }
    for (unsigned i = 0; r == 0 && i < d->config->port_count; i++)
        r = open_port(d, i, &lcore, err);
    struct bl_worker_config own = {.queue = 0,
                                   .cpu = -1,
                                   .lcore = -1,
                                   .wire = d->wire,
                                   .first_slots = API_FIRST_SLOTS,
                                   .max_nodes = d->config->max_nodes};
    return r ? r : add_worker(d, &own, err);
}

void bl_daemon_say_ports(const struct bl_daemon *d)
{
    for (unsigned i = 0; i < d->config->port_count; i++) {
        const struct bl_port_spec *s = bl_port_spec_of(d->port[i]);
        bl_log(BL_LOG_INFO, "listening on %s%s", s->text,
               s->ipv6_alone ? "; IPv6 alone: another port has an IPv4 address with its number" : "");
        if (bl_port_note(d->port[i])[0])
            bl_log(BL_LOG_WARNING, "port %s: %s", s->text, bl_port_note(d->port[i]));
    }
}

/* ---- end --------------------------------------------------------------------- */

static uint64_t clock_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool bl_daemon_stop_workers(struct bl_daemon *d)
{
    uint64_t end_ms = clock_ms() + WORKER_STOP_MS;
    bool all = true;
    for (unsigned i = 0; i < d->worker_count; i++)
        bl_worker_ask_to_end(d->worker[i]);
    for (unsigned i = 0; i < d->worker_count; i++) {
        uint64_t now_ms = clock_ms();
        if (bl_worker_has_ended(d->worker[i], now_ms < end_ms ? (unsigned)(end_ms - now_ms) : 0))
            continue;
        bl_log(BL_LOG_WARNING, "worker %u of port %s does not end; ending without it", i,
               bl_port_spec_of(d->worker[i]->port)->text);
        all = false;
    }
    return all;
}

static void *close_ports(void *ctx)
{
    struct bl_daemon *d = ctx;
    for (unsigned i = 0; i < BL_PORTS_MAX; i++)
        bl_port_close(d->port[i]);
    __atomic_store_n(&d->ports_closed, true, __ATOMIC_RELEASE);
    return NULL;
}

/* On a thread, for a card that died can hold whoever closes it for a
 * minute. */
bool bl_daemon_close_ports(struct bl_daemon *d)
{
    uint64_t end_ms = clock_ms() + PORTS_CLOSE_MS;
    pthread_t thread;
    if (pthread_create(&thread, NULL, close_ports, d) != 0) {
        close_ports(d);
        return true;
    }
    while (!__atomic_load_n(&d->ports_closed, __ATOMIC_ACQUIRE) && clock_ms() < end_ms)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (__atomic_load_n(&d->ports_closed, __ATOMIC_ACQUIRE)) {
        pthread_join(thread, NULL);
        return true;
    }
    bl_eal_break_hush();
    bl_log(BL_LOG_WARNING, "a port's driver does not close its device; ending without that");
    return false;
}
