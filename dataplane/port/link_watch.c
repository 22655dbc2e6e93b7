/* SPDX-License-Identifier: Apache-2.0 */
/* A notification only says that something changed; then everything is
 * read anew, so that a lost one (ENOBUFS) is like any other. */
#include "dataplane/port/link_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCHED_GROUPS                                                                                       \
    (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |                             \
     1u << (RTNLGRP_IPV4_NETCONF - 1))
/* Notifications read in one look; the kernel drops what has no room. */
#define DRAIN_AT_ONCE 256u
/* The kernel says when its lists changed while it dumped them. */
#define READ_TRIES 3
/* A router's whole table is not read: who has so many has routes. */
#define ROUTES_READ 1024u
/* The kernel's dump messages are this large at most (NLMSG_GOODSIZE). */
#define DUMP_BYTES 32768u

#define LINK_LOWER_UP 0x10000u /* linux/if.h IFF_LOWER_UP, which net/if.h has not: carrier */

/* Of an interface, what the rules ask. */
struct watched_link {
    unsigned index;
    bool up;       /* switched on */
    bool carries;  /* up, with carrier, operational */
    bool loopback; /* lo */
    bool inner;    /* lo, or a dummy: nothing from outside comes by it */
    bool made;     /* by software: not hardware */
    bool owns;     /* the bound address */
    bool has_ipv4;
    bool has_ipv6;
    bool routed; /* an IPv4 route leaves by it */
    uint8_t rp_filter;
};

/* What one reading of the kernel's lists found. */
struct watched_net {
    const struct bl_link_watch *watch;
    struct watched_link *link;
    unsigned count, room, cursor; /* cursor: the last found; lists come in the same order */
    bool inner_ipv4, inner_ipv6;  /* lo or a dummy has an address for outside */
    unsigned routes;
    uint8_t rp_filter; /* for all interfaces */
    bool owned;        /* an interface has the bound address */
    bool delivers;     /* none has, but the kernel takes packets to it as its own */
};

struct bl_link_watch {
    int fd; /* notifications */
    bool changed;
    bool up;
    bool expected;   /* there was an interface but lo to expect packets from */
    bool any;        /* bound to 0.0.0.0 or [::] */
    bool loopback;   /* bound to 127.0.0.0/8 or ::1 */
    bool ipv4, ipv6; /* which it takes */
    unsigned scope;  /* the interface of a link-local address, 0: any */
    uint8_t address[16];
};

/* ---- the rules -------------------------------------------------------- */

static bool link_route_back(const struct watched_net *n, const struct watched_link *l)
{
    unsigned check = l->rp_filter > n->rp_filter ? l->rp_filter : n->rp_filter;
    return check == 0 || (check == 1 ? l->routed : n->routes > 0) || n->routes >= ROUTES_READ;
}

static bool link_is_way_in(const struct watched_net *n, const struct watched_link *l)
{
    const struct bl_link_watch *w = n->watch;
    bool ipv4 = w->ipv4 && (l->has_ipv4 || n->inner_ipv4) && link_route_back(n, l);
    bool ipv6 = w->ipv6 && (l->has_ipv6 || n->inner_ipv6);
    return !l->inner && l->carries && (ipv4 || ipv6);
}

static bool link_any_way_in(struct bl_link_watch *w, const struct watched_net *n)
{
    bool way_in = false, lo_up = false;
    for (unsigned i = 0; i < n->count; i++) {
        const struct watched_link *l = &n->link[i];
        way_in |= link_is_way_in(n, l);
        w->expected |= !l->inner && (l->up || !l->made);
        lo_up |= l->loopback && l->up;
    }
    return way_in || (lo_up && !w->expected);
}

static bool link_lo_up(const struct watched_net *n)
{
    for (unsigned i = 0; i < n->count; i++)
        if (n->link[i].loopback && n->link[i].up)
            return true;
    return false;
}

static bool link_decide(struct bl_link_watch *w, const struct watched_net *n)
{
    bool inner = false, up = false;
    if (w->loopback)
        return link_lo_up(n);
    for (unsigned i = 0; i < n->count; i++) {
        const struct watched_link *l = &n->link[i];
        inner |= l->owns && l->inner;
        up |= l->owns && !l->inner && l->carries && (!w->ipv4 || link_route_back(n, l));
    }
    if (w->any || inner || n->delivers)
        return up || link_any_way_in(w, n);
    return up;
}

/* ---- reading the kernel's lists ---------------------------------------- */

static struct watched_link *link_find(struct watched_net *n, unsigned index)
{
    for (unsigned i = 0; i < n->count; i++, n->cursor++) {
        if (n->cursor >= n->count)
            n->cursor = 0;
        if (n->link[n->cursor].index == index)
            return &n->link[n->cursor];
    }
    return NULL;
}

static struct watched_link *link_add(struct watched_net *n)
{
    if (n->count == n->room) {
        unsigned room = n->room ? 2 * n->room : 16;
        struct watched_link *more = realloc(n->link, room * sizeof(*more));
        if (!more)
            return NULL;
        n->link = more;
        n->room = room;
    }
    n->link[n->count] = (struct watched_link){.index = 0};
    return &n->link[n->count++];
}

struct link_wanted {
    uint16_t type, size;
    const struct nlattr *found;
};

static int link_compare_attribute(const struct nlattr *a, void *wanted)
{
    struct link_wanted *w = wanted;
    if (mnl_attr_get_type(a) == w->type && mnl_attr_get_payload_len(a) >= w->size)
        w->found = a;
    return w->found ? MNL_CB_STOP : MNL_CB_OK;
}

/* The attribute of a type, of at least `size` bytes; or NULL. */
static const struct nlattr *link_attribute(const struct nlmsghdr *h, unsigned header, uint16_t type,
                                           uint16_t size)
{
    struct link_wanted w = {.type = type, .size = size};
    (void)mnl_attr_parse(h, header, link_compare_attribute, &w);
    return w.found;
}

/* "veth", "dummy"; NULL: hardware, or lo. */
static const char *link_kind(const struct nlmsghdr *h)
{
    const struct nlattr *info = link_attribute(h, sizeof(struct ifinfomsg), IFLA_LINKINFO, 0);
    struct link_wanted w = {.type = IFLA_INFO_KIND, .size = 1};
    if (info)
        (void)mnl_attr_parse_nested(info, link_compare_attribute, &w);
    return w.found && mnl_attr_validate(w.found, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(w.found) : NULL;
}

static int link_take(const struct nlmsghdr *h, void *net)
{
    const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
    const unsigned carries = IFF_UP | IFF_RUNNING | LINK_LOWER_UP;
    if (h->nlmsg_type != RTM_NEWLINK)
        return MNL_CB_OK;
    struct watched_link *l = link_add(net);
    if (!l) {
        errno = ENOMEM;
        return MNL_CB_ERROR;
    }
    const char *kind = link_kind(h);
    l->index = (unsigned)m->ifi_index;
    l->up = m->ifi_flags & IFF_UP;
    l->carries = (m->ifi_flags & carries) == carries;
    l->loopback = m->ifi_flags & IFF_LOOPBACK;
    l->made = kind != NULL;
    l->inner = l->loopback || (kind && strcmp(kind, "dummy") == 0);
    return MNL_CB_OK;
}

static bool link_is_loopback_address(int family, const uint8_t *address)
{
    return family == AF_INET ? address[0] == IN_LOOPBACKNET
                             : memcmp(address, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

static bool link_is_bound(const struct bl_link_watch *w, const struct ifaddrmsg *m, const uint8_t *address,
                          size_t size)
{
    return !w->any && (m->ifa_family == AF_INET ? w->ipv4 : w->ipv6) &&
           memcmp(address, w->address, size) == 0 && (w->scope == 0 || w->scope == m->ifa_index);
}

/* IPv6: not before duplicate detection is over, nor after it failed. */
static bool link_address_works(const struct nlmsghdr *h, const struct ifaddrmsg *m)
{
    const struct nlattr *a = link_attribute(h, sizeof(*m), IFA_FLAGS, sizeof(uint32_t));
    uint32_t flags = a ? mnl_attr_get_u32(a) : m->ifa_flags;
    return !(flags & IFA_F_DADFAILED) && (!(flags & IFA_F_TENTATIVE) || (flags & IFA_F_OPTIMISTIC));
}

static int link_take_address(const struct nlmsghdr *h, void *net)
{
    struct watched_net *n = net;
    const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
    bool ipv4 = m->ifa_family == AF_INET;
    if (h->nlmsg_type != RTM_NEWADDR || (!ipv4 && m->ifa_family != AF_INET6) || !link_address_works(h, m))
        return MNL_CB_OK;
    uint16_t size = ipv4 ? 4 : 16;
    /* With a peer IFA_ADDRESS is the other side's. */
    const struct nlattr *a = link_attribute(h, sizeof(*m), IFA_LOCAL, size);
    if (!a)
        a = link_attribute(h, sizeof(*m), IFA_ADDRESS, size);
    struct watched_link *l = link_find(n, m->ifa_index);
    if (!a || !l)
        return MNL_CB_OK;
    const uint8_t *address = mnl_attr_get_payload(a);
    l->owns |= link_is_bound(n->watch, m, address, size);
    n->owned |= l->owns;
    bool outer = !link_is_loopback_address(m->ifa_family, address);
    *(ipv4 ? &l->has_ipv4 : &l->has_ipv6) |= outer;
    *(ipv4 ? &n->inner_ipv4 : &n->inner_ipv6) |= outer && l->inner;
    return MNL_CB_OK;
}

static int link_take_netconf(const struct nlmsghdr *h, void *net)
{
    struct watched_net *n = net;
    const unsigned header = sizeof(struct netconfmsg);
    const struct nlattr *index = link_attribute(h, header, NETCONFA_IFINDEX, sizeof(uint32_t));
    const struct nlattr *check = link_attribute(h, header, NETCONFA_RP_FILTER, sizeof(uint32_t));
    if (h->nlmsg_type != RTM_NEWNETCONF || !index || !check)
        return MNL_CB_OK;
    uint8_t value = (uint8_t)mnl_attr_get_u32(check);
    struct watched_link *l = link_find(n, mnl_attr_get_u32(index));
    if ((int32_t)mnl_attr_get_u32(index) == NETCONFA_IFINDEX_ALL)
        n->rp_filter = value;
    else if (l)
        l->rp_filter = value;
    return MNL_CB_OK;
}

static void link_routed(struct watched_net *n, unsigned index, unsigned flags)
{
    struct watched_link *l = flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) ? NULL : link_find(n, index);
    if (!l || l->inner)
        return;
    l->routed = true;
    n->routes++;
}

static void link_routed_by_many(struct watched_net *n, const struct nlattr *paths)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(paths);
    int left = mnl_attr_get_payload_len(paths);
    while (RTNH_OK(hop, left)) {
        link_routed(n, (unsigned)hop->rtnh_ifindex, hop->rtnh_flags);
        left -= (int)RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
}

static int link_take_route(const struct nlmsghdr *h, void *net)
{
    struct watched_net *n = net;
    const struct rtmsg *m = mnl_nlmsg_get_payload(h);
    if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_type != RTN_UNICAST)
        return MNL_CB_OK;
    const struct nlattr *out = link_attribute(h, sizeof(*m), RTA_OIF, sizeof(uint32_t));
    const struct nlattr *paths = link_attribute(h, sizeof(*m), RTA_MULTIPATH, sizeof(struct rtnexthop));
    if (out)
        link_routed(n, mnl_attr_get_u32(out), m->rtm_flags);
    if (paths)
        link_routed_by_many(n, paths);
    return n->routes >= ROUTES_READ ? MNL_CB_STOP : MNL_CB_OK;
}

static int link_take_way_to(const struct nlmsghdr *h, void *net)
{
    const struct rtmsg *m = mnl_nlmsg_get_payload(h);
    struct watched_net *n = net;
    n->delivers = h->nlmsg_type == RTM_NEWROUTE && m->rtm_type >= RTN_LOCAL && m->rtm_type <= RTN_MULTICAST;
    return MNL_CB_STOP;
}

/* ---- asking -------------------------------------------------------------- */

static int link_ask(struct nlmsghdr *h, mnl_cb_t take, struct watched_net *n)
{
    static const unsigned no_groups;
    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    char *buffer = malloc(DUMP_BYTES);
    int rc = s && buffer && mnl_socket_bind(s, no_groups, MNL_SOCKET_AUTOPID) == 0 &&
                     mnl_socket_sendto(s, h, h->nlmsg_len) >= 0
                 ? MNL_CB_OK
                 : MNL_CB_ERROR;
    while (rc > MNL_CB_STOP) {
        ssize_t len = mnl_socket_recvfrom(s, buffer, DUMP_BYTES);
        rc = len < 0 ? MNL_CB_ERROR
                     : mnl_cb_run(buffer, (size_t)len, h->nlmsg_seq, mnl_socket_get_portid(s), take, n);
    }
    int why = errno;
    free(buffer);
    if (s)
        mnl_socket_close(s);
    errno = why;
    return rc == MNL_CB_ERROR ? -1 : 0;
}

static int link_dump(uint16_t type, size_t header, uint8_t family, mnl_cb_t take, struct watched_net *n)
{
    char buffer[256] = {0};
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    h->nlmsg_seq = 1;
    *(uint8_t *)mnl_nlmsg_put_extra_header(h, header) = family; /* the first byte of each header */
    if (type == RTM_GETLINK)
        mnl_attr_put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return link_ask(h, take, n);
}

/* An address that no interface has may be ours by a route; an error of
 * the kernel is its "unreachable". */
static void link_ask_way_to(const struct bl_link_watch *w, struct watched_net *n)
{
    char buffer[256] = {0};
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = RTM_GETROUTE;
    h->nlmsg_flags = NLM_F_REQUEST;
    h->nlmsg_seq = 1;
    size_t size = w->ipv4 ? 4 : 16;
    struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->rtm_family = w->ipv4 ? AF_INET : AF_INET6;
    m->rtm_dst_len = (uint8_t)(8 * size);
    mnl_attr_put(h, RTA_DST, size, w->address);
    (void)link_ask(h, link_take_way_to, n);
}

static int link_read_once(struct watched_net *n)
{
    const struct bl_link_watch *w = n->watch;
    int rc = link_dump(RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC, link_take, n);
    if (rc == 0 && !w->loopback)
        rc = link_dump(RTM_GETADDR, sizeof(struct ifaddrmsg), AF_UNSPEC, link_take_address, n);
    if (rc == 0 && !w->loopback && w->ipv4 &&
        /* Without CONFIG_SYSCTL there is no such list, and no rp_filter. */
        link_dump(RTM_GETNETCONF, sizeof(struct netconfmsg), AF_INET, link_take_netconf, n) == 0)
        rc = link_dump(RTM_GETROUTE, sizeof(struct rtmsg), AF_INET, link_take_route, n);
    if (rc == 0 && !w->loopback && !w->any && w->scope == 0 && !n->owned)
        link_ask_way_to(w, n);
    return rc;
}

static int link_read(struct bl_link_watch *w)
{
    int rc = -1;
    errno = EINTR;
    for (int i = 0; rc != 0 && errno == EINTR && i < READ_TRIES; i++) {
        struct watched_net n = {.watch = w};
        rc = link_read_once(&n);
        if (rc == 0)
            w->up = link_decide(w, &n);
        int why = errno;
        free(n.link);
        errno = why;
    }
    return rc;
}

/* ---- watching -------------------------------------------------------------- */

static void link_watch_address(struct bl_link_watch *w, const struct sockaddr *bound, bool ipv4_too)
{
    const struct in6_addr *a6 = &((const struct sockaddr_in6 *)bound)->sin6_addr;
    const struct in_addr *a4 = &((const struct sockaddr_in *)bound)->sin_addr;
    bool is_ipv6 = bound->sa_family == AF_INET6, mapped = is_ipv6 && IN6_IS_ADDR_V4MAPPED(a6);
    w->ipv4 = !is_ipv6 || mapped;
    w->ipv6 = !w->ipv4;
    if (mapped)
        memcpy(w->address, &a6->s6_addr[12], 4);
    else if (is_ipv6)
        memcpy(w->address, a6, sizeof(*a6));
    else
        memcpy(w->address, a4, sizeof(*a4));
    w->any = memcmp(w->address, &in6addr_any, sizeof(in6addr_any)) == 0;
    w->loopback = link_is_loopback_address(w->ipv4 ? AF_INET : AF_INET6, w->address);
    w->scope = is_ipv6 && IN6_IS_ADDR_LINKLOCAL(a6) ? ((const struct sockaddr_in6 *)bound)->sin6_scope_id : 0;
    w->ipv4 |= w->any && ipv4_too;
}

struct bl_link_watch *bl_link_watch_new(const struct sockaddr *bound, bool ipv4_too)
{
    struct bl_link_watch *w = calloc(1, sizeof(*w));
    struct sockaddr_nl us = {.nl_family = AF_NETLINK, .nl_groups = WATCHED_GROUPS};
    if (!w)
        return NULL;
    link_watch_address(w, bound, ipv4_too);
    w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    /* Told first, then read: what changes in between is told. */
    if (w->fd >= 0 && bind(w->fd, (struct sockaddr *)&us, sizeof(us)) == 0 && link_read(w) == 0)
        return w;
    int why = errno;
    bl_link_watch_free(w);
    errno = why;
    return NULL;
}

void bl_link_watch_free(struct bl_link_watch *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

bool bl_link_watch_up(struct bl_link_watch *w)
{
    char told; /* the rest of each is cut off */
    for (unsigned i = 0; i < DRAIN_AT_ONCE; i++) {
        if (recv(w->fd, &told, sizeof(told), MSG_DONTWAIT) < 0 && errno != ENOBUFS)
            break;
        w->changed = true;
    }
    if (w->changed)
        w->changed = link_read(w) != 0;
    return w->up;
}
