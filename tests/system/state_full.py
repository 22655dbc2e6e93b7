#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full: the daemon goes on, says so once, keeps the last
good state, and saves again when there is room."""

import ctypes
import json
import os
import resource
import signal

from appliance import LIBC, Daemon, Skip, check, equal, own_mounts, tell, wait_for

DISK_BYTES = 3 << 20
NODES = 2000


def small_disk(path):
    """A tmpfs of its own at path, seen by this test and what it starts."""
    why = own_mounts()
    if why:
        raise Skip(why)
    path.mkdir()
    if LIBC.mount(b"none", str(path).encode(), b"tmpfs", 0, f"size={DISK_BYTES},mode=755".encode()) != 0:
        raise Skip(f"no tmpfs here: {os.strerror(ctypes.get_errno())}")


def figures(daemon):
    return json.loads(daemon.cli("stats", "state").stdout.splitlines()[0])


def set_nodes(daemon, prefix, err):
    """Many changes: more than a page of the journal."""
    names = [f"{prefix}-{i}-{'x' * 100}" for i in range(NODES)]
    for at in range(0, NODES, 500):
        daemon.cli("nodes", "set", *names[at:at + 500], "--err", err, "--create")


def counted(daemon, what, begin, end):
    """`begin` makes the disk full, `end` gives room."""
    set_nodes(daemon, "before", "1h")
    before = figures(daemon)
    wait_for(lambda: figures(daemon)["journal_flushes_total"] > before["journal_flushes_total"] + 1, "it is journaled")
    begin()
    told = len(daemon.events())
    set_nodes(daemon, what, "2h")
    wait_for(lambda: "state is not saved" in daemon.said(), f"{what}: the log says so")
    wait_for(lambda: figures(daemon)["journal_errors_total"] + figures(daemon)["snapshot_errors_total"] >= 2,
             f"{what}: it is tried again")
    wait_for(lambda: any("state is not saved" in e.get("detail", "") for e in daemon.events()[told:]), "events say so")
    equal(daemon.said().count("state is not saved"), 1, f"{what}: how often it is said")
    check(daemon.status()["nodes"]["total"] >= 2 * NODES, f"{what}: the daemon goes on")
    end()
    wait_for(lambda: "state is saved again" in daemon.said(), f"{what}: it is saved again", seconds=30)


def killed_and_back(s, daemon, config, what):
    after = figures(daemon)["journal_flushes_total"]
    wait_for(lambda: figures(daemon)["journal_flushes_total"] > after + 1, "all is saved")
    total = daemon.status()["nodes"]["total"]
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    again = Daemon(s, config)
    equal(again.status()["nodes"]["total"], total, f"{what}: nodes after kill -9")
    equal(figures(again)["damaged_files"], 0, f"{what}: damaged files")
    return again


def by_limit(s):
    """RLIMIT_FSIZE is a disk that is full for each file, for everybody."""
    config = {"state": {"dir": str(s.path("state"))}}
    daemon = Daemon(s, config)

    def limit(size):
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    counted(daemon, "limited", lambda: limit(20_000), lambda: limit(resource.RLIM_INFINITY))
    return killed_and_back(s, daemon, config, "limited")


def by_disk(s):
    disk = s.path("disk")
    small_disk(disk)
    config = {"state": {"dir": str(disk / "state")}}
    daemon = Daemon(s, config)
    filler = disk / "filler"

    def fill():
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass

    counted(daemon, "full", fill, filler.unlink)
    again = killed_and_back(s, daemon, config, "full")
    fill()
    set_nodes(again, "later", "3h")
    wait_for(lambda: "state is not saved" in again.said(), "it says so")
    code, _ = again.stop()
    equal(code, 0, "a clean stop on a full disk: exit code")
    filler.unlink()
    third = Daemon(s, config)
    check(third.status()["nodes"]["total"] >= 2 * NODES, "the last good state is there")


def story(s):
    by_limit(s)
    by_disk(s)


tell(story)
