"use strict";
// Sorts tables, filters by axis, switches pictures, and tells a cell's figures where one points at it.
// Without this script everything is shown; nothing is fetched.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    element.textContent = text;
    parent.append(element);
    return element;
  };

  const UNITS = { ns: 1, "µs": 1e3, us: 1e3, ms: 1e6, s: 1e9, B: 1, KB: 1e3, MB: 1e6, KiB: 1024, MiB: 1048576, GiB: 1073741824 };
  const amount = (text) => {
    const found = /^[≥≤<~ ]*([\d,]+(?:\.\d+)?)\s*([A-Za-zµ]*)/.exec(text);
    return found ? Number(found[1].replaceAll(",", "")) * (UNITS[found[2]] ?? 1) : NaN;
  };
  const before = (a, b) => {
    const [x, y] = [amount(a), amount(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) {
      // What is missing comes last among figures.
      return Number.isNaN(x) === Number.isNaN(y) ? a.localeCompare(b) : Number.isNaN(x) ? 1 : -1;
    }
    return x - y;
  };

  const tables = all("main table").filter((table) => table.tHead);
  for (const table of tables) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => (rising ? 1 : -1) * before(a.cells[at].textContent, b.cells[at].textContent));
        rows.forEach((row) => row.classList.remove("begins"));
        table.tBodies[0].append(...rows);
      });
    });
  }

  // The axes are the leading names of the tables of cells; the choices are what stands there.
  const chosen = new Map();
  const axes = new Map();
  const named = (table) => [...table.tHead.rows[0].cells].filter((head) => head.className === "name").map((head) => head.textContent);
  for (const table of tables.filter((table) => table.querySelector("tr[data-cell]"))) {
    named(table).forEach((axis, at) => {
      if (!axes.has(axis)) axes.set(axis, new Set());
      for (const row of table.tBodies[0].rows) axes.get(axis).add(row.cells[at].textContent);
    });
  }
  const filter = () => {
    for (const table of tables) {
      const names = named(table);
      for (const row of table.tBodies[0].rows) {
        row.hidden = names.some((axis, at) => chosen.has(axis) && row.cells[at].textContent !== chosen.get(axis) && row.cells[at].textContent !== "–");
      }
    }
    const target = chosen.get("target");
    for (const mark of all("svg [data-target]")) mark.classList.toggle("off", target !== undefined && mark.dataset.target !== target);
  };

  const bar = document.createElement("form");
  bar.className = "controls";
  bar.setAttribute("aria-label", "What is shown");
  const choice = (name, options, change) => {
    const label = make("label", `${name} `, bar);
    const select = label.appendChild(document.createElement("select"));
    select.name = name;
    options.forEach(([value, text]) => (make("option", text, select).value = value));
    select.addEventListener("change", () => change(select.value));
  };
  for (const [axis, values] of axes) {
    if (values.size < 2) continue;
    choice(axis, [["", "all"], ...[...values].sort(before).map((value) => [value, value])], (value) => {
      if (value) chosen.set(axis, value);
      else chosen.delete(axis);
      filter();
    });
  }

  const wanted = { quantile: "", scale: "" };
  const draw = () => {
    for (const figure of all("figure")) {
      const drawings = all(".drawing", figure);
      const fits = (key) => (drawing) => !wanted[key] || !drawing.dataset[key] || drawing.dataset[key] === wanted[key];
      const quantile = wanted.quantile || drawings[0].dataset.quantile;
      const best =
        drawings.find((drawing) => (!drawing.dataset.quantile || drawing.dataset.quantile === quantile) && fits("scale")(drawing)) ??
        drawings.find(fits("scale")) ?? drawings[0];
      drawings.forEach((drawing) => (drawing.hidden = drawing !== best));
    }
  };
  const switched = (key, name, texts) => {
    const known = new Set(all(".drawing").map((drawing) => drawing.dataset[key]).filter(Boolean));
    if (known.size < 2) return;
    choice(name, [["", "as drawn"], ...[...known].map((value) => [value, texts[value] ?? value])], (value) => {
      wanted[key] = value;
      draw();
    });
  };
  switched("quantile", "quantile", {});
  switched("scale", "scale", { log: "logarithmic" });
  if (bar.children.length) document.querySelector("main").prepend(bar);

  const tip = document.body.appendChild(document.createElement("div"));
  tip.id = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  const figures = (number) => {
    const row = document.getElementById(`cell-${number}`);
    if (!row) return "";
    const heads = [...row.closest("table").tHead.rows[0].cells];
    return heads.map((head, at) => `${head.textContent} ${row.cells[at].textContent}`).join("\n");
  };
  const point = (event) => {
    const mark = event.target.closest?.("svg [data-cell]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = [mark.dataset.told, figures(mark.dataset.cell)].filter(Boolean).join("\n");
    const room = document.documentElement;
    tip.style.left = `${Math.max(4, Math.min(event.pageX + 14, room.scrollLeft + room.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${event.pageY + 14}px`;
  };
  document.addEventListener("pointerover", point);
  document.addEventListener("click", (event) => event.target.closest?.("svg") && point(event));
})();
