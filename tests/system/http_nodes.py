#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP API with curl and with bytes of our own: 100,000 nodes made by
one request and listed in pages; what is wrong with a request is said,
with the right status; limits of size, connections and time hold."""

import json
import re
import socket
import time
from pathlib import Path

from appliance import Daemon, check, equal, run, tell, wait_for
from http_client import Http, read_to_end

HTTP_API = Path(__file__).parents[2] / "docs/http-api.md"
MOST = 100_000


def setting(number):
    return {"name": f"bulk.{number:06}", "timeout_ms": 1000 + number % 7, "retries": number % 3}


def as_lines(settings):
    return "\n".join(map(json.dumps, settings))


# ---- many nodes -------------------------------------------------------------------

def bulk(daemon, server):
    """As many as one request may bring, and one more."""
    begin = time.monotonic()
    done = server.ask("POST", "/api/v1/nodes", [setting(n) for n in range(MOST)]).json()
    print(f"{MOST} nodes made in {time.monotonic() - begin:.2f} s")
    equal(done, {"set": MOST, "failed": 0, "errors": []}, "what a whole bulk answers")
    equal(daemon.status()["nodes"]["new"], MOST, "new nodes")
    begin = time.monotonic()
    again = [{"name": setting(n)["name"], "timeout": "9s", "create": False} for n in range(MOST)]
    equal(server.ask("POST", "/api/v1/nodes", as_lines(again)).json()["set"], MOST, "the same, set again, as lines")
    print(f"{MOST} nodes set in {time.monotonic() - begin:.2f} s")
    detail = server.ask("POST", "/api/v1/nodes", as_lines(again) + '{"name":"bulk.more"}', status=413).detail()
    check("over 100000 nodes" in detail and "the 100000 objects before were taken" in detail, detail)
    server.get("/api/v1/nodes/bulk.more", status=404)
    one = server.get("/api/v1/nodes/bulk.077777")
    equal((one["state"], one["timeout_ms"], one["retries"]), ("new", 9000, 77777 % 3), "one of them")


def bulk_in_part(server):
    """Bad objects are told, by name, and the others are set."""
    mixed = [{"name": "good.1"}, {"name": "bad.1", "timeout": "soon"}, {"name": "a b"}, {"timeout": "1s"},
             {"name": "good.2", "create": False}, {"name": "bad.2", "retries": -1}, {"name": "good.3", "zeal": 1}]
    problem = server.ask("POST", "/api/v1/nodes", mixed, status=422).json()
    equal((problem["set"], problem["failed"]), (1, 6), "of the seven")
    equal({e["name"] for e in problem["errors"]}, {"bad.1", "a b", None, "good.2", "bad.2", "good.3"}, "who is told")
    server.get("/api/v1/nodes/good.1")
    wordy = {"name": "bad.3"} | {f"field.{n}": n for n in range(16)}
    problem = server.ask("POST", "/api/v1/nodes", [wordy], status=422).json()
    equal([e["name"] for e in problem["errors"]], ["bad.3"], "who has too many members")
    check("over 16 members" in problem["errors"][0]["detail"], problem)
    many = [{"name": f"bad {n}"} for n in range(300)]
    problem = server.ask("POST", "/api/v1/nodes", many, status=422).json()
    equal((problem["failed"], len(problem["errors"])), (300, 100), "errors told are limited")
    for body, says in (('[{"name":"cut.1"}', "cut off"), ('{"name":"cut.2"', "cut off"), ("[1]", "1 objects before|object"),
                       ('[{"name":"' + "x" * 5000 + '"}]', "over 4096 bytes")):
        detail = server.ask("POST", "/api/v1/nodes", body, status=400).detail()
        check(re.search(says, detail), f"{body[:30]}: {detail}")


def bulk_in_pieces(server):
    """A body in chunks, cut anywhere, of unknown length."""
    body = as_lines(setting(n) for n in range(2000)).encode()
    step = 777
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[i:i + step] for i in range(0, len(body), step)))
    head = b"POST /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    got = server.raw(head, chunks, b"0\r\n\r\n")
    check(got.startswith(b"HTTP/1.1 200 ") and b'"set":2000' in got, f"chunked: {got[-300:]}")


def pages(server):
    """Who follows `next` sees each node once, also while others come."""
    seen, cursor, count = [], None, 0
    while count == 0 or cursor is not None:
        got = server.get(f"/api/v1/nodes?match=bulk.*&limit=7001&fields=name{'' if cursor is None else '&cursor=' + cursor}")
        check(got["listed"] == len(got["nodes"]) <= 7001, "a page's length")
        seen += [node["name"] for node in got["nodes"]]
        cursor, count = got["next"], count + 1
        server.ask("PUT", f"/api/v1/nodes/bulk.late.{count}", {}, status=201)
    ours = [name for name in seen if "late" not in name]
    equal((len(ours), len(set(seen))), (MOST, len(seen)), "nodes seen, each once")
    check(count >= MOST // 7001, f"{count} pages")
    whole = server.ask("GET", "/api/v1/nodes?match=bulk.0*", headers={"Accept": "application/x-ndjson"}).lines()
    equal(len(whole), MOST, "as lines, at once")
    check(all(list(node)[:2] == ["name", "state"] and "timeout_ms" in node for node in whole), "whole nodes")


def filters(server):
    for query, many in (("match=bulk.00001*", 10), ("match=bulk.09999[0-4]", 5), ("match=bulk.0????0", 10000),
                        ("state=new&match=bulk.0*", MOST), ("state=ok&state=failed&match=bulk.0*", 0), ("match=nobody", 0),
                        ("state=paused", 1), ("state=paused&state=new&match=bulk.00000?", 10)):
        if query == "state=paused":
            server.ask("POST", "/api/v1/nodes/bulk.000007/pause")
        got = server.get(f"/api/v1/nodes?{query}&fields=name,state")
        equal(got["listed"], many, query)
        check(all(set(node) == {"name", "state"} for node in got["nodes"]), f"{query}: fields")
    equal(server.get("/api/v1/nodes?limit=0")["nodes"], [], "none at all")
    names = ["we/ird", "per%cent", "que?ry&x=1", "plus+plus", "ünïcode", '"quoted"', "{braces}", "."]
    for name in names:
        server.ask("POST", "/api/v1/nodes", [{"name": name}])
        equal(server.get("/api/v1/nodes?fields=name&match=" + query_text(name))["nodes"], [{"name": name}], name)
        if name != ".":
            equal(server.node(name)["name"], name, "in a path")
        equal(server.get("/api/v1/node?name=" + query_text(name))["name"], name, "in a query")


def query_text(text):
    return "".join(f"%{b:02X}" for b in text.encode())


# ---- as people type it --------------------------------------------------------------

def curl(server):
    base = f"http://{server.host}:{server.port}"

    def say(*args):
        return run("curl", "-sS", "-w", "\n%{http_code}", *args[:-1], base + args[-1]).stdout.rsplit("\n", 1)

    equal(say("-X", "PUT", "-d", "timeout=90s", "-d", "retries=1", "/api/v1/nodes/typed")[1], "201", "a form makes a node")
    equal(json.loads(say("/api/v1/nodes/typed")[0])["timeout_ms"], 90_000, "what it says")
    equal(say("-X", "PATCH", "--json", '{"warn":"1m","timeout":null}', "/api/v1/nodes/typed")[1], "200", "JSON changes it")
    got = server.get("/api/v1/nodes/typed")
    equal((got["warn_ms"], got["timeout_ms"], got["retries"]), (60_000, 0, 1), "what is not given stays")
    equal(say("-X", "POST", "/api/v1/nodes/typed/beat"), ["", "204"], "a beat")
    wait_for(lambda: server.get("/api/v1/nodes/typed")["state"] == "ok", "typed is ok")
    equal(json.loads(say("-d", "for=2h", "/api/v1/nodes/typed/pause")[0])["state"], "paused", "muted")
    equal(json.loads(say("-X", "POST", "/api/v1/nodes/typed/resume")[0])["state"], "ok", "and back")
    history = [(e["from"], e["to"]) for e in server.get("/api/v1/nodes/typed")["history"]]
    equal(history, [("paused", "ok"), ("ok", "paused"), ("new", "ok")], "its history, newest first")
    equal(say("-X", "DELETE", "/api/v1/nodes/typed")[1], "204", "gone")
    equal(say("-I", "/api/v1/nodes?match=typed")[1], "200", "HEAD")


def readme(server):
    """The examples of docs/http-api.md, as they stand there."""
    section = HTTP_API.read_text()
    script = section.split("```sh\n", 1)[1].split("```", 1)[0]
    script = script.replace("127.0.0.1:8080", f"{server.host}:{server.port}").replace("curl ", "curl -sS ")
    done = run("sh", "-e", "-c", script)
    for words in ('"name":"invoice.mailer"', '"set":2', '"views":[', '"incidents":[', "event: hello", '"state":"paused"'):
        check(words in done.stdout, f"the examples of docs/http-api.md say {words}: {done.stdout}")


# ---- what is wrong --------------------------------------------------------------------

def refusals(server):
    node = "/api/v1/nodes/bulk.000001"
    before = server.get(node)["timeout_ms"]
    for body in ("timeout=0", "timeout=-1s", "timeout=1e3", "timeout=NaN", "timeout=0x10", "timeout=", "timeout=99999d",
                 "timeout_ms=1.5", "timeout_ms=+5", "timeout_ms= 5", "timeout_ms=18446744073709551616", "timeout=1s&timeout_ms=1",
                 "retries=255", "retries=-1", "detector=magic", "warn=5 s", "err=abc", "tmeout=5s"):
        detail = server.ask("PATCH", node, body, status=422, kind="application/x-www-form-urlencoded").detail()
        check(body.split("=")[0] in detail, f"{body}: names what is wrong: {detail}")
    equal(server.get(node)["timeout_ms"], before, "the timeout, refused each time")
    server.ask("PATCH", node, '{"timeout":{"s":5}}', status=422)
    server.ask("PATCH", node, '{"timeout":"5s","timeout":"6s"}', status=400)
    server.ask("PATCH", node, "{}", status=422)
    check("nothing to set" in server.ask("PATCH", node, status=422).detail(), "an empty change")
    for method in ("PATCH", "PUT"):
        detail = server.ask(method, node, {"warn": "20s", "err": "10s"}, status=422).detail()
        check("warn: 20000 ms is longer than err" in detail, f"{method}, warn above err: {detail}")
    server.ask("PUT", "/api/v1/nodes/" + "x" * 201, {}, status=404)
    server.ask("PUT", "/api/v1/nodes/a%20b", {}, status=422)
    for path in ("/nothing", "/api", "/api/v1", "/api/v1/", "/api/v1/nodes/", "/api/v1/nodes//beat", "/api/v1/nodes/a/b",
                 "/api/v2/nodes", "//", "/ui/", "/ui/../../etc/passwd", "/-/", "/API/V1/NODES"):
        check(re.search("no such page|no such file", server.get(path, status=404)), path)
    got = server.ask("DELETE", "/api/v1/nodes", status=405)
    equal((got.headers["Allow"], "use GET, HEAD, POST" in got.detail()), ("GET, HEAD, POST", True), "405")
    server.ask("BREW", "/api/v1/nodes", status=405)
    check("64 parameters" in server.get("/api/v1/nodes?" + "&".join(["state=ok"] * 65), status=422), "too many parameters")
    for header in ("nosniff", "no-store", "no-referrer", "default-src 'none'"):
        check(header in str(server.ask("GET", "/api/v1/status").headers), f"header {header}")


# ---- bytes -----------------------------------------------------------------------------

def head(line, *more):
    return "\r\n".join([line, "Host: localhost", *more, "", ""]).encode()


def raw(server):
    for what, request, status in (
            ("a long header", head("GET / HTTP/1.1", "X: " + "x" * 40_000), b"431"),
            ("many headers", head("GET / HTTP/1.1", *(f"X{n}: {n}" for n in range(5000))), b"431"),
            ("a long path", head("GET /" + "x" * 40_000 + " HTTP/1.1"), b"414"),
            ("no host", b"GET /version HTTP/1.1\r\n\r\n", b"400"),
            ("no host, of old", b"GET /version HTTP/1.0\r\n\r\n", b"200"),
            ("a body that is too much", head("PATCH /api/v1/nodes/x HTTP/1.1", "Content-Length: 70000", "Connection: close") + b"x" * 70000,
             b"413"),
            ("a body of 99 TB", head("POST /api/v1/nodes HTTP/1.1", "Content-Length: 99999999999999"), b"413"),
            ("a length that is none", head("POST /api/v1/nodes HTTP/1.1", "Content-Length: -5"), b"400"),
            ("no HTTP", b"hello\r\n\r\n", b""), ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + b"\0" * 200, b""),
            ("nothing", b"", b"")):
        got = server.raw(request)
        check(got.startswith(b"HTTP/1.1 " + status) if status else not got or got.startswith(b"HTTP/1.1 400"),
              f"{what}: {got[:200]}")
    two = head("GET /-/healthy HTTP/1.1") + head("GET /version HTTP/1.1", "Connection: close")
    equal(server.raw(two).count(b"HTTP/1.1 200 "), 2, "two requests at once")
    slow = [bytes([b]) for b in head("GET /-/healthy HTTP/1.1", "Connection: close")]
    check(server.raw(*slow).startswith(b"HTTP/1.1 200 "), "byte by byte")
    with server.connect() as c:
        c.sendall(head("PATCH /api/v1/nodes/bulk.000001 HTTP/1.1", "Expect: 100-continue", "Content-Length: 70000"))
        check(c.recv(4096).startswith(b"HTTP/1.1 413 "), "refused before the body is sent")
    wait_for(lambda: server.ask("GET", "/-/ready", status=None).status == 200, "all is well after that")


# ---- connections and time ------------------------------------------------------------------

def connections(daemon):
    server = Http(daemon.http_address())
    held = [server.connect() for _ in range(6)]
    wait_for(lambda: open_connections(daemon) >= 6, "six connections")
    for _ in range(3):
        with server.connect() as one_more:
            got = read_to_end(one_more)
        check(got.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in got and b"connections_per_address" in got, got)
    for c in held:
        c.close()
    wait_for(lambda: server.ask("GET", "/-/healthy", status=None).status == 200, "room again")


def open_connections(daemon):
    """As the kernel has them, our own left out."""
    port = int(daemon.http_address().rsplit(":", 1)[1])
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(int(row[1].split(":")[1], 16) == port and row[3] == "01" for row in rows)


def patience(daemon):
    """http.timeout is 1 s: for the head of a request, for an idle
    connection; ten times that for a body."""
    server = Http(daemon.http_address())
    for what, sent, least, most in (("silence", b"", 0.9, 6), ("half a head", b"GET / HT", 0.9, 6),
                                    ("an idle connection", head("GET /-/healthy HTTP/1.1"), 0.9, 6),
                                    ("half a body", head("PUT /api/v1/nodes/x HTTP/1.1", "Content-Length: 9"), 0.9, 15)):
        begin = time.monotonic()
        with server.connect(timeout_s=30) as c:
            c.sendall(sent)
            read_to_end(c)
        took = time.monotonic() - begin
        check(least <= took <= most, f"{what}: ended after {took:.1f} s")
    drip(server, b"GET / HTTP/1.1\r\nX: ", 6)
    drip(server, head("POST /api/v1/nodes HTTP/1.1", "Content-Length: 100000"), 20)


def drip(server, begin_with, most_s):
    """A byte every 100 ms forever is not activity enough."""
    begin = time.monotonic()
    with server.connect() as c:
        c.sendall(begin_with)
        c.settimeout(0.1)
        while time.monotonic() - begin < most_s:
            try:
                c.send(b" ")
                if not c.recv(4096):
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        else:
            check(False, f"a sender that drips is still there after {most_s} s")
    print(f"who drips was put out after {time.monotonic() - begin:.1f} s")


def story(s):
    listen = {"listen": ["127.0.0.1:0"]}
    daemon = Daemon(s, {"http": listen, "defaults": {"timeout": "10m"}})
    server = Http(daemon.http_address())
    bulk(daemon, server)
    bulk_in_part(server)
    bulk_in_pieces(server)
    pages(server)
    filters(server)
    curl(server)
    readme(server)
    refusals(server)
    raw(server)
    small = Daemon(s, {"http": {**listen, "timeout": "1s", "connections_per_address": 6}})
    connections(small)
    patience(small)
    for d in (daemon, small):
        equal(d.stop()[0], 0, "beatlined's exit code")


tell(story)
