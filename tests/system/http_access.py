#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may what over HTTP: nobody from elsewhere without a token; each
token its role and no more; and no page of another site, by whatever name
it reaches us."""

import json

from appliance import BUILD, Daemon, Skip, check, equal, is_root, run, tell, wait_for
from http_client import Http

READ, BEAT, ADMIN = (f"{role}-0123456789abcdef" for role in ("read", "beat", "admin"))
TOKENS = [{"token": READ, "role": "read"}, {"token": BEAT, "role": "beat"}, {"token": ADMIN, "role": "admin"}]
FORM = "application/x-www-form-urlencoded"


def not_elsewhere_without_tokens(s):
    """Checked before anything is bound."""
    file = s.path("open.yaml")
    for listen, good in (("0.0.0.0:0", False), ("192.0.2.1:8080", False), ("[::]:0", False), ("127.0.0.2:0", True),
                         ("[::1]:0", True)):
        for tokens in ([], TOKENS):
            file.write_text(json.dumps({"http": {"listen": [listen], "tokens": tokens}}))
            done = run(BUILD / "beatlined", "-c", file, "--check", ok=False, timeout=20)
            equal(done.returncode == 0, good or bool(tokens), f"--check of {listen} with {len(tokens)} tokens: {done.stderr}")
            check(done.returncode == 0 or "http.tokens" in done.stderr, f"says what to do: {done.stderr}")


def roles(daemon):
    address = daemon.http_address()
    may = {None: 0, "wrong-0123456789abcdef": 0, READ: 1, BEAT: 2, ADMIN: 3}
    calls = [(0, "GET", "/-/healthy"), (0, "GET", "/"), (1, "GET", "/api/v1/nodes"), (1, "GET", "/metrics"),
             (1, "GET", "/api/services/"), (2, "POST", "/api/v1/nodes/n/beat"), (2, "POST", "/api/services/n"),
             (3, "PUT", "/api/v1/nodes/n"), (3, "POST", "/api/v1/nodes/n/pause"), (3, "POST", "/api/services/n/unmute"),
             (3, "POST", "/api/v1/nodes"), (3, "DELETE", "/api/v1/nodes/n")]
    for token, role in may.items():
        server = Http(address, token)
        for need, method, path in calls:
            answer = server.ask(method, path, status=None)
            where = f"{method} {path} with {token}: {answer.status}"
            if role >= need:
                check(answer.status in (200, 201, 204, 404), where)
            elif role == 0:
                check(answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer"), where)
                check("http.tokens" in answer.detail(), answer.detail())
            else:
                check(answer.status == 403 and "use one of role" in answer.detail(), where)
    server = Http(address)
    for header in (f"bearer {READ}", f"Bearer   {READ}"):
        server.ask("GET", "/api/v1/status", headers={"Authorization": header})
    for header in ("", "Bearer", "Bearer ", f"Basic {READ}", READ, f"Bearer {READ}x", f"Bearer {READ[:-1]}"):
        server.ask("GET", "/api/v1/status", status=401, headers={"Authorization": header})


def tokens_change(s, daemon):
    """By a reload, and from a file that only we can read."""
    file = s.path("token")
    file.write_text("from-a-file-0123456789\n")
    file.chmod(0o600)
    settings = {**daemon.settings, "http": {**daemon.settings["http"], "tokens": [{"token_file": str(file), "role": "admin"}]}}
    daemon.write_config(settings)
    daemon.cli("config", "reload")
    address = daemon.http_address()
    wait_for(lambda: Http(address, READ).ask("GET", "/api/v1/status", status=None).status == 401, "the old ones are void")
    Http(address, "from-a-file-0123456789").ask("PUT", "/api/v1/nodes/n", {}, status=None)
    shown = daemon.cli("config", "show").stdout
    check("from-a-file-0123456789" not in shown and READ not in shown, "no token is shown")


def hosts(daemon):
    """A name that is not ours may have been made to point at us (DNS
    rebinding). An address cannot: who is asked by it is who has it."""
    server = Http(daemon.http_address())
    port = server.port
    for host in ("localhost", "LOCALHOST", f"localhost:{port}", f"127.0.0.1:{port}", "127.0.0.1", "[::1]", f"[::1]:{port}",
                 "192.0.2.7", "beats.example", "Beats.Example:443"):
        server.ask("GET", "/api/v1/status", headers={"Host": host})
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "beats.example.evil.example", "127.0.0.1.evil.example",
                 "evil.example@127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::1", "::1", "localhost:port", ""):
        detail = server.ask("GET", "/api/v1/status", status=421, headers={"Host": host}).detail()
        check("http.hosts" in detail, f"Host: {host}")


def origins(daemon):
    server = Http(daemon.http_address())
    ours = f"{server.host}:{server.port}"
    node = "/api/v1/nodes/page"
    for origin in (f"http://{ours}", f"HTTP://{ours}", "https://beats.example", "http://beats.example:8443"):
        server.ask("PUT", node, {}, status=None, headers={"Origin": origin})
        server.ask("DELETE", node, status=204, headers={"Origin": origin})
    server.ask("PUT", node, {}, status=201)
    for origin in ("http://evil.example", "null", "file://", f"http://{ours}.evil.example", "http://127.0.0.1:1",
                   "http://beats.example.evil.example", "http://evil.example/http://beats.example", "chrome-extension://x", ""):
        for method, path, body, kind in (("DELETE", node, None, None), ("POST", "/api/services/page", "timeout=1", FORM),
                                         ("POST", f"{node}/beat", "", "text/plain"), ("POST", "/api/v1/nodes", "[]", "text/plain")):
            server.ask(method, path, body, status=403, kind=kind, headers={"Origin": origin})
    equal(server.node("page")["state"], "new", "nothing has happened to it")
    answer = server.ask("GET", node, headers={"Origin": "http://evil.example"})
    check("Access-Control-Allow-Origin" not in answer.headers, "what is read is not for others to see")
    answer = server.ask("OPTIONS", node, status=405, headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"})
    check("Access-Control" not in str(answer.headers), "nor may it ask first")


def from_elsewhere(s):
    """In a network of its own, where an address is not loopback."""
    if not is_root():
        print("from elsewhere: needs root, left out")
        return
    made = run("ip", "netns", "add", s.name, ok=False)
    if made.returncode != 0:
        raise Skip(f"no network namespaces here: {made.stderr.strip()}")
    s.undo.callback(run, "ip", "netns", "delete", s.name, ok=False)
    run("ip", "-n", s.name, "link", "set", "lo", "up")
    run("ip", "-n", s.name, "address", "add", "198.18.7.1/32", "dev", "lo")
    listen = {"http": {"listen": ["198.18.7.1:8080"], "tokens": TOKENS}}
    daemon = Daemon(s, listen, namespace=s.name)

    def ask(*more):
        done = run("ip", "netns", "exec", s.name, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *more)
        return done.stdout

    url = "http://198.18.7.1:8080/api/v1/nodes"
    equal(ask(url), "401", "without a token")
    equal(ask("-H", f"Authorization: Bearer {READ}", url), "200", "with one")
    equal(ask("-H", f"Authorization: Bearer {READ}", "-X", "PUT", f"{url}/n"), "403", "of too small a role")
    equal(ask("-H", f"Authorization: Bearer {ADMIN}", "-X", "PUT", f"{url}/n"), "201", "of the right one")
    equal(ask("-H", f"Authorization: Bearer {ADMIN}", "-H", "Host: evil.example", url), "421", "by a name that is not ours")
    equal(daemon.stop()[0], 0, "beatlined's exit code")
    bare = Daemon(s, {"http": {"listen": ["198.18.7.1:8080"]}}, namespace=s.name, ready=False)
    check(bare.process.wait(20) != 0 and "http.tokens" in bare.said(), "without tokens it does not start")


def story(s):
    not_elsewhere_without_tokens(s)
    daemon = Daemon(s, {"http": {"listen": ["127.0.0.2:0"], "tokens": TOKENS}})
    roles(daemon)
    tokens_change(s, daemon)
    free = Daemon(s, {"http": {"listen": ["127.0.0.1:0"], "hosts": ["beats.example"]}})
    hosts(free)
    origins(free)
    for d in (daemon, free):
        equal(d.stop()[0], 0, "beatlined's exit code")
    from_elsewhere(s)


tell(story)
