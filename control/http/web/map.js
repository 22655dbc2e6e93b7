/* SPDX-License-Identifier: Apache-2.0 */
/* map: the density map on its canvas: drawn from what cells.js knows,
 * moved by pointer, wheel and keys. Which node a cell is only the server
 * knows: it is asked about the one that is pointed at. */
import { $, text } from "./dom.js";
import { get, request, Refused } from "./api.js";
import { STATES, count, sign, span } from "./format.js";
import * as cells from "./cells.js";

const EVERY_MS = 2000, ASK_AFTER_MS = 70, MOST_ZOOM_CELL = 40;
const NAME = Object.fromEntries(STATES.map((s) => [s.code, s.name]));

const box = $("map-box"), canvas = $("map"), tip = $("map-tip"), pen = canvas.getContext("2d", { alpha: true });
let map = null, plan = null, image = null, at = { zoom: 1, x: 0, y: 0 };
let cursor = -1, asked = { cell: -1, node: null }, askLater = 0, drawing = false;
let by = "auto", colours = {}, open = () => {}, loading = null, timer = 0;

export function start({ onOpen }) {
  open = onOpen;
  by = localStorage.getItem("beatline-map-by") ?? "auto";
  $("map-by").value = by;
  if (!$("map-by").value) $("map-by").value = by = "auto";
  $("map-by").addEventListener("change", () => {
    by = $("map-by").value;
    localStorage.setItem("beatline-map-by", by);
    map = null;
    fit();
    load();
  });
  $("map-in").addEventListener("click", () => zoom(2));
  $("map-out").addEventListener("click", () => zoom(0.5));
  $("map-fit").addEventListener("click", fit);
  new ResizeObserver(resize).observe(box);
  listen();
  recolour();
  document.addEventListener("visibilitychange", () => document.hidden || load());
  load();
}

/* ---- what the server has ------------------------------------------------- */

async function load() {
  clearTimeout(timer);
  loading?.abort();
  loading = new AbortController();
  const wanted = by;
  try {
    const have = map ? `&have=${map.version}` : "";
    const answer = await request("GET", `/api/v1/map?by=${wanted}${have}`, { signal: loading.signal, quiet: map !== null });
    const bytes = await answer.arrayBuffer();
    if (wanted === by && bytes.byteLength > 0) take(cells.parse(bytes));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!map) say(error instanceof Refused ? error.message : "");
  }
  if (!document.hidden) timer = setTimeout(load, EVERY_MS);
}

function take(next) {
  const moved = !map || map.layout !== next.layout;
  map = next;
  if (moved) {
    cursor = -1;
    asked = { cell: -1, node: null };
    tip.hidden = true;
    arrangeAll();
  }
  const groups = map.groups.length;
  text($("map-said"), map.cells ? `${count(map.cells)} in ${count(groups)} ${groups === 1 ? "group" : "groups"}` : "");
  say(map.cells ? "" : "No node has been heard of yet. The first beat makes one.");
  draw();
}

function say(what) {
  $("map-empty").hidden = !what;
  text($("map-empty"), what);
}

/* ---- geometry -------------------------------------------------------------- */

const ratio = () => window.devicePixelRatio || 1;

function resize() {
  const width = Math.max(1, Math.round(box.clientWidth * ratio())), height = Math.max(1, Math.round(box.clientHeight * ratio()));
  if (canvas.width === width && canvas.height === height && image) return;
  const wider = canvas.width !== width;
  canvas.width = width;
  canvas.height = height;
  image = pen.createImageData(width, height);
  if (map && wider) arrangeAll();
  draw();
}

function arrangeAll() {
  if (!map || !image) return;
  const r = ratio(), groups = map.groups.length, named = groups > 1 || (groups === 1 && map.groups[0].name !== "");
  const tallest = Math.min(704, Math.max(320, window.innerHeight * 0.52));
  const tried = (more) => cells.arrange(map.groups, canvas.width, Math.round(tallest * r), {
    most: (map.cells < 200 ? 40 : 24) * r, gap: Math.round((groups > 900 ? 2 : groups > 200 ? 4 : 8) * r), label: 0, least: 0, sections: false, ...more });
  plan = tried({});
  /* With names above the groups, or above those of one first part, where
   * there is room for words and it does not cost too much. */
  const label = Math.round(15 * r), sections = new Set(map.groups.map((g) => g.section)).size;
  let other = null;
  if (named && groups <= 40) other = tried({ label, least: 84 * r });
  else if (sections > 1 && sections <= 24 && groups > sections) other = tried({ label, sections: true });
  if (other && (other.size > plan.size * 0.6 || other.size >= 10 * r)) plan = other;
  /* A small fleet needs no large box. */
  box.style.height = `${Math.min(tallest, Math.max(96, plan.height / r + 4))}px`;
  at = { zoom: 1, x: 0, y: 0 };
}

function fit() {
  at = { zoom: 1, x: 0, y: 0 };
  arrangeAll();
  draw();
}

/* Keeps the point (x, y) of the canvas where it is; without one that of
 * the chosen cell, or the middle. */
function zoom(factor, x, y) {
  if (!plan) return;
  if (x === undefined) {
    const cell = map && cursor >= 0 && cursor < map.cells ? cells.boxOf(map, plan, cursor) : null;
    x = cell ? cell.x * at.zoom - at.x : canvas.width / 2;
    y = cell ? cell.y * at.zoom - at.y : canvas.height / 2;
  }
  const most = Math.max(1, (MOST_ZOOM_CELL * ratio()) / plan.size);
  const next = Math.min(most, Math.max(1, at.zoom * factor));
  at.x = ((at.x + x) * next) / at.zoom - x;
  at.y = ((at.y + y) * next) / at.zoom - y;
  at.zoom = next;
  pan(0, 0);
}

function pan(x, y) {
  at.x = Math.min(canvas.width * (at.zoom - 1), Math.max(0, at.x + x));
  at.y = Math.min(canvas.height * (at.zoom - 1), Math.max(0, at.y + y));
  draw();
}

/* ---- drawing ----------------------------------------------------------------- */

export function recolour() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  colours = { text: read("--quiet"), ink: read("--ink"), cell: [] };
  const swatch = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (css) => {
    swatch.clearRect(0, 0, 1, 1);
    swatch.fillStyle = css;
    swatch.fillRect(0, 0, 1, 1);
    return new Uint32Array(swatch.getImageData(0, 0, 1, 1).data.buffer)[0];
  };
  for (const s of STATES) colours.cell[s.code] = pixel(read(`--map-${s.name}`));
  colours.cell[cells.GONE] = colours.cell[6] = pixel(read("--map-gone"));
  draw();
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (!image) return;
    const pixels = new Uint32Array(image.data.buffer);
    pixels.fill(0);
    if (map && plan) cells.paint(pixels, canvas.width, canvas.height, map, plan, at, colours.cell);
    pen.putImageData(image, 0, 0);
    if (map && plan) {
      drawLabels();
      drawCursor();
    }
    canvas.dataset.drawn = map ? map.version : "";
  });
}

function drawLabels() {
  if (!plan.label) return;
  const r = ratio();
  pen.font = `${11 * r}px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "alphabetic";
  for (const strip of plan.strips) {
    const y = strip.top * at.zoom - at.y - 4 * r;
    if (y < 0 || y > canvas.height + 20) continue;
    if (plan.sections) {
      if (strip.title !== undefined) write(strip.title, map.groups.filter((g) => g.section === strip.title), -at.x, y, canvas.width);
      continue;
    }
    for (const block of strip.blocks) {
      const group = map.groups[block.group], left = block.left * at.zoom - at.x;
      const room = (block.wide + plan.gap) * at.zoom - 4 * r;
      if (left < canvas.width && left + room > 0) write(group.name || "fleet", [group], left, y, room);
    }
  }
}

/* A name above its groups, and how many of theirs are in trouble. */
function write(name, groups, x, y, room) {
  const sum = groups.reduce((n, g) => n + inTrouble(g), 0), says = sum ? `${name}  ${count(sum)} in trouble` : name;
  pen.fillStyle = sum ? colours.ink : colours.text;
  const label = pen.measureText(says).width <= room ? says : shorten(name, room);
  if (label) pen.fillText(label, x, y);
}

const inTrouble = (group) => group.counts[5] + group.counts[4] + group.counts[3];

function shorten(name, room) {
  if (pen.measureText(name).width <= room) return name;
  let low = 0, high = name.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText("…" + name.slice(name.length - middle)).width <= room) low = middle;
    else high = middle - 1;
  }
  return low >= 2 ? "…" + name.slice(name.length - low) : "";
}

function drawCursor() {
  if (cursor < 0 || cursor >= map.cells) return;
  const where = cells.boxOf(map, plan, cursor), r = ratio();
  const size = Math.max(plan.size * at.zoom, 5 * r);
  const x = where.x * at.zoom - at.x, y = where.y * at.zoom - at.y;
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 2 * r;
  pen.strokeRect(x - r, y - r, size + r, size + r);
}

/* ---- pointing at cells -------------------------------------------------------- */

function cellUnder(event) {
  const frame = canvas.getBoundingClientRect(), r = ratio();
  if (!map || !plan) return -1;
  return cells.cellAt(map, plan, ((event.clientX - frame.left) * r + at.x) / at.zoom, ((event.clientY - frame.top) * r + at.y) / at.zoom);
}

function point(cell, x, y) {
  clearTimeout(askLater);
  if (cell < 0 || !map) {
    tip.hidden = true;
    return;
  }
  if (asked.cell !== cell) asked = { cell, node: null };
  showTip(x, y);
  if (!asked.node) askLater = setTimeout(() => who(cell).then((node) => node && asked.cell === cell && showTip(x, y)), ASK_AFTER_MS);
}

function describe(cell) {
  const group = cells.boxOf(map, plan, cell).group, state = NAME[map.state[cell]] ?? "gone";
  const node = asked.cell === cell ? asked.node : null;
  return { state: node?.state ?? state, name: node?.name ?? "…", group, age: node ? node.age_ms : null, known: !!node };
}

function showTip(x, y) {
  const d = describe(asked.cell), bad = inTrouble(d.group);
  tip.replaceChildren();
  const head = document.createElement("b");
  head.textContent = d.name;
  const line = document.createElement("span");
  line.dataset.state = d.state;
  line.className = "state";
  line.textContent = `${sign(d.state)} ${d.state}` + (d.age !== null && d.age !== undefined ? `, last beat ${span(d.age)} ago` : "");
  const group = document.createElement("small");
  group.textContent = `${d.group.name || "fleet"}: ${bad ? `${count(bad)} of ` : ""}${count(d.group.cells)}${bad ? " in trouble" : " nodes"}`;
  tip.append(head, line, group);
  tip.hidden = false;
  const left = Math.min(x + 14, box.clientWidth - tip.offsetWidth - 4), top = y + tip.offsetHeight + 24 > box.clientHeight ? y - tip.offsetHeight - 10 : y + 16;
  tip.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, top)}px)`;
}

/* The node of a cell; null: it has left, or the map is being remade. */
async function who(cell) {
  try {
    const node = await get(`/api/v1/map/cell?by=${by}&layout=${map.layout}&cell=${cell}`, { quiet: true });
    if (asked.cell === cell) asked.node = node;
    return node;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) load();
    return null;
  }
}

async function openCell(cell) {
  const node = await who(cell);
  if (node) open(node.name);
}

/* ---- by pointer ------------------------------------------------------------------ */

function listen() {
  let drag = null;
  canvas.addEventListener("pointermove", (event) => {
    const frame = canvas.getBoundingClientRect();
    if (drag) {
      const r = ratio();
      drag.moved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4;
      if (drag.moved) pan((drag.lastX - event.clientX) * r, (drag.lastY - event.clientY) * r);
      drag.lastX = event.clientX;
      drag.lastY = event.clientY;
      return;
    }
    point(cellUnder(event), event.clientX - frame.left, event.clientY - frame.top);
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, y: event.clientY, lastX: event.clientX, lastY: event.clientY, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", (event) => {
    const click = drag && !drag.moved;
    drag = null;
    const cell = cellUnder(event);
    if (click && cell >= 0) {
      select(cell, false);
      openCell(cell);
    }
  });
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("wheel", (event) => {
    /* Over the whole fleet the wheel scrolls the page, as anywhere. */
    if (!event.ctrlKey && !event.metaKey && at.zoom === 1 && event.deltaY > 0) return;
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas && at.zoom === 1) return;
    event.preventDefault();
    const frame = canvas.getBoundingClientRect(), r = ratio();
    zoom(Math.exp(-event.deltaY / 300), (event.clientX - frame.left) * r, (event.clientY - frame.top) * r);
  }, { passive: false });
  canvas.addEventListener("keydown", keys);
  canvas.addEventListener("blur", () => point(-1));
}

/* ---- by keys ----------------------------------------------------------------------- */

function select(cell, show = true) {
  cursor = cell;
  const where = cells.boxOf(map, plan, cell), size = plan.size * at.zoom;
  const x = where.x * at.zoom - at.x, y = where.y * at.zoom - at.y;
  if (x < 0 || y < 0 || x + size > canvas.width || y + size > canvas.height)
    pan(x - canvas.width / 2, y - canvas.height / 2);
  draw();
  if (!show) return;
  const r = ratio();
  point(cell, (where.x * at.zoom - at.x + size) / r, (where.y * at.zoom - at.y + size) / r);
  const d = describe(cell);
  text($("map-cell"), `${d.group.name || "fleet"}, ${d.state}`);
  who(cell).then((node) => {
    if (node && cursor === cell) text($("map-cell"), `${node.name}, ${node.state}, last beat ${node.age_ms === null ? "never" : span(node.age_ms) + " ago"}`);
  });
}

/* A cell further in a direction: through the group, then into the next. */
function beside(cell, dx, dy) {
  const where = cells.boxOf(map, plan, cell), step = plan.size;
  for (let far = 1; far < 4096; far++) {
    const x = where.x + step / 2 + dx * step * far, y = where.y + step / 2 + dy * step * far;
    if (x < 0 || y < 0 || x > canvas.width || y > canvas.height) return cell;
    const found = cells.cellAt(map, plan, x, y);
    if (found >= 0) return found;
  }
  return cell;
}

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function keys(event) {
  if (!map || !map.cells || !plan || event.ctrlKey || event.metaKey || event.altKey) return;
  const way = WAYS[event.key];
  if (way && event.shiftKey) pan((way[0] * canvas.width) / 8, (way[1] * canvas.height) / 8);
  else if (way) select(cursor < 0 ? 0 : beside(cursor, ...way));
  else if (event.key === "n" || event.key === "p") {
    const found = cells.nextTrouble(map, cursor, event.key === "n" ? 1 : -1);
    if (found >= 0) select(found);
    else text($("map-cell"), "No node is in trouble.");
  } else if (event.key === "Home") select(0);
  else if (event.key === "End") select(map.cells - 1);
  else if (event.key === "+" || event.key === "=") zoom(2);
  else if (event.key === "-") zoom(0.5);
  else if (event.key === "0") fit();
  else if (event.key === "Enter" && cursor >= 0) openCell(cursor);
  else return;
  event.preventDefault();
}
