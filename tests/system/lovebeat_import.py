#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A lovebeat database, of each version, becomes a fleet: all of it or
nothing, and a clear line where it cannot be read."""

import gzip
import json
import time

from appliance import BUILD, Daemon, check, equal, run, tell

NOW_S = int(time.time())
MANY = 20_000


def line(kind, **members):
    return f"{kind}\t{json.dumps(members)}\n"


def database(s, name, *lines):
    path = s.path(name)
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def of_1_0(s):
    """As lovebeat 1.0 writes it: milliseconds, one timeout, alarms."""
    def service(name, **more):
        return line("SERV", **{"name": name, "last_beat": (NOW_S - 5) * 1000, "beat_history": [1000, 1001],
                               "timeout": -1, "state": "ok", "muted_since": 0,
                               "last_state_change": (NOW_S - 60) * 1000, **more})
    return database(
        s, "1.0.db",
        service("web.fra", timeout=60500),
        service("web.lon", timeout=-2),
        service("db.dead", timeout=1000, state="error", last_beat=(NOW_S - 3600) * 1000),
        service("cron", state="muted", muted_since=(NOW_S - 100) * 1000, timeout=5000),
        service("never", last_beat=-1, state="new", last_state_change=0),
        service("long", timeout=100 * 86400 * 1000),
        service("web.fra", timeout=61000),  # written twice: the last one counts
        line("ALARM", name="web", state="error", incident_nbr=41, failed_services=None,
             last_state_change=(NOW_S - 30) * 1000),
        line("ALARM", name="odd \"one\"", state="new", incident_nbr=0, failed_services=[], last_state_change=0))


def of_0_8(s):
    """As lovebeat 0.8 writes it: Go's member names, seconds, views with
    their expression."""
    def service(name, **more):
        return line("SERV", **{"Name": name, "LastValue": -1, "LastBeat": NOW_S - 5, "PreviousBeats": [0, 1],
                               "LastUpdated": NOW_S - 60, "WarningTimeout": -1, "ErrorTimeout": -1, "State": "ok", **more})
    return database(
        s, "0.8.db",
        service("backup.a", WarningTimeout=3600, ErrorTimeout=7200),
        service("backup.b", State="error", ErrorTimeout=10, LastBeat=NOW_S - 3600),
        service("asked", State="paused", LastBeat=-1, LastUpdated=-1),
        line("VIEW", Name="all", State="error", Regexp="", LastUpdated=NOW_S, AlertMail="", Webhooks="", IncidentNbr=3),
        line("VIEW", Name="backups", State="error", Regexp="^backup\\.", LastUpdated=NOW_S, AlertMail="a@b",
             Webhooks="", IncidentNbr=7))


def bring(s, path, folder, ok=True):
    return run(BUILD / "beatlined", "--state-dir", folder, "--import-lovebeat", path, ok=ok)


def nodes(daemon):
    lines = daemon.cli("nodes", "list").stdout.splitlines()
    return {node["name"]: node for node in map(json.loads, lines)}


def shown(daemon, name):
    return json.loads(daemon.cli("nodes", "show", name).stdout.splitlines()[0])


def the_newer_one(s):
    folder = s.path("state-1.0")
    done = bring(s, of_1_0(s), folder)
    print(done.stderr, done.stdout)
    check("7 services (1 muted, 1 warning or failed), 1 of them known before or there twice" in done.stderr
          and "are 45 days now: 1" in done.stderr, f"the account: {done.stderr}")
    equal(done.stdout, "# alarm \"web\": its pattern is in lovebeat.cfg, [[alarms]]\n"
                       "# alarm \"odd \\\"one\\\"\": its pattern is in lovebeat.cfg, [[alarms]]\n", "alarms are named")
    daemon = Daemon(s, {"state": {"dir": str(folder)}, "views": [{"name": "web", "pattern": "web.*"}]})
    is_ = {name: node["state"] for name, node in nodes(daemon).items()}
    equal(is_, {"web.fra": "ok", "web.lon": "ok", "db.dead": "failed", "cron": "paused", "never": "new", "long": "ok"},
          "states")
    equal(shown(daemon, "web.fra")["timeout_ms"], 61000, "a timeout")
    equal(shown(daemon, "web.lon")["detector"], "auto", "the timeout that is learned")
    equal(shown(daemon, "long")["timeout_ms"], 45 * 86400 * 1000, "the longest timeout")
    check(shown(daemon, "db.dead")["last_beat"].startswith(time.strftime("%Y-%m-%dT", time.gmtime(NOW_S - 3600))),
          "a last beat")
    equal(shown(daemon, "db.dead")["incident"], 1, "incident of who is failed")
    equal([e for e in daemon.events() if e["kind"] == "transition"], [], "nobody is told again")
    view = json.loads(daemon.cli("views", "show", "web").stdout.splitlines()[0])
    equal(view["incident"], 41, "the alarm's number goes on")
    daemon.cli("nodes", "resume", "cron")
    equal(daemon.stop()[0], 0, "exit code")


def the_older_one(s):
    folder = s.path("state-0.8")
    done = bring(s, of_0_8(s), folder)
    entries = json.loads("[" + done.stdout.removeprefix("views:\n").strip().removeprefix("- ") + "]")
    equal(entries, [{"name": "backups", "regexp": "^backup\\."}], "the views for the config")
    config = s.path("views.yaml")
    config.write_text(done.stdout)
    run(BUILD / "beatlined", "-c", config, "--check")
    daemon = Daemon(s, {"state": {"dir": str(folder)}, "views": entries})
    is_ = {name: node["state"] for name, node in nodes(daemon).items()}
    equal(is_, {"backup.a": "ok", "backup.b": "failed", "asked": "new"}, "states")
    equal([shown(daemon, "backup.a")[f] for f in ("warn_ms", "err_ms")], [3600_000, 7200_000], "timeouts")
    view = json.loads(daemon.cli("views", "show", "backups").stdout.splitlines()[0])
    equal([view["incident"], view["state"], view["failed"]], [7, "failed", 1], "the view")
    busy = bring(s, s.path("0.8.db"), folder, ok=False)
    check(busy.returncode == 1 and "another beatlined uses it" in busy.stderr, f"while one runs: {busy.stderr}")
    equal(daemon.stop()[0], 0, "exit code")


def refused(s):
    """Nothing is imported, and the line is named."""
    good = line("SERV", name="good", last_beat=1, timeout=-1, state="ok", muted_since=0, last_state_change=0)
    whole = gzip.compress((good * 5000).encode())
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x55
    cases = {
        "no-json": (gzip.compress((good + "SERV\t{\"name\":\n").encode()), "line 2: column"),
        "other-line": (gzip.compress((good * 2 + "HELLO\t{}\n").encode()), "line 3: begins with none of"),
        "bad-name": (gzip.compress((good + good.replace("good", "no good")).encode()), "line 2: name: is none a node"),
        "cut": (whole[:-20], "gzip data is damaged: "),
        "flipped": (bytes(flipped), "nothing is imported"),
        "text": (b"hello\n", "line 1: begins with none of"),
        "endless": (gzip.compress(b"SERV\t" + b" " * 3_000_000), "line 1: over"),
    }
    folder = s.path("state-none")
    for name, (content, says) in cases.items():
        path = s.path(name)
        path.write_bytes(content)
        done = bring(s, path, folder, ok=False)
        print(name, done.stderr.strip())
        equal(done.returncode, 1, f"{name}: exit code")
        equal(len(done.stderr.splitlines()), 1, f"{name}: lines said")
        check(says in done.stderr and str(path) in done.stderr, f"{name}: says {says}: {done.stderr}")
        check("nothing is imported" in done.stderr, f"{name}: says that nothing is imported")
        equal([p.name for p in folder.glob("snapshot*")], [], f"{name}: nothing is saved")
    missing = bring(s, s.path("nosuch"), folder, ok=False)
    check(missing.returncode == 1 and "No such file" in missing.stderr, f"no file: {missing.stderr}")
    nowhere = run(BUILD / "beatlined", "--import-lovebeat", s.path("cut"), ok=False)
    check(nowhere.returncode == 1 and "--state-dir" in nowhere.stderr, f"no folder: {nowhere.stderr}")
    small = s.path("small.yaml")
    small.write_text(json.dumps({"nodes": {"max": 10}, "state": {"dir": str(folder)}}))
    many = database(s, "many", *[line("SERV", name=f"n{i}", state="ok") for i in range(20)])
    full = run(BUILD / "beatlined", "-c", small, "--import-lovebeat", many, ok=False)
    check(full.returncode == 1 and "line 11: n10: nodes.max" in full.stderr, f"too many: {full.stderr}")


def added_to_what_is_there(s):
    """The folder's own nodes stay; large databases are no matter."""
    folder = s.path("state-both")
    daemon = Daemon(s, {"state": {"dir": str(folder)}})
    daemon.cli("nodes", "set", "here-before", "--err", "1h", "--create")
    daemon.stop()
    many = database(s, "many.db", *[line("SERV", name=f"node-{i}", state="ok", last_beat=NOW_S * 1000, timeout=1000 + i)
                                    for i in range(MANY)])
    bring(s, many, folder)
    daemon = Daemon(s, {"state": {"dir": str(folder)}})
    equal(daemon.status()["nodes"]["total"], MANY + 1, "nodes")
    equal(shown(daemon, "here-before")["err_ms"], 3600_000, "the one before")
    equal(shown(daemon, "node-4711")["timeout_ms"], 5711, "one of many")


def story(s):
    the_newer_one(s)
    the_older_one(s)
    refused(s)
    added_to_what_is_there(s)


tell(story)
