# SPDX-License-Identifier: Apache-2.0
"""Who is told: a syslog server (UDP or a datagram Unix socket, RFC 5424
and 3164) and an HTTP server for webhooks. Real ones: each on a socket of
its own, in a thread."""

import collections
import http.server
import json
import re
import socket
import threading

from appliance import equal, inside, wait_for

PRIORITY = re.compile(r"<\d{1,3}>")
SENTENCE = re.compile(r"node (\S+) (\w+): ")
INGEST = re.compile(r"ingest of (\S.*?)(?: \(\d+ of \d+ workers\))? (frozen|runs again)")
PARAM = re.compile(r'(\w+)="((?:[^"\\\]]|\\.)*)"')


class Receiver:
    """Counts (node, to) of the messages that came in; of a freeze they
    are the port and freeze or thaw."""

    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.messages = []

    def note(self, node, to, message):
        with self.lock:
            self.messages.append((node, to, message))

    def counts(self, to):
        with self.lock:
            return collections.Counter(node for node, state, _ in self.messages if state == to)

    def expect_one_each(self, nodes, to, seconds=10):
        """Waits until each of `nodes` has been told of; nobody twice and
        nobody else."""
        want = collections.Counter(nodes)
        wait_for(lambda: not want - self.counts(to), f"{self.name} was told {to} of each of {len(nodes)} nodes",
                 seconds)
        got = self.counts(to)
        equal(got, want, f"{self.name}: messages that a node is {to}")


class Syslog(Receiver):
    """RFC 5424 over UDP on `address`, or what arrives on a Unix socket."""

    def __init__(self, story, path=None, namespace=None):
        super().__init__(f"syslog on {path or 'UDP'}")
        with inside(namespace):
            self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.target = f"unix:{path}" if path else f"udp://127.0.0.1:{self.socket.getsockname()[1]}"
        self.socket.settimeout(0.2)
        self.over = False
        self.thread = threading.Thread(target=self.receive)
        self.thread.start()
        story.undo.callback(self.close)

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()

    def receive(self):
        while not self.over:
            try:
                self.take(self.socket.recv(65536).decode())
            except TimeoutError:
                continue

    def take(self, line):
        params = dict(PARAM.findall(line))
        sentence = SENTENCE.search(line)
        ingest = INGEST.search(line)
        if PRIORITY.match(line) and ingest:
            self.note(ingest.group(1), "freeze" if ingest.group(2) == "frozen" else "thaw", line)
        elif not PRIORITY.match(line) or not sentence:
            self.note("no syslog line", "failed", line)
        else:
            self.note(params.get("node", sentence.group(1)), params.get("to", sentence.group(2)), line)


class Webhook(Receiver):
    """Takes JSON by POST and answers 200."""

    def __init__(self, story, namespace=None):
        super().__init__("webhook")
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = json.loads(body)
                if "port" in message:
                    receiver.note(message["port"], message["event"], message)
                else:
                    receiver.note(message["node"], message["to"], message)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        with inside(namespace):
            self.server = Server(("127.0.0.1", 0), Handler)
        self.target = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.1,))
        self.thread.start()
        story.undo.callback(self.close)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
