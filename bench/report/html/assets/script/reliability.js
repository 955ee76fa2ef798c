// Reliability diagrams: accuracy by confidence, with the number of images at each.
import { choice, isShown, noise, setting } from "./choice.js";
import { el, note } from "./elements.js";
import { fixed } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { ink, look } from "./theme.js";

export const MOST_PANELS = 12;

export async function reliability(place) {
  const [cells, absent] = await Promise.all([block(`reliability-${choice.setting}`), block(`absent-${choice.setting}`)]);
  const mine = cells.filter(([method, at]) => at === choice.noise && isShown(method));
  if (!mine.length) {
    place.append(note("This needs stored predictions, and those of the chosen runs are not here."), reasons(absent));
    return;
  }
  const panels = el("div", { class: "panels" });
  place.append(panels);
  for (const cell of mine.slice(0, MOST_PANELS)) {
    const figure = diagram(cell);
    panels.append(figure);
    await draw(figure);
  }
  place.append(leftOut(mine.length));
}

export function leftOut(count) {
  return count > MOST_PANELS ? note(`The first ${MOST_PANELS} of ${count} methods; pick methods to see others.`) : "";
}

export function reasons(absent) {
  return el("ul", { class: "reasons" }, absent.map((text) => el("li", {}, text)));
}

function diagram([method, , seed, counts, accuracy, confidence]) {
  const { name } = setting().methods[method];
  const width = 100 / counts.length;
  const rows = counts.map((count, bin) => ({ low: bin * width, high: (bin + 1) * width, count, accuracy: accuracy[bin] === null
    ? null : 100 * accuracy[bin], tip: { confidence: `${fixed(bin * width, 0)}–${fixed((bin + 1) * width, 0)} %`,
    accuracy: `${fixed(accuracy[bin], 1, 100)} %`, "mean confidence": `${fixed(confidence[bin], 1, 100)} %`, images: count } }))
    .filter((row) => row.count);
  return plot({
    name: `reliability-${name}-${noise().slug}`,
    label: `Reliability of ${name} at noise ${noise().label}, seed ${seed}`,
    caption: el("span", {}, el("strong", {}, name), `, seed ${seed}`),
    spec: (width, dark) => spec(rows, Math.min(260, width - 62), dark),
    columns: ["confidence (%)", "accuracy (%)", "images"],
    rows: rows.map((row) => [`${fixed(row.low, 0)}–${fixed(row.high, 0)}`, fixed(row.accuracy, 1), row.count]),
  });
}

function spec(rows, width, dark) {
  const most = Math.max(...rows.map((row) => row.count));
  const values = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].filter((count) => count <= most).slice(-2);
  const x = { field: "low", type: "quantitative", title: null, scale: { domain: [0, 100] }, axis: { values: [0, 50, 100] } };
  const shared = { tooltip: { field: "tip" }, x, x2: { field: "high" } };
  return {
    data: { values: rows }, spacing: 8, vconcat: [
      { width, height: 130, layer: [
        { mark: { type: "rect", color: look(0, dark).colour, stroke: ink(dark).ground, strokeWidth: 1 }, encoding: { ...shared,
          y: { field: "accuracy", type: "quantitative", title: "accuracy (%)", scale: { domain: [0, 100] } },
          y2: { datum: 0 } } },
        { data: { values: [{ p: 0 }, { p: 100 }] }, mark: { type: "line", color: ink(dark).text, strokeDash: [3, 3],
          strokeWidth: 1 }, encoding: { x: { field: "p", type: "quantitative" }, y: { field: "p", type: "quantitative" } } },
      ] },
      { width, height: 42, mark: { type: "rect", color: ink(dark).soft, stroke: ink(dark).ground }, encoding: { ...shared,
        x: { ...x, title: "confidence (%)" }, y: { field: "count", type: "quantitative", title: "images",
          scale: { type: "symlog" }, axis: { values, format: "~s" } }, y2: { datum: 0 } } },
    ],
  };
}
