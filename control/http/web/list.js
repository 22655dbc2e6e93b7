/* SPDX-License-Identifier: Apache-2.0 */
/* list: nodes as a table: those in trouble, those of one state, or those
 * that match what was searched for. The map for who cannot see it. */
import { $, el, rows, text, arrows } from "./dom.js";
import { get } from "./api.js";
import { TROUBLE, count, duration, sign, span, time, when } from "./format.js";

const PAGE = 50, EVERY_MS = 2000;
let what = { states: TROUBLE, match: "" }, nodes = [], limit = PAGE, next = null, running = null, timer = 0;
let stale = true, received = 0, counts = null;

export function nodesPath({ states = [], match = "", view = "", limit: most = PAGE, cursor = null }) {
  const query = new URLSearchParams();
  for (const s of states) query.append("state", s);
  if (match) query.set("match", match);
  if (view) query.set("view", view);
  query.set("limit", String(most));
  if (cursor) query.set("cursor", cursor);
  return `/api/v1/nodes?${query}`;
}

export function start({ onOpen }) {
  $("list-clear").addEventListener("click", () => show({ states: TROUBLE, match: "" }));
  $("list-all").addEventListener("click", () => show({ ...what, states: [] }));
  $("list-more").addEventListener("click", () => {
    limit += PAGE * 2;
    load();
  });
  $("list").addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) onOpen(row.dataset.key);
  });
  arrows($("list"), "button");
  setInterval(tick, 1000);
  load();
}

/* Something changed: look again, soon. `now`: how many nodes there are in
 * each state, if that is known. */
export function changed(now) {
  stale = true;
  counts = now ?? counts;
}

/* The nodes of `states` (none: all) whose names match, of a view. */
export function show(wanted) {
  what = wanted;
  limit = PAGE;
  text($("list-title"), title());
  $("list-clear").hidden = what.states === TROUBLE && !what.match && !what.view;
  $("list-all").hidden = !what.view || !what.states.length;
  load();
}

function title() {
  if (what.match) return `Names like ${what.match}`;
  const which = what.states === TROUBLE ? "In trouble" : what.states.length ? `All ${what.states.join(", ")}` : "All nodes";
  return what.view ? `${which} in view ${what.view}` : which;
}

async function load() {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  stale = false;
  try {
    const answer = await ask({ signal: running.signal, quiet: received > 0 });
    nodes = answer.nodes;
    next = answer.next ?? null;
    received = performance.now();
    draw();
  } catch (error) {
    if (error.name === "AbortError") return;
    stale = true;
    if (!received) empty(error.message);
  }
  timer = setTimeout(again, EVERY_MS);
}

/* Those in trouble worst first: the server lists nodes in its own order,
 * so it is asked state by state, and whether there is one more. */
async function ask(options) {
  if (what.states !== TROUBLE) return get(nodesPath({ ...what, limit }), options);
  const found = [];
  for (const state of TROUBLE.filter((s) => counts?.[s] !== 0)) {
    const answer = await get(nodesPath({ ...what, states: [state], limit: Math.max(1, limit - found.length) }), options);
    found.push(...answer.nodes);
    if (answer.next || found.length > limit) return { nodes: found.slice(0, limit), next: true };
  }
  return { nodes: found, next: null };
}

function again() {
  if (stale && !document.hidden) load();
  else timer = setTimeout(again, EVERY_MS);
}

function empty(says) {
  $("list-empty").hidden = !says;
  text($("list-empty"), says);
}

function draw() {
  rows($("list"), nodes, (n) => n.name, make, update);
  text($("list-said"), nodes.length ? (next ? `the first ${count(nodes.length)}` : count(nodes.length)) : "");
  $("list-more").hidden = !next;
  const trouble = what.states === TROUBLE && !what.match;
  empty(nodes.length ? "" : trouble ? "No node is in trouble." : "There is none.");
  $("list-empty").classList.toggle("calm", trouble);
}

function make(n) {
  return el("tr", {},
    el("td", {}, el("span", { class: "state" })),
    el("td", {}, el("button", { type: "button", class: "name", title: n.name }, el("bdi", {}, n.name))),
    el("td", { class: "n" }), el("td", { class: "n" }), el("td", { class: "n" }));
}

export const timeoutOf = (n) =>
  n.detector === "auto" || n.detector === "phi" ? n.detector : n.warn_ms || n.err_ms ? [n.warn_ms, n.err_ms].filter(Boolean).map(duration).join(" / ")
    : n.timeout_ms ? duration(n.timeout_ms) + (n.retries ? ` × ${n.retries + 1}` : "") : "default";

function update(row, n) {
  const [state, , age, since, timeout] = row.children;
  const mark = state.firstChild;
  mark.dataset.state = n.state;
  text(mark, `${sign(n.state)} ${n.state}`);
  row.lastBeat = time(n.last_beat);
  text(age, row.lastBeat === null ? "never" : span(n.age_ms));
  const at = time(n.state_since);
  text(since, at === null ? "–" : when(at));
  text(timeout, timeoutOf(n));
}

/* Ages of rows go on between two answers, by our own clock. */
function tick() {
  const passed = performance.now() - received;
  nodes.forEach((n, i) => {
    const row = $("list").children[i];
    if (row && n.age_ms !== null && n.state !== "ok") text(row.children[2], span(n.age_ms + passed));
  });
}
