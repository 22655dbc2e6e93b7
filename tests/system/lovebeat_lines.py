#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines as hypothesis thinks of them, to the real daemon over UDP and TCP,
against the regular expressions of both lovebeats: whatever one of them
takes, we take and understand the same, but for what LIMITS says; what
nobody's grammar has is dropped and counted. At the end every node has the
timeouts that its lines gave it."""

import json
import os
import random
import re
import socket
import tempfile
from decimal import Decimal

from appliance import Daemon, Skip, check, equal, tell, wait_for

# What hypothesis keeps goes away with the test, not into the tree it was started in.
STORAGE = tempfile.TemporaryDirectory(prefix="beatline-hypothesis-")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = STORAGE.name

try:
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st
except ImportError:
    given = None

EXAMPLES = 600
TIMEOUT_MAX_MS = 3_888_000_000

# lovebeat: lineparser.go of 0.8 and of 1.0.3.
VALUE = rb":(-?[0-9]+)\|(g|c|ms)(\|@([0-9\.]+))?\n?$"
LOVEBEAT = [re.compile(rb"^([^:]+)\.(beat|warn|err|autobeat)" + VALUE),
            re.compile(rb"^([a-z0-9._-]+)\.(beat|autobeat|timeout)" + VALUE)]
# Ours (dataplane/wire/text.h), which has more: signs, fractions, any type, tags, CRLF, larger names.
OURS = re.compile(rb"([^\x00-\x20\x7f:|]{1,200})\.(beat|autobeat|timeout|warn|err)"
                  rb":([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))\|[A-Za-z]+(?:\|[^\n]*)?", re.S)
# What lovebeat takes and we do not, and why it is better so.
LIMITS = [
    ("names with bytes that mean something in the line, or over 200 bytes",
     lambda name, action, value: not re.fullmatch(rb"[^\x00-\x20\x7f:|]{1,200}", name)),
    ("timeouts of 0 (to lovebeat: always failed), below -2, or over 45 days",
     lambda name, action, value: action in (b"timeout", b"warn", b"err") and policy_ms(value) is None),
]


def policy_ms(value):
    """Milliseconds, 0 for -1 (none), -2 for automatic; None: no timeout."""
    number = Decimal(value.decode())
    ms = int(abs(number) * 1000)
    if number < 0:
        return {1000: 0, 2000: -2}.get(ms)
    return ms if 0 < ms <= TIMEOUT_MAX_MS else None


def understood(line):
    """(name, action, value) of a line that we must take; None: dropped."""
    match = OURS.fullmatch(line)
    if not match:
        return None
    name, action, value = match.groups()
    if action not in (b"beat", b"autobeat") and policy_ms(value) is None:
        return None
    return name, action, value


def no_less_than_lovebeat(line):
    for grammar in LOVEBEAT:
        match = grammar.match(line)
        if not match:
            continue
        theirs = match.group(1, 2, 3)
        if not any(limit(*theirs) for _, limit in LIMITS):
            equal(understood(line), theirs, f"our understanding of {line!r}")


class Model:
    """The daemon's counts and nodes as they should be."""

    def __init__(self):
        self.beats = self.settings = self.dropped = 0
        self.nodes = {}

    def take(self, line):
        got = understood(line)
        if got is None:
            self.dropped += 1
            return
        name, action, value = got
        policy = self.nodes.setdefault(name.decode(), {"timeout_ms": 0, "warn_ms": 0, "err_ms": 0,
                                                       "detector": "fixed"})
        if action in (b"beat", b"autobeat"):
            self.beats += 1
            if action == b"autobeat":
                policy["detector"] = "auto"
            return
        self.settings += 1
        ms = policy_ms(value)
        policy["detector"] = "auto" if ms == -2 else "fixed"
        # -2 takes the place of seconds, but a timeout's hold until a rhythm is known.
        if ms >= 0 or action != b"timeout":
            policy[action.decode() + "_ms"] = max(ms, 0)

    def counts(self):
        return self.beats, self.settings, self.dropped


def lines_of(data):
    """The lines of a datagram that are not empty."""
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [line for line in lines if line]


def strategies():
    words = st.sampled_from(["a", "web", "invoice", "mailer", "beat", "warn", "db-1", "x_y", "Z", "é", "..", "-"])
    names = st.one_of(st.lists(words, min_size=1, max_size=4).map(".".join),
                      st.text(st.characters(blacklist_categories=["Cs"]), max_size=6),
                      st.integers(195, 205).map(lambda n: "n" * n))
    actions = st.sampled_from(["beat", "autobeat", "timeout", "warn", "err", "bea", "BEAT", "", "beat.x"])
    values = st.one_of(st.sampled_from(["1", "0", "-1", "-2", "-3", "3600", "2.5", ".5", "5.", "+7", "-", "", "1e3", "0.0005",
                                        "3888000", "3888001", "99999999999999999999", "0x1", " 1"]),
                       st.integers(-5, 4_000_000).map(str))
    types = st.sampled_from(["c", "g", "ms", "s", "h", "kv", "", "c|@0.1", "g|@1", "c|#tag:x", "c|", "1", "c "])
    formed = st.tuples(names, actions, values, types).map(lambda t: f"{t[0]}.{t[1]}:{t[2]}|{t[3]}".encode())
    good = st.tuples(st.lists(words, min_size=1, max_size=3).map(".".join),
                     st.sampled_from(["beat", "autobeat", "timeout", "warn", "err"]),
                     st.sampled_from(["1", "60", "-1", "-2", "86400"]), st.sampled_from(["c", "g", "ms", "c|@0.5"]),
                     ).map(lambda t: f"{t[0]}.{t[1]}:{t[2]}|{t[3]}".encode())
    junk = st.one_of(st.binary(max_size=30), st.text("abc.:|@0123-\t ", max_size=20).map(str.encode))
    # A line of carriage returns alone is empty to some; the first byte 0xbe begins a binary datagram.
    line = st.one_of(good, good, formed, junk).filter(
        lambda b: b"\n" not in b and b.strip(b"\r") and not b.endswith(b"\r") and b[0] != 0xBE)
    ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n"])
    return st.tuples(st.lists(st.tuples(line, ends), min_size=1, max_size=12), st.booleans())


def bytes_of(drawn):
    pairs, ended = drawn
    data = b"".join(line + end for line, end in pairs)
    return data if ended else data.rstrip(b"\r\n")


def counts(daemon):
    ingest = daemon.status()["ingest"]
    return ingest["beats_total"], ingest["settings_total"], ingest["dropped_total"]


def by_udp(daemon, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.sendto(data, ("127.0.0.1", daemon.port("socket")["number"]))


def by_tcp(daemon, data):
    with socket.create_connection(("127.0.0.1", daemon.tcp()["number"])) as c:
        half = len(data) // 2
        c.sendall(data[:half])
        c.sendall(data[half:])


def one(daemon, model, data, send):
    for line in lines_of(data):
        no_less_than_lovebeat(line)
        model.take(line)
    send(daemon, data)
    total = sum(model.counts())
    wait_for(lambda: sum(counts(daemon)) >= total, f"all lines of {data!r} are counted")
    equal(counts(daemon), model.counts(), f"beats, settings and drops after {data!r}")


def nodes_are(daemon, model):
    wait_for(lambda: daemon.status()["nodes"]["total"] == len(model.nodes), "as many nodes as lines named")
    lines = daemon.cli("nodes", "list").stdout.removesuffix("\n").split("\n")  # names may have U+0085
    for node in map(json.loads, lines):
        check(node["name"] in model.nodes, f"nobody named {node['name']!r}")
        should = model.nodes[node["name"]]
        equal({key: node[key] for key in should}, should, f"policy of {node['name']!r}")


def utf8(data):
    """Names are compared as JSON shows them: bytes that are no text are left out."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return all(understood(line) is None for line in lines_of(data))
    return True


def story(s):
    if given is None:
        raise Skip("needs python3-hypothesis")
    daemon, model = Daemon(s, {}), Model()
    number = int(os.environ.get("BL_SEED", random.randrange(1 << 32)))
    print(f"BL_SEED={number}")

    # No shrinking: the model goes on from example to example.
    @seed(number)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(strategies())
    def any_lines(drawn):
        data = bytes_of(drawn)
        if data and utf8(data):
            for send in (by_udp, by_tcp):
                one(daemon, model, data, send)

    any_lines()
    nodes_are(daemon, model)
    print(f"{sum(model.counts())} lines: {model.beats} beats, {model.settings} settings, {model.dropped} dropped; "
          f"{len(model.nodes)} nodes")


tell(story)
