#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP API and its description are one: openapi.json is a sound
document, lists the routes of control/http/routes.h and no others, and
every operation in it answers good and bad input with a status, a type
and a body that it tells of."""

import json
import re
from pathlib import Path

from appliance import Daemon, Skip, check, equal, tell, wait_for
from http_client import Http

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None

ROUTES = Path(__file__).parents[2] / "control/http/routes.h"
ROUTE = re.compile(r'^    X\((\w+), ([A-Z]+), "([^"]+)", ([A-Z]+)\)', re.M)
METHODS = ("get", "put", "post", "delete", "patch")
ROLES = ["anyone", "read", "beat", "admin"]
TOKENS = {role: f"contract-{role}-token-0123456789" for role in ROLES[1:]}
NDJSON, SSE, FORM = "application/x-ndjson", "text/event-stream", "application/x-www-form-urlencoded"


class Document:
    """openapi.json as served, and what it says of an operation."""

    def __init__(self, text):
        self.text = json.loads(text)
        self.operations = {(method.upper(), path): op for path, item in self.text["paths"].items()
                           for method, op in item.items()}

    def resolve(self, what):
        while "$ref" in what:
            at = self.text
            for part in what["$ref"].removeprefix("#/").split("/"):
                check(part in at, f"{what['$ref']} leads nowhere")
                at = at[part]
            what = at
        return what

    def parameters(self, op):
        return [self.resolve(p) for p in op.get("parameters", [])]

    def validate(self, schema, value, where):
        whole = {**schema, "components": self.text["components"]}
        errors = sorted(Draft202012Validator(whole).iter_errors(value), key=lambda e: list(map(str, e.path)))
        check(not errors, f"{where}: " + "; ".join(f"{list(e.path)}: {e.message}"[:300] for e in errors[:3]))

    def validate_answer(self, method, path, answer, where):
        response = self.operations[method, path]["responses"].get(str(answer.status))
        check(response is not None, f"{where}: {answer.status} is not described ({answer.body[:200]})")
        content = self.resolve(response).get("content")
        if content is None:
            equal(answer.body, b"", f"{where}: body of {answer.status}")
            return
        check(answer.kind in content, f"{where}: type {answer.kind} of {answer.status} is not described")
        schema = content[answer.kind]["schema"]
        if answer.kind == NDJSON:
            for line in answer.lines():
                self.validate(schema, line, where)
        elif answer.kind.endswith("json"):
            self.validate(schema, answer.json(), where)


# ---- the document ----------------------------------------------------------------

def each(value, wanted):
    """All that is `wanted` in a document, however deep."""
    if isinstance(value, dict):
        if wanted in value:
            yield value[wanted]
        value = list(value.values())
    for member in value if isinstance(value, list) else []:
        yield from each(member, wanted)


def is_sound(doc):
    text = doc.text
    check(text["openapi"].startswith("3.1."), "OpenAPI 3.1")
    check(text["info"]["title"] and text["info"]["version"], "title and version")
    refs = {r for r in each(text, "$ref") if isinstance(r, str)}
    for ref in refs:
        doc.resolve({"$ref": ref})
    for kind in ("schemas", "parameters", "responses"):
        for name in text["components"][kind]:
            check(f"#/components/{kind}/{name}" in refs or name in ("Conflict", "TooMany"), f"{kind}/{name} is used")
    for name, schema in text["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        check(schema.get("type") != "object" or "additionalProperties" in schema or name in ("Problem", "Nothing", "ServicePost"),
              f"schema {name} says what else it may have")
    ids = [op["operationId"] for op in doc.operations.values()]
    equal(len(set(ids)), len(ids), "operationIds are unique")
    tags = {tag["name"] for tag in text["tags"]}
    for (method, path), op in doc.operations.items():
        where = f"{method} {path}"
        check(method.lower() in METHODS and op["summary"] and set(op["tags"]) <= tags, where)
        parameters = doc.parameters(op)
        equal({p["name"] for p in parameters if p["in"] == "path"}, set(re.findall(r"\{(\w+)\}", path)), f"{where}: path")
        check(all(p.get("required") for p in parameters if p["in"] == "path"), f"{where}: path parameters are required")
        check(any(code.startswith("2") for code in op["responses"]), f"{where}: a good answer")
        equal(op["security"], [] if op["x-role"] == "anyone" else [{"bearer": []}], f"{where}: security")


def has_the_routes(doc):
    routes = {(method, path): role.lower() for _, method, path, role in ROUTE.findall(ROUTES.read_text())}
    described = {key: op["x-role"] for key, op in doc.operations.items()}
    equal(sorted(set(routes) - set(described)), [], "routes that openapi.json does not describe")
    equal(sorted(set(described) - set(routes)), [], "paths of openapi.json that are not served")
    equal(described, routes, "the roles")


# ---- bad input, made from the description ----------------------------------------------

def fill(path, **names):
    return re.sub(r"\{(\w+)\}", lambda m: names.get(m.group(1), "app.js" if m.group(1) == "file" else "all"), path)


def with_node(doc, op, path):
    """The path with a node where the query must name one."""
    needs = any(p["in"] == "query" and p.get("required") for p in doc.parameters(op))
    return path + ("?name=node.1" if needs else "")


def more(path, query):
    return path + ("&" if "?" in path else "?") + query


def refused(doc, server, method, path, concrete, status, **how):
    where = f"{method} {concrete} {how or ''}"
    answer = server.ask(method, concrete, status=None, **how)
    equal(answer.status, status, f"{where}: status ({answer.body[:200]})")
    doc.validate_answer(method, path, answer, where)
    check(len(answer.detail()) > 10, f"{where}: says {answer.detail()}")


def bad_input(doc, server):
    for (method, path), op in doc.operations.items():
        good = with_node(doc, op, fill(path, name="node.1" if "/nodes/" in path or "/services/" in path else "all"))
        refused(doc, server, method, path, good, 421, headers={"Host": "rebound.example:8080"})
        refused(doc, server, method, path, more(good, "a=%zz"), 400)
        if method != "GET":
            refused(doc, server, method, path, good, 403, headers={"Origin": "http://other.example"})
        if path.startswith("/api/v1/"):
            strange = more(good, "colour=red")
            answer = server.ask(method, strange, status=None)
            doc.validate_answer(method, path, answer, f"{method} {strange}")
            check(answer.status == 422 or op["operationId"] in ("openapi", "nodes_set"), f"{method} {strange}: taken")
        for p in doc.parameters(op):
            if p["in"] == "query" and p["schema"].get("type") == "integer":
                for bad in ("-1", "1e3", "0x10", "seven", "", "99999999999999999999"):
                    refused(doc, server, method, path, more(good, f"{p['name']}={bad}"), 422)
        if "404" in op["responses"] and ("{" in path or "?name=" in good):
            nobody = fill(path, name="nobody.here", file="nothing.js") + ("?name=nobody.here" if "?name=" in good else "")
            if op["operationId"].split("_by_")[0] not in ("node_put", "node_beat", "lovebeat_service_post"):
                body = {"timeout": "3s"} if method == "PATCH" else None
                refused(doc, server, method, path, nobody, 404, body=body)
        if "?name=" in good:
            refused(doc, server, method, path, good.split("?")[0], 422)
        if "requestBody" in op:
            bad_bodies(doc, server, method, path, good, op)
        wrong_methods(doc, server, path, good)


def bad_bodies(doc, server, method, path, good, op):
    if "415" in op["responses"]:
        refused(doc, server, method, path, good, 415, body="timeout=3", kind="text/csv")
        refused(doc, server, method, path, good, 415, body="timeout=3", kind=None)
    bulk = path == "/api/v1/nodes"
    refused(doc, server, method, path, good, 400, body='{"timeout":')
    refused(doc, server, method, path, good, 400, body='[{"name":1]' if bulk else '{"timeout":1,}')
    if not bulk:
        refused(doc, server, method, path, good, 413, body='{"timeout":"' + "1" * 70000 + '"}')
        refused(doc, server, method, path, good, 422, body="[1]")
        refused(doc, server, method, path, good, 400, body="a=%0g", kind=FORM)


def wrong_methods(doc, server, path, good):
    there = {method for method, p in doc.operations if p == path}
    for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"} - there:
        answer = server.ask(method, good, status=405)
        equal(set(answer.headers["Allow"].split(", ")), there | ({"HEAD"} if "GET" in there else set()), f"Allow of {path}")
        check("use " in answer.detail(), f"{method} {good}: says what to use")


# ---- good input ------------------------------------------------------------------------

JSON_WANTED, LINES_WANTED = {"Accept": "application/json"}, {"Accept": NDJSON}
NODE, QUERY, SERVICE = "/api/v1/nodes/{name}", "/api/v1/node", "/api/services/{name}"
ODD = "odd%2Fname%25%3F"  # odd/name%?


def good_node(template, base, query):
    """All of a node's operations; `query` names it, where the path does not."""
    q = f"?{query}" if query else ""
    also = f"&{query}" if query else ""
    yield "PUT", template, f"{base}{q}", {"timeout": "3s", "retries": 2}, 201
    yield "PUT", template, f"{base}{q}", {"timeout_ms": 2500, "warn": None, "detector": "auto"}, 200
    yield "PATCH", template, f"{base}{q}", {"err": "1.5m", "warn": "1m"}, 200
    yield "PATCH", template, f"{base}?retries=4{also}", None, 200
    yield "POST", f"{template}/beat", f"{base}/beat{q}", None, 204
    yield "POST", f"{template}/pause", f"{base}/pause{q}", {"for": "2h", "until_beat": True}, 200
    yield "GET", template, f"{base}?history=5{also}", None, 200
    yield "POST", f"{template}/pause", f"{base}/pause{q}", None, 200
    yield "POST", f"{template}/resume", f"{base}/resume{q}", None, 200
    yield "GET", template, f"{base}{q}", None, 200
    yield "DELETE", template, f"{base}{q}", None, 204


def good_input():
    """(method, path of the document, path, body, status[, headers])"""
    for path in ("/-/healthy", "/-/ready", "/version", "/metrics", "/api/v1/status", "/api/v1/openapi.json", "/",
                 "/api/services/", "/api/alarms", "/api/alarms/", "/api/views/", "/api/views", "/status", "/api/status"):
        yield "GET", path, path, None, 200
    for path in ("/version", "/status", "/api/status"):
        yield "GET", path, path, None, 200, JSON_WANTED
    yield "GET", "/api/v1/status", "/api/v1/status?view=nodes", None, 200
    yield "GET", "/api/v1/status", "/api/v1/status?view=nosuch", None, 404
    yield "GET", "/metrics", "/metrics", None, 200, {"Accept": "application/openmetrics-text"}
    for file in ("app.js", "style.css", "icon.svg", "index.html"):
        yield "GET", "/ui/{file}", f"/ui/{file}", None, 200
    many = [{"name": f"bulk.{n}", "timeout": "5s"} for n in range(50)]
    yield "POST", "/api/v1/nodes", "/api/v1/nodes", many, 200
    yield "POST", "/api/v1/nodes", "/api/v1/nodes", [*many, {"name": "bulk.x", "retries": 300}, {"name": 7, "err": 1}], 422
    for query in ("", "?limit=3", "?fields=name,state", "?state=ok&state=failed&match=node.*", "?view=nodes", "?cursor=2&limit=2"):
        yield "GET", "/api/v1/nodes", "/api/v1/nodes" + query, None, 200
    yield "GET", "/api/v1/nodes", "/api/v1/nodes", None, 200, LINES_WANTED
    for base, query in (("/api/v1/nodes/made", ""), (f"/api/v1/nodes/{ODD}", "")):
        yield from good_node(NODE, base, query)
    for name in ("made", ODD, ".", ".."):
        yield from good_node(QUERY, QUERY, f"name={name}")
    for path in ("/api/v1/views", "/api/v1/incidents"):
        for query in ("", "?limit=1", "?state=failed&match=n*", "?fields=state", "?limit=0"):
            yield "GET", path, path + query, None, 200
        yield "GET", path, path, None, 200, LINES_WANTED
    for name in ("all", "nodes", "listed"):
        yield "GET", "/api/v1/views/{name}", f"/api/v1/views/{name}", None, 200
        yield "GET", "/api/v1/views/{name}/incidents", f"/api/v1/views/{name}/incidents?limit=9", None, 200
    yield "GET", "/api/v1/events", "/api/v1/events?last=500", None, 200, JSON_WANTED
    yield "GET", "/api/v1/events", "/api/v1/events?kind=view&match=n*", None, 200, JSON_WANTED
    yield "GET", "/api/v1/map", "/api/v1/map?by=view", None, 200
    yield "GET", "/api/v1/map", "/api/v1/map", None, 200
    yield from good_lovebeat()


def good_lovebeat():
    for query in ("", "?timeout=3", "?warn-tmo=auto&err-tmo=-1"):
        yield "POST", SERVICE, f"/api/services/node.2{query}", None, 200
    yield "POST", SERVICE, "/api/services/node.2", {"timeout": 60, "beat": False, "else": "let pass"}, 200
    yield "GET", "/api/services", "/api/services", None, 200
    yield "GET", "/api/services", "/api/services?view=nodes", None, 200
    yield "GET", "/api/services/", "/api/services/?view=all", None, 200
    yield "GET", SERVICE, "/api/services/node.2?details=1", None, 200
    for what in ("mute", "unmute"):
        yield "POST", f"{SERVICE}/{what}", f"/api/services/node.2/{what}", None, 200
    yield "DELETE", SERVICE, "/api/services/node.2", None, 200
    for name in ("all", "nodes", "of-gone"):
        yield "GET", "/api/alarms/{name}", f"/api/alarms/{name}", None, 200
        yield "GET", "/api/alarms/{name}/status", f"/api/alarms/{name}/status", None, 200
        yield "GET", "/api/views/{name}", f"/api/views/{name}", None, 200
    yield "DELETE", "/api/alarms/{name}", "/api/alarms/nodes", None, 409
    yield "DELETE", "/api/v1/nodes/{name}", "/api/v1/nodes/gone.1", None, 204
    yield "DELETE", "/api/alarms/{name}", "/api/alarms/of-gone", None, 200


def good_answers(doc, server):
    done = set()
    for method, path, concrete, body, status, *headers in good_input():
        op, where = doc.operations[method, path], f"{method} {concrete} {headers or ''}"
        if body is not None and status < 300:
            doc.validate(op["requestBody"]["content"]["application/json"]["schema"], body, f"{where}: what we send")
        answer = server.ask(method, concrete, body, status=status, headers=headers[0] if headers else None)
        doc.validate_answer(method, path, answer, where)
        if method == "GET" and status == 200 and not (headers or "events" in path or "map" in path):
            head = server.ask("HEAD", concrete)
            equal((head.body, head.kind), (b"", answer.kind), f"HEAD {concrete}")
        if answer.headers.get("ETag"):
            again = server.ask("GET", concrete, status=304, headers={"If-None-Match": answer.headers["ETag"]})
            doc.validate_answer(method, path, again, f"{where}: again")
        if status < 300:
            done.add((method, path))
    cell = find_cell(server)
    doc.validate_answer("GET", "/api/v1/map/cell", cell, "a cell of the map")
    done |= {("GET", "/api/v1/map/cell"), ("GET", "/api/v1/events")}
    equal(sorted(set(doc.operations) - done), [], "operations without a good call")


def find_cell(server):
    """A node of the map: the layout's number is in the picture's head."""
    for layout in range(1, 50):
        answer = server.ask("GET", f"/api/v1/map/cell?layout={layout}&cell=0", status=None)
        if answer.status == 200:
            return answer
    check(False, "no cell has a node")
    return None


# ---- who may what -----------------------------------------------------------------------

def roles(doc, daemon):
    address = daemon.http_address()
    for (method, path), op in doc.operations.items():
        concrete = with_node(doc, op, fill(path, name="node.1" if "/nodes/" in path or "/services/" in path else "all"))
        if path == "/api/v1/events":
            concrete += "?last=1"
        for at, role in enumerate(ROLES):
            server = Http(address, token=TOKENS.get(role))
            need = ROLES.index(op["x-role"])
            answer = server.ask(method, concrete, status=None, headers=JSON_WANTED)
            where = f"{method} {path} as {role}"
            if at >= need:
                check(answer.status not in (401, 403), f"{where}: {answer.status}")
            else:
                equal(answer.status, 401 if at == 0 else 403, where)
                check(at > 0 or "Bearer" in answer.headers["WWW-Authenticate"], f"{where}: WWW-Authenticate")
            doc.validate_answer(method, path, answer, where)


VIEWS = [{"name": "nodes", "regexp": "^node"}, {"name": "listed", "includes": ["node.*", "bulk.*"], "excludes": ["*.7"]},
         {"name": "of-$who", "pattern": "$who.1"}]


def story(s):
    if Draft202012Validator is None:
        raise Skip("needs python3-jsonschema")
    daemon = Daemon(s, {"defaults": {"timeout": "10m"}, "views": VIEWS, "http": {"listen": ["127.0.0.1:0"]}})
    server = Http(daemon.http_address())
    for name in ("node.1", "node.2", "node.3", "gone.1"):
        server.ask("POST", f"/api/v1/nodes/{name}/beat", status=204)
    server.ask("PATCH", "/api/v1/nodes/node.3", {"timeout": "50ms"})
    wait_for(lambda: server.get("/api/v1/incidents")["listed"] == 3, "incidents: of all, nodes and listed")
    doc = Document(server.ask("GET", "/api/v1/openapi.json").body)
    is_sound(doc)
    has_the_routes(doc)
    bad_input(doc, server)
    good_answers(doc, server)
    guarded = Daemon(s, {"http": {"listen": ["127.0.0.1:0"],
                                  "tokens": [{"token": token, "role": role} for role, token in TOKENS.items()]}})
    roles(doc, guarded)
    for d in (daemon, guarded):
        equal(d.stop()[0], 0, "beatlined's exit code")


tell(story)
