// The legend of plots with lines of methods: it marks methods by a colour; the others stay grey.
import { choice, choose, setting, shown } from "./choice.js";
import { el } from "./elements.js";
import { look } from "./theme.js";

const MOST = 8;
const AT_FIRST = 4;

// The places of the marked methods, in order; where there are many, at first the best few.
export function marked(best = []) {
  const there = shown();
  if (choice.marked !== null) return there.filter((place) => choice.marked.has(place));
  if (there.length <= MOST) return there;
  const few = (best.length ? best : there).slice(0, AT_FIRST);
  return there.filter((place) => few.includes(place));
}

export function looks(places, dark) {
  return new Map(places.map((place, n) => [place, look(n, dark)]));
}

export function legend(places, best, hover) {
  const on = marked(best);
  const styles = looks(on);
  const list = el("ul", { class: "legend", "aria-label": "Methods in the plot" });
  for (const place of places) list.append(el("li", {}, entry(place, on, styles.get(place), hover)));
  return list;
}

function entry(place, on, style, hover) {
  const isOn = on.includes(place);
  const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
  if (style) {
    swatch.style.borderTopColor = style.colour;
    swatch.style.borderTopStyle = style.dash[1] ? "dashed" : "solid";
  }
  return el("button", {
    type: "button", class: "mark", "aria-pressed": String(isOn), onclick: () => toggle(place, on),
    onmouseenter: () => hover(place), onmouseleave: () => hover(-1), onfocus: () => hover(place), onblur: () => hover(-1),
  }, swatch, setting().methods[place].name);
}

function toggle(place, on) {
  const next = new Set(on);
  if (!next.delete(place)) next.add(place);
  choose({ marked: next });
}
