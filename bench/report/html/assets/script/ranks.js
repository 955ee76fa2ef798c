// The critical-difference diagram: mean ranks, and bars that join methods that do not differ.
import { metricKey, metricTitle } from "./choice.js";
import { note } from "./elements.js";
import { fixed } from "./numbers.js";
import { block } from "./payload.js";
import { draw, plot } from "./plot.js";
import { ink, look } from "./theme.js";

export async function ranks(place) {
  const found = (await block("ranks"))[metricKey()];
  if (!found) {
    place.append(note(`Three methods with common seeds are needed to rank by ${metricTitle()}; there are none.`));
    return;
  }
  const rows = found.names.map((name, at) => ({ method: name, rank: found.means[at], tip: { method: name,
    "mean rank": fixed(found.means[at], 2) } }));
  const bars = found.cliques.map(([first, last], n) => ({ n, first: found.names[first], last: found.names[last],
    at: found.names.length + 0.35 + 0.25 * n }));
  const figure = plot({
    name: `ranks-${metricKey()}`,
    label: `Mean ranks of ${rows.length} methods by ${metricTitle()}`,
    caption: `Mean ranks by ${metricTitle()} over ${found.blocks} blocks (data set × noise × seed, settings of one data set averaged), 1 is best. `
      + `Vertical bars join methods that do not differ at 5 % (Nemenyi, critical difference ${fixed(found.critical, 2)}); `
      + `Friedman's p = ${found.p < 0.001 ? "< .001" : fixed(found.p, 3)}.${found.dropped
        ? ` Left out, as not every method has a value there: ${found.dropped} of setting × noise × seed.` : ""}`,
    spec: (width, dark) => spec(rows, bars, found, dark, width),
    columns: ["method", "mean rank"],
    rows: rows.map((row) => [row.method, fixed(row.rank, 2)]),
  });
  place.append(figure);
  await draw(figure);
}

function spec(rows, bars, found, dark, width) {
  const y = (field) => ({ field, type: "nominal", sort: found.names, title: null, scale: { domain: found.names },
    axis: { grid: true, ticks: false, domain: false, labelLimit: Math.min(240, width * 0.4) } });
  const x = (field) => ({ field, type: "quantitative", title: "mean rank (1 is best)",
    scale: { domain: [1, found.names.length + 0.5 + 0.25 * bars.length], nice: false }, axis: { tickMinStep: 1, orient: "top" } });
  const span = { first: Math.min(found.critical, found.names.length - 1) };
  return {
    data: { values: rows }, width: "container", height: 60 + 24 * rows.length, autosize: { type: "fit", contains: "padding" },
    layer: [
      { mark: { type: "point", filled: true, size: 90, color: look(0, dark).colour }, encoding: { y: y("method"), x: x("rank"),
        tooltip: { field: "tip" } } },
      { data: { values: [{ from: 1, to: 1 + span.first, method: found.names.at(-1) }] }, mark: { type: "rule", color: ink(dark).soft,
        strokeWidth: 2, yOffset: 16 }, encoding: { y: y("method"), x: x("from"), x2: { field: "to" } } },
      { data: { values: bars }, mark: { type: "rule", color: ink(dark).text, strokeWidth: 4 }, encoding: { y: y("first"),
        y2: { field: "last" }, x: x("at") } },
    ],
  };
}
