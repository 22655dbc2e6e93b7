#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at start and at reload: one clear line that says what
to do, an exit code that is not 0, and nothing of the old is lost."""

import json
import os
import signal
import time
from pathlib import Path

from appliance import BUILD, Daemon, check, equal, nobody, run, tell, wait_for
from receivers import Syslog, Webhook

UDP_PORT = 20000 + os.getpid() % 10000


def refuses(s, what, config, words, user=None):
    """beatlined ends with one line that has `words` and a way out."""
    daemon = Daemon(s, config, user=user, ready=False)
    code = daemon.process.wait(20)
    said = daemon.said().strip()
    print(f"{what}: {said}")
    check(code not in (0, None) and code > 0, f"{what}: exit code {code}")
    equal(len(said.splitlines()), 1, f"{what}: lines said ({said})")
    check(said.startswith("beatlined: ") and ";" in said, f"{what}: says what to do: {said}")
    for word in words:
        check(word.lower() in said.lower(), f"{what}: speaks of {word!r}: {said}")
    check(not daemon.socket.exists(), f"{what}: leaves no socket behind")


def refused_starts(s):
    target = f"socket:127.0.0.1:{UDP_PORT}"
    first = Daemon(s, {"ports": [target]})
    refuses(s, "port busy", {"ports": [target]}, [str(UDP_PORT), "in use"])
    refuses(s, "CLI socket busy", {"ports": [f"socket:127.0.0.1:{UDP_PORT + 1}"], "socket": str(first.socket)},
            [str(first.socket)])
    equal(first.stop()[0], 0, "the first daemon's exit code")
    refuses(s, "no such address", {"ports": ["socket:192.0.2.1:8127"]}, ["192.0.2.1"])
    refuses(s, "no such interface", {"ports": ["dpdk:net_af_packet0,iface=blt-none"]}, ["blt-none", "no such"])
    refuses(s, "no such driver", {"ports": ["dpdk:net_nosuch0"]}, ["net_nosuch0"])
    refuses(s, "bad devargs", {"ports": ["dpdk:net_null0,nosuch=1"]}, ["net_null0"])
    refuses(s, "no such capture", {"ports": ["dpdk:net_pcap0,rx_pcap=/nonexistent/x.pcap"]}, ["/nonexistent/x.pcap"])


def no_permission(s):
    lowest = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if lowest <= 1:
        print("no permission: every port is open to everyone here")
        return
    refuses(s, "no permission", {"ports": [f"socket:127.0.0.1:{lowest - 1}"]}, ["permission"], user=nobody())


def bad_files(s):
    file = s.path("bad.yaml")
    for text, words in [("ports: [socket:127.0.0.1:1]\nprots: []\n", ["prots", "ports", ":2:"]),
                        ("sweep: {tick: soon}\n", ["sweep.tick", "soon", ":1:"]),
                        ("ports: [\n", [":"])]:
        file.write_text(text)
        for extra in (["--check"], []):
            done = run(BUILD / "beatlined", "-c", file, *extra, ok=False, timeout=20)
            check(done.returncode not in (0, None), f"{text!r}: exit code {done.returncode}")
            for word in [str(file), *words]:
                check(word in done.stderr, f"{text!r}: speaks of {word!r}: {done.stderr}")
    file.write_text("notify: {syslog: [{to: 'udp://logs.example.net'}]}\n")
    run(BUILD / "beatlined", "-c", file, "--check")
    missing = run(BUILD / "beatlined", "-c", s.path("nosuch.yaml"), ok=False, timeout=20)
    check(missing.returncode not in (0, None) and "nosuch.yaml" in missing.stderr, f"missing file: {missing.stderr}")


def bad_reload(s):
    daemon = Daemon(s, {"ports": [f"socket:127.0.0.1:{UDP_PORT}"], "defaults": {"timeout": "77s"}})
    before = daemon.cli("config", "show").stdout
    good = daemon.config.read_text()
    daemon.config.write_text(good.replace("77s", "seventy-seven"))
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "old config" in daemon.said(), "the log says that the old config stays")
    check("seventy-seven" in daemon.said(), "the log says what is wrong")
    equal(daemon.cli("config", "show").stdout, before, "the config in force")
    daemon.config.write_text(good.replace("77s", "78s"))
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: daemon.cli("config", "show").stdout != before, "a good file is taken")
    shown = {line["key"]: line["value"] for line in map(json.loads, daemon.cli("config", "show").stdout.splitlines())}
    check("78" in str(shown["defaults.timeout"]), f"the new timeout is in force: {shown['defaults.timeout']}")
    text = daemon.config.read_text()
    moved = text.replace(f":{UDP_PORT}", f":{UDP_PORT + 1}")
    check(moved != text, "another port")
    daemon.config.write_text(moved)
    equal(json.loads(daemon.cli("config", "reload").stdout)["needs_restart"], ["ports"], "what a reload cannot change")
    wait_for(lambda: "a change of ports takes a restart" in daemon.said(), "the log says it, too")
    daemon.config.write_text(text)
    equal(json.loads(daemon.cli("config", "reload").stdout)["needs_restart"], [], "as at the start again")
    code, seconds = daemon.stop()
    equal(code, 0, "exit code on SIGTERM")
    check(seconds < 5, f"took {seconds:.1f} s to end")
    check(not daemon.socket.exists(), "the CLI's socket is gone")


def nobody_there(s):
    for args in (["status"], ["nodes", "list"], ["beat", "x"]):
        done = run(BUILD / "beatline", "-s", s.path("nobody.sock"), *args, ok=False, timeout=20)
        equal(done.returncode, 3, f"exit code of beatline {' '.join(args)} without a daemon")
        check(";" in done.stderr and len(done.stderr.splitlines()) == 1, f"one line, what to do: {done.stderr!r}")
    done = run(BUILD / "beatline", "-s", "/tmp/" + "x" * 103, "status", ok=False, timeout=20)
    equal(done.returncode, 2, "exit code with a path that no socket can have")
    check("over 107 bytes" in done.stderr, f"what is wrong with it: {done.stderr!r}")


def stale_socket(s):
    """A daemon that was killed leaves its socket; the next one takes it."""
    config = {"ports": [f"socket:127.0.0.1:{UDP_PORT}"], "socket": str(s.path("stale.sock"))}
    first = Daemon(s, config, ready=False)
    wait_for(s.path("stale.sock").exists, "the first daemon's socket")
    first.process.kill()
    first.process.wait()
    second = Daemon(s, config, ready=False)
    second.socket = s.path("stale.sock")
    wait_for(second.answers, "the second daemon answers")
    equal(second.stop()[0], 0, "exit code")


def stopped_for_a_while(s):
    """A daemon that did not run for some seconds says so once, and that
    it runs again; a blink is told to nobody."""
    receivers = [Webhook(s), Syslog(s)]
    daemon = Daemon(s, {"ports": [f"socket:127.0.0.1:{UDP_PORT}"],
                        "notify": {"webhook": [{"url": receivers[0].target}], "syslog": [{"to": receivers[1].target}]}})
    for seconds in (0.3, 3):
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        daemon.process.send_signal(signal.SIGCONT)
        time.sleep(0.2)
    for receiver in receivers:
        wait_for(lambda told=receiver: told.counts("thaw")["all ports"], f"{receiver.name} was told")
        equal((receiver.counts("freeze")["all ports"], receiver.counts("thaw")["all ports"]), (1, 1),
              f"{receiver.name}: told of the stop and of its end")
    told = [message for _, _, message in receivers[0].messages if message["port"] == "all ports"]
    check(told[0]["reason"] == "own_gap" and 2500 < told[1]["lasted_ms"] < 20000, f"why, and for how long: {told}")
    events = [e for e in daemon.events() if e.get("reason") == "own_gap"]
    equal([e["kind"] for e in events], ["freeze", "thaw"], "events")
    equal(daemon.stop()[0], 0, "exit code")


def story(s):
    for part in (nobody_there, bad_files, refused_starts, no_permission, stale_socket, bad_reload,
                 stopped_for_a_while):
        begin = time.monotonic()
        part(s)
        print(f"-- {part.__name__}: {time.monotonic() - begin:.1f} s")


tell(story)
