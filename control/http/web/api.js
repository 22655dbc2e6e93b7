/* SPDX-License-Identifier: Apache-2.0 */
/* api: requests to the daemon that served this page. Where it wants a
 * token the person is asked for it once; it is kept for this tab alone. */
import { ask } from "./dom.js";

const KEY = "beatline-token";

export class Refused extends Error {
  constructor(status, says) {
    super(says);
    this.status = status;
  }
}

export function headers(more = {}) {
  return token() ? { ...more, Authorization: `Bearer ${token()}` } : more;
}

let asking = null, declined = false;

export const token = () => sessionStorage.getItem(KEY);

/* One dialog for all requests that were refused meanwhile. Who gave none
 * is not asked again on every look, only `again`. True: there is another
 * token now. */
export async function askToken(refused, again = false) {
  if (declined && refused === 401 && !again) return false;
  asking ??= ask({
    title: "This daemon wants a token",
    says: refused === 403 ? "The one you gave may not do that." : "Tokens are in the daemon's config, under http.",
    yes: "Use it",
    fields: [{ name: "token", label: "Token", type: "password" }],
  }).then((answer) => {
    asking = null;
    declined = !answer || !answer.token;
    if (declined) return false;
    sessionStorage.setItem(KEY, answer.token.trim());
    return true;
  });
  return asking;
}

/* The answer, whatever its body; throws Refused, with what the server says. */
export async function request(method, path, { body, signal, quiet = false } = {}) {
  const init = { method, signal, headers: headers(body ? { "Content-Type": "application/json" } : {}), cache: "no-store" };
  if (body) init.body = JSON.stringify(body);
  const sent = token();
  const answer = await fetch(path, init);
  if (answer.ok) return answer;
  if (!quiet && (answer.status === 401 || (answer.status === 403 && sent))) {
    if (token() !== sent || (await askToken(answer.status)))
      return request(method, path, { body, signal });
  }
  throw new Refused(answer.status, await reason(answer));
}

async function reason(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title || answer.statusText;
  } catch {
    return `${answer.status} ${answer.statusText}`;
  }
}

export async function get(path, options) {
  return (await request("GET", path, options)).json();
}

/* One object a line. */
export async function lines(path, options) {
  const said = await (await request("GET", path, options)).text();
  return said.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}
