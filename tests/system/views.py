#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Views: subsets of the fleet by name, each as bad as its worst node; a
reload changes them while beats go on."""

import json
import socket
import threading

from appliance import Daemon, check, equal, tell, wait_for

VIEWS = [
    {"name": "backups", "regexp": "backup.*"},
    {"name": "server-$name", "pattern": "application-name.$name.*", "notify": True},
    {"name": "source-$name", "includes": ["source.$name.*", "old-source.$name.*"], "excludes": ["source.deprecated.*"]},
]
NAMES = ["application-name.alpha.healthcheck", "application-name.alpha.background-job-1",
         "application-name.beta.healthcheck", "source.x.1", "old-source.x.2", "source.deprecated.3", "my-backups"]


class Beats:
    """Beats for some names, ten times a second, until told otherwise."""

    def __init__(self, port):
        self.port, self.names, self.end = port, set(NAMES), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            while not self.end.wait(0.1):
                udp.sendto("\n".join(f"{n}.beat:1|c" for n in self.names).encode(), ("127.0.0.1", self.port))


def lines(daemon, *words):
    return [json.loads(line) for line in daemon.cli(*words).stdout.splitlines()]


def views(daemon):
    return {view["name"]: view for view in lines(daemon, "views", "list")}


def members(daemon, view):
    return {node["name"] for node in lines(daemon, "nodes", "list", "--view", view)}


def who_is_where(daemon):
    wait_for(lambda: daemon.count("ok") == len(NAMES), "all nodes are known")
    seen = views(daemon)
    equal(list(seen)[0], "all", "the first view")
    equal({name: view["total"] for name, view in seen.items()},
          {"all": 7, "backups": 1, "server-alpha": 2, "server-beta": 1, "source-x": 2}, "nodes of each view")
    equal({view["state"] for view in seen.values()}, {"ok"}, "the views' states")
    equal(members(daemon, "server-alpha"), set(NAMES[:2]), "nodes list --view server-alpha")
    equal([line["view"] for line in lines(daemon, "views", "test", "application-name.zeta.backup")],
          ["all", "backups", "server-zeta"], "views test of a name that does not beat")
    shown = lines(daemon, "views", "show", "source-x")[0]
    equal((shown["includes"], shown["excludes"], shown["template"], shown["notify"]),
          (["source.$name.*", "old-source.$name.*"], ["source.deprecated.*"], True, False), "views show source-x")
    for words in (("views", "show", "nobody"), ("nodes", "list", "--view", "nobody")):
        done = daemon.cli(*words, ok=False)
        equal(done.returncode, 4, f"exit code of {' '.join(words)}")
        check("beatline views list" in json.loads(done.stdout)["error"], f"{words}: says {done.stdout}")


def the_worst_wins(daemon, beats):
    beats.names.remove("application-name.alpha.healthcheck")
    wait_for(lambda: views(daemon)["server-alpha"]["state"] == "failed", "the view of a silent node has failed")
    seen = views(daemon)
    equal((seen["server-alpha"]["incident"], seen["server-alpha"]["failed"]), (1, 1), "incident and failed nodes")
    equal((seen["all"]["state"], seen["server-beta"]["state"]), ("failed", "ok"), "all, and a view without it")
    daemon.cli("nodes", "pause", "application-name.alpha.healthcheck")
    wait_for(lambda: views(daemon)["server-alpha"]["state"] == "ok", "a paused node makes no view worse")
    daemon.cli("nodes", "resume", "application-name.alpha.healthcheck")
    wait_for(lambda: views(daemon)["server-alpha"]["incident"] == 2, "a second incident")
    told = [(e["from"], e["to"], e["incident"]) for e in daemon.events()
            if e["kind"] == "view" and e["name"] == "server-alpha"]
    equal(told, [("ok", "failed", 1), ("failed", "ok", 1), ("ok", "failed", 2)], "events of server-alpha")


def a_reload_changes_them(daemon, beats):
    settings = {**daemon.settings, "views": [{"name": "server-$name", "pattern": "application-name.$name.*"},
                                             {"name": "x", "regexp": "\\.x\\."}]}
    daemon.write_config(settings)
    daemon.cli("config", "reload")
    wait_for(lambda: set(views(daemon)) == {"all", "server-alpha", "server-beta", "x"}, "the new views are there")
    seen = views(daemon)
    equal((seen["server-alpha"]["state"], seen["server-alpha"]["incident"], seen["x"]["total"]), ("failed", 2, 2),
          "what server-alpha was goes on, x has its nodes")
    daemon.write_config({**settings, "views": [{"name": "bad", "regexp": "(a)\\1"}]})
    done = daemon.cli("config", "reload", ok=False)
    check(done.returncode == 1 and "views[0].regexp" in done.stdout, f"a bad expression is refused: {done.stdout}")
    equal(set(views(daemon)), {"all", "server-alpha", "server-beta", "x"}, "the old views stay")
    beats.names.add("application-name.alpha.healthcheck")
    wait_for(lambda: views(daemon)["server-alpha"]["state"] == "ok", "a beat brings the view back")
    daemon.cli("nodes", "rm", "source.x.1")
    wait_for(lambda: views(daemon)["x"]["total"] in (1, 2), "a removed node is not counted, unless it beats again")


def story(s):
    daemon = Daemon(s, {"defaults": {"timeout": "700ms"}, "views": VIEWS})
    beats = Beats(daemon.port("socket")["number"])
    who_is_where(daemon)
    the_worst_wins(daemon, beats)
    a_reload_changes_them(daemon, beats)
    beats.end.set()
    beats.thread.join()
    equal(daemon.stop()[0], 0, "beatlined's exit code")


tell(story)
