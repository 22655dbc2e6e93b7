#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Socket ports whose cable is out, whose address is gone or whose interface
is deleted: nobody fails for that, the status says that the link is down,
and who really died is failed once it is up again. What comes over lo is
judged all the while."""

import contextlib
import socket
import threading
import time

from appliance import Daemon, Skip, check, equal, inside, run, tell, wait_for
from network import APPLIANCE_IP, Cable

EVERY_S, TIMEOUT_S = 0.2, 2.0
OUT_S = 2 * TIMEOUT_S + 1
NODES = 50  # on each port
# A sender that this machine held up for longer proves nothing.
LATE_S = TIMEOUT_S / 2


class Senders:
    """A thread that beats for the nodes of a port, whether that reaches
    anybody or not."""

    def __init__(self, prefix, to, namespace):
        self.names = [f"{prefix}.{n}" for n in range(NODES)]
        self.silent, self.late_s = set(), 0.0
        with inside(namespace):
            self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.to = to
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        last = time.monotonic()
        while True:
            for name in self.names:
                if name not in self.silent:
                    with contextlib.suppress(OSError):
                        self.out.sendto(f"{name}.beat:1|c\n".encode(), self.to)
            time.sleep(EVERY_S)
            self.late_s = max(self.late_s, time.monotonic() - last - EVERY_S)
            last = time.monotonic()


class Ports:
    """Of the daemon: one on the address of the cable, one on 0.0.0.0, and
    one on lo."""

    def __init__(self, s):
        self.cable = Cable(s)
        self.address("add")
        ports = [f"socket:{APPLIANCE_IP}:8127", "socket:0.0.0.0:8128", "socket:127.0.0.1:8129"]
        self.daemon = Daemon(s, {"ports": ports, "defaults": {"timeout": f"{TIMEOUT_S}s", "retries": 0}},
                             namespace=self.cable.appliance)
        self.outside = [Senders("bound", (APPLIANCE_IP, 8127), self.cable.sender),
                        Senders("any", (APPLIANCE_IP, 8128), self.cable.sender)]
        self.local = Senders("local", ("127.0.0.1", 8129), self.cable.appliance)

    def address(self, what):
        run("ip", "-n", self.cable.appliance, "address", what, f"{APPLIANCE_IP}/30", "dev", self.cable.interface)

    def links(self):
        return [self.daemon.port(f"socket:{address}")["link"] for address in (APPLIANCE_IP, "0.0.0.0", "127.0.0.1")]

    def nobody_failed(self, but=()):
        late_s = max(senders.late_s for senders in (*self.outside, self.local))
        failed = {e["name"] for e in self.daemon.events() if e["kind"] == "transition" and e["to"] == "failed"}
        if failed != set(but) and late_s > LATE_S:
            raise Skip(f"this machine held a sender up for {late_s:.1f} s")
        equal(failed, set(but), "who was ever called failed")


def outage(p, what, begin, end, dead):
    """Longer than the timeout; one node of lo dies meanwhile, and one of
    each port afterwards. Returns who is dead then."""
    begin()
    wait_for(lambda: p.links() == ["down", "down", "up"], f"{what}: the links are down")
    wait_for(lambda: p.daemon.status()["ingest"]["frozen"], f"{what}: the status says frozen")
    lost = p.local.names[len(dead)]
    p.local.silent.add(lost)
    time.sleep(OUT_S)
    wait_for(lambda: lost in p.daemon.names("failed"), f"{what}: who dies on lo is failed")
    dead = dead | {lost}
    p.nobody_failed(but=dead)
    end()
    wait_for(lambda: p.links() == ["up", "up", "up"], f"{what} is over: the links are up")
    wait_for(lambda: not p.daemon.status()["ingest"]["frozen"], f"{what} is over: nothing is frozen")
    time.sleep(TIMEOUT_S + 1)
    p.nobody_failed(but=dead)
    for senders in p.outside:
        senders.silent.add(senders.names[len(dead)])
        dead = dead | {senders.names[len(dead)]}
    wait_for(lambda: p.daemon.names("failed") == dead, f"{what} is over: who dies is failed", TIMEOUT_S + 3)
    p.nobody_failed(but=dead)
    print(f"{what}: {len(dead)} dead, {len(p.daemon.names('ok'))} alive")
    return dead


def freezes_are_told(p):
    said = [e["detail"] for e in p.daemon.events() if e["kind"] == "freeze"]
    for port in (f"{APPLIANCE_IP}:8127", "0.0.0.0:8128"):
        told = [detail for detail in said if port in detail and "link down" in detail]
        check(len(told) >= 3, f"three times {port} had no link: {said}")
    check(not any("127.0.0.1:8129" in detail and "link down" in detail for detail in said), f"lo was up: {said}")


def unplugged(p):
    run("ip", "-n", p.cable.appliance, "link", "delete", p.cable.interface)


def plugged(p, s):
    p.cable.plug(s)
    p.address("add")


def story(s):
    p = Ports(s)
    wait_for(lambda: p.daemon.count("ok") == 3 * NODES, "all beat")
    equal(p.links(), ["up", "up", "up"], "links")
    dead = outage(p, "the cable is out", p.cable.cut, p.cable.mend, set())
    dead = outage(p, "the address is gone", lambda: p.address("del"), lambda: p.address("add"), dead)
    outage(p, "the interface is deleted", lambda: unplugged(p), lambda: plugged(p, s), dead)
    freezes_are_told(p)


tell(story)
