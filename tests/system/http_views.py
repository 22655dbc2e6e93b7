#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Views over HTTP: worst first, in pages, by filter; their incidents from
begin to end; the events that tell of them, resumed where a client left;
and lovebeat's own paths for the same views."""

import socket
import threading
import time
from urllib.parse import quote

from appliance import Daemon, check, equal, tell, wait_for
from http_client import Events, Http

RACKS = [f"r{n:02}" for n in range(12)]
VIEWS = [
    {"name": "backups", "regexp": "^backup", "notify": True},
    {"name": "rack-$rack", "pattern": "$rack.node.*"},
    {"name": "empty", "includes": ["nobody.*", "none.*"], "excludes": ["nobody.else"]},
]


class Fleet:
    """Three nodes in each rack and one backup, ten beats a second each;
    who is in `silent` does not beat."""

    def __init__(self, port):
        self.port, self.silent, self.end = port, set(), threading.Event()
        self.names = [f"{rack}.node.{n}" for rack in RACKS for n in range(3)] + ["backup.daily"]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            while not self.end.wait(0.1):
                lines = [f"{n}.beat:1|c" for n in self.names if n not in self.silent]
                udp.sendto("\n".join(lines).encode(), ("127.0.0.1", self.port))

    def fail(self, rack, nodes):
        self.silent |= {f"{rack}.node.{n}" for n in range(nodes)}

    def stop(self):
        self.end.set()
        self.thread.join()


def names(views):
    return [view["name"] for view in views]


def view(server, name):
    return server.get(f"/api/v1/views/{quote(name, safe='')}")


def all_is_well(server):
    wait_for(lambda: view(server, "all")["ok"] == 37, "37 nodes are ok")
    got = server.get("/api/v1/views")
    equal(sorted(names(got["views"])), sorted(["all", "backups", "empty", *(f"rack-{r}" for r in RACKS)]), "the views")
    equal(names(got["views"])[:2], ["all", "backups"], "where all are ok: the config's order")
    equal((got["listed"], got["next"]), (15, None), "listed, next")
    equal(got["states"], {"ok": 15, "unknown": 0, "warning": 0, "failed": 0}, "views by state")
    rack = view(server, "rack-r03")
    equal({k: rack[k] for k in ("state", "total", "ok", "failed", "incident", "template", "notify", "pattern")},
          {"state": "ok", "total": 3, "ok": 3, "failed": 0, "incident": 0, "template": True, "notify": False,
           "pattern": "$rack.node.*"}, "a view of a template")
    equal((view(server, "backups")["regexp"], view(server, "backups")["notify"]), ("^backup", True), "a static view")
    equal((view(server, "empty")["includes"], view(server, "empty")["excludes"]), (["nobody.*", "none.*"], ["nobody.else"]),
          "lists")
    equal(server.get("/api/v1/incidents")["incidents"], [], "no incident is open")
    equal(server.get("/api/v1/views/rack-r03/incidents"), {"view": "rack-r03", "incidents": [], "listed": 0}, "nor was")


def worst_first(server, fleet):
    for rack, nodes in (("r05", 1), ("r02", 3), ("r09", 2)):
        fleet.fail(rack, nodes)
    wait_for(lambda: view(server, "all")["failed"] == 6, "six nodes have failed")
    worst = ["all", "rack-r02", "rack-r09", "rack-r05"]
    equal(names(server.get("/api/v1/views?limit=4")["views"]), worst, "the worst four")
    equal(server.get("/api/v1/views?limit=0")["states"], {"ok": 11, "unknown": 0, "warning": 0, "failed": 4}, "counts")
    equal(names(server.get("/api/v1/views?state=failed&match=rack-*")["views"]), worst[1:], "by state and name")
    only = server.get("/api/v1/views?state=failed&fields=name,failed&match=rack-r02")["views"]
    equal(only, [{"name": "rack-r02", "failed": 3}], "fields")
    lines = server.ask("GET", "/api/v1/views?limit=4", headers={"Accept": "application/x-ndjson"}).lines()
    equal(names(lines), worst, "an object a line")


def pages(server):
    seen, cursor, count = [], "", 0
    while cursor is not None:
        got = server.get(f"/api/v1/views?limit=4&fields=name{cursor and '&cursor=' + cursor}")
        seen, cursor, count = seen + names(got["views"]), got["next"], count + 1
    equal(seen, names(server.get("/api/v1/views")["views"]), "pages make the whole list")
    equal(count, 4, "pages of 4")
    check("is none" in server.get("/api/v1/views?cursor=7", status=422), "a bad cursor")
    check("begin again" in server.get("/api/v1/views?cursor=ff-7", status=410), "a cursor of other views")


def open_incidents(server):
    got = server.get("/api/v1/incidents")
    equal([i["view"] for i in got["incidents"]], ["all", "rack-r02", "rack-r09", "rack-r05"], "the open ones")
    one = got["incidents"][1]
    equal({k: one[k] for k in ("id", "number", "open", "state", "worst", "until", "failed", "total")},
          {"id": "rack-r02/1", "number": 1, "open": True, "state": "failed", "worst": "failed", "until": None,
           "failed": 3, "total": 3}, "an open incident")
    wait_for(lambda: server.get("/api/v1/incidents?match=rack-r02")["incidents"][0]["failed_most"] == 3,
             "nodes are counted")


def past_incidents(server, fleet):
    fleet.silent = {name for name in fleet.silent if not name.startswith("r02.")}
    wait_for(lambda: view(server, "rack-r02")["state"] == "ok", "rack-r02 is back")
    one = server.get("/api/v1/views/rack-r02/incidents")["incidents"][0]
    equal((one["open"], one["state"], one["worst"], one["failed_most"]), (False, "ok", "failed", 3), "a past incident")
    check(one["until"] > one["since"] and one["duration_ms"] > 0, f"its times: {one}")
    check("failed" not in one, "what is now is not told of what is past")
    told = [e for e in server.get("/api/v1/events?kind=view&match=rack-r02&last=1000", headers={
        "Accept": "application/json"})["events"]]
    equal([(e["from"], e["to"], e["incident"], e["time"]) for e in told],
          [("ok", "failed", 1, one["since"]), ("failed", "ok", 1, one["until"])], "as the events have it")
    fleet.fail("r02", 1)
    wait_for(lambda: view(server, "rack-r02")["incident"] == 2, "a second incident")
    got = wait_for(lambda: server.get("/api/v1/views/rack-r02/incidents")["listed"] == 2 and
                   server.get("/api/v1/views/rack-r02/incidents"), "both are listed")
    equal([(i["number"], i["open"]) for i in got["incidents"]], [(2, True), (1, False)], "newest first")
    equal(server.get("/api/v1/views/rack-r02/incidents?limit=1")["listed"], 1, "limit")


def the_last_that_match(server):
    """`last` counts what the filter lets through, whatever came after it."""
    for _ in range(3):
        server.ask("POST", "/api/v1/nodes/backup.daily/pause")
        server.ask("POST", "/api/v1/nodes/backup.daily/resume")
    asked = "/api/v1/events?kind=view&match=rack-r02"
    told = server.get(f"{asked}&last=1000", headers={"Accept": "application/json"})["events"]
    check(len(told) >= 3, "a view's events")
    for last in (1, 2):
        equal(server.get(f"{asked}&last={last}", headers={"Accept": "application/json"})["events"], told[-last:],
              f"the last {last} that match")
    stream = Events(server, f"{asked}&last=2")
    equal(stream.next()[0], "hello", "the first event")
    equal([stream.next()[1], stream.next()[1]], told[-2:], "of a stream too")
    stream.close()


def nodes_of_a_view(server):
    got = server.get("/api/v1/nodes?view=rack-r09&fields=name,state")["nodes"]
    equal(sorted((n["name"], n["state"]) for n in got),
          [("r09.node.0", "failed"), ("r09.node.1", "failed"), ("r09.node.2", "ok")], "nodes of a view")
    got = server.get("/api/v1/nodes?view=rack-r09&state=failed&match=*.1&fields=name")["nodes"]
    equal(got, [{"name": "r09.node.1"}], "view, state and name")
    got = server.get("/api/v1/nodes?view=rack-r09&limit=2&fields=name")
    rest = server.get(f"/api/v1/nodes?view=rack-r09&limit=2&fields=name&cursor={got['next']}")
    equal((got["listed"], rest["listed"], rest["next"]), (2, 1, None), "in pages")
    for path in ("/api/v1/nodes?view=nope", "/api/v1/status?view=nope"):
        check("view nope: not known" in server.get(path, status=404), f"no such view: {path}")
    got = server.get("/api/v1/status?view=rack-r09")
    equal((got["view"], got["nodes"]["total"], got["nodes"]["failed"]), ("rack-r09", 3, 2), "counts of a view")


def what_is_refused(server):
    for path in ("/api/v1/views/nope", "/api/v1/views/nope/incidents", "/api/v1/views/" + "x" * 300):
        check("not known" in server.get(path, status=404), path)
    for path in ("/api/v1/views?state=sick", "/api/v1/views?fields=name,age", "/api/v1/views?limit=-1",
                 "/api/v1/views?colour=red", "/api/v1/incidents?limit=x", "/api/v1/incidents?fields=nodes",
                 "/api/v1/views/all?limit=1", "/api/v1/views/all/incidents?limit=1e3"):
        server.get(path, status=422)
    check("use GET, HEAD" in server.ask("POST", "/api/v1/views", {}, status=405).detail(), "405 says what")


def events_are_resumed(server, fleet):
    stream = Events(server, "/api/v1/events?kind=view&match=rack-*")
    equal(stream.next()[0], "hello", "the first event")
    fleet.fail("r07", 2)
    stream.until(lambda kind, e: (kind, e["name"], e["to"], e["incident"]) == ("view", "rack-r07", "failed", 1))
    left = stream.last_id
    stream.close()
    fleet.silent = {name for name in fleet.silent if not name.startswith("r07.")}
    wait_for(lambda: view(server, "rack-r07")["state"] == "ok", "rack-r07 is back")
    for how in ({"last_id": left}, {"path": f"/api/v1/events?kind=view&match=rack-*&last_event_id={left}"}):
        stream = Events(server, **{"path": "/api/v1/events?kind=view&match=rack-*", **how})
        equal(stream.next()[0], "hello", "the first event")
        kind, data = stream.next()
        equal((kind, data["name"], data["from"], data["to"], data["incident"]),
              ("view", "rack-r07", "failed", "ok", 1), "what came meanwhile, and not what was before")
        stream.close()


def as_lovebeat_says_it(server):
    got = {v["name"]: v["state"] for v in server.get("/api/views/")}
    equal((got["all"], got["rack-r09"], got["rack-r01"]), ("error", "error", "ok"), "0.8's views")
    equal(server.get("/api/views/rack-r09")["state"], "error", "0.8's view")
    equal(sorted(n["name"] for n in server.get("/api/services/?view=rack-r09")),
          ["r09.node.0", "r09.node.1", "r09.node.2"], "0.8's services of a view")
    details = server.get("/api/services/r09.node.0?details=1")["views"]
    equal(details, [{"name": "all"}, {"name": "rack-r09"}], "0.8's details")
    accept = {"Accept": "application/json"}
    should = {"num_ok": 1, "num_warning": 0, "num_error": 2, "has_warning": False, "has_error": True, "good": False}
    equal(server.get("/status?view=rack-r09", headers=accept), should, "0.8's status of a view")
    equal(server.get("/api/alarms/rack-r09/status", headers=accept), should, "1.0's")
    alarms = {a["name"]: a for a in server.get("/api/alarms")["alarms"]}
    check("all" not in alarms, "1.0 has no alarm of all")
    equal((alarms["rack-r09"]["state"], alarms["rack-r09"]["incident_nbr"]), ("error", 1), "1.0's alarm")
    equal(sorted(alarms["rack-r09"]["failed_services"]), ["r09.node.0", "r09.node.1"], "who failed")
    one = server.get("/api/alarms/rack-r09")
    equal(sorted((n["name"], n["in_alarms"]) for n in one["services"]),
          [(f"r09.node.{n}", ["rack-r09"]) for n in range(3)], "1.0's services of an alarm")
    check("has nodes" in server.ask("DELETE", "/api/alarms/rack-r09", status=409).detail(), "with nodes it stays")
    check("the config names it" in server.ask("DELETE", "/api/alarms/backups", status=409).detail(), "a static one")


def an_empty_one_goes(server, fleet):
    """lovebeat's DELETE of an alarm: of a template, without nodes."""
    for n in range(3):
        fleet.silent.add(f"r11.node.{n}")
    time.sleep(0.2)  # what was on its way
    for n in range(3):
        server.ask("DELETE", f"/api/v1/nodes/r11.node.{n}", status=204)
    server.get("/api/v1/views/rack-r11")
    server.ask("DELETE", "/api/alarms/rack-r11")
    server.get("/api/v1/views/rack-r11", status=404)


def a_reload_changes_them(daemon, server):
    cursor = server.get("/api/v1/views?limit=1")["next"]
    daemon.write_config({**daemon.settings, "views": [*VIEWS[:2], {"name": "nines", "regexp": "^r09"}]})
    daemon.cli("config", "reload")
    wait_for(lambda: server.ask("GET", "/api/v1/views/nines", status=None).status == 200, "the new view is there")
    check("begin again" in server.get(f"/api/v1/views?cursor={cursor}", status=410), "an old cursor")
    wait_for(lambda: server.get("/api/v1/views/nines/incidents")["listed"] == 1, "a new view's incident is noticed")
    equal(server.get("/api/v1/views/rack-r02/incidents")["listed"], 2, "what was stays known")
    server.get("/api/v1/views/empty", status=404)


def story(s):
    daemon = Daemon(s, {"defaults": {"timeout": "700ms"}, "views": VIEWS, "http": {"listen": ["127.0.0.1:0"]}})
    server = Http(daemon.http_address())
    fleet = Fleet(daemon.port("socket")["number"])
    all_is_well(server)
    worst_first(server, fleet)
    pages(server)
    open_incidents(server)
    past_incidents(server, fleet)
    the_last_that_match(server)
    nodes_of_a_view(server)
    what_is_refused(server)
    events_are_resumed(server, fleet)
    as_lovebeat_says_it(server)
    an_empty_one_goes(server, fleet)
    a_reload_changes_them(daemon, server)
    fleet.stop()
    equal(daemon.stop()[0], 0, "beatlined's exit code")


tell(story)
