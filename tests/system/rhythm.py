#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes on the auto and phi detectors beat once a second, more or less, after a burst:
nobody is called silent who was not, who falls silent is failed about as
soon as its rhythm says, and a restart keeps the detectors and the rhythms."""

import json
import os
import random
import socket
import threading
import time

from appliance import Daemon, Skip, check, equal, tell, wait_for

EVERY_S = 1.0
# More or less; within the margin of three equal intervals, so that an alarm is a fault and no bad luck.
JITTER_S = 0.05
NODES = 10      # of each detector
LEARN_BEATS = 15  # ten seconds of a rhythm, and two beats at its edges
# A burst before the rhythm: a beat sent again and again.
BURST_BEATS, BURST_EVERY_S = 5, 0.02
# A sender that this machine held up for longer proves nothing.
LATE_S = 0.05
# No fixed timeout comes near what is learned.
FIXED_S = 60
# The ingest clock stands still while the daemon is kept from running.
SLACK_S = 2.0


class Senders:
    """A thread that beats for all nodes at their times."""

    def __init__(self, port, seed, spread_s=EVERY_S):
        self.spread_s = spread_s  # of their first beats
        self.names = [f"{kind}.{n}" for kind in ("auto", "phi") for n in range(NODES)]
        self.random = random.Random(seed)
        self.port = port
        self.silent, self.sent = set(), {name: [] for name in self.names}
        self.late_s = 0.0
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        begin = time.monotonic()
        due = {name: begin + self.random.uniform(0, self.spread_s) for name in self.names}
        while not self.stop.is_set():
            name = min(due, key=due.get)
            time.sleep(max(0.0, due[name] - time.monotonic()))
            with self.lock:
                now = time.monotonic()
                self.late_s = max(self.late_s, now - due[name])
                if name not in self.silent:
                    out.sendto(f"{name}.beat:1|c\n".encode(), ("127.0.0.1", self.port))
                    self.sent[name].append(now)
            due[name] += EVERY_S + self.random.uniform(-JITTER_S, JITTER_S)

    def say(self, lines):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(lines.encode(), ("127.0.0.1", self.port))

    def beats(self):
        with self.lock:
            return min(len(at) for name, at in self.sent.items() if name not in self.silent)

    def fall_silent(self, names):
        with self.lock:
            self.silent |= set(names)
            return {name: self.sent[name][-1] for name in names}

    def end(self):
        self.stop.set()
        self.thread.join()


def show(daemon, name):
    return json.loads(daemon.cli("nodes", "show", name).stdout)


def alarms(daemon):
    """Of nodes; a view has no dot in its name."""
    return {e["name"] for e in daemon.events() if e.get("to") in ("failed", "warning") and "." in e["name"]}


def beaten(daemon, senders, beats):
    """All nodes have beaten so often; a machine that held the sender up is
    no proof of anything."""
    wait_for(lambda: senders.beats() >= beats, f"{beats} beats of each node", seconds=4 * beats)
    if alarms(daemon) and senders.late_s > LATE_S:
        raise Skip(f"this machine held the sender up for {senders.late_s * 1000:.0f} ms")


def has_learned(daemon, detector):
    """Each node's rhythm is known, its timeout near above it."""
    for n in range(NODES):
        node = show(daemon, f"{detector}.{n}")
        equal(node["detector"], detector, f"detector of {detector}.{n}")
        check(node["intervals"] >= 8, f"{detector}.{n} has learned {node['intervals']} intervals")
        check(abs(node["interval_mean_ms"] - 1000 * EVERY_S) < 150, f"mean of {detector}.{n}: {node}")
        check(1000 * EVERY_S < node["failed_after_ms"] < 3000 * EVERY_S, f"timeout of {detector}.{n}: {node}")


def fails_by_its_rhythm(daemon, senders):
    names = {"auto.0", "auto.1", "phi.0", "phi.1"}
    within_s = max(show(daemon, name)["failed_after_ms"] for name in names) / 1000 + SLACK_S
    last = senders.fall_silent(names)
    found = {}
    while len(found) < len(names):
        for name in names - found.keys():
            if show(daemon, name)["state"] == "failed":
                found[name] = time.monotonic() - last[name]
        check(time.monotonic() < max(last.values()) + within_s, f"after {within_s:.1f} s only {found} of {names}")
        time.sleep(0.02)
    for name, after_s in found.items():
        check(after_s > EVERY_S, f"{name} failed {after_s:.2f} s after its last beat")
    print("rhythm: failed after " + ", ".join(f"{name} {s:.2f} s" for name, s in sorted(found.items())))
    return names


def start(story):
    return Daemon(story, {"defaults": {"timeout": f"{FIXED_S}s"}, "state": {"dir": str(story.path("state"))}})


def learn(daemon, senders):
    """phi by a person, auto as lovebeat's senders say it: in place of the
    seconds that one of them gave before."""
    for n in range(NODES):
        daemon.cli("nodes", "set", f"phi.{n}", "--detector", "phi")
        senders.say(f"auto.{n}.err:30|g\nauto.{n}.err:-2|g")
    wait_for(lambda: all(show(daemon, f"auto.{n}")["detector"] == "auto" for n in range(NODES)), "err:-2 is auto")
    equal(show(daemon, "auto.3")["failed_after_ms"], 1000 * FIXED_S, "what holds of auto after err:30 and err:-2")


def rhythm(story):
    seed = int(os.environ.get("BL_SEED", time.time_ns() % 2**32))
    print(f"rhythm: BL_SEED={seed}")
    daemon = start(story)
    senders = Senders(daemon.port("socket")["number"], seed)
    story.undo.callback(senders.end)
    wait_for(lambda: daemon.count("total") == 2 * NODES, "all nodes are known")
    learn(daemon, senders)
    for _ in range(BURST_BEATS):
        senders.say("\n".join(f"{name}.beat:1|c" for name in senders.names))
        time.sleep(BURST_EVERY_S)
    equal(show(daemon, "phi.3")["failed_after_ms"], 1000 * FIXED_S, "what holds until a rhythm is known")
    beaten(daemon, senders, senders.beats() + LEARN_BEATS)
    equal(alarms(daemon), set(), "alarms of nodes that beat")
    has_learned(daemon, "auto")
    has_learned(daemon, "phi")
    failed = fails_by_its_rhythm(daemon, senders)
    with senders.lock:
        senders.silent -= failed
    wait_for(lambda: daemon.count("ok") == 2 * NODES, "who beats again is ok")
    if senders.late_s <= LATE_S:
        equal(alarms(daemon), failed, "alarms in all")
    senders.end()

    daemon.stop()
    again = start(story)
    # At once: who is silent for longer than its rhythm says fails.
    senders = Senders(again.port("socket")["number"], seed + 1, spread_s=0.1)
    story.undo.callback(senders.end)
    equal(again.count("total"), 2 * NODES, "nodes after a restart")
    check(show(again, "auto.5")["intervals"] >= 8, "what auto.5 has learned is kept")
    beaten(again, senders, LEARN_BEATS)
    equal(alarms(again), set(), "alarms of nodes that beat, after the restart")
    has_learned(again, "auto")
    has_learned(again, "phi")


tell(rhythm)
