#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who is watched, and when not: pauses with an end, strangers at the
door."""

import json
import os
import socket
import time

from appliance import Daemon, check, equal, tell, wait_for

UDP_PORT = 20000 + os.getpid() % 10000


def beat(*names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for name in names:
            udp.sendto(f"{name}.beat:1|c".encode(), ("127.0.0.1", UDP_PORT))


def show(daemon, name):
    return json.loads(daemon.cli("nodes", "show", name).stdout)


def state(daemon, name):
    return show(daemon, name)["state"]


def refused(daemon, *words):
    done = daemon.cli(*words, ok=False)
    equal(done.returncode, 2, f"exit code of {' '.join(words)}")
    return json.loads(done.stdout)["error"]


def pauses(daemon):
    beat("db", "web")
    wait_for(lambda: daemon.count("ok") == 2, "both are known")
    daemon.cli("nodes", "pause", "db", "--until", "2099-01-01T01:00+01:00", "-b")
    equal((show(daemon, "db")["paused_until"], show(daemon, "db")["paused_until_beat"]),
          ("2099-01-01T00:00:00.000Z", True), "what the pause says of its end")
    time.sleep(0.6)
    equal(state(daemon, "db"), "paused", "a silent muted node")
    beat("db")
    wait_for(lambda: state(daemon, "db") == "ok", "its next beat ends the pause")
    check("paused_until" not in show(daemon, "db"), "a node that is not paused has no end of it")

    daemon.cli("nodes", "pause", "web", "--for", "1s")
    wait_for(lambda: state(daemon, "web") == "failed", "a node that died in its pause is told at the end of it")
    last = [e for e in daemon.events() if e.get("name") == "web"][-1]
    equal((last["from"], last["to"], last["reason"]), ("paused", "failed", "pause ended"), "the event of that")

    for words, why in [
            (("--for", "1h", "--until", "2099-01-01T00:00Z"), "give one of them, once"),
            (("--until", "2001-01-01T00:00Z"), "that is over already"),
            (("--until", "noon"), "not a time; write it as 2026-02-03T04:05Z"),
            (("--for", "2"), "has no unit"),
            ((), "no name")]:
        said = refused(daemon, "nodes", "pause", *words, *(["db"] if words else []))
        check(why in said, f"nodes pause {words}: says {said}")
    equal(state(daemon, "db"), "failed", "what was refused changed nothing")


def strangers(daemon, config):
    daemon.write_config({**config, "nodes": {"unknown": "reject"}})
    daemon.cli("config", "reload")
    daemon.cli("nodes", "set", "invited", "--timeout", "1h", "--create")
    beat("stranger", "invited", "db")
    wait_for(lambda: state(daemon, "invited") == "ok", "who was created is let in")
    wait_for(lambda: daemon.status()["ingest"]["dropped"]["unknown_node"] == 1, "the stranger is counted")
    equal(daemon.status()["nodes"]["total"], 3, "nodes known")
    refused = daemon.cli("beat", "stranger", ok=False)
    said = json.loads(refused.stdout)["error"]
    equal(refused.returncode, 4, "exit code of a beat that found no node")
    check("nodes.unknown says reject" in said, f"beatline beat says {said}")
    daemon.write_config(config)
    daemon.cli("config", "reload")
    beat("stranger")
    wait_for(lambda: daemon.status()["nodes"]["total"] == 4, "the door is open again")


def story(s):
    config = {"ports": [f"socket:127.0.0.1:{UDP_PORT}"], "defaults": {"timeout": "300ms"}}
    daemon = Daemon(s, config)
    pauses(daemon)
    strangers(daemon, config)


tell(story)
