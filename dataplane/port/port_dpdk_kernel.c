/* SPDX-License-Identifier: Apache-2.0 */
/* af_packet and af_xdp of DPDK 22.11 report the link as up whatever the
 * interface does, and af_packet counts no drops, af_xdp not those for
 * which its receive ring was full. The kernel knows both; we ask it on
 * the driver's own sockets, found among our file descriptors. */
#include "dataplane/port/port_dpdk.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void bl_kernel_side_open(struct bl_kernel_side *k, const char *devargs)
{
    k->ask_fd = -1;
    const char *iface = strstr(devargs, ",iface=");
    if (!iface || (strncmp(devargs, "net_af_packet", 13) != 0 && strncmp(devargs, "net_af_xdp", 10) != 0))
        return;
    iface += strlen(",iface=");
    snprintf(k->iface, sizeof(k->iface), "%.*s", (int)strcspn(iface, ","), iface);
    k->if_index = (int)if_nametoindex(k->iface);
    k->ask_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void bl_kernel_side_close(struct bl_kernel_side *k)
{
    if (k->iface[0] && k->ask_fd >= 0)
        close(k->ask_fd);
    k->ask_fd = -1;
}

static int domain_of(int fd)
{
    int domain = -1;
    socklen_t len = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 ? domain : -1;
}

static bool bound_to(int fd, int domain, unsigned if_index)
{
    union {
        struct sockaddr any;
        struct sockaddr_ll packet;
        struct sockaddr_xdp xdp;
    } a = {.any.sa_family = 0};
    socklen_t len = sizeof(a);
    if ((domain != AF_PACKET && domain != AF_XDP) || getsockname(fd, &a.any, &len) != 0)
        return false;
    return domain == AF_PACKET ? (unsigned)a.packet.sll_ifindex == if_index : a.xdp.sxdp_ifindex == if_index;
}

void bl_kernel_side_find_sockets(struct bl_kernel_side *k)
{
    unsigned if_index = (unsigned)k->if_index;
    DIR *dir = if_index != 0 ? opendir("/proc/self/fd") : NULL;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        /* NOLINTNEXTLINE(cert-err34-c): numbers but for . and .., which become 0 */
        int fd = atoi(e->d_name);
        if (k->sockets < BL_PORT_QUEUES_MAX && bound_to(fd, domain_of(fd), if_index))
            k->socket[k->sockets++] = fd;
    }
    if (dir)
        closedir(dir);
}

bool bl_kernel_side_up(const struct bl_kernel_side *k)
{
    if (!k->iface[0])
        return true;
    struct ifreq r = {.ifr_ifindex = k->if_index};
    return ioctl(k->ask_fd, SIOCGIFNAME, &r) == 0 && ioctl(k->ask_fd, SIOCGIFFLAGS, &r) == 0 &&
           (r.ifr_flags & IFF_UP) && (r.ifr_flags & IFF_RUNNING);
}

uint64_t bl_kernel_side_missed(struct bl_kernel_side *k)
{
    uint64_t rings_full = 0;
    for (unsigned i = 0; i < k->sockets; i++) {
        int domain = domain_of(k->socket[i]);
        struct tpacket_stats packet = {0}; /* since it was last asked */
        struct xdp_statistics xdp = {0};   /* since the start */
        socklen_t len = sizeof(packet), xdp_len = sizeof(xdp);
        if (domain == AF_PACKET &&
            getsockopt(k->socket[i], SOL_PACKET, PACKET_STATISTICS, &packet, &len) == 0)
            k->missed += packet.tp_drops;
        if (domain == AF_XDP && getsockopt(k->socket[i], SOL_XDP, XDP_STATISTICS, &xdp, &xdp_len) == 0)
            rings_full += xdp.rx_ring_full;
    }
    return k->missed + rings_full;
}
