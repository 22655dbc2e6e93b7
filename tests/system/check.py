#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The monitoring plugin: its line, its exit codes and its thresholds."""

import json
import socket
from pathlib import Path

from appliance import BUILD, Daemon, check, equal, run, tell, wait_for

PLUGIN = Path(__file__).resolve().parents[2] / "scripts/check_beatline"


def plugin(*args):
    done = run(PLUGIN, *args, ok=False)
    equal(done.stderr, "", "what the plugin says on stderr")
    return done.returncode, done.stdout.strip()


def says(what, code, begins, *args):
    got, line = plugin(*args)
    equal(got, code, f"{what}: exit code ({line})")
    check(line.startswith(begins), f"{what}: {line}")
    check("\n" not in line, f"{what}: one line ({line})")
    return line


def mistakes():
    says("unknown option", 3, "UNKNOWN - unknown option --frob", "--frob")
    says("no value", 3, "UNKNOWN - nothing follows -w", "-w")
    says("bad limit", 3, "UNKNOWN - many is neither", "-w", "many")
    says("no daemon", 2, "CRITICAL - beatline: ", "-b", BUILD / "beatline", "-s", "/nonexistent/socket")
    says("no host", 2, "CRITICAL - no answer from 127.0.0.1:1: ", "127.0.0.1:1")
    done = run("/bin/bash", PLUGIN, "127.0.0.1:1", ok=False, env={"PATH": "/nonexistent"})
    equal((done.returncode, done.stdout.partition(";")[0]),
          (3, "UNKNOWN - --host asks with curl, which is not here"), "without curl")


def by_hand(daemon):
    """The command itself: to a monitor 2 is critical, so a mistake is 3."""
    done = daemon.cli("status", "--check", "-w", "50%", ok=False)
    equal((done.returncode, json.loads(done.stdout)),
          (0, {"check": "ok", "code": 0, "view": "all", "total": 0, "new": 0, "paused": 0, "ok": 0, "unknown": 0,
               "warning": 0, "failed": 0, "frozen": False}), "status --check -j")
    for args in (("-w", "many"), ("-c", "101%"), ("--frob",), ("now",)):
        done = run(BUILD / "beatline", "-s", daemon.socket, "status", "--check", *args, ok=False)
        check(done.returncode == 3 and done.stdout.startswith("UNKNOWN - status: ") and not done.stderr,
              f"status --check {args}: {done}")


def by_lovebeats_plugin(daemon):
    """What lovebeat's own plugins read, as they read it: a word and a
    number behind it, in the answer of either version's path."""
    for path, numbers in (("/status", "2 1 1"), ("/api/status", "2 1 1")):
        pick = "awk '/num_ok/ {o=$2} /num_warning/ {w=$2} /num_error/ {e=$2} END {print o, w, e}'"
        got = run("bash", "-c", f"curl -f -s http://{daemon.http_address()}{path} | {pick}").stdout.strip()
        equal(got, numbers, f"counts that awk reads from {path}")


def thresholds(local):
    says("one failed", 2, "CRITICAL - ok: 2, warnings: 1, errors: 1 of 4 |", *local)
    says("may fail", 1, "WARNING - ok: 2, ", *local, "-c", "2")
    says("may fail, may warn", 0, "OK - ok: 2, ", *local, "-c", "2", "-w", "3")
    says("a quarter failed", 2, "CRITICAL - ok: 2, ", *local, "-c", "25%")
    says("under 26 %", 0, "OK - ok: 2, ", *local, "-c", "26%", "-w", "51%")
    line = says("never", 0, "OK - ok: 2, ", *local, "-c", "0", "-w", "0")
    check("| ok=2;;;0 warning=1;;;0 failed=1;;;0" in line, f"performance data without limits: {line}")
    line = says("performance data", 1, "WARNING", *local, "-c", "75%", "-w", "1")
    check("| ok=2;;;0 warning=1;1;;0 failed=1;;3;0" in line, f"performance data: {line}")


def story(s):
    mistakes()
    daemon = Daemon(s, {"http": {"listen": ["127.0.0.1:0"]}})
    local = ("-b", BUILD / "beatline", "-s", daemon.socket)
    by_hand(daemon)
    says("an empty fleet", 0, "OK - ok: 0, warnings: 0, errors: 0 of 0 |", *local)
    with socket.create_connection(("127.0.0.1", daemon.tcp()["number"])) as c:
        c.sendall(b"a.beat:1|c\nb.beat:1|c\nweb.c.beat:1|c\nweb.d.beat:1|c\nweb.c.warn:0.1|g\nweb.d.err:0.1|g\n")
    wait_for(lambda: (daemon.count("failed"), daemon.count("warning")) == (1, 1), "one failed, one in warning")
    thresholds(local)
    says("a view", 2, "CRITICAL - all: ok: 2, warnings: 1, errors: 1 of 4 |", *local, "-V", "all")
    says("no such view", 3, "UNKNOWN - view nope: not known", *local, "-V", "nope")
    remote = (daemon.http_address(),)
    thresholds(remote)
    says("a view over HTTP", 2, "CRITICAL - all: ok: 2, ", *remote, "-V", "all")
    says("no such view over HTTP", 3, f"UNKNOWN - {remote[0]} knows no view nope", *remote, "-V", "nope")
    by_lovebeats_plugin(daemon)


tell(story)
