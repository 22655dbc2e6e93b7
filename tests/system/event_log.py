#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The event log holds what `beatline events` tells, and who came and
went; it follows every way of rotating it, and outlives a full disk."""

import json
import resource
import signal
import socket

from appliance import Daemon, check, equal, tell, wait_for

NODES = 300


def beat(daemon, names):
    port = daemon.port("socket")["number"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for name in names:
            s.sendto(f"{name}.beat:1|c".encode(), ("127.0.0.1", port))


def lines(*paths):
    """Every line of the files, whole."""
    text = "".join(path.read_text() for path in paths)
    check(text == "" or text.endswith("\n"), "the file ends with a whole line")
    return [json.loads(line) for line in text.splitlines()]


def of_kind(kind, *paths):
    return [line for line in lines(*paths) if line["kind"] == kind]


def figures(daemon):
    return json.loads(daemon.cli("stats", "alerts").stdout.splitlines()[-1])


def same_as_events(daemon, *paths):
    """What both tell is the same, line for line."""
    def agree():
        logged = [line for line in lines(*paths) if "number" in line]
        return logged == daemon.events()
    wait_for(agree, "the event log holds what `beatline events` tells")


def who_comes_and_goes(s, log):
    daemon = Daemon(s, {"event_log": {"path": str(log)}, "defaults": {"err": "700ms"}})
    names = [f"node-{i}" for i in range(NODES)]
    beat(daemon, names)
    daemon.cli("nodes", "set", "asked", "--err", "1h", "--create")
    wait_for(lambda: daemon.count("failed") == NODES, "all are silent")
    beat(daemon, names[:10])
    wait_for(lambda: daemon.count("ok") == 10, "ten are back")
    daemon.cli("nodes", "rm", "asked", "node-299")
    same_as_events(daemon, log)
    wait_for(lambda: len(of_kind("removed", log)) == 2, "both removals are there")
    came = {line["name"]: line["reason"] for line in of_kind("registered", log)}
    equal(came, {**{name: "first beat" for name in names}, "asked": "asked"}, "who came")
    gone = {line["name"]: line["from"] for line in of_kind("removed", log)}
    equal(gone, {"asked": "new", "node-299": "failed"}, "who went")
    check(len(of_kind("transition", log)) >= NODES + 10, "every transition is there")
    return daemon


def rotations(s, daemon, log):
    """A rename alone; a rename and SIGHUP; a copy that is then cut."""
    first, second = s.path("log.1"), s.path("log.2")
    log.rename(first)
    beat(daemon, ["after-rename"])
    wait_for(lambda: log.exists() and of_kind("registered", log), "the path is a new file")
    log.rename(second)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(log.exists, "SIGHUP makes the file at once")
    beat(daemon, ["after-hup"])
    wait_for(lambda: of_kind("registered", log), "and it is written to")
    same_as_events(daemon, first, second, log)
    came = [line["name"] for line in of_kind("registered", first, second, log)]
    equal(len(came), len(set(came)), "nobody came twice")
    check(figures(daemon)["log_reopened_total"] >= 2, "openings are counted")
    log.write_text("")  # as copytruncate
    beat(daemon, ["after-cut"])
    wait_for(lambda: [line["name"] for line in of_kind("registered", log)] == ["after-cut"], "it begins anew")


def full_disk(daemon, log):
    """RLIMIT_FSIZE is a disk that is full for this file. The daemon's own
    log is shorter."""
    told = len(daemon.events())
    size = log.stat().st_size
    check(size > len(daemon.said()) + 2000, "the event log is the longest file")
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
    beat(daemon, [f"full-{i}" for i in range(NODES)])
    wait_for(lambda: "event_log.path" in daemon.said(), "the log says that it cannot be written")
    wait_for(lambda: figures(daemon)["log_errors_total"] >= 2, "it is tried again")
    wait_for(lambda: any("event_log.path" in e.get("detail", "") for e in daemon.events()[told:]), "and events say so")
    equal(daemon.said().count("tried again every second"), 1, "it is said once")
    check(log.stat().st_size <= size + 50, "nothing went past the limit")
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for(lambda: "written again" in daemon.said(), "it is written again")
    wait_for(lambda: len([n for n in of_kind("registered", log) if n["name"].startswith("full-")]) == NODES,
             "everybody who came meanwhile is there")
    equal(figures(daemon)["log_lost_total"], 0, "lost")


def off_and_on(daemon, log):
    """A reload ends it, and begins it elsewhere; a bad path is refused."""
    def reload(path, ok):
        daemon.write_config({"event_log": {"path": str(path)}})
        return daemon.cli("config", "reload", ok=ok)

    reload("", True)
    beat(daemon, ["unseen"])
    wait_for(lambda: daemon.cli("nodes", "show", "unseen", ok=False).returncode == 0, "unseen is known")
    refused = reload("/nonexistent/log", False)
    check(refused.returncode == 1 and "/nonexistent/log" in refused.stdout, f"a bad path: {refused.stdout}")
    other = log.with_name("other")
    reload(other, True)
    beat(daemon, ["seen"])
    wait_for(lambda: other.exists() and of_kind("registered", other), "the other file is written")
    equal([line["name"] for line in of_kind("registered", other)], ["seen"], "who came since")
    check(all(line["name"] != "unseen" for line in of_kind("registered", log)), "not logged while off")
    equal(daemon.stop()[0], 0, "exit code")
    check("stopped" in lines(other)[-1]["detail"], "the last line says that it stopped")


def story(s):
    log = s.path("events.log")
    daemon = who_comes_and_goes(s, log)
    rotations(s, daemon, log)
    beat(daemon, [f"bulk-{i}" for i in range(NODES)])
    wait_for(lambda: len(of_kind("registered", log)) == NODES + 1, "the log is long again")
    full_disk(daemon, log)
    off_and_on(daemon, log)


tell(story)
