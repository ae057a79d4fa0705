// Runs inside a report that a test opened: uses its controls and writes what it saw into the page.
const seen = { errors: [], requests: [] };
addEventListener("error", (event) => seen.errors.push(String(event.message)));
addEventListener("unhandledrejection", (event) => seen.errors.push(String(event.reason)));
document.addEventListener("securitypolicyviolation", (event) => seen.errors.push(`policy: ${event.blockedURI} ${event.violatedDirective}`));
for (const kind of ["error", "warn"]) {
  const own = console[kind];
  console[kind] = (...words) => { seen.errors.push(words.join(" ")); own(...words); };
}
addEventListener("load", () => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  try {
    all("details").forEach((fold) => (fold.open = true));
    seen.tables = all("main table").length;
    seen.pictures = all("figure svg").length;
    const table = all("main table").filter((table) => table.querySelector("tr[id^=cell-]")).pop();
    const heads = [...table.tHead.rows[0].cells];
    const wide = (figure) => all(".drawing", figure).filter((drawing) => drawing.dataset.width === "wide");
    const at = heads.findIndex((head) => head.textContent === "calls/s");
    const column = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[at].textContent.replaceAll(",", "")));
    const rising = (values) => values.every((value, place) => place === 0 || values[place - 1] <= value);
    heads[at].querySelector("button").click();
    seen.sorted = rising(column());
    heads[at].querySelector("button").click();
    seen.sorted_back = rising(column().reverse());

    const shown = () => all("tr[data-cell]").filter((row) => row.getClientRects().length > 0);
    const bars = () => all("figure svg [data-row]").filter((row) => row.getClientRects().length > 0);
    const drawn = bars().length;
    seen.rows = shown().length;
    const target = document.querySelector(".controls select[name=target]");
    target.value = target.options[1].value;
    target.dispatchEvent(new Event("change"));
    seen.rows_filtered = shown().length;
    seen.only_the_chosen = shown().length > 0 && shown().every((row) => [...row.cells].some((cell) => cell.textContent === target.value));
    // Of bars those of other targets are left out, and those that stay stand without gaps.
    seen.left_out = bars().length < drawn && bars().every((row) => row.dataset.target === target.value);
    seen.address = location.hash;
    target.value = "";
    target.dispatchEvent(new Event("change"));
    seen.rows_again = shown().length;

    // Effects are those of the pairs of cells that are shown.
    const effects = all("tr[data-ratios]");
    const told = () => effects.map((row) => row.textContent).join();
    const whole = told();
    const there = (number) => all(`tr[data-cell="${number}"]`).some((row) => !row.hidden);
    seen.narrowed = 0;
    seen.narrowed_wrong = [];
    for (const select of all(".controls select")) {
      if (["quantile", "scale"].includes(select.name)) continue;
      select.value = select.options[1].value;
      select.dispatchEvent(new Event("change"));
      for (const row of effects.filter((row) => !row.hidden)) {
        const numbers = row.dataset.cells.trim().split(" ");
        const ratios = row.dataset.ratios.trim().split(" ").map(Number);
        const left = ratios.filter((_, at) => there(numbers[2 * at]) || there(numbers[2 * at + 1]));
        const text = row.cells[row.cells.length - 2].textContent;
        if (left.length === ratios.length) continue;
        const mean = left.reduce((product, ratio) => product * ratio, 1) ** (1 / left.length);
        seen.narrowed += 1;
        if (Math.abs(parseFloat(text) / mean - 1) > 0.006 || !text.endsWith(`× in ${left.length} of ${ratios.length}`))
          seen.narrowed_wrong.push(`${text}, not ${mean}`);
      }
      select.value = "";
      select.dispatchEvent(new Event("change"));
    }
    seen.widened = told() === whole;

    const visible = (figure) => all(".drawing", figure).filter((drawing) => !drawing.hidden);
    const choose = (name, value) => {
      const select = document.querySelector(`.controls select[name=${name}]`);
      select.value = value;
      select.dispatchEvent(new Event("change"));
    };
    choose("quantile", "p90");
    choose("scale", "linear");
    seen.one_drawing_each = all("figure").every((figure) => visible(figure).length === 1);
    seen.all_wide = all("figure").every((figure) => wide(figure).includes(visible(figure)[0]));
    seen.switched = all("figure").flatMap(visible).some((drawing) => drawing.dataset.quantile === "p90") &&
      all("figure").flatMap(visible).filter((drawing) => all(".drawing", drawing.parentElement).some((other) => other.dataset.scale === "linear"))
        .every((drawing) => drawing.dataset.scale === "linear");

    const mark = all("figure svg [data-cell]").find((mark) => mark.getClientRects().length > 0);
    mark.querySelector("path, rect").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    const tip = document.getElementById("tip");
    seen.tip = tip.hidden ? "" : tip.textContent;
    seen.figures = [...document.getElementById(`cell-${mark.dataset.cell}`).cells].map((cell) => cell.textContent);
    const over = all("figure svg [data-told]").find((mark) => mark.getClientRects().length > 0);
    over?.querySelector("rect").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    seen.told = over ? tip.textContent.startsWith(`${over.dataset.told}\n`) : null;
    seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  } catch (error) {
    seen.errors.push(String(error.stack ?? error));
  }
  const written = document.createElement("script");
  written.id = "probe";
  written.type = "application/json";
  written.textContent = JSON.stringify(seen).replaceAll("<", "\\u003c");
  document.body.append(written);
});
