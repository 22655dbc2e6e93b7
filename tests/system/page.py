# SPDX-License-Identifier: Apache-2.0
"""A daemon with its page, for stories that look at it: beats by the line
over TCP, so that none is lost, and what a canvas shows of a state."""

import json
import socket

from appliance import Daemon

# How many pixels of the map have a state's colour, and the box around them.
PIXELS_OF = """(state) => {
  const canvas = document.getElementById("map"), copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const pen = copy.getContext("2d", {willReadFrequently: true});
  pen.drawImage(canvas, 0, 0);
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--map-" + state);
  probe.fillRect(0, 0, 1, 1);
  const want = probe.getImageData(0, 0, 1, 1).data, all = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let n = 0, left = 1e9, right = -1, top = 1e9, bottom = -1;
  for (let i = 0; i < all.length; i += 4) {
    if (all[i] !== want[0] || all[i + 1] !== want[1] || all[i + 2] !== want[2] || all[i + 3] !== 255) continue;
    const x = (i / 4) % canvas.width, y = Math.floor(i / 4 / canvas.width);
    n++; left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
  }
  const scale = canvas.clientWidth / canvas.width;
  return {pixels: n, wide: right - left + 1, high: bottom - top + 1, x: (left + 2) * scale, y: (top + 2) * scale};
}"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def served(s, http=None, **more):
    """A daemon whose page stays at one address over a restart. No node
    fails of itself: timeouts are an hour."""
    port = free_port()
    daemon = Daemon(s, {"http": {"listen": [f"127.0.0.1:{port}"], **(http or {})},
                        "defaults": {"timeout": "1h", "retries": 0}, **more})
    daemon.url = f"http://127.0.0.1:{port}/"
    return daemon


def send(daemon, text):
    with socket.create_connection(("127.0.0.1", daemon.tcp()["number"]), timeout=120) as c:
        c.sendall(text.encode())


def say(daemon, *lines):
    send(daemon, "".join(line + "\n" for line in lines))


def beat(daemon, names):
    say(daemon, *(f"{name}.beat:1|c" for name in names))


def node(daemon, name):
    return json.loads(daemon.cli("nodes", "show", name).stdout)


def tile(b, state):
    """The number of nodes in a state, as the page has it."""
    return b.text(at=f'.tile[data-state="{state}"] b')


def pixels(b, state):
    return b.look(what=PIXELS_OF, **{"with": state})
