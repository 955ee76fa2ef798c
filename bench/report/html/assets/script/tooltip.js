// The label that follows the pointer over a plot; its words are text, never HTML.
import { el } from "./elements.js";

let shownLabel = null;

export function tooltip(handler, event, item, value) {
  shownLabel?.remove();
  shownLabel = null;
  if (value === null || value === undefined || value === "") return;
  shownLabel = el("div", { class: "tooltip", role: "tooltip" });
  const rows = typeof value === "object" ? Object.entries(value) : [["", String(value)]];
  for (const [name, said] of rows) {
    shownLabel.append(el("div", {}, name ? el("span", { class: "tooltip-name" }, name) : null, String(said)));
  }
  document.body.append(shownLabel);
  place(shownLabel, event);
}

function place(label, event) {
  const { width, height } = label.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - width - 8);
  const top = event.clientY + height + 22 > innerHeight ? event.clientY - height - 10 : event.clientY + 14;
  label.style.left = `${Math.max(8, left)}px`;
  label.style.top = `${Math.max(8, top)}px`;
}
