/* SPDX-License-Identifier: Apache-2.0 */
/* drive: a browser that does what it is told, a line of JSON each on
 * stdin, and answers each with one on stdout: {"value": ...} or
 * {"error": "..."}. tests/system/browser.py speaks to it; the stories are
 * there. */
import { createInterface } from "node:readline";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE_MS = 15000;
let browser = null, page = null, said = [], sizes = [];

function watch(made) {
  made.on("console", (m) => ["error", "warning"].includes(m.type()) && said.push(m.text()));
  made.on("pageerror", (e) => said.push(`uncaught: ${e.message}`));
  made.on("requestfinished", async (request) => {
    const size = await request.sizes().catch(() => null);
    if (size) sizes.push({ path: new URL(request.url()).pathname, bytes: size.responseHeadersSize + size.responseBodySize });
  });
}

const DO = {
  async start({ width = 1440, height = 1000, scheme = "light" }) {
    browser ??= await chromium.launch({ executablePath: process.env.BL_CHROMIUM, args: ARGS });
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
    watch(page);
  },
  go: async ({ url }) => void (await page.goto(url)),
  click: async ({ at, x, y }) => void (await page.locator(at).first().click(x === undefined ? {} : { position: { x, y } })),
  hover: async ({ at, x, y }) => void (await page.locator(at).first().hover({ position: { x, y } })),
  fill: async ({ at, value }) => void (await page.locator(at).fill(value)),
  choose: async ({ at, value }) => void (await page.locator(at).selectOption(value)),
  press: async ({ keys }) => {
    for (const key of [].concat(keys)) await page.keyboard.press(key);
  },
  type: async ({ value }) => void (await page.keyboard.type(value)),
  texts: ({ at }) => page.locator(at).allInnerTexts(),
  seen: ({ at }) => page.locator(at).first().isVisible(),
  async wait({ at, text, gone }) {
    const found = text === undefined ? page.locator(at) : page.locator(at, { hasText: text });
    await found.first().waitFor({ state: gone ? "hidden" : "visible" });
  },
  look: ({ what, with: argument }) => page.evaluate(`(${what})(${JSON.stringify(argument ?? null)})`),
  /* The server's own answer at `path`, its members overlaid; null: as it is again. */
  async amend({ path, ...members }) {
    await page.unroute(path);
    if (Object.values(members).every((m) => m === null)) return;
    await page.route(path, async (route) => {
      const answer = await route.fetch(), json = await answer.json();
      for (const [name, overlay] of Object.entries(members)) Object.assign(json[name], overlay);
      await route.fulfill({ response: answer, json });
    });
  },
  shot: async ({ path }) => void (await page.screenshot({ path })),
  size: async ({ width, height }) => void (await page.setViewportSize({ width, height })),
  said: () => said.splice(0),
  sizes: () => sizes.splice(0),
  async close() {
    await page?.context().close();
    page = null;
  },
};

if (!process.env.BL_CHROMIUM || !existsSync(process.env.BL_CHROMIUM)) throw new Error("BL_CHROMIUM is no browser");
for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...more } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await DO[what](more)) ?? null };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser?.close();
