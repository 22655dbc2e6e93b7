/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/veth.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/sources/child_process.h"

#define THIS_THREADS_NETNS "/proc/thread-self/ns/net"
#define MAC                "02:00:00:00:be:02"

static const struct cable {
    const char *receiver, *sender, *own, *address;
} cables[BL_VETH_CABLES] = {
    {"bench-r0", "bench-s0", "198.18.0.1/30", "198.18.0.2"},
    {"bench-r1", "bench-s1", "198.18.0.5/30", "198.18.0.6"},
};

const char *bl_veth_interface(unsigned cable)
{
    return cables[cable].receiver;
}

const char *bl_veth_address(unsigned cable)
{
    return cables[cable].address;
}

/* ---- namespaces -------------------------------------------------------- */

int bl_netns_enter(int netns)
{
    int home = netns >= 0 ? open(THIS_THREADS_NETNS, O_RDONLY | O_CLOEXEC) : -1;
    if (home >= 0)
        (void)setns(netns, CLONE_NEWNET);
    return home;
}

void bl_netns_leave(int home)
{
    if (home < 0)
        return;
    (void)setns(home, CLONE_NEWNET);
    close(home);
}

/* Neighbour discovery and the like are packets that nobody offered. */
static void no_ipv6(void)
{
    int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* there is no IPv6 */
    (void)!write(fd, "1", 1);
    close(fd);
}

static int new_netns(void)
{
    int home = open(THIS_THREADS_NETNS, O_RDONLY | O_CLOEXEC);
    if (home < 0 || unshare(CLONE_NEWNET) != 0) {
        int code = errno;
        if (home >= 0)
            close(home);
        return -code;
    }
    no_ipv6();
    int made = open(THIS_THREADS_NETNS, O_RDONLY | O_CLOEXEC);
    bl_netns_leave(home);
    return made >= 0 ? made : -EMFILE;
}

/* ---- cables -------------------------------------------------------------- */

/* No ARP on them: the neighbour is told. One queue, so that frames stay
 * in order. */
static bool plug(int netns, const struct cable *c, char err[BL_ERR_BYTES])
{
    const char *const steps[][20] = {
        {"ip", "link", "add", c->receiver, "numrxqueues", "1", "numtxqueues", "1", "type", "veth", "peer",
         "name", c->sender, "numrxqueues", "1", "numtxqueues", "1"},
        {"ip", "link", "set", c->receiver, "arp", "off", "address", MAC, "up"},
        {"ip", "link", "set", c->sender, "arp", "off", "up"},
        {"ip", "address", "add", c->own, "dev", c->sender},
        {"ip", "neighbour", "add", c->address, "lladdr", MAC, "dev", c->sender, "nud", "permanent"},
    };
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (!bl_child_process_run(steps[i], netns, err))
            return false;
    return true;
}

bool bl_veth_open(struct bl_veth *v, char err[BL_ERR_BYTES])
{
    v->netns = new_netns();
    if (v->netns < 0) {
        snprintf(err, BL_ERR_BYTES, "no network namespace: %s", strerror(-v->netns));
        v->netns = -1;
        return false;
    }
    for (unsigned i = 0; i < BL_VETH_CABLES; i++)
        if (!plug(v->netns, &cables[i], err))
            return false;
    return true;
}

void bl_veth_close(struct bl_veth *v)
{
    if (v->netns >= 0)
        close(v->netns);
    v->netns = -1;
}
