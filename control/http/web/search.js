/* SPDX-License-Identifier: Apache-2.0 */
/* search: nodes by name as one types. A combobox: arrows choose, Enter
 * opens, Enter without a choice lists all that match, Esc leaves. */
import { $, el, rows } from "./dom.js";
import { get } from "./api.js";
import { sign } from "./format.js";
import { nodesPath } from "./list.js";

const PAUSE_MS = 120, SHOWN = 12;
const field = $("search"), results = $("search-results");
let later = 0, running = null, chosen = -1;

/* "rack7" finds it anywhere in a name; with * or ? it is the pattern. */
export const pattern = (typed) => (/[*?]/.test(typed) ? typed : `*${typed}*`);

export function start({ onOpen, onAll }) {
  const close = () => {
    results.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    chosen = -1;
  };
  const pick = (row) => {
    close();
    field.blur(); /* so that keys are the page's again, also after Esc */
    if (row.dataset.all) onAll(field.value.trim());
    else onOpen(row.dataset.key);
  };
  const choose = (n) => {
    const all = [...results.children];
    chosen = all.length ? (n + all.length + 1) % (all.length + 1) : -1;
    if (chosen === all.length) chosen = -1;
    all.forEach((row, i) => row.setAttribute("aria-selected", String(i === chosen)));
    if (chosen < 0) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  };

  async function look() {
    running?.abort();
    const typed = field.value.trim();
    if (!typed) return close();
    running = new AbortController();
    let found;
    try {
      found = await get(nodesPath({ match: pattern(typed), limit: SHOWN }), { signal: running.signal });
    } catch (error) {
      if (error.name !== "AbortError") show([{ key: "", says: error.message }]);
      return;
    }
    const items = found.nodes.map((n) => ({ key: n.name, state: n.state }));
    show(items.length ? [...items, { key: "", all: true, says: "List all that match" }] : [{ key: "", says: "No node's name has that in it." }]);
  }

  /* What was chosen stays chosen while it is among what is found. */
  function show(items) {
    const held = results.children[chosen]?.dataset.key;
    let n = 0;
    rows(results, items, (i) => i.key, () => el("li", { role: "option", "aria-selected": "false" }), (row, item) => {
      row.id = `found-${n++}`;
      row.className = item.says ? "quiet" : "";
      if (item.all) row.dataset.all = "yes";
      else delete row.dataset.all;
      row.replaceChildren(...(item.says ? [item.says] : [el("span", { class: "state", data: { state: item.state }, title: item.state }, sign(item.state)), " ", el("bdi", {}, item.key)]));
    });
    results.hidden = false;
    field.setAttribute("aria-expanded", "true");
    choose(held === undefined ? -1 : [...results.children].findIndex((row) => row.dataset.key === held));
  }

  field.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(look, PAUSE_MS);
  });
  field.addEventListener("focus", () => field.value.trim() && look());
  field.addEventListener("blur", () => setTimeout(close, 150));
  results.addEventListener("pointerdown", (event) => event.preventDefault());
  results.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (row && (row.dataset.key || row.dataset.all)) pick(row);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? results.children.length - 1 : chosen - 1);
    else if (event.key === "Escape") {
      if (results.hidden) field.value = "";
      close();
      if (!field.value) field.blur();
    } else if (event.key === "Enter") {
      const row = results.children[chosen];
      if (row && (row.dataset.key || row.dataset.all)) pick(row);
      else if (field.value.trim()) {
        close();
        onAll(field.value.trim());
      }
    } else return;
    event.preventDefault();
  });
}
