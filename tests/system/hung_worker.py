#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One worker's thread stands still, as in a driver that does not return:
the nodes of the other port are judged as ever, people are answered, and
the daemon ends when it is told to."""

import ctypes
import json
import os
import socket
import time
from pathlib import Path

from appliance import LIBC, Daemon, Skip, check, equal, tell, wait_for

PTRACE_CONT, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 0x4206, 0x4207
WALL = 0x40000000
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
TIMEOUT_S = 2


def thread_named(daemon, name):
    for task in Path("/proc", str(daemon.process.pid), "task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


def stop_thread(tid):
    if LIBC.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
        raise Skip(f"no ptrace here: {os.strerror(ctypes.get_errno())}")
    LIBC.ptrace(PTRACE_INTERRUPT, tid, None, None)
    os.waitpid(tid, WALL)


def let_thread_go(tid):
    LIBC.ptrace(PTRACE_CONT, tid, None, None)


def ends_on_sigterm(daemon, tid):
    """Seconds from SIGTERM to the end. A traced thread that is gone must be
    waited for, or its process is not."""
    begin = time.monotonic()
    daemon.process.terminate()
    wait_for(lambda: os.waitpid(tid, WALL | os.WNOHANG)[0] == tid, "the process ends")
    daemon.process.wait(20)
    return time.monotonic() - begin


def beat(number, names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for i in range(0, len(names), 20):
            text = "\n".join(f"{name}.beat:1|c" for name in names[i:i + 20])
            out.sendto(text.encode(), ("127.0.0.1", number))


def one_worker_hangs(s):
    daemon = Daemon(s, {"ports": ["socket:127.0.0.1:0", "socket:127.0.0.1:0"], "nodes": {"first_slots": 256},
                        "defaults": {"timeout": f"{TIMEOUT_S}s", "retries": 0}})
    ports = [json.loads(line)["udp_port"] for line in daemon.cli("stats", "ports").stdout.splitlines()
             if '"socket:' in line]
    mute = [f"mute-{i}" for i in range(10)]
    dying = [f"dying-{i}" for i in range(10)]
    beat(ports[0], mute)
    beat(ports[1], dying)
    wait_for(lambda: daemon.status()["nodes"]["total"] == 20, "all nodes are there")

    tid = thread_named(daemon, "bl-worker-0")
    stop_thread(tid)
    # Whatever used to wait for the worker.
    daemon.cli("nodes", "rm", "dying-9")
    beat(ports[1], [f"more-{i}" for i in range(3000)])
    daemon.write_config({**daemon.settings, "views": [{"name": "dying", "regexp": "^dying-"}]})
    daemon.cli("config", "reload")
    daemon.cli("nodes", "pause", "dying-8")

    gone = {f"dying-{i}" for i in range(8)}
    wait_for(lambda: gone <= daemon.names("failed"), "the other port's nodes fail", seconds=TIMEOUT_S + 5)
    equal(daemon.names("failed") & set(mute), set(), "nodes of the worker that hangs which failed")
    equal(daemon.names("paused"), {"dying-8"}, "paused nodes")
    wait_for(lambda: "dying" in daemon.cli("views", "list").stdout, "the new view is there")
    check(daemon.status()["ingest"]["frozen"], "the status says that a port is frozen")

    took = ends_on_sigterm(daemon, tid)
    check(took < 3, f"SIGTERM took {took:.1f} s")
    check("worker 0" in daemon.said(), "the log names the worker that was left behind")
    check(not daemon.socket.exists(), "no socket is left behind")


def one_worker_hangs_for_a_while(s):
    daemon = Daemon(s, {"ports": ["socket:127.0.0.1:0"], "nodes": {"first_slots": 256}})
    beat(daemon.port("socket")["number"], ["a", "b"])
    wait_for(lambda: daemon.status()["nodes"]["total"] == 2, "both nodes are there")
    tid = thread_named(daemon, "bl-worker-0")
    stop_thread(tid)
    daemon.cli("nodes", "rm", "a")
    daemon.cli("config", "reload")
    time.sleep(0.5)
    let_thread_go(tid)
    beat(daemon.port("socket")["number"], ["a", "b"])
    wait_for(lambda: daemon.names("ok") == {"a", "b"}, "both beat again")
    took = ends_on_sigterm(daemon, tid)
    equal(daemon.process.returncode, 0, "exit code")
    check(took < 3, f"SIGTERM took {took:.1f} s")


def story(s):
    one_worker_hangs(s)
    one_worker_hangs_for_a_while(s)


tell(story)
