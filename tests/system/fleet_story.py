# SPDX-License-Identifier: Apache-2.0
"""The story that every kind of port has to hold: a fleet beats, some of
it falls silent, exactly those fail in time, each receiver is told once,
the silent beat again and recover, and every packet is accounted for."""

import json
import time

from appliance import RECORD_REASONS, Daemon, Load, check, equal, wait_for
from receivers import Syslog, Webhook

NODES = 500
INTERVAL_S = 0.25
TIMEOUT_S = 1.5
RETRIES = 1
KILL = 40
KILL_AT_S = 2
# Wall time in which the killed must have failed, on a machine that lets
# the daemon run (see await_failed).
FAILED_WITHIN_S = TIMEOUT_S * (RETRIES + 1) + 1
REVIVE_AT_S = KILL_AT_S + FAILED_WITHIN_S + 6

# Of a load whose nodes fall silent and come back.
FLEET = ["--nodes", NODES, "--interval", INTERVAL_S, "--seed", 7]
FALL = ["--kill", KILL, "--at", KILL_AT_S, "--revive-at", REVIVE_AT_S]


class Appliance:
    """A daemon with its receivers on `ports`."""

    def __init__(self, story, ports, namespace=None, user=None, **config):
        self.story = story
        self.receivers = [Syslog(story, namespace=namespace),
                          Syslog(story, path=story.path("syslog.sock")),
                          Webhook(story, namespace=namespace)]
        if user is not None:
            story.path("syslog.sock").chmod(0o666)
        notify = {"syslog": [{"to": r.target} for r in self.receivers[:2]],
                  "webhook": [{"url": self.receivers[2].target}],
                  "states": ["failed", "ok"]}
        self.daemon = Daemon(story, {"ports": ports, "notify": notify,
                                     "defaults": {"timeout": f"{TIMEOUT_S}s", "retries": RETRIES}, **config},
                             namespace=namespace, user=user)

    def told(self, nodes, to):
        for receiver in self.receivers:
            receiver.expect_one_each(nodes, to)


def frozen_ms(daemon):
    """How long each worker's ages stood still so far."""
    return {line["worker"]: line["frozen_ms_total"]
            for line in map(json.loads, daemon.cli("stats", "workers").stdout.splitlines())}


def frozen_s(daemon, before, last_event):
    """How long at most one worker's ages stood still since then because
    the machine did not let it, or the whole daemon, run: by design that
    time does not count. A link that was down is no such excuse."""
    if any(e["number"] > last_event and e.get("reason") == "link_down" for e in daemon.events()):
        return 0
    return max(ms - before[worker] for worker, ms in frozen_ms(daemon).items()) / 1000


def await_failed(daemon, number):
    """Call when nodes fall silent: waits until so many have failed, which
    must be in time; time in which ingest was frozen comes on top."""
    fell, before = time.monotonic(), frozen_ms(daemon)
    last_event = max((e["number"] for e in daemon.events()), default=0)
    wait_for(lambda: daemon.count("failed") >= number, f"{number} nodes failed")
    seconds, frozen = time.monotonic() - fell, frozen_s(daemon, before, last_event)
    print(f"{number} nodes failed {seconds:.2f} s after they fell silent; ingest was frozen for {frozen:.2f} s of it")
    check(seconds <= FAILED_WITHIN_S + frozen,
          f"{number} nodes failed after {seconds:.2f} s; it may take {FAILED_WITHIN_S} s and {frozen:.2f} s frozen")


def fall_and_rise(appliance, load_args, nodes=NODES, **where):
    """Starts the load, sees it fall and rise; returns its account."""
    daemon = appliance.daemon
    load = Load(appliance.story, *load_args, **where)
    wait_for(lambda: load.process.poll() is not None or load.killed.exists(), "nodes fall silent")
    check(load.process.poll() is None, "the load ended early")
    await_failed(daemon, KILL)
    killed = set(load.killed.read_text().split())
    equal(len(killed), KILL, "nodes in --killed-file")
    equal(daemon.names("failed"), killed, "failed nodes")
    wait_for(lambda: daemon.count("ok") == nodes - KILL, "all others are ok")
    appliance.told(killed, "failed")
    wait_for(lambda: daemon.count("ok") == nodes, "all nodes ok again")
    equal(daemon.count("failed"), 0, "failed nodes")
    appliance.told(killed, "ok")
    appliance.told(killed, "failed")
    return load.finish(stop=True)


def conserve(daemon, *accounts):
    """What was offered is accepted or dropped under a reason, to the
    packet and to the record."""
    offered = {key: sum(a[key] for a in accounts) for key in ("packets", "beats", "settings", "not_sent")}
    wait_for(lambda: daemon.status()["ingest"]["packets_total"] >= offered["packets"],
             f"{offered['packets']} packets received")
    time.sleep(0.2)
    ingest = daemon.status()["ingest"]
    dropped = {reason: n for reason, n in ingest["dropped"].items() if n}
    packets_dropped = sum(n for reason, n in dropped.items() if reason not in RECORD_REASONS)
    records_dropped = sum(n for reason, n in dropped.items() if reason in RECORD_REASONS)
    print(f"offered {offered}; packets {ingest['packets_total']}, beats {ingest['beats_total']}, "
          f"settings {ingest['settings_total']}, dropped {dropped or 'none'}")
    equal(ingest["packets_total"], offered["packets"], "packets received")
    equal(ingest["packets_total"], ingest["packets_parsed_total"] + packets_dropped, "packets parsed and dropped")
    equal(ingest["records_total"], ingest["beats_total"] + ingest["settings_total"] + records_dropped,
          "records taken and dropped")
    equal(ingest["dropped_total"], packets_dropped + records_dropped, "drops in all")
    if packets_dropped == 0:
        equal(ingest["records_total"], offered["beats"] + offered["settings"], "records received")


def leave(daemon):
    """The daemon ends when it is told to."""
    code, seconds = daemon.stop()
    equal(code, 0, "beatlined's exit code on SIGTERM")
    check(seconds < 5, f"beatlined took {seconds:.1f} s to end")
