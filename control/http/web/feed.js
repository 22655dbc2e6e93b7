/* SPDX-License-Identifier: Apache-2.0 */
/* feed: what happens, newest first. What many nodes do at once is one
 * line: a rack that falls is not three hundred of them. */
import { $, el, text } from "./dom.js";
import { common, count, severity, sign, time, when } from "./format.js";

const FLUSH_MS = 250, KEPT = 120, APART = 4, SAY_EVERY_MS = 4000;
/* The daemon's ports freeze and thaw together. */
const PORTS = { freeze: ["unknown", "Ingest is frozen: nodes' ages stand still"], thaw: ["ok", "Ingest runs again"] };
/* Events come in the order of their numbers: freeze and thaw may be of one millisecond. */
let arrived = 0;
let waiting = [], flushing = 0, held = false, heldRows = [], unsaid = { failed: 0, ok: 0 }, sayTimer = 0;

export function start({ onOpen }) {
  $("feed").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) onOpen(button.dataset.name);
  });
  $("feed-hold").addEventListener("click", () => {
    held = !held;
    $("feed-hold").setAttribute("aria-pressed", String(held));
    text($("feed-hold"), held ? "Go on" : "Hold");
    if (!held) put(heldRows.splice(0));
  });
}

export function add(event) {
  waiting.push({ ...event, order: ++arrived });
  flushing ||= setTimeout(flush, FLUSH_MS);
}

function flush() {
  flushing = 0;
  const made = [], alike = new Map();
  for (const e of waiting.splice(0)) {
    if (e.kind !== "transition" && !PORTS[e.kind]) {
      made.push(e.kind === "view" ? ofView(e) : sentence([e]));
      continue;
    }
    if (e.to === "failed") unsaid.failed++;
    if (e.to === "ok") unsaid.ok++;
    const key = PORTS[e.kind] ? e.kind : `${e.from}>${e.to}`, group = alike.get(key);
    if (group) group.push(e);
    else alike.set(key, [e]);
  }
  for (const group of alike.values())
    if (PORTS[group[0].kind]) made.push(sentence(group));
    else if (group.length <= APART) made.push(...group.map(one));
    else made.push(many(group));
  made.sort((a, b) => b.order - a.order);
  if (held) heldRows = [...made, ...heldRows].slice(0, KEPT);
  else put(made);
  sayTimer ||= setTimeout(say, 300);
}

function put(made) {
  if (!made.length) return;
  $("feed").prepend(...made.slice(0, KEPT).map((m) => m.row));
  while ($("feed").children.length > KEPT) $("feed").lastElementChild.remove();
  $("feed-empty").hidden = true;
}

function row(e, state, says, was) {
  const title = [...says.map((s) => s.textContent ?? s), state, was].join(" ");
  return { order: e.order, row: el("li", { title }, el("time", {}, when(time(e.time))), el("span", { class: "state", data: { state } }, sign(state)), el("span", { class: "grow" }, ...says), el("small", {}, was)) };
}

function one(e) {
  const name = el("button", { type: "button", class: "name", data: { name: e.name }, title: e.name }, el("bdi", {}, e.name));
  return row(e, e.to, [name], `was ${e.from}`);
}

function many(group) {
  const names = group.map((e) => e.name), head = common(names), e = group[group.length - 1];
  return row(e, e.to, [el("b", {}, `${count(group.length)} `), head ? el("bdi", {}, head + "…") : "nodes"], `were ${e.from}`);
}

function ofView(e) {
  return row(e, e.to, ["view ", el("bdi", {}, e.name)], `was ${e.from}`);
}

/* What the daemon says of itself. */
function sentence(group) {
  const e = group[group.length - 1], [state, many] = PORTS[e.kind] ?? ["paused", ""];
  const made = row(e, state, [group.length > 1 ? many : e.detail], "");
  made.row.classList.add("sentence");
  made.row.title = group.map((one) => one.detail).join("\n");
  return made;
}

/* For who listens: not each of them, and not all the time. */
function say() {
  const parts = ["failed", "ok"].filter((s) => unsaid[s]).sort((a, b) => severity(b) - severity(a)).map((s) => `${count(unsaid[s])} ${unsaid[s] === 1 ? "node" : "nodes"} ${s === "ok" ? "back to ok" : "failed"}`);
  if (parts.length) text($("announce"), parts.join(", "));
  unsaid = { failed: 0, ok: 0 };
  sayTimer = parts.length ? setTimeout(() => { sayTimer = 0; if (unsaid.failed || unsaid.ok) say(); }, SAY_EVERY_MS) : 0;
}
