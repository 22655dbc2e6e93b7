#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lovebeat's HTTP API, both dialects, as curl and lovebeat's own clients
use it: paths, fields, names, types and units; and what lovebeat gets
wrong, right."""

import json
import time

from appliance import Daemon, check, equal, run, tell, wait_for

SERVICE = {"name": str, "last_beat": int, "timeout": int, "state": str, "muted_since": int, "last_state_change": int}
OLD_SERVICE = {"name": str, "last_beat": int, "last_beat_delta": int, "warning_timeout": int, "error_timeout": int,
               "state": str}
ALARM = {"name": str, "state": str, "incident_nbr": int, "failed_services": list, "last_state_change": int}


class Api:
    def __init__(self, daemon):
        self.daemon = daemon
        self.base = "http://" + daemon.http_address()

    def curl(self, *args, status=200):
        *options, path = args
        done = run("curl", "-s", "-w", "\n%{http_code} %{content_type}", *options, self.base + path)
        body, last = done.stdout.rsplit("\n", 1)
        code, kind = last.split(" ", 1)
        equal(int(code), status, f"curl {' '.join(args)}: status ({body.strip()})")
        return body, kind

    def get(self, *args, status=200):
        body, kind = self.curl(*args, status=status)
        if status >= 400:
            equal(kind, "application/problem+json", "type of a problem")
            problem = json.loads(body)
            equal(problem["status"], status, "status within the problem")
            return problem["detail"]
        equal(kind, "application/json", f"type of {args[-1]}")
        return json.loads(body)

    def post(self, name, *args, status=200):
        """A POST as curl sends it; {} on success."""
        got = self.get("-X", "POST", *args[:-1] if args and args[-1].startswith("?") else args,
                       f"/api/services/{name}" + (args[-1] if args and args[-1].startswith("?") else ""),
                       status=status)
        if status == 200:
            equal(got, {}, f"answer to POST {name} {args}")
        return got

    def service(self, name):
        got = self.get(f"/api/services/{name}")
        has(got["service"], SERVICE, "a service")
        near(got["now"], time.time() * 1000, 5000, "now, in ms")
        return got["service"]

    def has_timeout(self, name, ms):
        wait_for(lambda: self.service(name)["timeout"] == ms, f"{name}'s timeout is {ms}")


def has(what, members, where):
    for name, kind in members.items():
        check(name in what, f"{where} has no {name}: {what}")
        check(type(what[name]) is kind, f"{name} of {where}: {what[name]!r} is no {kind.__name__}")


def near(is_, should, within, what):
    check(abs(is_ - should) <= within, f"{what}: {is_}, not about {should}")


# ---- 1.0 --------------------------------------------------------------------

JSON = ("-H", "Content-Type: application/json", "-d")


def posts(api):
    """Every way to beat and to set a timeout, and what is none."""
    api.post("plain")
    wait_for(lambda: "plain" in api.daemon.names("ok"), "a beat makes a service")
    for name, args, ms in (
            ("query", ("?timeout=3600",), 3_600_000), ("form", ("-d", "timeout=60"), 60_000),
            ("json", (*JSON, '{"timeout":90}'), 90_000), ("text", (*JSON, '{"timeout":"45"}'), 45_000),
            ("part", ("-d", "timeout=62.5"), 62_500), ("auto", ("-d", "timeout=auto"), -2),
            ("auto-json", (*JSON, '{"timeout":-2}'), -2), ("auto-query", ("?timeout=auto",), -2),
            ("charset", ("-H", "Content-Type: application/json; charset=utf-8", "-d", '{"timeout":70}'), 70_000),
            ("body-first", ("-d", "timeout=80", "?timeout=90"), 80_000),
            ("none", (*JSON, '{"timeout":null,"more":[1]}'), -1), ("empty", ("-d", "timeout="), -1),
            ("type", ("-H", "Content-Type: text/plain", "-d", "timeout=9"), -1)):
        api.post(name, *args)
        api.has_timeout(name, ms)
        wait_for(lambda who=name: api.service(who)["last_beat"] > 0, f"{name} has beaten")
    api.post("form", "-d", "timeout=-1")
    api.has_timeout("form", -1)
    for bad in ("soon", "0", "-3", "1e3", "99999999", "4s", "none"):
        detail = api.post("plain", "-d", f"timeout={bad}", status=422)
        check(f'"{bad}" is no timeout' in detail, f"what is wrong with {bad}: {detail}")
    api.post("plain", *JSON, '{"timeout":', status=400)
    api.post("plain", *JSON, "[1]", status=422)
    api.post("plain", "-d", "beat=perhaps", status=422)
    api.post("a%20b", status=422)
    api.post("x" * 201, status=422)
    equal(api.service("plain")["timeout"], -1, "a timeout that was refused each time")


def without_a_beat(api):
    """A timeout alone: the service waits for its first beat; in lovebeat it
    failed at once."""
    api.post("later", *JSON, '{"timeout":30,"beat":false}')
    api.has_timeout("later", 30_000)
    got = api.service("later")
    equal((got["state"], got["last_beat"]), ("new", -1), "a service that never beat")
    api.post("later", *JSON, '{"beat":true}')
    wait_for(lambda: api.service("later")["state"] == "ok", "its first beat")
    equal(api.service("later")["timeout"], 30_000, "a beat alone leaves the timeout")


def one(api):
    api.post("one", "-d", "timeout=1000")
    got = wait_for(lambda: api.service("one")["state"] == "ok" and api.service("one"), "one is ok")
    near(got["last_beat"], time.time() * 1000, 5000, "last beat, in ms")
    near(got["last_state_change"], time.time() * 1000, 5000, "last change, in ms")
    equal(got["muted_since"], 0, "not muted")
    body, _ = api.curl("/api/services/one")
    check('{\n  "service": {\n    "name": "one",\n    "last_beat": ' in body, f"layout as lovebeat's: {body}")
    check("not known" in api.get("/api/services/nobody", status=404), "404 says why")
    check("use GET, HEAD, POST, DELETE" in api.get("-X", "PUT", "/api/services/one", status=405), "405 says what")


def lists(api):
    for path in ("/api/services", "/api/services?anything=1"):
        got = api.get(path)
        near(got["now"], time.time() * 1000, 5000, "now, in ms")
        for service in got["services"]:
            has(service, SERVICE, "a service of the list")
        check({"plain", "one", "later"} <= {s["name"] for s in got["services"]}, f"who is in the list: {got}")


def mute(api):
    equal(api.get("-X", "POST", "/api/services/one/mute"), {}, "mute")
    got = api.service("one")
    equal(got["state"], "muted", "state")
    near(got["muted_since"], time.time() * 1000, 5000, "muted since, in ms")
    equal(api.get("-X", "POST", "/api/services/one/unmute"), {}, "unmute")
    got = api.service("one")
    equal((got["state"], got["muted_since"]), ("ok", 0), "unmuted")
    for what in ("mute", "unmute"):
        api.get("-X", "POST", f"/api/services/nobody/{what}", status=404)
    equal(api.daemon.names("ok") & {"nobody"}, set(), "no service was made by that")


def delete(api):
    equal(api.get("-X", "DELETE", "/api/services/later"), {}, "delete")
    api.get("/api/services/later", status=404)
    api.get("-X", "DELETE", "/api/services/later", status=404)


def errors(api):
    """A service that fails, and all that counts it."""
    api.post("dead", "-d", "timeout=0.2")
    wait_for(lambda: api.service("dead")["state"] == "error", "dead is an error")
    total = len(api.get("/api/services")["services"])
    text, kind = api.curl("/api/status")
    equal(kind.split(";")[0], "text/plain", "type of the status")
    lines = dict(line.split() for line in text.splitlines())
    should = {"num_ok": total - 1, "num_warning": 0, "num_error": 1, "has_warning": False, "has_error": True,
              "good": False}
    equal(lines, {k: str(v).lower() for k, v in should.items()}, "status as text")
    equal(api.get("-H", "Accept: application/json", "/api/status"), should, "status as JSON")
    body, _ = api.curl("-H", "Accept: application/json", "/api/status")
    check('\n  "num_error": 1,\n' in body, f"layout of the status: {body}")
    api.post("dead", "-d", "timeout=-1")
    wait_for(lambda: api.get("-H", "Accept: application/json", "/api/status")["good"], "all is well again")


def version(api):
    text, kind = api.curl("/version")
    equal(kind.split(";")[0], "text/plain", "type of the version")
    got = api.get("-H", "Accept: application/json", "/version")
    equal(got, {"version": text.strip()}, "version")


# ---- 0.8 ------------------------------------------------------------------------

def old(api):
    for name, args, warning, error in (
            ("old.both", ("-d", "warn-tmo=60&err-tmo=1800"), 60, 1800), ("old.err", ("-d", "err-tmo=1800"), -1, 1800),
            ("old.query", ("?warn-tmo=5",), 5, -1), ("old.kept", ("-d", "err-tmo=0&warn-tmo="), -1, -1),
            ("old.auto", ("-d", "err-tmo=auto"), -2, -2)):
        api.post(name, *args)
        wait_for(lambda who=name: api.get(f"/api/services/{who}")["state"] == "ok", f"{name} is ok")
        got = api.get(f"/api/services/{name}")
        has(got, OLD_SERVICE, "an old service")
        equal((got["warning_timeout"], got["error_timeout"]), (warning, error), f"timeouts of {name}, in seconds")
        near(got["last_beat"], time.time(), 5, "last beat, in seconds")
        near(got["last_beat_delta"], 0, 5, "seconds since then")
        check("views" not in got, "no details unasked")
    api.post("old.both", "-d", "err-tmo=-1")
    wait_for(lambda: api.get("/api/services/old.both")["error_timeout"] == -1, "cleared")
    equal(api.get("/api/services/old.both")["warning_timeout"], 60, "the other one stays")
    api.post("old.both", "-d", "warn-tmo=never", status=422)
    check({"name": "all"} in api.get("/api/services/old.both?details=1")["views"], "its views")


def old_lists(api):
    everybody = api.get("/api/services/")
    for service in everybody:
        has(service, OLD_SERVICE, "an old service of the list")
    names = sorted(s["name"] for s in everybody)
    check({"plain", "old.both"} <= set(names), f"who is in the old list: {names}")
    for path in ("/api/services/?view=all", "/api/services?view=all"):
        equal(sorted(s["name"] for s in api.get(path)), names, path)
    check("view nope: not known" in api.get("/api/services/?view=nope", status=404), "an unknown view is none")


def old_status(api):
    api.post("old.late", "-d", "warn-tmo=0.2")
    wait_for(lambda: api.get("/api/services/old.late")["state"] == "warning", "old.late is a warning")
    lines = dict(line.split() for line in api.curl("/status?view=all")[0].splitlines())
    equal([*lines], ["num_ok", "num_warning", "num_error", "has_warning", "has_error", "good"], "lines in order")
    equal((lines["num_warning"], lines["has_warning"], lines["good"]), ("1", "true", "false"), "a warning")
    equal(api.curl("/status")[0], api.curl("/api/status")[0], "the same under both paths")
    api.get("/status?view=nope", status=404)
    api.get("-X", "DELETE", "/api/services/old.late")


def views(api):
    for path in ("/api/views/", "/api/views"):
        got = api.get(path)
        equal(got[0], {"name": "all", "state": "ok"}, "the first view")
    has(api.get("/api/views/all"), {"name": str, "state": str, "alert_mail": str, "webhooks": str}, "a view")
    api.get("/api/views/nope", status=404)


def alarms(api):
    api.post("dead", "-d", "timeout=0.2")
    wait_for(lambda: api.get("/api/alarms/all")["alarm"]["state"] == "error", "the alarm goes off")
    got = api.get("/api/alarms/all")
    has(got["alarm"], ALARM, "an alarm")
    equal(got["alarm"]["failed_services"], ["dead"], "who failed")
    check(got["alarm"]["incident_nbr"] >= 1, "the incident counts")
    near(got["alarm"]["last_state_change"], time.time() * 1000, 5000, "last change, in ms")
    equal(sorted(s["name"] for s in got["services"]),
          sorted(s["name"] for s in api.get("/api/services")["services"]), "all services are in all")
    equal(api.curl("/api/alarms/all/status")[0], api.curl("/api/status")[0], "the alarm's status")
    for path in ("/api/alarms/nope", "/api/alarms/nope/status"):
        api.get(path, status=404)
    check("the config names it" in api.get("-X", "DELETE", "/api/alarms/all", status=409), "all stays")
    api.get("-X", "DELETE", "/api/alarms/nope", status=404)
    for path in ("/api/alarms", "/api/alarms/"):
        check("alarms" in api.get(path) and "now" in api.get(path), path)


def story(s):
    api = Api(Daemon(s, {"http": {"listen": ["127.0.0.1:0"]}}))
    equal(api.curl("/api/services/")[0], "[]\n", "an empty list")
    equal(api.get("/api/services")["services"], [], "an empty list")
    for chapter in (posts, without_a_beat, one, lists, mute, delete, errors, version, old, old_lists, old_status,
                    views, alarms):
        chapter(api)


tell(story)
