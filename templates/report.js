"use strict";
// Sorts tables, filters by axis, switches pictures, keeps what is chosen in the address, and tells a cell's figures where
// one points at it or comes to it by keyboard. Without this script everything is shown; nothing is fetched.
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
  const headOf = (table) => [...table.tHead.rows[0].cells];
  const rowsOf = (table) => [...table.tBodies[0].rows];
  // What the columns are called, before buttons stand in their heads.
  const names = new Map(tables.map((table) => [table, headOf(table).map((head) => head.textContent)]));
  const named = (table) => headOf(table).flatMap((head, at) => (head.classList.contains("name") ? [[names.get(table)[at], at]] : []));
  for (const table of tables) {
    const heads = headOf(table);
    heads.forEach((head, at) => {
      if (!head.textContent) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        // Parts stay below what they are parts of.
        const groups = [];
        for (const row of rowsOf(table)) {
          if (row.classList.contains("part")) groups.at(-1).push(row);
          else groups.push([row]);
          row.classList.remove("begins");
        }
        groups.sort(([a], [b]) => (rising ? 1 : -1) * before(a.cells[at].textContent, b.cells[at].textContent));
        table.tBodies[0].append(...groups.flat());
      });
    });
  }

  // The axes are the leading names of the tables of cells; the choices are what stands there.
  const chosen = new Map();
  const axes = new Map();
  const cells = new Map();
  for (const table of tables.filter((table) => table.querySelector("tr[data-cell]"))) {
    for (const [axis, at] of named(table)) {
      if (!axes.has(axis)) axes.set(axis, new Set());
      for (const row of rowsOf(table)) {
        const value = row.cells[at].textContent;
        axes.get(axis).add(value);
        if (!cells.has(row.dataset.cell)) cells.set(row.dataset.cell, new Map());
        cells.get(row.dataset.cell).set(axis, value);
      }
    }
  }
  const fits = (axis, value) => !chosen.has(axis) || value === undefined || value === "–" || value === chosen.get(axis);
  const fitting = (number) => [...(cells.get(number) ?? [])].every(([axis, value]) => fits(axis, value));
  // An effect over those of its pairs of cells that are shown: their mean without an interval, which takes all trials.
  // False where none is.
  const whole = new Map();
  const narrow = (row) => {
    const numbers = row.dataset.cells.trim().split(" ");
    const ratios = row.dataset.ratios.trim().split(" ").map(Number);
    const left = ratios.filter((_, at) => fitting(numbers[2 * at]) || fitting(numbers[2 * at + 1]));
    const figures = [...row.cells].slice(-4);
    if (!whole.has(row)) whole.set(row, figures.map((cell) => cell.textContent));
    const mean = Math.exp(left.reduce((sum, ratio) => sum + Math.log(ratio), 0) / left.length);
    const some = ["–", "–", `${mean.toPrecision(3)} × in ${left.length} of ${ratios.length}`, "–"];
    if (left.length > 1) some[3] = `${Math.min(...left).toPrecision(3)} – ${Math.max(...left).toPrecision(3)}`;
    const texts = left.length === ratios.length || !left.length ? whole.get(row) : some;
    figures.forEach((cell, at) => (cell.textContent = texts[at]));
    return left.length > 0;
  };
  const filter = () => {
    for (const table of tables) {
      const columns = named(table);
      let effect;
      for (const row of rowsOf(table)) {
        const own = columns.every(([axis, at]) => fits(axis, row.cells[at].textContent));
        row.hidden = !own || (row.dataset.ratios !== undefined && !narrow(row));
        if (row.classList.contains("part")) row.hidden = effect.hidden || !fits(row.dataset.axis, row.dataset.value);
        else effect = row;
      }
    }
    const target = chosen.get("target");
    for (const table of all("table.map")) {
      const axis = table.dataset.axis;
      names.get(table).forEach((name, at) => {
        const away = axis !== undefined && name.startsWith(`${axis} `) && !fits(axis, name.slice(axis.length + 1));
        for (const row of [table.tHead.rows[0], ...rowsOf(table)]) {
          row.cells[at].hidden = away;
          const told = row.cells[at].className === "" && target !== undefined;
          row.cells[at].classList.toggle("off", told && !row.cells[at].textContent.includes(target));
        }
      });
    }
    for (const mark of all("svg [data-target]:not(.key)")) {
      const other = target !== undefined && mark.dataset.target !== "" && mark.dataset.target !== target;
      mark.classList.toggle("off", other || (mark.dataset.cell !== undefined && !fitting(mark.dataset.cell)) || mark.classList.contains("shut"));
    }
    for (const key of all("svg .key")) key.classList.toggle("off", target !== undefined && key.dataset.target !== target);
    // Rows below one that is left out move up.
    let moved = 0;
    for (const row of all("svg [data-row]")) {
      if (row.previousElementSibling?.dataset.row === undefined) moved = 0;
      if (moved) row.setAttribute("transform", `translate(0 ${-moved})`);
      else row.removeAttribute("transform");
      if (row.classList.contains("off")) moved += Number(row.dataset.row);
    }
  };

  const wanted = { quantile: "", scale: "" };
  const small = matchMedia("(max-width: 40rem)");
  const draw = () => {
    for (const figure of all("figure")) {
      const drawings = all(".drawing", figure);
      const wide = drawings.filter((drawing) => drawing.dataset.width === "wide");
      const fitted = (key) => (drawing) => !wanted[key] || !drawing.dataset[key] || drawing.dataset[key] === wanted[key];
      const quantile = wanted.quantile || wide[0].dataset.quantile;
      const of = (drawing) => (!drawing.dataset.quantile || drawing.dataset.quantile === quantile) && fitted("scale")(drawing);
      const best = (small.matches && drawings.find((drawing) => drawing.dataset.width === "narrow" && of(drawing))) ||
        wide.find(of) || wide.find(fitted("scale")) || wide[0];
      drawings.forEach((drawing) => {
        drawing.hidden = drawing !== best;
        drawing.classList.toggle("kept", drawing === best && drawing.dataset.width === "wide");
      });
    }
  };
  small.addEventListener("change", draw);

  const bar = document.createElement("form");
  bar.className = "controls";
  bar.setAttribute("aria-label", "What is shown");
  const choices = [];
  const choice = (name, options, change) => {
    const label = make("label", `${name} `, bar);
    const select = label.appendChild(document.createElement("select"));
    select.name = name;
    options.forEach(([value, text]) => (make("option", text, select).value = value));
    choices.push({ select, change });
    select.addEventListener("change", () => {
      change(select.value);
      apply();
      keep();
    });
  };
  for (const [axis, values] of axes) {
    if (values.size < 2) continue;
    choice(axis, [["", "all"], ...[...values].sort(before).map((value) => [value, value])], (value) => {
      if (value) chosen.set(axis, value);
      else chosen.delete(axis);
    });
  }
  const switched = (key, name, texts) => {
    const known = new Set(all(".drawing").map((drawing) => drawing.dataset[key]).filter(Boolean));
    if (known.size < 2) return;
    choice(name, [["", "as drawn"], ...[...known].map((value) => [value, texts[value] ?? value])], (value) => (wanted[key] = value));
  };
  switched("quantile", "quantile", {});
  switched("scale", "scale", { log: "logarithmic" });
  bar.addEventListener("submit", (event) => event.preventDefault());
  if (bar.children.length) document.getElementById("contents").after(bar);
  const apply = () => {
    filter();
    draw();
  };

  // Anchors land below the bar.
  const measure = () => {
    const stuck = getComputedStyle(bar).position === "sticky";
    document.documentElement.style.setProperty("--bar", `${stuck ? bar.offsetHeight : 0}px`);
  };
  new ResizeObserver(measure).observe(bar);
  measure();

  // What is chosen stands in the address behind the place: `#workload-latency?target=tcp-threaded`.
  const parts = () => {
    const [anchor, query] = location.hash.slice(1).split("?");
    return { anchor, query };
  };
  let anchor = "";
  const keep = () => {
    const query = new URLSearchParams();
    choices.forEach(({ select }) => select.value && query.set(select.name, select.value));
    const text = query.toString();
    if (text || anchor || location.hash) history.replaceState(null, "", `#${anchor}${text ? `?${text}` : ""}`);
  };
  const reveal = (smooth) => {
    const place = anchor && document.getElementById(decodeURIComponent(anchor));
    if (!place) return;
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    place.scrollIntoView({ behavior: smooth ? "auto" : "instant" });
  };
  const arrive = () => {
    const { anchor: place, query } = parts();
    anchor = place;
    if (query !== undefined) {
      const given = new URLSearchParams(query);
      for (const { select, change } of choices) {
        const value = given.get(select.name) ?? "";
        select.value = [...select.options].some((option) => option.value === value) ? value : "";
        change(select.value);
      }
      apply();
    }
    keep();
    reveal(query === undefined);
  };
  addEventListener("hashchange", arrive);

  // The key of a picture shows and hides; pictures can be walked through by keyboard.
  for (const figure of all("figure")) {
    for (const key of all("svg .key", figure)) {
      key.setAttribute("role", "button");
      key.setAttribute("tabindex", "0");
      key.setAttribute("aria-pressed", "true");
      key.setAttribute("aria-label", `${key.dataset.target} is shown`);
      const turn = () => {
        const shown = key.getAttribute("aria-pressed") !== "true";
        for (const other of all("svg [data-target]", figure).filter((other) => other.dataset.target === key.dataset.target)) {
          if (other.classList.contains("key")) other.setAttribute("aria-pressed", String(shown));
          else other.classList.toggle("shut", !shown);
        }
        filter();
      };
      key.addEventListener("click", turn);
      key.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        turn();
      });
    }
  }

  const tip = document.body.appendChild(document.createElement("div"));
  tip.id = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  const figures = (number) => {
    const row = document.getElementById(`cell-${number}`);
    if (!row) return "";
    const table = row.closest("table");
    return names.get(table).map((name, at) => `${name} ${row.cells[at].textContent}`).join("\n");
  };
  const tell = (mark, x, y) => {
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = [mark.dataset.told, figures(mark.dataset.cell)].filter(Boolean).join("\n");
    const room = document.documentElement;
    tip.style.left = `${Math.max(4, Math.min(x + 14, room.scrollLeft + room.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 14}px`;
  };
  const point = (event) => tell(event.target.closest?.("svg [data-cell]"), event.pageX, event.pageY);
  document.addEventListener("pointerover", point);
  document.addEventListener("click", (event) => event.target.closest?.("svg") && point(event));
  for (const svg of all("figure svg")) {
    const marks = () => all("[data-cell]:not(.off)", svg);
    if (!svg.querySelector("[data-cell]")) continue;
    let at = -1;
    const leave = () => {
      all(".at", svg).forEach((mark) => mark.classList.remove("at"));
      tell(null);
      at = -1;
    };
    svg.setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || event.target !== svg) return;
      event.preventDefault();
      const known = marks();
      if (!known.length) return;
      const next = (at + step + known.length) % known.length;
      leave();
      at = next;
      known[at].classList.add("at");
      const box = known[at].getBoundingClientRect();
      tell(known[at], box.left + scrollX, box.bottom + scrollY);
    });
    svg.addEventListener("blur", leave);
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && tell(null));

  // On paper nothing is folded away.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((fold) => (fold.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((fold) => (fold.open = false)));

  // Where one is stands out in the contents.
  const links = new Map(all("#contents a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const link = links.get(target.id);
      if (isIntersecting) link?.setAttribute("aria-current", "true");
      else link?.removeAttribute("aria-current");
    }
  }, { rootMargin: "-10% 0px -70% 0px" });
  all("main section[id]").forEach((section) => seen.observe(section));

  draw();
  arrive();
})();
