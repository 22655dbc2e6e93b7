/* SPDX-License-Identifier: Apache-2.0 */
/* app: puts the page together: the fleet's numbers, what is wrong with
 * the daemon or the way to it, colours, keys, and who is told of events. */
import { $, el, rows, text, ask } from "./dom.js";
import { askToken, get } from "./api.js";
import { follow } from "./stream.js";
import { STATES, TROUBLE, count, short, sign, span } from "./format.js";
import * as map from "./map.js";
import * as list from "./list.js";
import * as node from "./node.js";
import * as search from "./search.js";
import * as views from "./views.js";
import * as feed from "./feed.js";

const EVERY_MS = 1000, RATE_POINTS = 112;
/* A freeze of a blink is for the list of what happens, not for a banner. */
const FROZEN_LOOKS = 2;
let status = null, statusAt = 0, lost = null, frozen = 0, stream = null, beats = [], last = null, later = 0;

/* ---- the fleet's numbers ------------------------------------------------- */

async function load() {
  try {
    take(await get("/api/v1/status", { quiet: status !== null }));
    lost = null;
  } catch (error) {
    lost = error;
  }
  banners();
  link();
  clearTimeout(later);
  later = setTimeout(load, EVERY_MS);
}

function take(next) {
  const now = performance.now(), total = next.ingest.beats_total;
  if (last && total >= last.total && now > last.at) rate(((total - last.total) * 1000) / (now - last.at));
  last = { total, at: now };
  if (!status || STATES.some((s) => status.nodes[s.name] !== next.nodes[s.name])) {
    list.changed(next.nodes);
    views.changed();
  }
  frozen = next.ingest.frozen ? frozen + 1 : 0;
  status = next;
  statusAt = now;
  tiles(next.nodes);
  text($("uptime"), span(next.uptime_s * 1000));
  const bad = next.nodes.failed;
  document.title = bad ? `(${short(bad)} failed) beatline` : "beatline";
  document.documentElement.dataset.ready = "yes";
}

/* null: not known yet. */
function tiles(nodes) {
  rows($("tiles"), STATES, (s) => s.name, (s) =>
    el("li", {}, el("button", { type: "button", class: "tile", data: { state: s.name }, on: { click: () => list.show({ states: [s.name], match: "" }) } },
      el("b", {}), el("span", { class: "state", data: { state: s.name } }, `${sign(s.name)} ${s.name}`))),
    (row, s) => {
      const tile = row.firstChild;
      text(tile.firstChild, nodes ? count(nodes[s.name]) : "–");
      tile.classList.toggle("none", !nodes || nodes[s.name] === 0);
    });
  if (nodes) views.share($("share"), nodes);
}

function rate(perSecond) {
  beats.push(perSecond);
  if (beats.length > RATE_POINTS) beats.shift();
  text($("rate"), short(perSecond));
  const canvas = $("rate-line"), r = window.devicePixelRatio || 1;
  const width = 112, height = 26, most = Math.max(1, ...beats);
  if (canvas.width !== width * r) {
    canvas.width = width * r;
    canvas.height = height * r;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(r, 0, 0, r, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.beginPath();
  beats.forEach((b, i) => pen.lineTo(width - beats.length + i + 1, height - 2 - (b / most) * (height - 5)));
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  pen.lineWidth = 1.5;
  pen.stroke();
}

/* ---- what is wrong -------------------------------------------------------- */

function banners() {
  const all = [];
  if (lost?.status === 401) all.push({ key: "token", says: "This daemon wants a token before it tells anything.", act: "Give it one", run: () => askToken(401, true).then((given) => given && now()) });
  else if (lost) all.push({ key: "lost", says: `No word from the daemon (${lost.message}). What you see is from ${span(performance.now() - statusAt)} ago; trying again.`, act: "Try now", run: now });
  if (frozen >= FROZEN_LOOKS)
    all.push({ key: "frozen", says: "Ingest is frozen: beatline does not trust what it hears now, so no node is called failed. Its clocks stand still until beats come in again; beatline status says why." });
  rows($("banners"), all, (b) => b.key, (b) => el("div", { class: "banner bad", role: "alert" }, el("span", {}), b.act && el("button", { type: "button", on: { click: b.run } }, b.act)), (row, b) => text(row.firstChild, b.says));
}

function now() {
  stream?.now();
  load();
}

let streaming = "waiting";

function link() {
  const what = lost ? "lost" : streaming === "live" ? "live" : status ? "polling" : "waiting";
  $("link").dataset.link = what;
  text($("link-text"), { lost: "lost", live: "live", polling: "catching up", waiting: "connecting" }[what]);
}

/* ---- events ----------------------------------------------------------------- */

function onEvent(type, data) {
  if (type === "hello") return;
  if (type === "reset") {
    list.changed();
    views.changed();
    return;
  }
  let event;
  try {
    event = JSON.parse(data);
  } catch {
    return;
  }
  if (!event.kind) event.kind = type;
  feed.add(event);
  if (event.kind === "transition") {
    list.changed();
    node.changed(event.name);
  } else if (event.kind === "view") views.changed();
}

/* ---- colours ------------------------------------------------------------------ */

const THEMES = { system: ["◐", "as the system"], light: ["☀", "light"], dark: ["☾", "dark"] };

function theme(which) {
  const [mark, says] = THEMES[which];
  if (which === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = which;
  text($("theme"), mark);
  $("theme").title = `Colours: ${says}`;
  $("theme").setAttribute("aria-label", `Colours: ${says}`);
  localStorage.setItem("beatline-theme", which);
  map.recolour();
}

function startTheme() {
  let which = localStorage.getItem("beatline-theme");
  if (!(which in THEMES)) which = "system";
  theme(which);
  $("theme").addEventListener("click", () => {
    const all = Object.keys(THEMES);
    which = all[(all.indexOf(which) + 1) % all.length];
    theme(which);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map.recolour());
}

/* ---- keys and addresses ---------------------------------------------------------- */

const KEYS = "/ search · m map · t nodes in trouble · a all nodes · Esc back. On the map: arrows move, n and p go to the next and previous node in trouble, Enter opens, + - 0 zoom, Shift and arrows shift.";

function keys(event) {
  /* A dialog that was closed has the focus until the next frame is drawn. */
  const typing = event.target.closest("input, select, textarea, dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") $("search").focus();
  else if (event.key === "m") $("map").focus();
  else if (event.key === "t") goto({ states: TROUBLE, match: "" });
  else if (event.key === "a") goto({ states: [], match: "" });
  else if (event.key === "?") help();
  else return;
  event.preventDefault();
}

function goto(what) {
  list.show(what);
  $("list-card").focus({ preventScroll: true });
  $("list-card").scrollIntoView({ block: "nearest" });
}

const help = () => ask({ title: "Keys", says: KEYS, yes: "Good" });

/* #node=NAME is a node's own address. */
function addressed() {
  try {
    return location.hash.startsWith("#node=") ? decodeURIComponent(location.hash.slice(6)) : null;
  } catch {
    return null; /* not one of ours */
  }
}

function remember(name) {
  const hash = name === null ? "" : `#node=${encodeURIComponent(name)}`;
  if (location.hash !== hash) history.pushState(null, "", location.pathname + location.search + hash);
}

function begin() {
  const open = (name) => node.show(name);
  map.start({ onOpen: open });
  startTheme();
  list.start({ onOpen: open });
  node.start({ onChange: remember });
  search.start({ onOpen: open, onAll: (typed) => goto({ states: [], match: search.pattern(typed) }) });
  views.start({ onView: (view, state) => goto({ states: state === "ok" ? [] : TROUBLE, match: "", view }) });
  feed.start({ onOpen: open });
  rows($("legend"), STATES, (s) => s.name, (s) => el("li", {}, el("i", { data: { state: s.name } }), s.name), () => {});
  document.addEventListener("keydown", keys);
  $("help").addEventListener("click", help);
  addEventListener("popstate", () => node.show(addressed()));
  addEventListener("hashchange", () => node.show(addressed()));
  tiles(null);
  load();
  stream = follow("/api/v1/events?last=60", { event: onEvent, state: (what) => { streaming = what; link(); } });
  if (addressed()) node.show(addressed());
}

begin();
