/* SPDX-License-Identifier: Apache-2.0 */
/* dom: elements from plain values. Anybody may name a node: a text is
 * only ever a text node, there is no way from here to markup. */

export const $ = (id) => document.getElementById(id);

/* el("a", {class: "x", href: "#", on: {click: f}, data: {state: "ok"}}, "text", child, ...) */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, f] of Object.entries(value)) made.addEventListener(event, f);
    else if (name === "data") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return made;
}

export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/* Rows of `parent` become those of `items`: known keys are kept and
 * updated in place, so that focus and selection stay where they are. */
export function rows(parent, items, key, make, update) {
  const old = new Map([...parent.children].map((row) => [row.dataset.key, row]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let row = old.get(k);
    if (row) old.delete(k);
    else {
      row = make(item);
      row.dataset.key = k;
    }
    update(row, item);
    if (row === at) at = at.nextElementSibling;
    else parent.insertBefore(row, at);
  }
  for (const row of old.values()) row.remove();
}

/* Up and down between what can be focused in a list. */
export function arrows(list, selector) {
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = [...list.querySelectorAll(selector)];
    const next = all[all.indexOf(document.activeElement) + step];
    if (next) {
      next.focus();
      event.preventDefault();
    }
  });
}

/* Asks in a dialog of its own; fields: [{name, label, type, value}].
 * Resolves to {name: value} or null. */
export function ask({ title, says = "", yes, no = "Cancel", danger = false, fields = [] }) {
  const dialog = $("ask");
  return new Promise((resolve) => {
    const inputs = fields.map((f) =>
      el("input", { name: f.name, type: f.type ?? "text", id: `ask-${f.name}`, autocomplete: "off", value: f.value ?? "", placeholder: f.placeholder }));
    const confirm = el("button", { type: "submit", class: danger ? "danger" : "primary" }, yes);
    const cancel = el("button", { type: "button", on: { click: () => dialog.close() } }, no);
    let answer = null;
    const form = el("form", { method: "dialog", on: { submit: (event) => {
      event.preventDefault();
      answer = Object.fromEntries(inputs.map((i) => [i.name, i.value]));
      dialog.close();
    } } },
      el("h2", { id: "ask-title" }, title), says && el("p", {}, says),
      ...fields.flatMap((f, i) => [el("label", { for: `ask-${f.name}` }, f.label), inputs[i]]),
      el("div", { class: "answers" }, cancel, confirm));
    dialog.setAttribute("aria-labelledby", "ask-title");
    dialog.replaceChildren(form);
    dialog.addEventListener("close", () => resolve(answer), { once: true });
    dialog.showModal();
    (inputs[0] ?? cancel).focus();
  });
}
