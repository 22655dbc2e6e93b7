#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon's own figures at a statsd server: a real UDP receiver, which
adds up what it gets."""

import collections
import socket
import time

from appliance import LIBC, MS_BIND, Daemon, check, equal, own_mounts, tell, wait_for


class Statsd:
    """A statsd server that keeps the last gauge and the sum of counters."""

    def __init__(self, s):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.undo.callback(self.socket.close)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.gauge, self.counter, self.seen = {}, collections.Counter(), []

    def address(self):
        return f"udp://localhost:{self.socket.getsockname()[1]}"

    def take(self):
        while True:
            try:
                datagram = self.socket.recv(65536)
            except BlockingIOError:
                return
            check(len(datagram) <= 1432, f"a datagram of {len(datagram)} bytes")
            for line in datagram.decode().splitlines():
                name, rest = line.rsplit(":", 1)
                value, kind = rest.split("|")
                self.seen.append(line)
                if kind == "g":
                    self.gauge[name] = int(value)
                else:
                    equal(kind, "c", f"type of {line}")
                    self.counter[name] += int(value)

    def has(self, **gauges):
        self.take()
        return all(self.gauge.get("bl.nodes." + state) == n for state, n in gauges.items())


def localhost_is_two_addresses(s):
    """As on most machines; ::1, where nobody listens, is the first."""
    why = own_mounts()
    if why:
        print(f"localhost is what this machine's hosts file says: {why}")
        return
    hosts = s.dir / "hosts"
    hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
    check(LIBC.mount(str(hosts).encode(), b"/etc/hosts", None, MS_BIND, None) == 0, "a hosts file of its own")


def story(s):
    localhost_is_two_addresses(s)
    statsd = Statsd(s)
    config = {"statsd": {"to": statsd.address(), "prefix": "bl", "interval": "100ms", "nodes": True}}
    daemon = Daemon(s, config)
    wait_for(lambda: statsd.has(total=0, ok=0, failed=0), "an empty fleet")
    with socket.create_connection(("127.0.0.1", daemon.tcp()["number"])) as c:
        c.sendall(b"a.beat:1|c\nb.beat:1|c\nb.err:0.2|g\nc@1.err:9|g\nnonsense\n")
    wait_for(lambda: statsd.has(total=3, ok=1, failed=1, new=1), "one of each")
    wait_for(lambda: statsd.has() or statsd.gauge.get("bl.service.state.b") == 2, "b's own state")
    wait_for(lambda: statsd.has() or (statsd.gauge.get("bl.view.all.failed"), statsd.gauge.get("bl.alarm.state.all"))
             == (1, 2), "the view of all")
    with socket.create_connection(("127.0.0.1", daemon.tcp()["number"])) as c:
        c.sendall(b"b.beat:1|c\nc@1.beat:1|c\n")
    daemon.cli("nodes", "pause", "a")
    wait_for(lambda: statsd.has(total=3, ok=2, paused=1, failed=0), "well again, one paused")
    wait_for(lambda: statsd.has() or statsd.gauge.get("bl.service.state.b") == 1, "b is ok")
    wait_for(lambda: statsd.has() or statsd.gauge.get("bl.service.state.a") == 3, "a is muted")
    equal({k: statsd.counter["bl.ingest." + k] for k in ("beats", "settings", "dropped.bad_line")},
          {"beats": 4, "settings": 2, "dropped.bad_line": 1}, "counted since the start")
    equal(statsd.gauge["bl.ingest.frozen_workers"], 0, "frozen workers")
    daemon.write_config({})
    daemon.cli("config", "reload")
    statsd.take()
    time.sleep(0.3)
    before = len(statsd.seen)
    time.sleep(0.3)
    statsd.take()
    equal(len(statsd.seen), before, "lines after statsd was switched off")


tell(story)
