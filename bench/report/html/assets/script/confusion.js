// Confusion matrices: parts of each true class, with counts on hover.
import { choice, isShown, noise, setting } from "./choice.js";
import { el, note } from "./elements.js";
import { fixed } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { leftOut, MOST_PANELS } from "./reliability.js";
import { ink } from "./theme.js";

export async function confusion(place) {
  const found = await block(`confusion-${choice.setting}`);
  if (found.left_out) place.append(note(found.left_out));
  const mine = found.cells.filter(([method, at]) => at === choice.noise && isShown(method));
  if (!mine.length) {
    place.append(note("The chosen runs have no confusion matrix here."));
    return;
  }
  const panels = el("div", { class: "panels wide" });
  place.append(panels);
  for (const cell of mine.slice(0, MOST_PANELS)) {
    const figure = matrix(cell);
    panels.append(figure);
    await draw(figure);
  }
  place.append(leftOut(mine.length));
}

function matrix([method, , counts, runs]) {
  const { name } = setting().methods[method];
  const rows = counts.flatMap((row, truth) => row.map((count, predicted) => entry(row, truth, predicted, count)));
  return plot({
    name: `confusion-${name}-${noise().slug}`,
    label: `Confusion matrix of ${name}, noise ${noise().label}`,
    caption: el("span", {}, el("strong", {}, name), `, ${runs} run${runs > 1 ? "s" : ""}`),
    spec: (width, dark) => spec(rows, counts.length, width, dark),
    columns: ["label", "predicted", "images", "part of the label (%)"],
    rows: rows.filter((row) => row.count).map((row) => [row.truth, row.predicted, row.count, fixed(row.part, 1)]),
  });
}

function entry(row, truth, predicted, count) {
  const { classes } = setting();
  const total = row.reduce((a, b) => a + b, 0);
  const part = total ? (100 * count) / total : 0;
  return { i: truth, j: predicted, truth: classes[truth] ?? truth, predicted: classes[predicted] ?? predicted, count, part,
    shade: truth === predicted ? part : Math.min(100, 5 * part), said: part < 0.05 ? "" : part >= 9.95 ? fixed(part, 0) : fixed(part, 1),
    tip: { label: classes[truth], predicted: classes[predicted], images: count, part: `${fixed(part, 2)} %` } };
}

function spec(rows, size, width, dark) {
  const names = { labelExpr: "", labelLimit: 70, ticks: false, domain: false, grid: false };
  const { classes } = setting();
  const axis = (title, field, more) => ({ field, type: "ordinal", title, axis: { ...names, ...more,
    labelExpr: `data('names')[datum.value] ? data('names')[datum.value].name : datum.value` } });
  const x = axis("predicted", "j", { labelAngle: classes.every((name) => name.length < 3) ? 0 : -90 });
  const y = axis("label", "i", {});
  const side = Math.max(180, Math.min(width - 90, 320));
  const range = dark ? ["#1c2127", "#4aa8e0"] : ["#f4f7fa", "#0b5c8f"];
  return {
    datasets: { names: classes.map((name) => ({ name })) }, data: { values: rows }, width: side, height: side,
    layer: [
      { data: { name: "names" }, mark: { type: "point", opacity: 0 } },
      { mark: { type: "rect", stroke: ink(dark).ground, strokeWidth: 1 }, encoding: { x, y, tooltip: { field: "tip" },
        color: { field: "part", type: "quantitative", legend: null, scale: { domain: [0, 100], range } } } },
      ...(size <= 12 ? [{ mark: { type: "text", fontSize: 9 }, encoding: { x, y, text: { field: "said" }, tooltip: { field: "tip" },
        color: { condition: { test: "datum.part > 45", value: dark ? "#0b0d10" : "#ffffff" }, value: ink(dark).text } } }] : []),
    ],
  };
}
