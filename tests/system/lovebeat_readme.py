#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of lovebeat's own documentation, both versions, as they
stand there but for host and port, and what each must lead to. A line per
example: the command behind "$ ", then what it does to a service.

Debian's nc has no -c (end the connection with the input), which the TCP
examples were written with: they get one that has."""

import json
import os
import re
import stat

from appliance import Daemon, Wrong, check, equal, run, tell, wait_for

NC_WITH_C = """#!/usr/bin/env python3
import socket, sys
assert sys.argv[1] == "-c", sys.argv
with socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=10) as c:
    c.sendall(sys.stdin.buffer.read())
    c.shutdown(socket.SHUT_WR)
    assert c.recv(1) == b"", "an answer"
"""

# The service's fields afterwards; None: only what the command prints counts.
BEATEN = {"state": "ok"}
EXAMPLES = {
    "README.md of 0.8": [
        (r'echo "invoice.mailer.beat:1|c" | nc -4u -w0 localhost 8127', BEATEN),
        (r'echo "invoice.mailer.warn:3600|g" | nc -c localhost 8127', {"warn_ms": 3_600_000}),
        (r'echo -e "invoice.mailer.warn:-2|g\ninvoice.mailer.beat:1|c" | nc -c localhost 8127',
         {"detector": "auto", **BEATEN}),
        (r'echo "invoice.mailer.autobeat:1|c" | nc -4u -w0 localhost 8127', {"detector": "auto", **BEATEN}),
        (r"curl -X POST http://localhost:8080/api/services/invoice.mailer", BEATEN),
        (r"curl http://localhost:8080/status", "num_ok 1\nnum_warning 0\nnum_error 0\nhas_warning false\n"
                                               "has_error false\ngood true\n"),
        (r"curl -d err-tmo=1800 http://localhost:8080/api/services/invoice.mailer", {"err_ms": 1_800_000, **BEATEN}),
    ],
    "docs/api.rst of 1.0": [
        (r'echo "invoice.mailer.beat:1|c" | nc -4u -w0 localhost 8127', BEATEN),
        (r'echo "invoice.mailer.timeout:3600|g" | nc -c localhost 8127', {"timeout_ms": 3_600_000}),
        (r'echo -e "invoice.mailer.timeout:-2|g\ninvoice.mailer.beat:1|c" | nc -c localhost 8127',
         {"detector": "auto", **BEATEN}),
        (r'echo "invoice.mailer.autobeat:1|c" | nc -4u -w0 localhost 8127', {"detector": "auto", **BEATEN}),
        (r"curl -X POST http://localhost:8080/api/services/invoice.mailer", BEATEN),
        (r"curl -d timeout=3600 http://localhost:8080/api/services/invoice.mailer",
         {"timeout_ms": 3_600_000, "detector": "fixed", **BEATEN}),
        (r"curl -X POST http://localhost:8080/api/services/invoice.mailer?timeout=3600",
         {"timeout_ms": 3_600_000, **BEATEN}),
        (r"""curl -H "Content-Type: application/json" -d '{"timeout":3600}' """
         r"http://localhost:8080/api/services/invoice.mailer", {"timeout_ms": 3_600_000, **BEATEN}),
    ],
    "docs/advanced.rst of 1.0": [
        (r"curl http://localhost:8080/api/status", "num_ok 1\nnum_warning 0\nnum_error 0\nhas_warning false\n"
                                                   "has_error false\ngood true\n"),
        (r'curl -H "Accept: application/json" http://localhost:8080/api/status',
         '{\n  "num_ok": 1,\n  "num_warning": 0,\n  "num_error": 0,\n  "has_warning": false,\n'
         '  "has_error": false,\n  "good": true\n}\n'),
    ],
}


def node(daemon):
    done = daemon.cli("nodes", "show", "invoice.mailer", ok=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def run_example(daemon, command, path):
    """The command in a shell, as a reader of the documentation types it."""
    http = daemon.http_address().rsplit(":", 1)[1]
    tcp = " -c " in command and "nc" in command
    number = daemon.tcp()["number"] if tcp else daemon.port("socket")["number"]
    there = re.sub(r"localhost 8127", f"localhost {number}", command)
    there = there.replace("localhost:8080", f"localhost:{http}")
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if tcp else os.environ["PATH"]}
    done = run("bash", "-c", there, env=env, timeout=20)
    check("curl" in command or done.stdout == "", f"{command}: nobody answers beats: {done.stdout!r}")
    return done.stdout


def leads_to(daemon, command, path, should):
    """Runs an example on a service that has nothing of it yet."""
    daemon.cli("nodes", "rm", "invoice.mailer", ok=False)
    if isinstance(should, str):
        run_example(daemon, "curl -s -X POST http://localhost:8080/api/services/invoice.mailer", path)
        wait_for(lambda: node(daemon), "a service to count")
        equal(run_example(daemon, command, path), should, command)
        return
    run_example(daemon, command, path)
    try:
        wait_for(lambda: should.items() <= node(daemon).items(), f"{command}: {should}", seconds=5)
    except Wrong as what:
        raise Wrong(f"{what}; it is {node(daemon)}") from what


def story(s):
    shim = s.path("nc")
    shim.write_text(NC_WITH_C)
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    daemon = Daemon(s, {"http": {"listen": ["127.0.0.1:0"]}})
    for page, examples in EXAMPLES.items():
        for command, should in examples:
            leads_to(daemon, command, s.dir, should)
        print(f"{page}: {len(examples)} examples hold")


tell(story)
