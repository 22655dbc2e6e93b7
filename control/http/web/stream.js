/* SPDX-License-Identifier: Apache-2.0 */
/* stream: server-sent events over fetch, because EventSource can carry no
 * token. Goes on where it stopped (Last-Event-ID) when the connection
 * was lost. */
import { headers, askToken, token } from "./api.js";

const LEAST_MS = 500, MOST_MS = 15000;
/* The server writes at least a comment every 15 s. */
const SILENCE_MS = 40000;

/* on: {event(type, data, id), state("live" | "lost", why)} */
export function follow(path, on) {
  let last = null, wait = LEAST_MS, stopped = false, wake = null;

  async function once() {
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    const more = { Accept: "text/event-stream" };
    if (last !== null) more["Last-Event-ID"] = last;
    const sent = token();
    try {
      const answer = await fetch(path, { headers: headers(more), cache: "no-store", signal: abort.signal });
      if (answer.status === 401 && (token() !== sent || (await askToken(401)))) return (wait = 0);
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      wait = LEAST_MS;
      on.state("live");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const take = parser((type, data, id) => {
        if (id !== null) last = id;
        on.event(type, data, id);
      });
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return null;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        take(value);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  async function go() {
    while (!stopped) {
      let why = "the daemon ended the connection";
      try {
        await once();
      } catch (error) {
        why = error.message;
      }
      on.state("lost", why);
      await new Promise((done) => {
        wake = done;
        setTimeout(done, wait);
      });
      wait = Math.min(MOST_MS, Math.max(LEAST_MS, wait * 2));
    }
  }
  go();
  return { stop: () => (stopped = true), now: () => wake?.() };
}

/* Takes text as it comes, calls `emit` for each event. */
export function parser(emit) {
  let rest = "", type = "message", id = null, data = [];
  return (chunk) => {
    const all = (rest + chunk).split("\n");
    rest = all.pop();
    for (let line of all) {
      if (line.endsWith("\r")) line = line.slice(0, -1);
      if (line === "") {
        if (data.length) emit(type, data.join("\n"), id);
        type = "message";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") data.push(value);
      else if (field === "event") type = value;
      else if (field === "id") id = value;
    }
  };
}
