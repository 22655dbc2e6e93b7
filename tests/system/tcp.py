#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines over connections: the same beats as in datagrams, whatever the
pieces they come in; limits that hold; never a reply; and a fleet that
registers itself over one connection loses nobody."""

import contextlib
import json
import socket
import time

from appliance import Daemon, check, equal, tell, wait_for

FLEET = 200_000
TABLE_SLOTS = 1 << 18  # a table's first generation; it is grown when 6 in 10 are taken


def dial(daemon):
    return socket.create_connection(("127.0.0.1", daemon.tcp()["number"]), timeout=20)


def ingest(daemon):
    return daemon.status()["ingest"]


def send(daemon, *pieces):
    """A connection that brings the pieces, one by one, and hears nothing."""
    with dial(daemon) as c:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            c.sendall(piece)
            time.sleep(0.005)
        c.shutdown(socket.SHUT_WR)
        equal(c.recv(1), b"", "what the daemon says to a connection")


def every_kind_of_line(daemon):
    send(daemon, b"lf.beat:1|c\ncrlf.beat:1|c\r\n\r\n\nmany.be", b"at:1", b"|c\nsplit.timeout:9|g", b"\r",
         b"\nbad line\n\xbe\xa7.beat:1|c\nlast.beat:1|c")
    wait_for(lambda: "last" in daemon.names("ok"), "the last line counts without a line feed")
    equal(daemon.names("ok"), {"lf", "crlf", "many", "last", "\ufffd\ufffd"}, "who has beaten")
    got = ingest(daemon)
    equal((got["beats_total"], got["settings_total"], got["dropped_total"]), (5, 1, 1), "beats, settings, drops")
    equal(got["dropped"]["bad_line"], 1, "bad lines")
    equal(got["records_total"], 7, "records")


def a_line_too_long(daemon):
    before = daemon.tcp()["too_long_total"]
    with dial(daemon) as c, contextlib.suppress(ConnectionError):
        c.sendall(b"before.beat:1|c\n" + b"x" * 70_000 + b"\nafter.beat:1|c\n")
        equal(c.recv(1), b"", "what it says")
    wait_for(lambda: daemon.tcp()["too_long_total"] == before + 1, "the line was too long")
    check("before" in daemon.names("ok") and "after" not in daemon.names("ok"), "only the lines before count")
    send(daemon, b"y" * 65_536 + b"\nafter.64k.beat:1|c\n")
    wait_for(lambda: "after.64k" in daemon.names("ok"), "64 KiB is not too long")


def limits(daemon):
    held = [dial(daemon) for _ in range(8)]
    wait_for(lambda: daemon.tcp()["connections"] == 8, "8 connections")
    with dial(daemon) as ninth, contextlib.suppress(ConnectionError):
        equal(ninth.recv(1), b"", "a ninth is closed")
    wait_for(lambda: daemon.tcp()["refused_total"] == 1, "refused and counted")
    held.pop().close()
    wait_for(lambda: daemon.tcp()["connections"] == 7, "room again")
    send(daemon, b"ninth.beat:1|c\n")
    wait_for(lambda: "ninth" in daemon.names("ok"), "who comes then is served")
    for c in held:
        c.sendall(b"half a li")
    daemon.write_config({**daemon.settings, "tcp": {**daemon.settings["tcp"], "idle": "1s"}})
    daemon.cli("config", "reload")
    for c in held:
        equal(c.recv(1), b"", "the silent are closed")
        c.close()
    equal(daemon.tcp()["idle_total"], 7, "closed for silence")
    daemon.write_config(daemon.settings)
    daemon.cli("config", "reload")


def a_fleet_at_once(daemon):
    """Faster than the table grows from nothing, and nobody is dropped; a
    command is answered meanwhile."""
    before = ingest(daemon)
    lines = b"".join(b"fleet.%d.timeout:3600|g\nfleet.%d.beat:1|c\n" % (i, i) for i in range(FLEET))
    slowest = 0.0
    with dial(daemon) as c:
        for at in range(0, len(lines), 1 << 20):
            c.sendall(lines[at:at + (1 << 20)])
            begin = time.monotonic()
            daemon.status()
            slowest = max(slowest, time.monotonic() - begin)
    wait_for(lambda: ingest(daemon)["beats_total"] - before["beats_total"] == FLEET, "all beats are counted")
    after = ingest(daemon)
    equal(after["settings_total"] - before["settings_total"], FLEET, "timeouts taken")
    equal(after["dropped_total"], before["dropped_total"], "dropped")
    wait_for(lambda: daemon.status()["nodes"]["total"] >= FLEET, "all are known")
    print(f"{FLEET} nodes over one connection; the slowest status took {slowest * 1000:.0f} ms")
    check(slowest < 5, f"a command had to wait {slowest:.1f} s")


def silence_during_growth(s):
    """The table's last nodes have set off its growth, and then nothing
    comes any more: who falls silent is found in time all the same."""
    daemon = Daemon(s, {"tcp": {"listen": ["127.0.0.1:0"]}, "defaults": {"timeout": "1h", "retries": 0}})
    nodes = TABLE_SLOTS * 6 // 10 + 1000
    send(daemon, b"".join(b"n%d.beat:1|c\n" % i for i in range(nodes)))
    wait_for(lambda: daemon.count("ok") == nodes, "all are known")
    send(daemon, b"".join(b"n%d.timeout:1|g\n" % i for i in range(100)))
    # Seldom asked: a question wakes the thread that is to go on by itself.
    wait_for(lambda: daemon.count("failed") == 100, "the silent are found", 60, every=4)
    got = json.loads(daemon.cli("stats", "sweep").stdout)
    check(got["growths"] >= 1, "the table did not grow")
    check(got["lateness_max_ms"] < 1500, f"who was silent for 1 s was found {got['lateness_max_ms']} ms late")
    equal(daemon.stop()[0], 0, "exit code")


def story(s):
    silence_during_growth(s)
    daemon = Daemon(s, {"tcp": {"listen": ["127.0.0.1:0"], "connections": 8}})
    every_kind_of_line(daemon)
    a_line_too_long(daemon)
    limits(daemon)
    a_fleet_at_once(daemon)
    equal(daemon.tcp()["connections"], 0, "connections left")
    code, _ = daemon.stop()
    equal(code, 0, "exit code")


tell(story)
