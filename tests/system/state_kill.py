#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment, again and again: what was asked before the last
whole look of the store is there after the restart, what came later is
there or not, and nothing else is."""

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time

from appliance import Daemon, check, equal, tell, wait_for

ROUNDS = 6
NODES = 40
SEED = int(os.environ.get("BL_SEED") or time.time_ns() % 1_000_000_000)
GONE = None


class Client:
    """The CLI's socket without the CLI: a thousand requests a second."""

    def __init__(self, daemon):
        self.path = str(daemon.socket)

    def ask(self, *argv):
        """The JSON lines of the answer; OSError: there is nobody any more."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            s.sendall(json.dumps({"argv": argv, "json": True}).encode() + b"\n")
            data = b"".join(iter(lambda: s.recv(65536), b""))
        if b"0 " not in data:
            raise ConnectionError
        text, code = b"", None
        while data:
            head, _, data = data.partition(b"\n")
            kind, _, value = head.partition(b" ")
            if kind == b"0":
                code = int(value)
                break
            text, data = text + data[:int(value)], data[int(value):]
        if code is None:
            raise ConnectionError
        return code, [json.loads(line) for line in text.splitlines()]

    def flushes(self):
        return self.ask("stats", "state")[1][0]["journal_flushes_total"]


class Model:
    """Each node's history: what was asked, and in which look of the store
    it can be at the latest."""

    def __init__(self):
        self.history = {f"node-{i}": [(0, GONE)] for i in range(NODES)}

    def possible(self, name, flushed):
        """What the node may be: the last that is surely saved, and what
        came after it."""
        history = self.history[name]
        sure = max(i for i, (flush, _) in enumerate(history) if flush <= flushed)
        return [state for _, state in history[sure:]]

    def settle(self, name, state):
        self.history[name] = [(0, state)]


def changed(state, rng):
    """One more thing to ask of a node: the words, and what it is then."""
    if state is GONE or rng.random() < 0.4:
        err = rng.randrange(1, 1000) * 1000
        detector = rng.choice(["fixed", "auto", "phi"])
        before = state or {"paused": False, "until_beat": False, "until": False}
        return ["set", "--err", f"{err}ms", "--detector", detector, "--create"], {**before, "err": err,
                                                                                  "detector": detector}
    if rng.random() < 0.3:
        return ["rm"], GONE
    if state["paused"]:
        return ["resume"], {**state, "paused": False, "until_beat": False, "until": False}
    until_beat, until = rng.random() < 0.5, rng.random() < 0.5
    words = ["pause"] + (["--until-beat"] if until_beat else []) + (["--for", "2h"] if until else [])
    return words, {**state, "paused": True, "until_beat": until_beat, "until": until}


def ask_until_killed(client, model, rng):
    with contextlib.suppress(OSError):
        while True:
            name = rng.choice(list(model.history))
            words, state = changed(model.history[name][-1][1], rng)
            # Before it is asked: it may be done although no answer comes.
            entry = [float("inf"), state]
            model.history[name].append(entry)
            code, _ = client.ask("nodes", words[0], name, *words[1:])
            check(code == 0, f"nodes {words} {name}: exit code {code}")
            # A look may be under way that is past it already; not so the next.
            entry[0] = client.flushes() + 2


def as_listed(node):
    return {"err": node["err_ms"], "detector": node["detector"], "paused": node["state"] == "paused",
            "until_beat": node.get("paused_until_beat", False), "until": node.get("paused_until") is not None}


def one_round(s, config, model, rng, number):
    daemon = Daemon(s, config)
    client = Client(daemon)
    said = client.ask("stats", "state")[1][0]
    equal(said["damaged_files"], 0, f"round {number}: damaged files")
    is_ = {node["name"]: as_listed(node) for node in client.ask("nodes", "list")[1]}
    for name, should in model.items():
        check(is_.get(name) in should, f"round {number}: {name} is {is_.get(name)}, may be {should}")
    check(set(is_) <= set(model), f"round {number}: nobody else is there")
    now = Model()
    for name in now.history:
        now.settle(name, is_.get(name))
    flushed = [0]
    asker = threading.Thread(target=ask_until_killed, args=(client, now, rng))
    asker.start()
    end = time.monotonic() + rng.uniform(0.1, 3)
    while time.monotonic() < end:
        flushed[0] = client.flushes()
        time.sleep(rng.uniform(0, 0.05))
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    asker.join()
    asked = sum(len(h) - 1 for h in now.history.values())
    sure = sum(flush <= flushed[0] for h in now.history.values() for flush, _ in h[1:])
    print(f"round {number}: {asked} changes, {sure} of them surely saved in {flushed[0]} looks")
    return {name: now.possible(name, flushed[0]) for name in now.history}


def story(s):
    print(f"BL_SEED={SEED}")
    rng = random.Random(SEED)
    config = {"state": {"dir": str(s.path("state")), "save_every": "1s"}, "defaults": {"detector": "auto"}}
    possible = {name: [GONE] for name in Model().history}
    for number in range(1, ROUNDS + 1):
        possible = one_round(s, config, possible, rng, number)
    daemon = Daemon(s, config)
    wait_for(lambda: Client(daemon).flushes() > 0, "the last one saves, too")


tell(story)
