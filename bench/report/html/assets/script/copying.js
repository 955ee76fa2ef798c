// Copies the rows of a table that are shown, in their order, as LaTeX, Markdown or CSV.
import { el, say } from "./elements.js";

const NAMES = { latex: "LaTeX", markdown: "Markdown", csv: "CSV" };

export function copyButtons(table, places) {
  return Object.entries(NAMES).map(([form, name]) => el("button", {
    type: "button", class: "quiet small", "aria-label": `Copy the table as ${name}`,
    onclick: (event) => copy(asText(table, form, places()), name, event.target),
  }, name));
}

export function asText(table, form, places) {
  const { head, rows, foot } = table.copy[form];
  const lines = [head, ...places.map((place) => rows[place])];
  return `${(foot ? [...lines, foot] : lines).join("\n")}\n`;
}

async function copy(text, name, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyByHand(text);
  }
  say(`Copied as ${name}`);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = name; }, 1200);
}

// For browsers that give pages from disk no clipboard.
function copyByHand(text) {
  const area = el("textarea", { class: "off-screen" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
