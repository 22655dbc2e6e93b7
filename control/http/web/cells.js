/* SPDX-License-Identifier: Apache-2.0 */
/* cells: the density map without a screen: the server's bytes taken
 * apart (control/model/density.h says what they are), and where each cell
 * stands. Groups keep their order: they fill strips from left to right,
 * strips follow from top to bottom, and within a group cells fill columns. */

export const GONE = 7;
/* How bad a state is, by its number: where several cells share a pixel
 * the worst is seen. */
export const RANK = [1, 2, 0, 4, 5, 6, 0, 0];

export function parse(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer);
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== "BLD1") throw new Error("this is no map");
  const u32 = (at) => view.getUint32(at, true);
  const map = { layout: u32(4), version: view.getBigUint64(8, true).toString(16), cells: u32(16), depth: u32(24),
    groups: [], state: new Uint8Array(u32(16)) };
  const decoder = new TextDecoder();
  let at = 28, first = 0;
  for (let g = u32(20); g > 0; g--) {
    const cells = u32(at), length = bytes[at + 4];
    const name = decoder.decode(bytes.subarray(at + 5, at + 5 + length));
    map.groups.push({ first, cells, name, section: name.split(/[.\-_/:]/, 1)[0] });
    first += cells;
    at += 5 + length;
  }
  for (let cell = 0; cell < map.cells;) {
    const byte = bytes[at++];
    let run = (byte & 31) + 1;
    if (run === 32)
      for (let shift = 0, more = 128; more; shift += 7) {
        run += (bytes[at] & 127) * 2 ** shift;
        more = bytes[at++] & 128;
      }
    map.state.fill(byte >> 5, cell, cell + run);
    cell += run;
  }
  for (const group of map.groups) group.counts = tally(map.state, group);
  return map;
}

function tally(state, group) {
  const counts = new Uint32Array(8);
  for (let i = group.first; i < group.first + group.cells; i++) counts[state[i]]++;
  return counts;
}

/* Places the groups for cells of `size` pixels in a box `width` wide:
 * strips [{top, rows, blocks: [{group, left, columns, wide}]}], and the
 * height they need. With sections a new first part of the groups' names
 * begins a new strip, which has it for a title. */
function place(groups, size, width, { gap, label, least, sections }) {
  const strips = [];
  let top = 0, i = 0;
  while (i < groups.length) {
    const strip = fill(groups, i, size, width, gap, least, sections);
    if (sections && (i === 0 || groups[i].section !== groups[i - 1].section)) {
      strip.title = groups[i].section;
      top += i > 0 ? gap : 0;
    }
    strip.top = top + (strip.title !== undefined || !sections ? label : 0);
    i += strip.blocks.length;
    top = strip.top + strip.rows * size + gap;
    strips.push(strip);
  }
  return { strips, height: top - gap };
}

/* The strip that begins with group i. Its height is its first group's
 * when that is a square, or more where that alone is wider than the box.
 * Groups of other sizes go on in it while they are no flat crumbs. */
function fill(groups, i, size, width, gap, least, sections) {
  const begin = i;
  const across = Math.max(1, Math.floor((width + 0.001) / size));
  let rows = Math.max(1, Math.ceil(Math.sqrt(groups[i].cells)), Math.ceil(groups[i].cells / across));
  /* A square for the largest of those that may stand beside it. */
  let reach = 0, most = groups[i].cells;
  for (let k = i; k < groups.length && reach < width && !(sections && groups[k].section !== groups[begin].section); k++) {
    most = Math.max(most, groups[k].cells);
    reach += Math.max(least, Math.sqrt(groups[k].cells) * size) + gap;
  }
  if (groups.length === 1) rows = Math.ceil(groups[i].cells / across);
  else if (most <= groups[i].cells * 4) rows = Math.max(rows, Math.ceil(Math.sqrt(most)), Math.ceil(most / across));
  const blocks = [];
  let left = 0;
  for (; i < groups.length; i++) {
    const columns = Math.max(1, Math.ceil(groups[i].cells / rows));
    if (sections && groups[i].section !== groups[begin].section) break;
    const wide = Math.max(least, columns * size);
    if (blocks.length && left + wide > width + 0.001) break;
    if (blocks.length && (groups[i].cells > most * 4 || groups[i].cells * 16 < rows)) break;
    blocks.push({ group: i, left, columns, wide });
    left += wide + gap;
  }
  return { rows, blocks };
}

/* The largest cells, up to `most` pixels, with which all groups fit into
 * the box: `gap` between blocks, `label` above them, each at least
 * `least` wide; `sections` as in place(). */
export function arrange(groups, width, height, { most, ...room }) {
  let low = 0.01, high = most, best = null;
  for (let i = 0; i < 24; i++) {
    /* Whole pixels where there are enough of them: crisp and even. */
    const middle = (low + high) / 2, size = i === 0 ? most : middle >= 2 ? Math.floor(middle) : middle;
    const tried = place(groups, size, width, room);
    if (tried.height <= height) {
      best = { ...tried, ...room, size };
      if (size >= most) break;
      low = middle;
    } else high = middle;
  }
  return best ?? { ...place(groups, low, width, room), ...room, size: low };
}

/* The cell at a point of the box, -1 for none. */
export function cellAt(map, plan, x, y) {
  const strip = last(plan.strips, (s) => s.top <= y);
  const block = strip && last(strip.blocks, (b) => b.left <= x);
  if (!block) return -1;
  const group = map.groups[block.group];
  const column = Math.floor((x - block.left) / plan.size), row = Math.floor((y - strip.top) / plan.size);
  const cell = column * strip.rows + row;
  return row < strip.rows && column < block.columns && cell < group.cells ? group.first + cell : -1;
}

function last(list, holds) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle])) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}

/* Group, strip and block of a cell, and the box of the cell itself. */
export function boxOf(map, plan, cell) {
  const group = last(map.groups, (g) => g.first <= cell && g.cells > 0);
  if (!group) return null;
  const index = map.groups.indexOf(group);
  const strip = plan.strips.find((s) => s.blocks[0].group <= index && s.blocks.at(-1).group >= index);
  const block = strip.blocks[index - strip.blocks[0].group], at = cell - group.first;
  return { group, strip, block, x: block.left + Math.floor(at / strip.rows) * plan.size,
    y: strip.top + (at % strip.rows) * plan.size };
}

/* The next cell in trouble after `cell` in direction `step`, -1: none. */
export function nextTrouble(map, cell, step) {
  for (let n = 1; n <= map.cells; n++) {
    const at = (cell + step * n + map.cells * 2) % map.cells;
    if (RANK[map.state[at]] >= 4) return at;
  }
  return -1;
}

/* Paints the cells into 32-bit pixels: `zoom` and `shift` say which part
 * of the box is seen. A cell smaller than a pixel shares it, the worst
 * is seen; larger ones have a seam between them from 4 pixels on. */
export function paint(pixels, width, height, map, plan, { zoom, x: shiftX, y: shiftY }, colour) {
  const size = plan.size * zoom, seam = size >= 4 ? 1 : 0;
  const worst = size < 1 ? new Uint8Array(width * height) : null;
  for (const strip of plan.strips) {
    const top = strip.top * zoom - shiftY;
    if (top > height || top + strip.rows * size < 0) continue;
    for (const block of strip.blocks) {
      const left = block.left * zoom - shiftX;
      if (left > width || left + block.columns * size < 0) continue;
      const group = map.groups[block.group];
      for (let cell = 0; cell < group.cells; cell++) {
        const column = Math.floor(cell / strip.rows), row = cell - column * strip.rows;
        const x0 = left + column * size, y0 = top + row * size;
        if (x0 >= width) break;
        const state = map.state[group.first + cell];
        if (worst) {
          const px = Math.floor(x0), py = Math.floor(y0);
          if (px < 0 || py < 0 || px >= width || py >= height) continue;
          const at = py * width + px;
          if (worst[at] > RANK[state]) continue;
          worst[at] = RANK[state];
          pixels[at] = colour[state];
          continue;
        }
        const fromX = Math.max(0, Math.round(x0)), toX = Math.min(width, Math.round(x0 + size) - seam);
        const fromY = Math.max(0, Math.round(y0)), toY = Math.min(height, Math.round(y0 + size) - seam);
        if (toX <= fromX) continue; /* left of the box; fill() would count from the end */
        for (let y = fromY; y < toY; y++) pixels.fill(colour[state], y * width + fromX, y * width + toX);
      }
    }
  }
}
