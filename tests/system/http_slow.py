#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Slow and silent HTTP clients while a fleet beats at a steady rate: not
a beat is lost, others are served at once, memory stays, and in the end
the slow ones are put out. Streams of events: resumed where a client left,
told when what followed is forgotten or the daemon is another, and kept
open while nothing happens."""

import contextlib
import http.client
import json
import socket
import threading
import time

from appliance import Daemon, Load, check, equal, keeps_freed_memory, tell, wait_for
from http_client import Events, Http

NODES, RATE, SECONDS = 20_000, 40_000, 8
DRIPPING, STALLED, DEAF = 40, 40, 40


# ---- slow clients ------------------------------------------------------------------

class Crowd:
    """Clients that hold their connections and do as little as they can."""

    def __init__(self, server):
        self.server, self.held, self.dripping = server, [], []
        self.end = threading.Event()

    def dial(self, request, buffer=None):
        c = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if buffer:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        c.connect((self.server.host, self.server.port))
        c.sendall(request)
        self.held.append(c)
        return c

    def gather(self):
        for n in range(DRIPPING):
            post = n % 2 == 0
            head = "POST /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n" if post else "GET /"
            self.dripping.append((self.dial(head.encode()), b'{"name":"drip' if post else b"x"))
        for n in range(STALLED):
            path = ("/api/v1/nodes", "/api/services", "/api/v1/nodes?fields=name", "/api/services/?view=all")[n % 4]
            self.dial(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 4096)
        for n in range(DEAF):
            self.dial(f"GET /api/v1/events?last={n * 1000} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 4096)
        self.thread = threading.Thread(target=self.drip, daemon=True)
        self.thread.start()

    def drip(self):
        at = 0
        while not self.end.wait(0.2):
            at += 1
            for c, what in self.dripping:
                with contextlib.suppress(OSError):
                    c.send(what[at % len(what):][:1])

    def leave(self):
        self.end.set()
        self.thread.join()
        for c in self.held:
            c.close()


def metric(server, name):
    for line in server.ask("GET", "/metrics").body.decode().splitlines():
        if line.startswith(f"beatline_{name} "):
            return float(line.split()[1])
    check(False, f"no metric {name}")
    return None


def rss_mib(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:"))


def make_noise(server, end):
    """Some hundred changes of state a second: events for all the deaf."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    server.ask("POST", "/api/v1/nodes/noisy/beat", status=204)
    while not end.is_set():
        for what in ("pause", "resume"):
            connection.request("POST", f"/api/v1/nodes/noisy/{what}")
            connection.getresponse().read()
    connection.close()


def serve_meanwhile(server, load):
    """How long others wait for an answer while the load lasts; in s."""
    took = []
    while load.process.poll() is None:
        for path in ("/-/healthy", "/api/v1/status", "/api/v1/nodes/load.7"):
            begin = time.monotonic()
            server.ask("GET", path, status=None)
            took.append(time.monotonic() - begin)
        time.sleep(0.05)
    return sorted(took)


def while_a_fleet_beats(s, daemon, server):
    wait_for(lambda: server.ask("GET", "/-/ready", status=None).status == 200, "it hears")
    crowd, end = Crowd(server), threading.Event()
    load = Load(s, "--to", f"socket:127.0.0.1:{daemon.port('socket')['number']}", "--nodes", NODES, "--rate", RATE,
                "--duration", f"{SECONDS}s", "--lines", 10)
    wait_for(lambda: daemon.status()["nodes"]["total"] >= NODES // 2, "the fleet registers")
    before = rss_mib(daemon)
    crowd.gather()
    noise = threading.Thread(target=make_noise, args=(server, end), daemon=True)
    noise.start()
    took = serve_meanwhile(server, load)
    sent = load.finish()
    end.set()
    noise.join()
    grown = rss_mib(daemon) - before
    print(f"{daemon.events()[-1]['number']} events; {len(took)} answers meanwhile, median {took[len(took) // 2] * 1000:.1f} ms, "
          f"99 % below {took[len(took) * 99 // 100] * 1000:.0f} ms, worst {took[-1] * 1000:.0f} ms; memory +{grown:.0f} MiB")
    nothing_is_lost(daemon, sent)
    check(took[len(took) // 2] < 0.5, f"half of the answers took over {took[len(took) // 2]:.2f} s")
    check(grown < 150 or keeps_freed_memory(), f"{DRIPPING + STALLED + DEAF} slow clients cost {grown:.0f} MiB")
    wait_for(lambda: metric(server, "http_connections") <= 1, "the slow ones are put out", seconds=45, every=0.5)
    check(metric(server, "http_too_slow_total") >= DRIPPING, "of them, those that dripped")
    crowd.leave()


def nothing_is_lost(daemon, sent):
    """By the fleet's account, packet by packet; the noise's beats come on top."""
    port = wait_for(lambda: daemon.port("socket")["packets_total"] >= sent["packets"] and daemon.port("socket"),
                    "all packets are in")
    got = daemon.status()["ingest"]
    equal(port["packets_total"], sent["packets"], "packets")
    equal(got["dropped_total"], 0, "dropped")
    check(got["beats_total"] >= sent["beats"], f"beats: {got['beats_total']} of {sent['beats']}")
    wait_for(lambda: daemon.status()["nodes"]["failed"] == 0, "nobody has failed")


# ---- streams ------------------------------------------------------------------------

def streams_resume(daemon, server):
    """Event by event, with a new connection for each."""
    seen, last = [], None
    for name in ("a", "b", "c"):
        server.ask("PUT", f"/api/v1/nodes/resume.{name}", {}, status=201)
        stream = Events(server, "/api/v1/events?kind=transition&match=resume.*", last_id=last)
        equal(stream.next()[0], "hello", "the first event")
        if seen:
            check(seen[-1]["name"] != name, "an event comes once")
        server.ask("POST", f"/api/v1/nodes/resume.{name}/beat", status=204)
        seen.append(stream.until(lambda kind, e: kind == "transition"))
        last = stream.last_id
        stream.close()
        server.ask("POST", f"/api/v1/nodes/resume.{name}/pause")  # while nobody listens
        late = Events(server, "/api/v1/events?kind=transition&match=resume.*", last_id=last)
        missed = late.until(lambda kind, e: kind == "transition")
        equal((missed["name"], missed["to"]), (f"resume.{name}", "paused"), "what came meanwhile")
        last = late.last_id
        late.close()
    equal([e["name"] for e in seen], ["resume.a", "resume.b", "resume.c"], "in order")
    return last


def streams_tell_what_is_lost(s, daemon, server, last):
    for bad in ("1-1", "nonsense", "-", f"{last}x", "ffffffffffffffffffff-1"):
        stream = Events(server, last_id=bad)
        equal([stream.next()[0], stream.next()], ["hello", ("reset", {"reason": "restarted", "lost": 0})], f"id {bad}")
        stream.close()
    few = Daemon(s, {"http": {"listen": ["127.0.0.1:0"]}, "events": {"keep": 20}})
    small = Http(few.http_address())
    small.ask("PUT", "/api/v1/nodes/n", {}, status=201)
    small.ask("POST", "/api/v1/nodes/n/beat", status=204)
    stream = Events(small, "/api/v1/events?last=20")
    stream.until(lambda kind, e: kind == "transition")
    stream.close()
    for _ in range(30):
        small.ask("POST", "/api/v1/nodes/n/pause")
        small.ask("POST", "/api/v1/nodes/n/resume")
    late = Events(small, last_id=stream.last_id)
    equal(late.next()[0], "hello", "the first event")
    kind, data = late.next()
    check(kind == "reset" and data["reason"] == "forgotten" and data["lost"] >= 40, f"what is forgotten is told: {kind} {data}")
    late.close()
    equal(few.stop()[0], 0, "exit code")


def streams_are_kept(server):
    """A comment after 15 s of nothing, then an event at once."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=25)
    connection.request("GET", "/api/v1/events?match=nobody.else")
    answer = connection.getresponse()
    server.ask("PUT", "/api/v1/nodes/nobody.else", {}, status=201)
    begin = time.monotonic()
    lines = []
    while not (lines and lines[-1] == b":\n"):
        lines.append(answer.readline())
        check(lines[-1], f"the stream ended after {time.monotonic() - begin:.1f} s")
    took = time.monotonic() - begin
    check(10 <= took <= 22, f"a comment after {took:.1f} s")
    server.ask("POST", "/api/v1/nodes/nobody.else/beat", status=204)
    begin = time.monotonic()
    while not (line := answer.readline()).startswith(b"data: "):
        check(line, "the stream ended")
    check(time.monotonic() - begin < 5, "the event came at once")
    equal(json.loads(line[6:])["name"], "nobody.else", "whom it is of")
    connection.close()


def story(s):
    daemon = Daemon(s, {"http": {"listen": ["127.0.0.1:0"], "timeout": "3s"}, "defaults": {"timeout": "10m"}})
    server = Http(daemon.http_address())
    while_a_fleet_beats(s, daemon, server)
    last = streams_resume(daemon, server)
    streams_tell_what_is_lost(s, daemon, server, last)
    streams_are_kept(server)
    equal(daemon.stop()[0], 0, "beatlined's exit code")


tell(story)
