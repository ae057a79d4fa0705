// Opens a report in Chromium, uses it as a reader does who has no mouse, and prints what was seen as JSON.
// `node page.js MODULES CHROMIUM PAGE [FOLDER]`: with a folder also screenshots, light, dark and narrow.
"use strict";
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [modules, chromium, file, folder] = process.argv.slice(2);
const puppeteer = require(join(modules, "puppeteer-core"));
const axe = readFileSync(join(modules, "axe-core/axe.min.js"), "utf8");
const url = `file://${file}`;
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 400, height: 800 };

// What is chosen, and what is to be seen because of it.
const state = () => ({
  chosen: [...document.querySelectorAll(".controls select")].map((select) => [select.name, select.value]),
  rows: [...document.querySelectorAll("main tr")].map((row) => row.hidden),
  columns: [...document.querySelectorAll("table.map th, table.map td")].map((cell) => cell.hidden),
  marks: [...document.querySelectorAll("svg [data-target]")].map((mark) => mark.classList.contains("off")),
  drawings: [...document.querySelectorAll(".drawing")].map((drawing) => drawing.hidden),
});

// Whatever one can come to by the tabulator: what has room on the page.
const reachable = () => {
  const all = [...document.querySelectorAll("a[href], button, select, summary, [tabindex='0']")];
  const shown = all.filter((it) => it.checkVisibility({ visibilityProperty: true }) && it.getClientRects().length > 0);
  shown.forEach((it, at) => (it.dataset.reach = at));
  return shown.length;
};

(async () => {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const seen = { errors: [], faults: [] };
  const open = async (viewport, address = url, features = []) => {
    const page = await browser.newPage();
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.errors.push(message.text()));
    page.on("request", (request) => !request.url().startsWith(url) && seen.errors.push(`fetched ${request.url()}`));
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }, ...features]);
    await page.goto(address);
    return page;
  };
  const dark = [{ name: "prefers-color-scheme", value: "dark" }];

  const page = await open(WIDE);
  seen.height = await page.evaluate(() => document.documentElement.scrollHeight);
  const top = () => page.evaluate(() => {
    const chart = [...document.querySelectorAll("figure svg")].find((svg) => svg.getClientRects().length > 0);
    const figure = document.querySelector("#answer .first");
    return { chart: chart.getBoundingClientRect().top + scrollY, figure: figure.getBoundingClientRect().bottom + scrollY, text: figure.textContent };
  });
  seen.wide = await top();

  // No serious fault for those who use other means than eyes and a mouse, folded and unfolded.
  const faults = async (name, page) => {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await axe.run(document, { resultTypes: ["violations"] });
      return violations.map(({ id, impact, nodes }) => ({ id, impact, count: nodes.length, first: nodes[0].html.slice(0, 160) }));
    });
    seen.faults.push(...found.filter(({ impact }) => ["serious", "critical"].includes(impact)).map((fault) => ({ name, ...fault })));
  };
  await faults("light", page);
  const night = await open(WIDE, url, dark);
  await faults("dark", night);
  await night.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  await faults("unfolded", night);

  // From key to key through the whole page.
  const all = await page.evaluate(reachable);
  const reached = new Set();
  for (let step = 0; step < all + 20; step++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.dataset.reach);
    if (at === undefined && reached.size > 0) break;
    if (at !== undefined) reached.add(at);
  }
  seen.reach = { all, reached: reached.size };
  seen.missed = await page.evaluate((known) => [...document.querySelectorAll("[data-reach]")].filter((it) => !known.includes(it.dataset.reach)).map((it) => it.outerHTML.slice(0, 120)), [...reached]);

  // A fold, a picture's marks, its key.
  const fold = await page.$("main details.figures > summary");
  await fold.focus();
  await page.keyboard.press("Enter");
  seen.unfolded = await page.evaluate(() => document.querySelector("main details.figures").open);
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  await page.evaluate(() => [...document.querySelectorAll("figure svg[tabindex]")].find((svg) => svg.getClientRects().length > 0).focus());
  await page.keyboard.press("ArrowDown");
  seen.told = await page.evaluate(() => document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent);
  await page.keyboard.press("Escape");
  seen.quiet = await page.evaluate(() => document.getElementById("tip").hidden);
  seen.key = await page.evaluate(() => {
    const key = [...document.querySelectorAll("svg .key[role=button]")].find((key) => key.getClientRects().length > 0);
    if (!key) return false;
    key.focus();
    window.keyed = key;
    return true;
  });
  if (seen.key) {
    const shown = () => page.evaluate(() => {
      const { target } = window.keyed.dataset;
      const marks = [...window.keyed.closest("svg").querySelectorAll("[data-target]:not(.key)")];
      return marks.filter((mark) => mark.dataset.target === target && mark.getClientRects().length > 0).length;
    });
    seen.before = await shown();
    await page.keyboard.press("Enter");
    seen.after = await shown();
    await page.keyboard.press(" ");
    seen.again = await shown();
  }

  // A choice by keyboard stands in the address, and the address makes the choice.
  await page.focus(".controls select[name=target]");
  await page.keyboard.press("ArrowDown");
  await page.evaluate(() => document.querySelector(".controls select[name=target]").dispatchEvent(new Event("change")));
  seen.address = await page.evaluate(() => location.hash);
  seen.chosen = await page.evaluate(() => document.querySelector(".controls select[name=target]").value);
  const here = await page.evaluate(state);
  const link = await page.evaluate(() => location.href);
  const other = await open(WIDE, link);
  const there = await other.evaluate(state);
  seen.same = JSON.stringify(here) === JSON.stringify(there);
  seen.filtered = there.rows.filter(Boolean).length > 0 && there.marks.filter(Boolean).length > 0;

  // Links of the contents land below the bar, and keep the choice.
  const places = await other.evaluate(() => [...document.querySelectorAll("#contents a")].map((link) => link.hash));
  seen.hidden = [];
  for (const place of places) {
    await other.evaluate((hash) => document.querySelector(`#contents a[href="${CSS.escape(hash).replace("\\#", "#")}"]`)?.click(), place);
    await other.waitForFunction((hash) => location.hash.startsWith(hash), {}, place);
    await other.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const at = await other.evaluate((hash) => {
      const bar = document.querySelector(".controls").getBoundingClientRect();
      const top = document.getElementById(decodeURIComponent(hash.slice(1))).getBoundingClientRect().top;
      return { top, under: bar.top <= 1 && top < bar.bottom, hash: location.hash };
    }, place);
    if (at.under || at.top > 880 || !at.hash.includes("?target=")) seen.hidden.push({ place, ...at });
  }

  // On paper all is unfolded.
  seen.printed = await other.evaluate(() => {
    const folds = [...document.querySelectorAll("details")];
    dispatchEvent(new Event("beforeprint"));
    const open = folds.every((fold) => fold.open);
    dispatchEvent(new Event("afterprint"));
    return open && folds.some((fold) => !fold.open);
  });

  const small = await open(NARROW);
  seen.narrow = await small.evaluate(() => ({
    figure: document.querySelector("#answer .first").getBoundingClientRect().bottom,
    wide: document.documentElement.scrollWidth,
    chart: (() => {
      const svg = [...document.querySelectorAll("figure svg")].find((svg) => svg.getClientRects().length > 0);
      const text = svg.querySelector("text");
      return { drawn: svg.viewBox.baseVal.width, shown: svg.getBoundingClientRect().width, text: text.getBoundingClientRect().height };
    })(),
  }));
  if (folder) {
    for (const [name, viewport, features] of [["light", WIDE, []], ["dark", WIDE, dark], ["narrow", NARROW, []]]) {
      const taken = await open(viewport, url, features);
      await taken.screenshot({ path: join(folder, `${name}.png`) });
      const height = await taken.evaluate(() => document.documentElement.scrollHeight);
      const most = name === "narrow" ? 6000 : 9000;
      await taken.screenshot({ path: join(folder, `${name}-whole.png`), clip: { x: 0, y: 0, width: viewport.width, height: Math.min(height, most) } });
    }
  }
  await browser.close();
  process.stdout.write(JSON.stringify(seen));
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
