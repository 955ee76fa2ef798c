// A table that sorts by its headings, filters by text, and copies what it shows.
import { choice, isShown } from "./choice.js";
import { copyButtons } from "./copying.js";
import { el, say } from "./elements.js";
import { compareKeys, sortKey } from "./numbers.js";

// `link(row, column)` returns what to do with a number, or null; `most` rows are shown at first.
export function tableView(table, { link = () => null, most = 12 } = {}) {
  const hasNoises = new Set(table.noises).size > 1;
  const now = { sorted: -1, down: false, text: "", all: false, everyNoise: false };
  const body = el("tbody");
  const headings = table.columns.map(([name, isNumber], column) => heading(name, isNumber, column));
  const caption = el("caption", {}, table.title);
  const element = el("table", { class: "results" }, caption, el("thead", {}, el("tr", {}, headings)), body);
  const more = el("p", { class: "note" });
  const region = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": table.title }, element);

  function heading(name, isNumber, column) {
    const button = el("button", { type: "button", class: "sort", onclick: () => sortBy(column) }, name || " ");
    if (!name) button.setAttribute("aria-label", "Sort by this column");
    return el("th", { scope: "col", class: isNumber ? "number" : null, "aria-sort": "none" }, button);
  }

  function sortBy(column) {
    const isNumber = table.columns[column][1];
    if (now.sorted !== column) Object.assign(now, { sorted: column, down: isNumber });
    else if (now.down === isNumber) now.down = !isNumber;
    else Object.assign(now, { sorted: -1, down: false });
    headings.forEach((th, place) => {
      th.setAttribute("aria-sort", place !== now.sorted ? "none" : now.down ? "descending" : "ascending");
    });
    say(now.sorted < 0 ? "In the original order" : `Sorted by ${table.columns[column][0]}`);
    fill();
  }

  // Published rows stay under the row of our own that they belong to.
  function families() {
    const found = [];
    table.rows.forEach((_, row) => {
      if (table.kinds[row] === "published" && found.length) found.at(-1).push(row);
      else found.push([row]);
    });
    return found;
  }

  function wanted() {
    const text = now.text.toLowerCase();
    const kept = families().filter(([row]) => (table.methods[row] < 0 || isShown(table.methods[row]))
      && (now.everyNoise || table.noises[row] < 0 || table.noises[row] === choice.noise)
      && (!text || table.rows[row].some((cell) => cell.toLowerCase().includes(text))));
    if (now.sorted >= 0) {
      const keys = new Map(kept.map(([row]) => [row, sortKey(table.rows[row][now.sorted])]));
      const absent = (row) => keys.get(row)[0] === 2;
      kept.sort(([one], [other]) => (absent(one) - absent(other))
        || (now.down ? -1 : 1) * compareKeys(keys.get(one), keys.get(other)));
    }
    return kept.flat();
  }

  function fill() {
    const rows = wanted();
    const some = visible();
    body.replaceChildren(...some.map(line));
    more.replaceChildren();
    if (!rows.length) more.append("No row to show.");
    if (some.length < rows.length) {
      more.append(`${some.length} of ${rows.length} rows `, el("button", { type: "button", class: "quiet small",
        onclick: () => { now.all = true; fill(); } }, `Show all ${rows.length}`));
    }
  }

  function visible() {
    const rows = wanted();
    return now.all ? rows : rows.slice(0, most);
  }

  function line(row) {
    const cells = table.rows[row].map((text, column) => cell(text, row, column));
    return el("tr", { class: table.kinds[row] === "published" ? "published" : null }, cells);
  }

  function cell(text, row, column) {
    const isNumber = table.columns[column][1];
    const isBold = table.bold.some(([i, j]) => i === row && j === column);
    const open = isNumber && text !== "–" ? link(row, column) : null;
    const said = open ? linked(text, open) : text.trim();
    const inside = isBold ? el("strong", {}, said) : said;
    const isKey = table.keys.includes(column);
    return el(isKey ? "th" : "td", { class: isNumber ? "number" : null, scope: isKey ? "row" : null }, inside);
  }

  fill();
  const input = el("input", { type: "search", placeholder: "Filter rows", "aria-label": `Filter rows of: ${table.title}`,
    oninput: (event) => { now.text = event.target.value; fill(); } });
  const copies = el("div", { class: "copies", role: "group", "aria-label": "Copy the table" },
    el("span", { "aria-hidden": "true" }, "Copy as"), copyButtons(table, visible));
  const noises = el("label", { class: "every" }, el("input", { type: "checkbox", onchange: (event) => {
    now.everyNoise = event.target.checked;
    fill();
  } }), "all noises");
  const bar = el("div", { class: "table-tools" }, el("div", { class: "filters" }, table.rows.length > 5 ? input : null,
    hasNoises ? noises : null), copies);
  const notes = table.notes.map((text) => el("p", { class: "table-note" }, text));
  return el("div", { class: "table-view" }, bar, region, more, notes);
}

function linked(text, open) {
  if (open.href) return el("a", { href: open.href, title: open.title }, text.trim());
  return el("button", { type: "button", class: "number-link", "aria-haspopup": "dialog", title: open.title,
    onclick: open.open }, text.trim());
}
