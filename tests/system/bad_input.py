#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over the real socket: counted under its own reason, the
lines beside it count, and the daemon stands."""

import os
import random
import socket
import struct

from appliance import RECORD_REASONS, Daemon, check, equal, tell, wait_for

UDP_PORT = 20000 + os.getpid() % 10000
BEAT = b".beat:1|c"
UDP_MOST = 65507  # bytes of payload that UDP over IPv4 can carry


def binary(version=1, kind=0, flags=0, rest=b"", magic=0xBEA7):
    return struct.pack(">HBBIQIIQ", magic, version << 4 | kind, flags, 0, 42, 1, 1, 0) + rest


def hello(name, name_len=None, reserved=0):
    return binary(kind=1, rest=struct.pack(">IIIBBH", 0, 0, 0, 255, name_len or len(name), reserved) + name)


# What is sent, and what it must be counted as: beats, settings, drops.
CASES = [
    ("nothing at all", b"", {"empty": 1}),
    ("one byte", b"x", {"bad_line": 1}),
    ("garbage, then a beat", b"!!!\nok.1" + BEAT, {"bad_line": 1, "beats": 1}),
    ("a beat, then garbage, then a beat", b"ok.1" + BEAT + b"\r\nwhat is this\r\nok.2" + BEAT + b"\r\n",
     {"bad_line": 1, "beats": 2}),
    ("no name", BEAT + b"\nok.1" + BEAT, {"bad_name": 1, "beats": 1}),
    ("a name of 200 bytes", b"n" * 200 + BEAT, {"beats": 1}),
    ("a name of 201 bytes", b"n" * 201 + BEAT + b"\nok.1" + BEAT, {"bad_name": 1, "beats": 1}),
    ("a control byte in the name", b"a\x07b" + BEAT + b"\nok.1" + BEAT, {"bad_name": 1, "beats": 1}),
    ("a zero byte in the name", b"a\0b" + BEAT + b"\nok.1" + BEAT, {"bad_name": 1, "beats": 1}),
    ("an action that is none", b"a.frob:1|c\nok.1" + BEAT, {"bad_action": 1, "beats": 1}),
    ("a value that is no number", b"a.timeout:soon|g\nok.1" + BEAT, {"bad_value": 1, "beats": 1}),
    ("a timeout of 300 years", b"a.timeout:9999999999|g\nok.1" + BEAT, {"bad_value": 1, "beats": 1}),
    ("a timeout below -2", b"a.timeout:-3|g\nok.1" + BEAT, {"bad_value": 1, "beats": 1}),
    ("a timeout", b"ok.1.timeout:100000|g", {"settings": 1}),
    ("a binary beat", binary(), {"beats": 1}),
    ("the binary magic alone", b"\xbe\xa7", {"binary_short": 1}),
    ("a binary beat cut short", binary()[:31], {"binary_short": 1}),
    ("a binary beat with a tail", binary(rest=b"!"), {"binary_short": 1}),
    ("a version of tomorrow", binary(version=2), {"binary_version": 1}),
    ("version 0", binary(version=0), {"binary_version": 1}),
    ("a type that is none", binary(kind=15), {"binary_type": 1}),
    ("a flag that is none", binary(flags=0x80), {"binary_field": 1}),
    ("a hello", hello(b"ok.42"), {"settings": 1}),
    ("a hello longer than it says", hello(b"ok.42", name_len=3), {"binary_short": 1}),
    ("a hello with a control byte in its name", hello(b"a\nb"), {"binary_field": 1}),
    ("an empty batch", binary(kind=3), {"binary_short": 1}),
    ("a batch with half an entry", binary(kind=3, rest=bytes(24)), {"binary_short": 1}),
    ("a batch of two", binary(kind=3, rest=struct.pack(">QIIQII", 7, 1, 0, 8, 1, 0)), {"beats": 2}),
    ("65507 bytes of beats", (b"ok.1" + BEAT + b"\n") * (UDP_MOST // 14), {"beats": UDP_MOST // 14}),
    ("65507 bytes without a line feed", b"x" * UDP_MOST, {"bad_line": 1}),
    ("65507 bytes of binary", binary(rest=bytes(UDP_MOST - 32)), {"binary_short": 1}),
]


def counts(daemon):
    ingest = daemon.status()["ingest"]
    return {"packets": ingest["packets_total"], "beats": ingest["beats_total"],
            "settings": ingest["settings_total"], **ingest["dropped"]}


def one(daemon, sender, what, payload, should):
    before = counts(daemon)
    sender.send(payload)
    wait_for(lambda: counts(daemon)["packets"] > before["packets"], f"{what}: received")
    after = counts(daemon)
    grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    equal(grown, {"packets": 1, **should}, what)


def noise(daemon, sender, seed):
    """Random bytes, half of them after a binary header: each datagram is
    parsed or dropped, and the next beat counts."""
    print(f"noise: seed {seed}")
    chance = random.Random(seed)
    before = counts(daemon)
    for i in range(2000):
        junk = chance.randbytes(chance.randrange(1, 1500))
        sender.send(binary()[:chance.randrange(33)] + junk if i % 2 else junk)
        if i % 100 == 99:
            wait_for(lambda sent=i: counts(daemon)["packets"] > before["packets"] + sent, "noise received")
    ingest = daemon.status()["ingest"]
    drops = sum(n for reason, n in ingest["dropped"].items() if reason not in RECORD_REASONS)
    equal(ingest["packets_total"], ingest["packets_parsed_total"] + drops, "packets parsed and dropped")
    one(daemon, sender, "a beat after the noise", b"ok.1" + BEAT, {"beats": 1})


def story(s):
    daemon = Daemon(s, {"ports": [f"socket:127.0.0.1:{UDP_PORT}"]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", UDP_PORT))
        for what, payload, should in CASES:
            one(daemon, sender, what, payload, should)
        noise(daemon, sender, int(os.environ.get("BL_SEED", random.randrange(1 << 32))))
        sender.setblocking(False)
        try:
            check(not sender.recv(1), "the daemon answered")
        except BlockingIOError:
            print("0 bytes came back")
    code, _ = daemon.stop()
    equal(code, 0, "exit code")


tell(story)
