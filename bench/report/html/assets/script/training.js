// Training as it went: a panel for each quantity that runs log by epoch.
import { choice, isShown, noise, setting, shown } from "./choice.js";
import { el, note } from "./elements.js";
import { legend, looks, marked } from "./legend.js";
import { hovering, point } from "./metric.js";
import { fixed } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { ink } from "./theme.js";

export async function training(place) {
  const found = await block(`training-${choice.setting}`);
  const mine = found.curves.filter(([method, at]) => at === choice.noise && isShown(method));
  if (!mine.length) {
    place.append(note("The chosen runs have no log of a training: they were imported."));
    return;
  }
  const panels = el("div", { class: "panels wide" });
  const figures = [];
  place.append(legend(shown(), [], (method) => figures.forEach((figure) => point(figure, method))), panels);
  for (const [name, [title, isFraction]] of Object.entries(found.panels)) {
    const curves = mine.filter((curve) => curve[2] === name);
    if (!curves.length) continue;
    const figure = panel(name, title, curves, isFraction ? 100 : 1);
    figures.push(figure);
    panels.append(figure);
    await draw(figure);
  }
}

function panel(name, title, curves, factor) {
  const rows = curves.flatMap(([method, , , epochs, means]) => epochs.map((epoch, at) => ({ place: method,
    method: setting().methods[method].name, epoch, value: means[at] === null ? null : factor * means[at],
    tip: { method: setting().methods[method].name, epoch, value: fixed(means[at], 2, factor) } })));
  return plot({
    name: `training-${name}-${noise().slug}`,
    label: `${title} by epoch, noise ${noise().label}`,
    caption: title,
    spec: (width, dark) => spec(rows, marked(), dark),
    columns: ["method", "epoch", title],
    rows: rows.map((row) => [row.method, row.epoch, fixed(row.value, 2)]),
    ready: (view, canvas) => hovering(view, canvas),
  });
}

function spec(rows, on, dark) {
  const styles = looks(on, dark);
  const places = [...new Set(rows.map((row) => row.place))];
  const x = { field: "epoch", type: "quantitative", axis: { tickMinStep: 1, format: "d" }, scale: { nice: false, zero: false } };
  const y = { field: "value", type: "quantitative", title: null, scale: { zero: false }, axis: { tickCount: 5 } };
  const style = (place) => styles.get(place) ?? { colour: ink(dark).context, dash: [1, 0] };
  const ranged = (key) => ({ field: "place", type: "nominal", legend: null, scale: { domain: places,
    range: places.map((place) => style(place)[key]) } });
  return {
    params: [{ name: "hovered", value: -1 }], data: { values: rows }, width: "container", height: 150,
    autosize: { type: "fit", contains: "padding" },
    layer: [
      { mark: { type: "line" }, encoding: { x, y, color: ranged("colour"), strokeDash: ranged("dash"),
        size: { condition: { test: "datum.place === hovered", value: 3.5 }, value: 1.6 },
        opacity: { condition: { test: "hovered < 0 || datum.place === hovered", value: 1 }, value: 0.25 } } },
      { mark: { type: "line", strokeWidth: 10, opacity: 0.001 }, encoding: { x, y, detail: { field: "place" },
        tooltip: { field: "tip" } } },
    ],
  };
}
