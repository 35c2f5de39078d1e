// Looks at pages in Chromium as people do, and says on stdout as JSON what it has seen. The tasks come on stdin as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const tasks = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${tasks.packages}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({ executablePath: tasks.chromium, args: ["--no-sandbox"] });

// A page that notes whatever should not happen.
async function watched(context, origin) {
  const page = await context.newPage();
  const seen = [];
  page.on("dialog", (dialog) => {
    seen.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => seen.push(`error: ${error.message}`));
  page.on("console", (line) => ["error", "warning"].includes(line.type()) && seen.push(`console: ${line.text()}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:") seen.push(`request: ${request.url()}`);
  });
  return { page, seen };
}

async function look({ url, scheme, width, shot, script, barriers }) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, javaScriptEnabled: script });
  const { page, seen } = await watched(context, new URL(url).origin);
  const response = await page.goto(url);
  const bytes = (await response.body()).length;
  const text = await page.innerText("body");
  const found = { url, scheme, width, status: response.status(), bytes, text, seen };
  if (script) {
    found.overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    found.handlers = await page.evaluate(
      () => [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some((it) => it.name.startsWith("on"))).length,
    );
  }
  if (barriers) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    found.violations = violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, html: nodes[0].html, count: nodes.length }));
  }
  if (shot) await page.screenshot({ path: shot, fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(1400, await page.evaluate(() => document.body.scrollHeight)) } });
  await context.close();
  return found;
}

// What a person sees behind the focus, by pressing Tab alone.
async function tabs({ url }) {
  const context = await browser.newContext();
  const { page } = await watched(context, new URL(url).origin);
  await page.goto(url);
  const reachable = await page.evaluate(
    () => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter((one) => one.checkVisibility()).length,
  );
  const reached = [];
  // A field for a time has a part for each Tab.
  for (let press = 0; press < reachable + 100; press += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return null;
      one.dataset.reached = "yes";
      return { name: one.tagName, outline: getComputedStyle(one).outlineStyle };
    });
    if (!focus) break;
    reached.push(focus);
  }
  const missed = await page.evaluate(
    () => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter((one) => one.checkVisibility() && !one.dataset.reached).map((one) => one.outerHTML),
  );
  await context.close();
  return { first: reached[0], missed, unseen: reached.filter(({ outline }) => outline === "none").map(({ name }) => name) };
}

// Finds a wrong prediction, labels it by keyboard, and sees the accuracy change.
async function label({ url, key }) {
  const context = await browser.newContext();
  const { page, seen } = await watched(context, new URL(url).origin);
  await page.goto(url);
  if (key) {
    await page.fill("input[name=key]", key);
    await page.click("form.filter button");
  }
  const progress = () => page.innerText("main > p:has(b)");
  const before = await progress();
  const steps = [];
  for (const pressed of ["1", "2", "u", "1"]) {
    await Promise.all([page.waitForNavigation(), page.keyboard.press(pressed)]);
    steps.push({ pressed, url: page.url(), progress: await progress(), status: await page.locator("[role=status]").allInnerTexts() });
  }
  await context.close();
  return { before, steps, seen };
}

// Tries a model by the form of its page.
async function predict({ url, file, row }) {
  const context = await browser.newContext();
  const { page, seen } = await watched(context, new URL(url).origin);
  await page.goto(url);
  if (file) await page.setInputFiles("input[type=file]", file);
  else await page.click("button[value=row]");
  await page.waitForSelector("[data-answer] section, [data-answer] [role=alert]");
  const answer = await page.innerText("[data-answer]");
  await page.click("summary");
  await page.fill("textarea", "{");
  await page.click("button[value=json]");
  await page.waitForSelector("[data-answer] [role=alert]");
  const refusal = await page.innerText("[data-answer]");
  await context.close();
  return { answer, refusal, seen };
}

const kinds = { look, tabs, label, predict };
const results = [];
for (const task of tasks.list) results.push(await kinds[task.kind](task));
await browser.close();
process.stdout.write(JSON.stringify(results));
