// The chosen metric: a table by noise, and curves against the rate of noise.
import { choice, isShown, metric, metricKey, metricTitle, setting, shown } from "./choice.js";
import { note } from "./elements.js";
import { legend, looks, marked } from "./legend.js";
import { count, fixed, withSpread } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { runsOf } from "./runs_dialog.js";
import { tableView } from "./table.js";
import { ink } from "./theme.js";

export async function metricTable(place) {
  const [tables, values, runs] = await parts();
  const table = tables[metricKey()];
  if (!table) {
    place.append(note(values[metricKey()]
      ? `There are too many runs for a table of each metric; \`bench table accuracy --metric ${metricKey()}\` makes it.`
      : `No run has ${metricTitle()}.`));
    return;
  }
  const link = (row, column) => {
    if (table.kinds[row] === "published" || column < 1) return null;
    const at = runs.findIndex((cell) => cell.at[0] === table.methods[row] && cell.at[1] === column - 1);
    const name = setting().methods[table.methods[row]]?.name;
    return runsOf(runs[at], values[metricKey()][at], metric(), `${name}, noise ${setting().noises[column - 1].label}`);
  };
  place.append(tableView(table, { link, most: 40 }));
}

export async function noiseCurve(place) {
  const [, values, runs] = await parts();
  const found = values[metricKey()];
  const kinds = setting().noises.map((each) => each.kind);
  const kind = kinds[choice.noise];
  if (!found || new Set(setting().noises.filter((each) => alike(each, kind)).map((each) => each.rate)).size < 2) {
    place.append(note("There is only one rate of this noise, so there is no curve."));
    return;
  }
  const rows = runs.flatMap((cell, at) => (found[at] && isShown(cell.at[0]) && alike(setting().noises[cell.at[1]], kind)
    ? [row(cell, found[at])] : []));
  const best = ranking(rows);
  const figure = plot({
    name: `${metricKey()}-against-noise`,
    label: `${metricTitle()} against label noise for ${count(shown().length, "method")}`,
    caption: "Lines are means, bands ± one standard deviation over seeds, dots single runs. Point at a line or a name; "
      + "press a name to colour it or to make it grey.",
    spec: (width, dark) => spec(rows, marked(best), width, dark, kind),
    columns: ["method", "noise", "mean ± std", "runs"],
    rows: rows.map((each) => [each.method, each.noise, each.said, each.n]),
    ready: (view, canvas) => hovering(view, canvas),
  });
  place.append(figure);
  figure.append(legend(shown(), best, (method) => point(figure, method)));
  await draw(figure);
}

export function hovering(view, canvas) {
  const hover = (method) => view.signal("hovered", method).runAsync();
  canvas.hover = hover;
  view.addEventListener("mouseover", (_, item) => { if (item?.datum?.place !== undefined) hover(item.datum.place); });
  view.addEventListener("mouseout", () => hover(-1));
}

export function point(figure, method) {
  figure.querySelector(".canvas").hover?.(method);
}

function parts() {
  return Promise.all(["by-noise", "values", "runs"].map((name) => block(`${name}-${choice.setting}`)));
}

function alike(each, kind) {
  return each.kind === kind || each.rate === 0;
}

function row(cell, [mean, std, n, each]) {
  const { factor, decimals } = metric();
  const [place, at] = cell.at;
  const said = withSpread(mean, std, decimals, factor);
  const { name } = setting().methods[place];
  const { rate, label } = setting().noises[at];
  return { place, method: name, rate: 100 * rate, noise: label, mean: factor * mean, n, said,
    low: factor * (mean - (std ?? 0)), high: factor * (mean + (std ?? 0)), each: each.filter((x) => x !== null)
      .map((x) => factor * x), tip: { method: name, noise: label, value: said, runs: n } };
}

function ranking(rows) {
  const sums = new Map();
  for (const each of rows) sums.set(each.place, [...(sums.get(each.place) ?? []), each.mean]);
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const sign = metric().better === "higher" ? -1 : 1;
  return [...sums].map(([place, list]) => [place, sign * mean(list)]).sort((a, b) => a[1] - b[1]).map(([place]) => place);
}

function spec(rows, on, width, dark, kind) {
  const styles = looks(on, dark);
  const places = [...new Set(rows.map((each) => each.place))];
  const style = (place) => styles.get(place) ?? { colour: ink(dark).context, dash: [1, 0], shape: "circle" };
  const scale = (key) => ({ domain: places, range: places.map((place) => style(place)[key]) });
  const dots = rows.filter((each) => styles.has(each.place) && each.n > 1)
    .flatMap((each) => each.each.map((value) => ({ ...each, value, tip: { ...each.tip, run: fixed(value, 2) } })));
  const x = { field: "rate", type: "quantitative", title: `${kind} label noise (%)`, scale: { nice: false, padding: 12 },
    axis: { values: [...new Set(rows.map((each) => each.rate))], labelOverlap: true } };
  const y = (field) => ({ field, type: "quantitative", title: metricTitle(), scale: { zero: false } });
  const colour = { field: "place", type: "nominal", scale: scale("colour"), legend: null };
  const dash = { field: "place", type: "nominal", scale: scale("dash"), legend: null };
  const shape = { field: "place", type: "nominal", scale: scale("shape"), legend: null };
  const front = on.length ? `indexof(${JSON.stringify(on)}, datum.place) >= 0` : "false";
  return {
    params: [{ name: "hovered", value: -1 }], data: { values: rows }, width: "container", height: Math.max(260, width * 0.42),
    autosize: { type: "fit", contains: "padding" },
    layer: [
      { mark: { type: "line", strokeWidth: 1 }, transform: [{ filter: `!(${front})` }],
        encoding: { x, y: y("mean"), detail: { field: "place" }, color: { condition: { test: "datum.place === hovered",
          value: ink(dark).text }, ...colour }, size: { condition: { test: "datum.place === hovered", value: 2.5 }, value: 1 } } },
      { mark: { type: "area", opacity: 0.13 }, transform: [{ filter: front }],
        encoding: { x, y: y("low"), y2: { field: "high" }, detail: { field: "place" }, color: colour } },
      { data: { values: dots }, mark: { type: "point", filled: true, size: 14, opacity: 0.6 },
        encoding: { x, y: y("value"), color: colour, tooltip: { field: "tip" } } },
      { mark: { type: "line" }, transform: [{ filter: front }], encoding: { x, y: y("mean"), color: colour,
        strokeDash: dash, size: { condition: { test: "datum.place === hovered", value: 4 }, value: 2 },
        opacity: { condition: { test: "hovered < 0 || datum.place === hovered", value: 1 }, value: 0.35 } } },
      { mark: { type: "point", filled: true, size: 55 }, transform: [{ filter: front }],
        encoding: { x, y: y("mean"), color: colour, shape, tooltip: { field: "tip" } } },
      { mark: { type: "line", strokeWidth: 12, opacity: 0.001 }, encoding: { x, y: y("mean"), detail: { field: "place" },
        tooltip: { field: "tip" } } },
    ],
  };
}
