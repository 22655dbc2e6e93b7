#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Restarts that come faster than a node's timeout hide no death: silence
adds up over them. Who beats on meanwhile is never failed."""

import socket
import threading
import time

from appliance import Daemon, check, equal, tell

TIMEOUT_MS = 1500
RUN_S = 0.9    # of each life, once it answers
EVERY_S = 0.3  # the living beat
ROUNDS = 12    # the dead has failed by then; the timeout and as much again are four
LIVING = {f"lives.{n}" for n in range(20)}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Senders:
    """A thread that beats for the living, whether somebody listens or not."""

    def __init__(self, port):
        self.port, self.stop = port, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def say(self, names, words):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for name in sorted(names):
                out.sendto("\n".join(f"{name}.{word}" for word in words).encode(), ("127.0.0.1", self.port))

    def run(self):
        while not self.stop.wait(EVERY_S):
            self.say(LIVING, ["beat:1|c"])

    def end(self):
        self.stop.set()
        self.thread.join()


def failed_in(daemon):
    return {e["name"] for e in daemon.events() if e.get("to") == "failed" and "." in e["name"]}


def story(s):
    port = free_port()
    config = {"ports": [f"socket:127.0.0.1:{port}"], "state": {"dir": str(s.path("state"))},
              "defaults": {"timeout": f"{TIMEOUT_MS}ms"}}
    senders = Senders(port)
    s.undo.callback(senders.end)
    died, failed = None, set()
    for number in range(1, ROUNDS + 1):
        daemon = Daemon(s, config)
        if died is None:
            senders.say({"dead.one"}, ["beat:1|c"])
            died = time.monotonic()
        time.sleep(RUN_S)
        failed |= failed_in(daemon)
        check(daemon.count("total") == len(LIVING) + 1, f"round {number}: nodes that are known")
        code, _ = daemon.stop()
        equal(code, 0, "exit code")
        if failed:
            break
    equal(failed, {"dead.one"}, f"who has failed after {number} restarts")
    check(number > 1, "not before its timeout is over")
    print(f"restarts: failed in life {number}, {time.monotonic() - died:.1f} s after its last beat")


tell(story)
