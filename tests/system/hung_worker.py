#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One worker's thread stands still, as in a driver that does not return:
the nodes of the other port are judged as ever, people are answered, and
the daemon ends when it is told to."""

import contextlib
import ctypes
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from appliance import BUILD, LIBC, Daemon, Skip, Wrong, check, equal, run, tell, wait_for

PTRACE_CONT, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 0x4206, 0x4207
WALL = 0x40000000
NAPS = {"7", "271"} if os.uname().machine == "x86_64" else {"73"}  # poll, ppoll
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
TIMEOUT_S = 2


def thread_named(daemon, name):
    for task in Path("/proc", str(daemon.process.pid), "task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


def ask(daemon, *args):
    """`beatline -j ...` of a daemon that may not answer any more."""
    try:
        return run(BUILD / "beatline", "-s", daemon.socket, "-j", *args, timeout=10).stdout
    except subprocess.TimeoutExpired:
        raise Wrong(f"beatline {' '.join(args)} is not answered") from None


def end_traced(daemon, tid):
    """A traced thread that is gone must be waited for, or its process is
    not gone."""
    daemon.process.kill()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(tid, WALL)


def stop_thread(s, daemon, tid, number):
    """Stops a worker in the middle of its work: one that naps in poll()
    holds nobody up. So it is kept busy, and caught until it is."""
    s.undo.callback(end_traced, daemon, tid)
    if LIBC.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
        raise Skip(f"no ptrace here: {os.strerror(ctypes.get_errno())}")
    call = Path("/proc", str(daemon.process.pid), "task", str(tid), "syscall")
    busy = threading.Event()
    sender = threading.Thread(target=keep_busy, args=(number, busy))
    sender.start()
    try:
        for _ in range(2000):
            LIBC.ptrace(PTRACE_INTERRUPT, tid, None, None)
            os.waitpid(tid, WALL)
            if call.read_text().split()[0] not in NAPS:
                return
            let_thread_go(tid)
            time.sleep(0.001)
    finally:
        busy.set()
        sender.join()
    raise Wrong("the worker naps whenever it is looked at")


def keep_busy(number, end):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        while not end.is_set():
            out.sendto(b"busy.beat:1|c", ("127.0.0.1", number))


def let_thread_go(tid):
    LIBC.ptrace(PTRACE_CONT, tid, None, None)


def ends_on_sigterm(daemon, tid):
    """Seconds from SIGTERM to the end, see end_traced."""
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


def names(daemon, state):
    return {json.loads(line)["name"] for line in ask(daemon, "nodes", "list", "--state", state).splitlines()}


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
    stop_thread(s, daemon, tid, ports[0])
    # Whatever used to wait for the worker.
    ask(daemon, "nodes", "rm", "dying-9")
    beat(ports[1], [f"more-{i}" for i in range(3000)])
    daemon.write_config({**daemon.settings, "views": [{"name": "dying", "regexp": "^dying-"}]})
    ask(daemon, "config", "reload")
    ask(daemon, "nodes", "pause", "dying-8")

    gone = {f"dying-{i}" for i in range(8)}
    wait_for(lambda: gone <= names(daemon, "failed"), "the other port's nodes fail", seconds=TIMEOUT_S + 5)
    equal(names(daemon, "failed") & set(mute), set(), "nodes of the worker that hangs which failed")
    equal(names(daemon, "paused"), {"dying-8"}, "paused nodes")
    wait_for(lambda: "dying" in ask(daemon, "views", "list"), "the new view is there")
    check(json.loads(ask(daemon, "status"))["ingest"]["frozen"], "the status says that a port is frozen")

    took = ends_on_sigterm(daemon, tid)
    check(took < 3, f"SIGTERM took {took:.1f} s")
    check("worker 0" in daemon.said(), "the log names the worker that was left behind")
    check(not daemon.socket.exists(), "no socket is left behind")


def one_worker_hangs_for_a_while(s):
    daemon = Daemon(s, {"ports": ["socket:127.0.0.1:0"], "nodes": {"first_slots": 256}})
    beat(daemon.port("socket")["number"], ["a", "b"])
    wait_for(lambda: daemon.status()["nodes"]["total"] == 2, "both nodes are there")
    tid = thread_named(daemon, "bl-worker-0")
    stop_thread(s, daemon, tid, daemon.port("socket")["number"])
    ask(daemon, "nodes", "rm", "a")
    ask(daemon, "config", "reload")
    time.sleep(0.5)
    let_thread_go(tid)
    beat(daemon.port("socket")["number"], ["a", "b"])
    wait_for(lambda: names(daemon, "ok") >= {"a", "b"}, "both beat again")
    took = ends_on_sigterm(daemon, tid)
    equal(daemon.process.returncode, 0, "exit code")
    check(took < 3, f"SIGTERM took {took:.1f} s")


def story(s):
    one_worker_hangs(s)
    one_worker_hangs_for_a_while(s)


tell(story)
