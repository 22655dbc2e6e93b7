#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes removed and made again over one connection, faster than the worker
deletes their records: they are new, and stay so until they beat."""

import http.client
import json
import socket
import time

from appliance import Daemon, check, equal, tell, wait_for
from http_client import Http

NODES = [f"again.{n:02}" for n in range(50)]
DEAD, ALIVE = NODES[:25], NODES[25:]
TIMEOUT_S = 1


def beat(daemon, names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for name in names:
            udp.sendto(f"{name}.beat:1|c".encode(), ("127.0.0.1", daemon.port("socket")["number"]))


def remove_and_make(server):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    for name in NODES:
        for method, body in (("DELETE", None), ("PUT", json.dumps({"timeout": f"{TIMEOUT_S}s"}))):
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, f"/api/v1/nodes/{name}", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            check(answer.status < 300, f"{method} {name}: {answer.status} {said}")
    connection.close()


def story(s):
    daemon = Daemon(s, {"http": {"listen": ["127.0.0.1:0"]}, "defaults": {"timeout": f"{TIMEOUT_S}s"}})
    server = Http(daemon.http_address())
    beat(daemon, DEAD)
    wait_for(lambda: daemon.count("failed") == len(DEAD), "the first half is dead")
    beat(daemon, ALIVE)
    wait_for(lambda: daemon.count("ok") == len(ALIVE), "the other half has just beaten")
    before = len(daemon.events())
    remove_and_make(server)
    equal(daemon.count("new"), len(NODES), "new nodes, at once")
    time.sleep(2 * TIMEOUT_S)
    equal(daemon.count("new"), len(NODES), "new nodes, after twice their timeout")
    equal([e for e in daemon.events()[before:] if e["kind"] == "transition"], [], "what happened to them")
    for name in (DEAD[0], ALIVE[0]):
        equal(server.node(name)["last_beat"], None, f"last beat of {name}")

    beat(daemon, NODES)
    wait_for(lambda: daemon.count("ok") == len(NODES), "a beat makes them ok")
    wait_for(lambda: daemon.count("failed") == len(NODES), "and silence failed")
    sweep = json.loads(daemon.cli("stats", "sweep").stdout)
    equal(sweep["in_no_table"], 0, "nodes that were in no table")
    equal(daemon.stop()[0], 0, "beatlined's exit code")


tell(story)
