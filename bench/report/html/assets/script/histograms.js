// Histograms of the chosen score: how far it sets wrong images apart from right ones.
import { choice, isShown, noise, setting } from "./choice.js";
import { el, note } from "./elements.js";
import { fixed } from "./numbers.js";
import { block, known } from "./payload.js";
import { draw, plot } from "./plot.js";
import { leftOut, MOST_PANELS, reasons } from "./reliability.js";

export async function histograms(place) {
  const [cells, absent] = await Promise.all([block(`histograms-${choice.setting}`), block(`absent-${choice.setting}`)]);
  const mine = cells.filter(([method, at, , score]) => at === choice.noise && score === choice.score && isShown(method));
  if (!mine.length) {
    place.append(note("This needs stored predictions, and those of the chosen runs are not here."), reasons(absent));
    return;
  }
  const panels = el("div", { class: "panels" });
  place.append(key(), panels);
  for (const cell of mine.slice(0, MOST_PANELS)) {
    const figure = histogram(cell);
    panels.append(figure);
    await draw(figure);
  }
  place.append(leftOut(mine.length));
}

function key() {
  const swatch = (colour) => {
    const made = el("span", { class: "square", "aria-hidden": "true" });
    made.style.background = colour;
    return made;
  };
  return el("p", { class: "key" }, swatch(known.right), "right images, filled", swatch(known.wrong), "wrong images, outlined");
}

function histogram([method, , seed, score, [low, high], right, wrong, errors, total]) {
  const { name } = setting().methods[method];
  const step = (high - low) / right.length;
  const rows = ["right", "wrong"].flatMap((of) => (of === "right" ? right : wrong).map((part, bar) => ({
    of, low: low + bar * step, high: low + (bar + 1) * step, part,
    tip: { images: of, uncertainty: `${fixed(low + bar * step, 3)} to ${fixed(low + (bar + 1) * step, 3)}`,
      part: `${fixed(part, 1)} %` } })));
  return plot({
    name: `histogram-${name}-${noise().slug}-${score}`,
    label: `Histogram of the ${score} score of ${name}: right and wrong images`,
    caption: el("span", {}, el("strong", {}, name), `, seed ${seed}: ${errors} of ${total} wrong`),
    spec: () => spec(rows, score),
    columns: ["images", "uncertainty from", "to", "part (%)"],
    rows: rows.map((row) => [row.of, fixed(row.low, 4), fixed(row.high, 4), fixed(row.part, 2)]),
  });
}

function spec(rows, score) {
  const encoding = { x: { field: "low", type: "quantitative", title: `uncertainty, ${score} score`, scale: { zero: false,
    nice: false }, axis: { tickCount: 4 } }, x2: { field: "high" }, y: { field: "part", type: "quantitative",
    title: "images (%)", axis: { tickCount: 4 } }, y2: { datum: 0 }, tooltip: { field: "tip" } };
  return {
    data: { values: rows }, width: "container", height: 130, autosize: { type: "fit", contains: "padding" },
    layer: [
      { transform: [{ filter: "datum.of === 'right'" }], mark: { type: "rect", color: known.right, opacity: 0.55 }, encoding },
      { transform: [{ filter: "datum.of === 'wrong' && datum.part > 0" }], mark: { type: "rect", fill: known.wrong, fillOpacity: 0.18,
        stroke: known.wrong, strokeWidth: 1.2 }, encoding },
    ],
  };
}
