#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The web page as people use it, on a small fleet and on ten thousand:
numbers that live, a node found, set, muted and deleted by hand or by
keys alone, names that are only ever text, a daemon that goes and comes
back, and a dead rack that one cannot miss. Pictures: BUILD/web-pictures."""

from appliance import BUILD, check, equal, tell, wait_for
from browser import Browser
from page import beat, node, pixels, say, served, tile

# What a careless page would run. '.' ends no name: the last action does.
EVIL = "<img/src=x/onerror=window.pwned=1>"
SMALL = [f"fra1.web{n}" for n in range(1, 5)] + [f"ams1.db{n}" for n in range(1, 6)] + [EVIL]
VIEWS = [{"name": "databases", "regexp": r"\.db[0-9]"}, {"name": "site-$dc", "pattern": "$dc.web*"}]
RACKS, IN_RACK = 250, 40
DEAD_RACK = "ams1.rack100"

# Before the browser has drawn a frame, as on a machine that is busy.
KEY_AFTER_CLOSE = """(key) => {
  const press = (to, key) => to.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
  document.querySelector("#list button.name").click();
  document.getElementById("node").close();
  press(document.activeElement, key);
  return document.activeElement.id;
}"""


def numbers_live(daemon, b):
    beat(daemon, SMALL)
    b.open(daemon.url)
    b.settle("ten nodes are ok", lambda b: tile(b, "ok") == "10")
    b.wait(at="#list-empty", text="No node is in trouble.")
    b.wait(at="#link-text", text="live")
    b.wait(at="#map-said", text="10 in 3 groups")
    b.picture("10-well")
    say(daemon, f"{EVIL}.timeout:1|g", "fra1.web2.timeout:1|g")
    b.settle("two have failed", lambda b: tile(b, "failed") == "2")
    b.wait(at="#list tr", text="fra1.web2")
    b.wait(at="#list tr", text=EVIL)
    b.wait(at="#feed li", text=EVIL)
    b.settle("the title says it", lambda b: b.look(what="() => document.title") == "(2 failed) beatline")
    b.settle("the map shows it", lambda b: pixels(b, "failed")["pixels"] > 200)
    b.picture("10-failed")
    check(b.look(what="() => window.pwned === undefined && !document.querySelector('main img, dialog img')"),
          "a name became markup")


def by_keys_alone(daemon, b):
    b.press(keys="/")
    b.type(value="onerror")
    b.wait(at="#search-results li", text=EVIL)
    b.picture("10-search")
    b.press(keys="ArrowDown")
    b.wait(at='#search-results li[aria-selected="true"]', text=EVIL)
    b.press(keys="Enter")
    b.wait(at="#node h2", text=EVIL)
    b.wait(at="#node .badge", text="failed")
    b.picture("10-node")
    b.press(keys="Escape")
    b.wait(at="#node", gone=True)
    check(b.look(what=KEY_AFTER_CLOSE, **{"with": "m"}) == "map", "a key right after a dialog is the page's")
    b.press(keys=["n", "n"])
    b.wait(at="#map-cell", text=", failed")
    first = b.text(at="#map-cell")
    b.press(keys="n")
    b.settle("n goes to the other failed node",
             lambda b: ", failed" in b.text(at="#map-cell") and b.text(at="#map-cell") != first)
    b.press(keys="Enter")
    b.wait(at="#node .badge", text="failed")
    b.press(keys="Escape")
    b.wait(at="#node", gone=True)
    b.press(keys="a")
    b.wait(at="#list-title", text="All nodes")
    b.settle("all ten are listed", lambda b: len(b.texts(at="#list tr")) == 10)
    b.press(keys=["?"])
    b.wait(at="#ask h2", text="Keys")
    b.press(keys="Escape")
    b.wait(at="#ask", gone=True)


def views_and_incidents(b):
    b.settle("the worst view is first", lambda b: b.texts(at="#views li bdi")[:2] == ["all", "site-fra1"])
    b.wait(at="#views-said", text="2 of 3 in trouble")
    b.wait(at='#incidents li[data-view="site-fra1"] .under', text="1 failed of 4")
    check("databases" not in b.text(at="#incidents"), "a view that is ok has no open incident")
    b.wait(at="#feed li", text="view site-fra1")
    b.click(at='#incidents li[data-view="site-fra1"] button')
    b.wait(at="#list-title", text="In trouble in view site-fra1")
    b.settle("its node in trouble", lambda b: b.texts(at="#list bdi") == ["fra1.web2"])
    b.click(at="#list-all")
    b.wait(at="#list-title", text="All nodes in view site-fra1")
    b.settle("its nodes", lambda b: len(b.texts(at="#list tr")) == 4)
    b.click(at='#views li[data-view="databases"] button')
    b.settle("a view's nodes", lambda b: sorted(b.texts(at="#list bdi")) == SMALL[4:9])
    b.choose(at="#map-by", value="view")
    b.wait(at="#map-said", text="10 in 3 groups")
    b.choose(at="#map-by", value="auto")
    b.click(at="#list-clear")


# Two events that the daemon told in this order, both of one millisecond.
TELL = """(kinds) => import("/ui/feed.js").then((feed) => kinds.forEach(
  (kind) => feed.add({ kind, time: "2026-02-03T04:05:06.789Z", detail: `the ${kind}` })))"""


def newest_first(b):
    for kinds in (["freeze", "thaw"], ["thaw", "freeze"], ["daemon", "thaw"]):
        b.look(what=TELL, **{"with": kinds})
        b.settle(f"{kinds[1]} is above {kinds[0]}", lambda b, kinds=kinds: [
            line.split("the ")[-1].strip() for line in b.texts(at="#feed li .grow")[:2]] == [f"{k}" for k in kinds[::-1]])


def done(b, what):
    b.wait(at="#node .said", text=what)


def a_node_by_hand(daemon, b):
    b.click(at="#list button.name >> text=ams1.db3")
    b.wait(at="#node h2", text="ams1.db3")
    check("#node=ams1.db3" in b.look(what="() => location.href"), "a node has an address")
    b.fill(at="#node-timeout", value="30")
    b.press(keys="Enter")
    done(b, "no unit")
    b.fill(at="#node-timeout", value="2h")
    b.press(keys="Enter")
    done(b, "timeout is 2h now")
    equal(node(daemon, "ams1.db3")["timeout_ms"], 7_200_000, "the timeout set by hand")
    b.choose(at="#node .pair select", value="2h")
    b.click(at="#node button:text-matches('^Mute')")
    done(b, "muted")
    equal(node(daemon, "ams1.db3")["state"], "paused", "a muted node's state")
    check(node(daemon, "ams1.db3")["paused_until"] is not None, "muted for two hours, not for ever")
    b.wait(at="#node .badge", text="paused")
    b.picture("10-muted")
    b.click(at="#node button:text-matches('^Unmute')")
    done(b, "unmuted")
    b.wait(at="#node .badge", text="ok")
    b.click(at="#node button:text-matches('^Beat')")
    done(b, "beat taken")
    b.settle("the beat counts", lambda b: node(daemon, "ams1.db3")["age_ms"] < 5_000)
    b.click(at="#node button:text-matches('^Delete')")
    b.wait(at="#ask h2", text="Delete ams1.db3?")
    b.press(keys="Escape")
    b.wait(at="#ask", gone=True)
    check("ams1.db3" in daemon.names("ok"), "asked, not told, to delete")
    b.click(at="#node button:text-matches('^Delete')")
    b.click(at="#ask >> button.danger")
    b.wait(at="#node", gone=True)
    check("ams1.db3" not in daemon.names("ok"), "deleted")


def banners(s, daemon, b):
    b.amend(path="**/api/v1/status", ingest={"frozen": True})
    b.wait(at=".banner", text="Ingest is frozen")
    b.picture("10-frozen")
    b.amend(path="**/api/v1/status", ingest=None)
    b.wait(at=".banner", gone=True)
    b.quiet()
    daemon.stop()
    b.wait(at=".banner", text="No word from the daemon")
    b.wait(at="#link-text", text="lost")
    b.picture("10-lost")
    daemon.process = s.start([BUILD / "beatlined", "-c", daemon.config], daemon.log)
    wait_for(daemon.answers, "the daemon is back")
    b.wait(at=".banner", gone=True)
    b.wait(at="#link-text", text="live")
    say(daemon, "after.restart.timeout:1|g", "after.restart.beat:1|c")
    b.wait(at="#feed li", text="after.restart")
    b.quiet()


def token(b, says, value):
    b.wait(at="#ask p", text=says)
    b.fill(at="#ask input", value=value)
    b.press(keys="Enter")


def tokens(s, b):
    """Asked for once, not again by one who gives none; what may look may
    not mute."""
    daemon = served(s, http={"tokens": [{"token": "look" * 8, "role": "read"}, {"token": "rule" * 8, "role": "admin"}]})
    beat(daemon, SMALL)
    b.start()
    b.go(url=daemon.url)
    b.wait(at="#ask h2", text="wants a token")
    b.picture("token")
    b.press(keys="Escape")
    b.wait(at=".banner", text="wants a token")
    b.wait(at="#ask", gone=True)
    b.click(at=".banner button")
    token(b, "Tokens are in", "not this one, surely not")
    token(b, "Tokens are in", "look" * 8)
    b.settle("it looks", lambda b: tile(b, "ok") == "10")
    b.wait(at=".banner", gone=True)
    b.wait(at="#link-text", text="live")
    b.wait(at="#map-said", text="10 in 3 groups")
    b.press(keys="a")
    b.click(at="#list button.name >> text=ams1.db3")
    b.click(at="#node button:text-matches('^Mute')")
    token(b, "may not do that", "rule" * 8)
    done(b, "muted")
    equal(node(daemon, "ams1.db3")["state"], "paused", "muted by who may")
    b.quiet()
    b.close()


def small_fleet(s, b):
    daemon = served(s, views=VIEWS)
    numbers_live(daemon, b)
    views_and_incidents(b)
    by_keys_alone(daemon, b)
    newest_first(b)
    a_node_by_hand(daemon, b)
    banners(s, daemon, b)
    b.close()


FITS = """() => {
  const map = document.getElementById("map"), box = map.getBoundingClientRect();
  return box.right <= innerWidth && map.width === Math.round(box.width * devicePixelRatio) &&
    document.documentElement.scrollWidth <= innerWidth;
}"""


def a_dead_rack(daemon, b, scheme):
    b.open(daemon.url, scheme=scheme)
    b.wait(at="#map-said", text="10,000 in 250 groups")
    red = b.settle("the dead rack is on the map", lambda b: (lambda seen: seen["pixels"] >= 40 and seen)(
        pixels(b, "failed")))
    check(0.5 < red["wide"] / red["high"] < 2, f"the dead rack is a block: {red}")
    b.hover(at="#map", x=red["x"], y=red["y"])
    b.wait(at="#map-tip b", text=DEAD_RACK + ".")
    b.wait(at="#map-tip small", text=f"{DEAD_RACK}: 40 of 40 in trouble")
    b.picture(f"10000-{scheme}")
    b.click(at="#map", x=red["x"], y=red["y"])
    b.wait(at="#node h2", text=DEAD_RACK + ".")
    b.press(keys="Escape")
    b.wait(at="#node", gone=True)


def lists(b):
    """Ten thousand are shown by the page; search lists what it finds."""
    b.click(at='.tile[data-state="ok"]')
    b.wait(at="#list-title", text="All ok")
    b.settle("the first fifty", lambda b: len(b.texts(at="#list tr")) == 50)
    b.click(at="#list-more")
    b.settle("a hundred more", lambda b: len(b.texts(at="#list tr")) == 150)
    b.press(keys="/")
    b.type(value=f"{DEAD_RACK}.")
    b.wait(at="#search-results li", text="List all that match")
    b.press(keys="Enter")
    b.wait(at="#list-title", text=f"Names like *{DEAD_RACK}.*")
    b.settle("the rack is listed", lambda b: len(b.texts(at="#list tr")) == IN_RACK)
    b.click(at="#list-clear")
    b.wait(at="#list-title", text="In trouble")
    b.settle("worst first", lambda b: [t.split()[1] for t in b.texts(at="#list .state")] == ["failed"] * 40 + ["warning"])
    for scheme in ("light", "dark", None):
        b.click(at="#theme")
        equal(b.look(what="() => document.documentElement.dataset.theme ?? null"), scheme, "colours by hand")


def large_fleet(s, b):
    daemon = served(s)
    names = [f"{('fra1', 'ams1', 'sin1')[r % 3]}.rack{r:03}.n{n:02}" for r in range(RACKS) for n in range(IN_RACK)]
    dead = [name for name in names if name.startswith(DEAD_RACK)]
    beat(daemon, names)
    say(daemon, f"{names[0]}.warn:1|g", *(f"{name}.timeout:1|g" for name in dead))
    wait_for(lambda: daemon.count("failed") == IN_RACK, "the rack is dead")
    wait_for(lambda: daemon.count("warning") == 1, "one is late")
    a_dead_rack(daemon, b, "light")
    lists(b)
    b.choose(at="#map-by", value="1")
    b.wait(at="#map-said", text="10,000 in 3 groups")
    b.picture("10000-by-site")
    b.choose(at="#map-by", value="view")
    b.wait(at="#map-said", text="10,000 in 1 group")
    b.choose(at="#map-by", value="auto")
    b.wait(at="#map-said", text="10,000 in 250 groups")
    b.click(at="#map-in")
    b.click(at="#map-in")
    b.picture("10000-zoomed")
    b.quiet()
    b.close()
    a_dead_rack(daemon, b, "dark")
    b.size(width=390, height=844)
    b.settle("the map fits a phone", lambda b: b.look(what=FITS))
    b.picture("10000-phone")
    b.quiet()
    b.close()


def story(s):
    b = Browser(s)
    small_fleet(s, b)
    tokens(s, b)
    large_fleet(s, b)


tell(story)
