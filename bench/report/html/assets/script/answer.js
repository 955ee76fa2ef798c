// The answer first: does the own score rank errors better than max-softmax?
import { choice, isShown, noise, setting } from "./choice.js";
import { el, note } from "./elements.js";
import { count, fixed } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { ink, look } from "./theme.js";

const SHAPES = { own: "triangle-right", msp: "triangle-left", open: "circle", same: "stroke" };
const WORDS = {
  own: "own score better", msp: "max-softmax better", open: "no test supports a difference", same: "same order",
};
const UNITS = { auroc: "AUROC, points (%)", aurc: "AURC, ×10³" };

export async function answer(place) {
  const found = await block(`answer-${choice.setting}`);
  const words = Object.entries(found.verdicts).map(([verdict, names]) => el("div", { class: `verdict ${verdict}` },
    el("dt", {}, WORDS[verdict]), el("dd", {}, names.join(", "))));
  place.append(
    el("p", { class: "headline" }, found.headline), el("p", { class: "lead" }, found.sentence),
    found.shortage ? note(found.shortage) : "",
    words.length ? el("dl", { class: "verdicts" }, words) : "",
  );
  const figures = Object.entries(found.metrics).map(([metric, rows]) => gaps(metric,
    rows.filter(([method]) => isShown(method)), found.factors[metric])).filter((figure) => figure);
  place.append(el("div", { class: "pair" }, figures)); // all of them, before one takes the width of all
  for (const figure of figures) await draw(figure);
}

function gaps(metric, rows, factor) {
  const several = setting().noises.length > 1;
  const data = rows.map((row) => told(row, factor));
  const pooled = data.filter((row) => row.at === (several ? -1 : 0));
  const single = data.filter((row) => several && row.at >= 0);
  if (!pooled.length) return null;
  const better = metric === "auroc" ? "higher" : "lower";
  return plot({
    name: `own-against-msp-${metric}`,
    label: `Own score minus max-softmax by ${metric.toUpperCase()} for ${count(pooled.length, "method")}`,
    caption: `Own − msp by ${metric.toUpperCase()} (${better} is better): right of the line the own score ranks errors `
      + `better. Large marks: ${several ? "all noises" : "all runs"} with a 95 % bootstrap interval over runs`
      + `${several ? `; small dots: each noise, ${noise().label} outlined` : ""}. ▶ own, ◀ max-softmax better by a test.`,
    spec: (width, dark) => spec(metric, pooled, single, width, dark),
    columns: ["method", "noise", "own", "msp", "own − msp", "95 % interval", "runs", "p (Holm)", "verdict"],
    rows: data.map((row) => row.words),
  });
}

function told([method, at, own, msp, gap, low, high, runs, p, verdict], factor) {
  const name = setting().methods[method].name;
  const scope = at < 0 ? "all noises" : setting().noises[at].label;
  const say = (value, signed) => fixed(value, 2, factor, signed);
  const interval = low === null ? "–" : `${say(low, true)} to ${say(high, true)}`;
  const chance = p === null ? "–" : p < 0.0005 ? "< .001" : fixed(p, 3);
  const words = [name, scope, say(own), say(msp), say(gap, true), interval, runs, chance, WORDS[verdict]];
  const tip = { method: name, noise: scope, "own − msp": say(gap, true), interval, own: say(own), msp: say(msp), p: chance };
  return { method: name, place: method, at, gap: factor * gap, low: low === null ? factor * gap : factor * low,
    high: high === null ? factor * gap : factor * high, verdict, words, tip, chosen: at === choice.noise };
}

function spec(metric, pooled, single, width, dark) {
  const { soft, text, ground } = ink(dark);
  const colours = { own: look(0, dark).colour, msp: look(1, dark).colour, open: soft, same: soft };
  const colour = { field: "verdict", type: "nominal", legend: null,
    scale: { domain: Object.keys(colours), range: Object.values(colours) } };
  const order = [...pooled].sort((a, b) => (metric === "auroc" ? b.gap - a.gap : a.gap - b.gap)).map((row) => row.method);
  const y = { field: "method", type: "nominal", sort: order, title: null,
    axis: { labelLimit: Math.min(190, width * 0.36), ticks: false, domain: false, grid: true } };
  const x = (field) => ({ field, type: "quantitative", title: `own − msp (${UNITS[metric]})`,
    scale: { reverse: metric === "aurc" } });
  return {
    data: { values: pooled }, width: "container", height: 40 + 26 * pooled.length, autosize: { type: "fit", contains: "padding" },
    layer: [
      { data: { values: [{ zero: 0 }] }, mark: { type: "rule", color: text, strokeWidth: 1 },
        encoding: { x: { field: "zero", type: "quantitative" } } },
      { mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: x("low"), x2: { field: "high" }, color: colour } },
      { data: { values: single }, mark: { type: "point", filled: true, size: 26, opacity: 0.55 },
        encoding: { y, x: x("gap"), color: colour, tooltip: { field: "tip" },
          stroke: { condition: { test: "datum.chosen", value: text }, value: null } } },
      { mark: { type: "point", filled: true, size: 110, stroke: ground, strokeWidth: 1 }, encoding: { y, x: x("gap"),
        color: colour, tooltip: { field: "tip" }, shape: { field: "verdict", type: "nominal", legend: null,
          scale: { domain: Object.keys(SHAPES), range: Object.values(SHAPES) } } } },
    ],
  };
}
