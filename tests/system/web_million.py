#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page over a million nodes: as small as over ten, but for the map,
on which one dead rack of a thousand is seen. Times are told, not judged;
bytes are. Pictures: BUILD/web-pictures."""

import time

from appliance import Skip, check, equal, tell, wait_for
from browser import Browser
from page import pixels, say, send, served, tile

RACKS, IN_RACK = 1000, 1000
NODES = RACKS * IN_RACK
DEAD_RACK = "dc5.rack555"
NEED_BYTES = 4 << 30
PAGE_BYTES_MOST = 150_000
LOADS = 3
MINUTES_S = 150

PAINT = """() => Object.fromEntries([
  ...performance.getEntriesByType("paint").map((p) => [p.name, p.startTime]),
  ...performance.getEntriesByType("resource").filter((r) => r.name.includes("/api/v1/map")).slice(0, 1).map((r) => ["map", r.responseEnd])])"""


def memory():
    with open("/proc/meminfo") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


def settled(number):
    """What it is once it has stopped growing."""
    before = -1
    while (now := number()) != before:
        before = now
        time.sleep(0.5)
    return now


def register(daemon):
    """What control had no room to hear of is told again by the next beat."""
    text = "".join(f"dc{r % 10}.rack{r:03}.n{n:03}.beat:1|c\n" for r in range(RACKS) for n in range(IN_RACK))
    for times in range(1, 4):
        send(daemon, text)
        wait_for(lambda: daemon.status()["ingest"]["beats_total"] == times * NODES, "all beats are in", MINUTES_S, 0.2)
        known = settled(lambda: daemon.count("ok"))
        if known == NODES:
            return
    equal(known, NODES, "nodes known")


def all_of(rack, line):
    return [f"{rack}.n{n:03}.{line}" for n in range(IN_RACK)]


def first_paint(daemon, b):
    """Loads the page some times; how large it was the first time."""
    told, size = [], None
    for _ in range(LOADS):
        b.open(daemon.url)
        b.wait(at="#map-said", text="1,000,000 in 1,000 groups")
        told.append(b.look(what=PAINT))
        size = size or b.sizes()
        b.close()
    told.sort(key=lambda t: t["first-contentful-paint"])
    middle = told[LOADS // 2]
    page = sum(s["bytes"] for s in size if s["path"] != "/api/v1/map")
    picture = max(s["bytes"] for s in size if s["path"] == "/api/v1/map")
    print(f"{NODES:,} nodes: first paint {middle['first-contentful-paint']:.0f} ms, map there {middle['map']:.0f} ms "
          f"(median of {LOADS}); page {page:,} bytes in {len(size)} requests, map {picture:,} bytes")
    check(10_000 < page <= PAGE_BYTES_MOST, f"the page is {page} bytes, may be {PAGE_BYTES_MOST}")


def the_dead_rack(daemon, b):
    b.open(daemon.url)
    red = b.settle("the dead rack is on the map", lambda b: (lambda seen: seen["pixels"] >= 100 and seen)(
        pixels(b, "failed")))
    check(0.4 < red["wide"] / red["high"] < 2.5, f"the dead rack is a block: {red}")
    b.hover(at="#map", x=red["x"], y=red["y"])
    b.wait(at="#map-tip b", text=DEAD_RACK + ".")
    b.wait(at="#map-tip small", text=f"{DEAD_RACK}: 1,000 of 1,000 in trouble")
    b.wait(at="#views li", text="site-dc5")
    b.picture("1000000-light")
    b.press(keys=["m", "n"])
    b.wait(at="#map-cell", text=f"{DEAD_RACK}.n")  # the first of them that control heard of
    check(", failed, last beat " in b.text(at="#map-cell"), f"the node is said to be {b.text(at='#map-cell')}")
    b.press(keys="/")
    b.type(value="rack777.n12")
    b.wait(at="#search-results li", text="dc7.rack777.n129")
    b.press(keys="Escape")
    say(daemon, *all_of(DEAD_RACK, "timeout:3600|g"), *all_of(DEAD_RACK, "beat:1|c"))
    b.settle("the rack is back", lambda b: tile(b, "ok") == "1,000,000" and pixels(b, "failed")["pixels"] == 0)
    b.wait(at="#feed li", text="were failed")
    b.quiet()
    b.close()


def story(s):
    if memory() < NEED_BYTES:
        raise Skip("a million nodes and a browser need 4 GiB of free memory")
    b = Browser(s)
    daemon = served(s, views=[{"name": "site-$dc", "pattern": "$dc.*"}])
    register(daemon)
    say(daemon, *all_of(DEAD_RACK, "timeout:1|g"))
    wait_for(lambda: daemon.count("failed") == IN_RACK, "the rack is dead", MINUTES_S)
    first_paint(daemon, b)
    the_dead_rack(daemon, b)
    b.open(daemon.url, scheme="dark")
    b.wait(at="#map-said", text="1,000,000 in 1,000 groups")
    b.picture("1000000-dark")


tell(story)
