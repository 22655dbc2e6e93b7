/* SPDX-License-Identifier: Apache-2.0 */
/* link_watch: whether packets from outside can reach a local address, as
 * the kernel tells it over rtnetlink.
 *
 * An address of one interface is reachable while all of this holds:
 *   - an interface has it, and for IPv6 duplicate detection is over;
 *   - that interface is up and has carrier. Of a VLAN, bridge, bond,
 *     macvlan or veth it is its own carrier that counts;
 *   - IPv4: the kernel would not drop every packet for want of a route
 *     back. With rp_filter 1 that takes a route out of the interface,
 *     with 2 any route; with 0, and for IPv6, no route is asked for.
 * 0.0.0.0 and [::] are reachable while any interface fulfils this with
 * any address of its own, lo and dummies aside: one that stays up, such
 * as a bridge of containers, is enough. The same goes for an address that
 * only lo or a dummy has, or that is local by a route (anycast): packets
 * for it come in by the others, which then need no address.
 * Where lo is all there is and ever was (a container without a network),
 * lo being up is enough for these. Another interface that is up, or is
 * hardware, means that packets are expected from there.
 * 127.0.0.0/8 and ::1 are reachable while lo is up.
 *
 * Threads: one at a time; may block where the kernel's network lock is
 * held by a driver. No privilege needed.
 * Cost: a look is one non-blocking recv while nothing changed, 1 us;
 * after a change of a link, an address or an IPv4 route it reads all of
 * them (of routes 1,024 at most): 50 us with a few links, 3.5 ms with 500. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

struct bl_link_watch;

/* Begins to watch for a socket bound to `bound` (IPv4 or IPv6; a link
 * local address with its scope). `ipv4_too`: [::] takes IPv4, too. NULL
 * with errno where the kernel does not tell: no netlink sockets, no
 * notifications, or out of memory. */
struct bl_link_watch *bl_link_watch_new(const struct sockaddr *bound, bool ipv4_too);
void bl_link_watch_free(struct bl_link_watch *w);

/* Whether packets can come in now. If the kernel cannot be asked (no
 * memory, no open file left), the last answer, and the next look asks
 * again. */
bool bl_link_watch_up(struct bl_link_watch *w);
