// The dialog that opens for a number or an image; and the runs that a number is the mean of.
import { byId, el } from "./elements.js";
import { fixed } from "./numbers.js";

export function openDialog(title, ...content) {
  const dialog = byId("dialog");
  const close = el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(el("div", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, title), close),
    ...content);
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal();
}

// What a number of a cell leads to: the run's folder, or a list of runs.
export function runsOf(cell, values, told, title) {
  if (!cell) return null;
  if (cell.n === 1) return { href: cell.runs[0][3], title: "The run's folder" };
  return { title: `${cell.n} runs`, open: () => openDialog(title, list(cell, values, told)) };
}

function list(cell, values, told) {
  const rows = cell.runs.map(([seed, noiseSeed, name, address], place) => el("tr", {},
    el("td", { class: "number" }, seed), el("td", { class: "number" }, noiseSeed),
    el("td", { class: "number" }, values ? fixed(values[3][place], told.decimals, told.factor) : "–"),
    el("td", {}, el("a", { href: address }, name))));
  const head = ["seed", "noise seed", `${told.heading}${told.unit ? ` (${told.unit})` : ""}`, "folder of the run"];
  const table = el("table", { class: "results" }, el("thead", {}, el("tr", {},
    head.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows));
  const more = cell.n > cell.runs.length ? el("p", { class: "note" }, `${cell.runs.length} of ${cell.n} runs.`) : null;
  return el("div", { class: "scroll", tabindex: "0" }, table, more);
}
