/* SPDX-License-Identifier: Apache-2.0 */
/* format: numbers and times as people read them. */

/* Worst first. `sign` says the same as the colour. `code` is the number
 * of the state in the density map. */
export const STATES = [
  { name: "failed", code: 5, sign: "✖" },
  { name: "warning", code: 4, sign: "▲" },
  { name: "unknown", code: 3, sign: "?" },
  { name: "ok", code: 2, sign: "●" },
  { name: "paused", code: 1, sign: "‖" },
  { name: "new", code: 0, sign: "○" },
];
export const TROUBLE = ["failed", "warning", "unknown"];
const SIGN = Object.fromEntries(STATES.map((s) => [s.name, s.sign]));
export const sign = (state) => SIGN[state] ?? "·";
export const severity = (state) => 6 - STATES.findIndex((s) => s.name === state);

const whole = new Intl.NumberFormat("en");
export const count = (n) => whole.format(n);

export function short(n) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (n >= size * 9.9995) return (n / size).toPrecision(3) + " " + unit;
  return n >= 100 ? count(Math.round(n)) : String(Math.round(n * 10) / 10);
}

/* "840 ms" "3.2 s" "4 m 12 s" "2 h 5 m" "3 d 4 h" */
export function span(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 99950) return (ms / 1000).toFixed(1).replace(/\.0$/, "") + " s";
  const s = Math.floor(ms / 1000);
  const two = (size, unit, smaller, less) => {
    const rest = Math.floor(s / smaller) % (size / smaller);
    return `${Math.floor(s / size)} ${unit}` + (rest ? ` ${rest} ${less}` : "");
  };
  return s < 3600 ? two(60, "m", 1, "s") : s < 86400 ? two(3600, "h", 60, "m") : two(86400, "d", 3600, "h");
}

/* A duration as the server takes it: exact, one unit. 0: none. */
export function duration(ms) {
  if (!ms) return "none";
  for (const [unit, size] of [["d", 86400000], ["h", 3600000], ["m", 60000], ["s", 1000]])
    if (ms % size === 0) return ms / size + unit;
  return ms + "ms";
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/* The time, with the day if it was not today. */
export function when(unixMs) {
  const t = new Date(unixMs);
  const time = clockFormat.format(t);
  return t.toDateString() === new Date().toDateString() ? time : `${dayFormat.format(t)} ${time}`;
}

/* Times come as RFC 3339 or as Unix milliseconds; null: never. */
export const time = (value) => value === null || value === undefined ? null : typeof value === "number" ? value : Date.parse(value);

/* What names begin with in common, cut after a separator. */
export function common(names) {
  let head = names[0] ?? "";
  for (const name of names) while (!name.startsWith(head)) head = head.slice(0, -1);
  return head === names[0] ? head : head.replace(/[^.\-_/:]*$/, "");
}
