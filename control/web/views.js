/* SPDX-License-Identifier: Apache-2.0 */
/* views: the views, worst first, and the incidents that are open. */
import { $, el, rows, text } from "./dom.js";
import { get, Refused } from "./api.js";
import { count, severity, sign, span, time } from "./format.js";

const EVERY_MS = 2000, SHOWN = 40;
let timer = 0, stale = true;

export function start({ onView }) {
  $("views").addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (row) onView(row.dataset.key);
  });
  load();
}

export function changed() {
  stale = true;
}

async function load() {
  clearTimeout(timer);
  if (stale && !document.hidden) {
    stale = false;
    await Promise.all([views(), incidents()]);
  }
  timer = setTimeout(load, EVERY_MS);
}

async function list(path, name) {
  try {
    return (await get(path, { quiet: true }))[name] ?? [];
  } catch (error) {
    /* A daemon that does not have them does not say that all is well. */
    $(`${name}-card`).hidden = error instanceof Refused && error.status === 404;
    stale = stale || !(error instanceof Refused);
    return [];
  }
}

const STATES_SHOWN = ["failed", "warning", "unknown", "ok", "paused", "new"];

async function views() {
  const all = await list(`/api/v1/views?limit=${SHOWN}`, "views");
  const sum = (v) => v.counts ?? v.nodes ?? v;
  all.sort((a, b) => severity(b.state) - severity(a.state) || (sum(b).failed ?? 0) - (sum(a).failed ?? 0) || a.name.localeCompare(b.name, "en", { numeric: true }));
  rows($("views"), all, (v) => v.name, (v) => el("li", {}, el("button", { type: "button" }, el("span", { class: "state" }), el("bdi", { class: "grow" }, v.name), el("small")), el("div", { class: "share" })),
    (row, v) => {
      const [mark, , says] = row.firstChild.children;
      mark.dataset.state = v.state;
      text(mark, sign(v.state));
      mark.title = v.state;
      const n = sum(v);
      const bad = ["failed", "warning", "unknown"].filter((s) => n[s]).map((s) => `${count(n[s])} ${s}`);
      text(says, bad.length ? bad.join(", ") : `${count(n.total ?? n.ok ?? 0)} ok`);
      share(row.lastChild, n);
    });
  $("views-empty").hidden = all.length > 0;
}

/* A thin bar: which share is in which state. */
export function share(bar, counts) {
  rows(bar, STATES_SHOWN.filter((s) => counts[s]), (s) => s, (s) => el("i", { data: { state: s } }), (piece, s) => {
    piece.style.flexGrow = String(counts[s]);
  });
}

async function incidents() {
  const open = await list(`/api/v1/incidents?limit=${SHOWN}`, "incidents");
  const now = Date.now();
  rows($("incidents"), open, (i) => String(i.id ?? i.number ?? i.view ?? i.name), () => el("li", {}, el("span", { class: "state" }), el("span", { class: "grow" }), el("small")), (row, i) => {
    const [mark, what, since] = row.children;
    const state = i.state ?? i.worst ?? "failed";
    mark.dataset.state = state;
    text(mark, sign(state));
    mark.title = state;
    text(what, i.summary ?? i.detail ?? `${i.view ?? i.name}: incident ${i.incident ?? i.number ?? ""}`);
    const began = time(i.since ?? i.opened ?? i.start ?? null);
    text(since, began === null ? "" : span(now - began));
  });
  text($("incidents-said"), open.length ? count(open.length) : "");
  $("incidents-empty").hidden = open.length > 0;
}
