/* SPDX-License-Identifier: Apache-2.0 */
/* node: one node in full, in a drawer over the page: how it beats, what
 * state it was in when, and what a person may do about it. */
import { $, el, rows, text, ask } from "./dom.js";
import { get, request, Refused } from "./api.js";
import { count, duration, sign, span, time, when } from "./format.js";

const EVERY_MS = 1000, CHANGES_SHOWN = 40;
const drawer = $("node");
let shown = null, node = null, received = 0, timer = 0, parts = {}, onShown = () => {};

const path = (name, more = "") => `/api/v1/nodes/${encodeURIComponent(name)}${more}`;

export function start({ onChange }) {
  onShown = onChange;
  drawer.addEventListener("close", () => {
    clearTimeout(timer);
    shown = null;
    onShown(null);
  });
  /* A click beside it closes it. */
  drawer.addEventListener("click", (event) => event.target === drawer && drawer.close());
  setInterval(tick, 100);
}

export function show(name) {
  if (name === shown) return;
  if (name === null) return drawer.close();
  shown = name;
  node = null;
  build(name);
  if (!drawer.open) drawer.showModal();
  parts.close.focus();
  onShown(name);
  load();
}

/* The node had an event: look at once. */
export function changed(name) {
  if (name === shown) load();
}

async function load() {
  clearTimeout(timer);
  const name = shown;
  if (name === null) return;
  try {
    const answer = await get(path(name));
    if (name !== shown) return;
    node = answer;
    received = performance.now();
    draw();
  } catch (error) {
    if (name !== shown) return;
    if (error instanceof Refused && error.status === 404) return gone();
    say(error.message, true);
  }
  timer = setTimeout(load, EVERY_MS);
}

function gone() {
  node = null;
  drawer.dataset.state = "";
  parts.body.replaceChildren(el("p", { class: "empty" }, "There is no node of this name (any more). Its next beat makes it known again."));
}

/* ---- its parts ---------------------------------------------------------- */

const FACTS = [
  ["beat", "Last beat"], ["interval", "Interval"], ["loss", "Loss"], ["timeout", "Timeout"],
  ["since", "Since"], ["incident", "Incidents"], ["first", "First seen"], ["source", "Comes in by"],
];

function build(name) {
  parts = { fact: {} };
  parts.close = el("button", { type: "button", class: "icon", "aria-label": "Close", title: "Close (Esc)", on: { click: () => drawer.close() } }, "✕");
  parts.state = el("span", { class: "state badge" }, "…");
  parts.said = el("p", { class: "said", role: "status" });
  const facts = el("dl", { class: "facts" });
  for (const [key, label] of FACTS) {
    parts.fact[key] = el("dd", {}, "–");
    facts.append(el("div", {}, el("dt", {}, label), parts.fact[key]));
  }
  parts.left = el("div", { class: "left", hidden: true }, el("i"));
  parts.fact.beat.after(parts.left);
  parts.bar = el("div", { class: "timeline", role: "img" });
  parts.from = el("span", {}, "");
  parts.changes = el("ol", { class: "rows changes" });
  parts.body = el("div", { class: "body" }, facts,
    el("h3", {}, "What it was, and when"), parts.bar, el("p", { class: "axis quiet" }, parts.from, el("span", {}, "now")), parts.changes,
    el("h3", {}, "What to do"), timeoutForm(), actions(), parts.said);
  drawer.replaceChildren(
    el("header", {}, parts.state, el("h2", { id: "node-name" }, el("bdi", {}, name)), el("span", { class: "spring" }), parts.close), parts.body);
}

function timeoutForm() {
  parts.timeout = el("input", { id: "node-timeout", name: "timeout", type: "text", placeholder: "90s, 1.5m, 2h, auto, none", autocomplete: "off", spellcheck: "false", size: "14" });
  return el("form", { class: "inline", on: { submit: (event) => {
    event.preventDefault();
    const value = parts.timeout.value.trim();
    if (value) act("PATCH", "", settingOf(value), `timeout is ${value} now`);
  } } }, el("label", { for: "node-timeout" }, "Timeout"), parts.timeout, el("button", { type: "submit" }, "Set"));
}

function settingOf(value) {
  return value === "auto" || value === "phi" ? { detector: value } : { timeout: value, detector: "fixed" };
}

const MUTES = [["", "until unmuted"], ["30m", "for 30 minutes"], ["2h", "for 2 hours"], ["1d", "for a day"], ["beat", "until its next beat"]];

function actions() {
  const button = (label, run, more = {}) => el("button", { type: "button", ...more, on: { click: run } }, label);
  parts.until = el("select", { "aria-label": "Mute for how long" }, ...MUTES.map(([value, label]) => el("option", { value }, label)));
  parts.mute = el("span", { class: "pair" }, button("Mute", () => act("POST", "/pause", muteOf(parts.until.value), "muted")), parts.until);
  parts.unmute = button("Unmute", () => act("POST", "/resume", null, "unmuted"));
  return el("div", { class: "inline" }, button("Beat", () => act("POST", "/beat", null, "beat taken"), { title: "Beat for it, once" }),
    parts.mute, parts.unmute, el("span", { class: "spring" }), button("Delete…", remove, { class: "danger" }));
}

const muteOf = (until) => (until === "" ? null : until === "beat" ? { until_beat: true } : { for: until });

async function act(method, more, body, done) {
  try {
    await request(method, path(shown, more), { body });
    say(`Done: ${done}.`);
    load();
    return true;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}

async function remove() {
  const sure = await ask({
    title: `Delete ${shown}?`,
    says: "Its settings and its history go. If it beats again, it comes back as a new node.",
    yes: "Delete", danger: true,
  });
  if (sure && (await act("DELETE", "", null, "deleted"))) drawer.close();
}

function say(what, bad = false) {
  text(parts.said, what);
  parts.said.classList.toggle("bad", bad);
}

/* ---- what it says ------------------------------------------------------- */

function draw() {
  drawer.dataset.state = node.state;
  parts.state.dataset.state = node.state;
  text(parts.state, `${sign(node.state)} ${node.state}`);
  const f = parts.fact, since = time(node.state_since), first = time(node.first_seen);
  text(f.interval, intervalText());
  text(f.loss, lossText());
  text(f.timeout, timeoutText());
  text(f.since, since === null ? "–" : `${when(since)} (${span(Date.now() - since)})${pauseText()}`);
  text(f.incident, count(node.incident ?? 0));
  text(f.first, first === null ? "–" : when(first));
  text(f.source, node.worker !== undefined ? `worker ${node.worker}` : node.table !== undefined ? `worker ${node.table}` : "–");
  const paused = node.state === "paused";
  parts.mute.hidden = paused;
  parts.unmute.hidden = !paused;
  if (document.activeElement !== parts.timeout && !parts.timeout.value && node.timeout_ms)
    parts.timeout.placeholder = duration(node.timeout_ms);
  timeline();
  tick();
}

function pauseText() {
  if (node.state !== "paused") return "";
  const until = [node.paused_until && when(time(node.paused_until)), node.paused_until_beat && "its next beat"].filter(Boolean);
  return `, until ${until.length ? until.join(" or ") : "unmuted"}`;
}

function intervalText() {
  const mean = node.interval_mean_ms ?? null;
  const promised = node.interval_ms ? `${span(node.interval_ms)} promised` : "";
  if (mean === null || !node.intervals) return promised || (node.detector === "fixed" ? "learned only on auto or phi" : "not learned yet");
  const spread = node.interval_deviation_ms ?? null;
  return span(mean) + (spread !== null ? ` ± ${span(spread)}` : "") + (promised ? `, ${promised}` : "");
}

/* When its silence is news, as its detector has it now. */
function timeoutText() {
  const parts = [["warning", node.warning_after_ms], ["failed", node.failed_after_ms]].filter(([, ms]) => ms !== null && ms !== undefined);
  if (parts.length === 2 && parts[0][1] === parts[1][1]) parts.shift();
  const says = parts.map(([state, ms]) => `${state} after ${span(ms)}`).join(", ") || "none: it may be silent";
  return node.detector === "fixed" ? says : `${node.detector}: ${says}`;
}

function lossText() {
  if (node.lost === undefined) return "needs the binary format";
  const all = [["lost", node.lost], ["duplicate", node.duplicate], ["reordered", node.reordered], ["restarts", node.restarted]];
  const some = all.filter(([, n]) => n > 0).map(([what, n]) => `${count(n)} ${what}`);
  return some.length ? some.join(", ") : "none";
}

function tick() {
  if (!node || shown === null) return;
  const age = node.age_ms === null ? null : node.age_ms + (performance.now() - received);
  text(parts.fact.beat, age === null ? "never" : `${span(age)} ago`);
  /* How much of its time is up. */
  parts.left.hidden = age === null || !node.failed_after_ms || node.state === "paused";
  if (!parts.left.hidden) parts.left.firstChild.style.width = `${Math.min(100, (age * 100) / node.failed_after_ms)}%`;
}

/* ---- timeline ----------------------------------------------------------- */

/* Its states from the oldest change we know of to now, as shares of a bar. */
function timeline() {
  const now = Date.now(), history = (node.history ?? []).map((h) => ({ ...h, at: time(h.time) })).sort((a, b) => a.number - b.number);
  const begin = history.length ? Math.min(history[0].at - (now - history[0].at) * 0.05, history[0].at - 1000) : time(node.state_since) ?? now - 60000;
  const pieces = [];
  let from = begin, state = history.length ? history[0].from : node.state;
  for (const h of history) {
    pieces.push({ from, to: h.at, state });
    from = h.at;
    state = h.to;
  }
  pieces.push({ from, to: now, state: node.state });
  const all = Math.max(1, now - begin);
  let n = 0;
  rows(parts.bar, pieces.map((p) => ({ ...p, n: n++ })), (p) => String(p.n), () => el("i"), (piece, p) => {
    piece.dataset.state = p.state;
    piece.style.flexGrow = String(Math.max(0.002, (p.to - p.from) / all));
    piece.title = `${p.state} from ${when(p.from)}, ${span(p.to - p.from)}`;
  });
  parts.bar.setAttribute("aria-label", `${pieces.length} states since ${when(begin)}, now ${node.state}`);
  text(parts.from, when(begin));
  rows(parts.changes, history.reverse().slice(0, CHANGES_SHOWN), (h) => `${h.at}-${h.from}-${h.to}`, () => el("li", {}, el("time"), el("span", { class: "state" }), el("small")),
    (row, h) => {
      const [at, mark, why] = row.children;
      text(at, when(h.at));
      mark.dataset.state = h.to;
      text(mark, `${sign(h.to)} ${h.to}`);
      text(why, h.reason ? `was ${h.from}: ${h.reason}` : `was ${h.from}`);
    });
}
