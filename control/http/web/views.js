/* SPDX-License-Identifier: Apache-2.0 */
/* views: the views, worst first, and the incidents that are open. Both
 * come in that order, and no more of them than are shown: a thousand
 * views cost what a dozen do. */
import { $, el, rows, text, arrows } from "./dom.js";
import { get, Refused } from "./api.js";
import { count, severity, sign, span, time, when } from "./format.js";

const EVERY_MS = 2000, SHOWN = 12, MORE = 50;
const STATES_SHOWN = ["failed", "warning", "unknown", "ok", "paused", "new"], BAD = STATES_SHOWN.slice(0, 3);
let timer = 0, stale = true, limit = SHOWN;

export function start({ onView }) {
  for (const id of ["views", "incidents"]) {
    $(id).addEventListener("click", (event) => {
      const row = event.target.closest("li");
      if (row) onView(row.dataset.view, row.dataset.state);
    });
    arrows($(id), "button");
  }
  $("views-more").addEventListener("click", () => {
    limit += MORE;
    stale = true;
    load();
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

/* What the server says; null: nothing, so what is shown stays. */
async function ask(path, card) {
  try {
    const answer = await get(path, { quiet: true });
    card.hidden = false;
    return answer;
  } catch (error) {
    /* A daemon that does not have them does not say that all is well. */
    if (error instanceof Refused && error.status === 404) card.hidden = true;
    else stale = true;
    return null;
  }
}

const inTrouble = (n) => BAD.filter((s) => n[s]).map((s) => `${count(n[s])} ${s}`).join(", ");

function mark(sort, state) {
  sort.dataset.state = state;
  sort.title = state;
  text(sort, sign(state));
}

async function views() {
  const answer = await ask(`/api/v1/views?limit=${limit}`, $("views-card"));
  if (!answer) return;
  const of = answer.states, all = Object.values(of).reduce((a, b) => a + b, 0), bad = all - of.ok;
  rows($("views"), answer.views, (v) => v.name, () =>
    el("li", {}, el("button", { type: "button" }, el("span", { class: "state" }), el("bdi", { class: "grow" }), el("small")), el("div", { class: "share" })),
    (row, v) => {
      const [sort, name, says] = row.firstChild.children;
      row.dataset.view = v.name;
      row.dataset.state = v.state;
      row.title = v.name;
      mark(sort, v.state);
      text(name, v.name);
      text(says, inTrouble(v) || `${count(v.total)} ${v.total === 1 ? "node" : "nodes"}`);
      share(row.lastChild, v);
    });
  text($("views-said"), bad ? `${count(bad)} of ${count(all)} in trouble` : `${count(all)}, all ok`);
  $("views-more").hidden = !answer.next;
  $("views-empty").hidden = all > 1;
}

/* A thin bar: which share is in which state. */
export function share(bar, counts) {
  rows(bar, STATES_SHOWN.filter((s) => counts[s]), (s) => s, (s) => el("i", { data: { state: s } }), (piece, s) => {
    piece.style.flexGrow = String(counts[s]);
  });
}

async function incidents() {
  const answer = await ask(`/api/v1/incidents?limit=${SHOWN}`, $("incidents-card"));
  if (!answer) return;
  const now = Date.now();
  rows($("incidents"), answer.incidents, (i) => i.id, () =>
    el("li", {}, el("button", { type: "button" }, el("span", { class: "state" }), el("bdi", { class: "grow" }), el("small")), el("small", { class: "under" })), (row, i) => {
    const [sort, name, since] = row.firstChild.children, began = time(i.since);
    row.dataset.view = i.view;
    row.dataset.state = i.state;
    row.title = `${i.view}, its incident ${count(i.number)}` + (began === null ? "" : `, since ${when(began)}`) + (severity(i.worst) > severity(i.state) ? `; it was ${i.worst}` : "");
    mark(sort, i.state);
    text(name, i.view);
    text(since, began === null ? "" : `for ${span(Math.max(0, now - began))}`);
    text(row.lastChild, `${inTrouble(i)} of ${count(i.total)}`);
  });
  const open = answer.states.failed + answer.states.warning + answer.states.unknown;
  text($("incidents-said"), open > answer.incidents.length ? `the worst ${answer.incidents.length} of ${count(open)}` : open ? count(open) : "");
  $("incidents-empty").hidden = open > 0;
  if (open > 0) stale = true; /* their ages go on */
}
