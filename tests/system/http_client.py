# SPDX-License-Identifier: Apache-2.0
"""HTTP as a test speaks it: whole answers, streams of events, and bytes
as they go over the wire."""

import contextlib
import http.client
import json
import socket
from urllib.parse import quote

from appliance import check, equal

PROBLEM = "application/problem+json"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def kind(self):
        return self.headers.get("Content-Type", "").split(";")[0]

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]

    def detail(self):
        """What a problem says; that it is one."""
        equal(self.kind, PROBLEM, f"type of an answer with {self.status} ({self.body[:200]})")
        equal(self.json()["status"], self.status, "status within the problem")
        return self.json()["detail"]


class Http:
    """A daemon's server, asked over a connection for each request."""

    def __init__(self, address, token=None):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.token = token

    def connect(self, timeout_s=20):
        return socket.create_connection((self.host, self.port), timeout_s)

    def ask(self, method, path, body=None, status=200, headers=None, kind="application/json"):
        """`body`: what is no text or bytes is sent as JSON."""
        sent = dict(headers or {})
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None and kind is not None:
            sent.setdefault("Content-Type", kind)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, sent)
            got = connection.getresponse()
            answer = Answer(got.status, got.headers, got.read())
        finally:
            connection.close()
        if status is not None:
            equal(answer.status, status, f"{method} {path}: status ({answer.body[:300]})")
        return answer

    def get(self, path, status=200, **more):
        """What a GET says: JSON, or the detail of a problem."""
        answer = self.ask("GET", path, status=status, **more)
        return answer.json() if status < 400 else answer.detail()

    def node(self, name, **more):
        return self.get(f"/api/v1/nodes/{quote(name, safe='')}", **more)

    def raw(self, *pieces, timeout_s=20):
        """Sends bytes, and returns all that comes back until the end."""
        with self.connect(timeout_s) as connection:
            with contextlib.suppress(OSError):  # who is refused early may find nobody listening
                for piece in pieces:
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
            return read_to_end(connection)


def read_to_end(connection):
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


class Events:
    """A stream of server-sent events."""

    def __init__(self, server, path="/api/v1/events", last_id=None):
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=40)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        if server.token:
            headers["Authorization"] = f"Bearer {server.token}"
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        equal((self.answer.status, self.answer.headers["Content-Type"]), (200, "text/event-stream"), path)
        self.last_id = last_id

    def next(self):
        """(kind, data) of the next event; (None, None) for a comment."""
        kind = data = None
        while line := self.answer.readline().decode().rstrip("\n"):
            field, _, value = line.partition(": ")
            if field == "event":
                kind = value
            elif field == "data":
                data = json.loads(value)
            elif field == "id":
                self.last_id = value
        check(kind is not None or not self.answer.isclosed(), "the stream of events has ended")
        return kind, data

    def until(self, wanted, most=10_000):
        """The first event whose (kind, data) fits."""
        for _ in range(most):
            kind, data = self.next()
            if kind is not None and wanted(kind, data):
                return data
        check(False, f"not among {most} events")
        return None

    def close(self):
        self.connection.close()
