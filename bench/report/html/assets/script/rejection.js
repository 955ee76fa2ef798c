// Accuracy against the rejected part: the chosen score in colour, max-softmax dashed beside it.
import { choice, isShown, noise, setting, shown } from "./choice.js";
import { note } from "./elements.js";
import { legend, looks, marked } from "./legend.js";
import { hovering, point } from "./metric.js";
import { fixed } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { ink } from "./theme.js";

export async function rejection(place) {
  const [found, values, runs] = await Promise.all(["rejection", "values", "runs"].map(
    (name) => block(`${name}-${choice.setting}`)));
  const area = areas(values, runs);
  const best = [...area].sort((a, b) => a[1] - b[1]).map(([method]) => method);
  const curves = found.curves.filter(([method, at, score]) => at === choice.noise && isShown(method)
    && (score === choice.score || score === "msp"));
  if (!curves.some(([, , score]) => score === choice.score)) {
    place.append(note(`No chosen method has a curve of the score ${choice.score} at noise ${noise().label}.`));
    return;
  }
  const rows = curves.flatMap((curve) => points(curve, found.rejected, area));
  const methods = [...new Set(curves.map(([method]) => method))].filter((method) => shown().includes(method));
  const figure = plot({
    name: `rejection-${setting().name}-${noise().slug}-${choice.score}`,
    label: `Accuracy of the kept images by rejected part, ${methods.length} methods, noise ${noise().label}`,
    caption: `Label noise ${noise().label}. Solid: ${choice.score} score${choice.score === "msp" ? "" : "; dashed: "
      + "max-softmax of the same networks"}. Means over seeds; the last tenth is left out, as there a handful of images `
      + "decides. Point at a line or a name; press a name to colour it.",
    spec: (width, dark) => spec(rows, marked(best), width, dark),
    columns: ["method", "score", "rejected (%)", "accuracy (%)"],
    rows: rows.filter((row) => row.rejected % 10 === 0).map((row) => [row.method, row.score, row.rejected,
      fixed(row.accuracy, 2)]),
    ready: (view, canvas) => hovering(view, canvas),
  });
  place.append(figure);
  figure.append(legend(methods, best, (method) => point(figure, method)));
  if (found.left_out) place.append(note(found.left_out));
  await draw(figure);
}

function areas(values, runs) {
  const column = values[`scores.${choice.score}.aurc`] ?? [];
  return new Map(runs.flatMap((cell, at) => (cell.at[1] === choice.noise && column[at]
    ? [[cell.at[0], column[at][0]]] : [])));
}

function points([method, , score, means], rejected, area) {
  const { name } = setting().methods[method];
  return means.map((accuracy, at) => {
    const part = Math.round(1000 * rejected[at]) / 10;
    const tip = { method: name, score, rejected: `${part} %`, accuracy: `${fixed(accuracy, 2, 100)} %` };
    if (area.has(method)) tip["AURC ×10³"] = fixed(area.get(method), 2, 1000);
    return { place: method, method: name, score, key: `${method}-${score}`, rejected: part,
      accuracy: accuracy === null ? null : 100 * accuracy, tip };
  });
}

function spec(rows, on, width, dark) {
  const styles = looks(on, dark);
  const places = [...new Set(rows.map((row) => row.place))];
  const range = places.map((place) => styles.get(place)?.colour ?? ink(dark).context);
  const front = `indexof(${JSON.stringify(on)}, datum.place) >= 0`;
  const own = `datum.score === '${choice.score}'`;
  const x = { field: "rejected", type: "quantitative", title: "rejected, most uncertain first (%)",
    scale: { domain: [0, 90], nice: false } };
  const y = { field: "accuracy", type: "quantitative", title: "accuracy of the kept images (%)", scale: { zero: false } };
  const colour = { field: "place", type: "nominal", scale: { domain: places, range }, legend: null };
  const detail = { field: "key" };
  const dash = { condition: { test: own, value: [1, 0] }, value: [5, 4] };
  return {
    params: [{ name: "hovered", value: -1 }], data: { values: rows }, width: "container",
    height: Math.max(280, width * 0.5), autosize: { type: "fit", contains: "padding" },
    layer: [
      { mark: { type: "line" }, transform: [{ filter: `!(${front}) && ${own}` }], encoding: { x, y, detail,
        color: { condition: { test: "datum.place === hovered", value: ink(dark).text }, value: ink(dark).context },
        size: { condition: { test: "datum.place === hovered", value: 2.5 }, value: 1 } } },
      { mark: { type: "line" }, transform: [{ filter: front }], encoding: { x, y, detail, color: colour, strokeDash: dash,
        size: { condition: { test: `datum.place === hovered && ${own}`, value: 3.5 }, value: 1.8 },
        opacity: { condition: { test: "hovered < 0 || datum.place === hovered", value: 1 }, value: 0.25 } } },
      { mark: { type: "line", strokeWidth: 12, opacity: 0.001 }, transform: [{ filter: own }],
        encoding: { x, y, detail, tooltip: { field: "tip" } } },
    ],
  };
}
