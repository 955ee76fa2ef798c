// A plot as a figure: drawn by Vega-Lite, with a caption, its data as a table, and a button for SVG.
import { download, el, say } from "./elements.js";
import { ink, isDark, whenThemed } from "./theme.js";
import { tooltip } from "./tooltip.js";

const SHOWN_ROWS = 400;
const drawn = new Map();
whenThemed(() => { for (const redraw of drawn.values()) redraw(); });

// Return a figure. `spec` makes the Vega-Lite specification for light or dark; `rows` are its data in words.
export function plot({ name, label, caption, spec, columns, rows, ready }) {
  const canvas = el("div", { class: "canvas", role: "img", "aria-label": label });
  const figure = el("figure", { class: "plot" }, canvas, el("figcaption", {}, caption));
  const draw = async () => {
    const width = canvas.clientWidth || 640;
    const result = await embed(canvas, spec(width, isDark()), isDark());
    canvas.view = result.view;
    canvas.querySelector("svg").setAttribute("aria-hidden", "true"); // the canvas has the words for it
    ready?.(result.view, canvas);
  };
  figure.append(tools(name, columns, rows, () => spec(640, false)));
  drawn.set(name, () => figure.isConnected && draw());
  figure.draw = draw;
  whenWider(canvas, () => drawn.get(name)?.());
  return figure;
}

export async function draw(figure) {
  await figure.draw();
  return figure;
}

function whenWider(canvas, redraw) {
  let width = 0;
  let waiting = null;
  new ResizeObserver(() => {
    const now = canvas.clientWidth;
    if (width && Math.abs(now - width) > 4) {
      clearTimeout(waiting);
      waiting = setTimeout(redraw, 150);
    }
    width = now;
  }).observe(canvas);
}

function embed(place, spec, dark) {
  return window.vegaEmbed(place, { ...spec, config: { ...config(dark), ...spec.config } }, {
    renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: (...told) => tooltip(...told), logLevel: 1,
    config: {},
  });
}

function config(dark) {
  const { text, soft, line } = ink(dark);
  const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
  return {
    aria: false, font, background: null, padding: 4,
    view: { stroke: null },
    axis: { labelColor: soft, titleColor: text, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 11,
      titleFontSize: 12, titleFontWeight: 500, gridOpacity: 0.6, titlePadding: 8, labelLimit: 190 },
    legend: { labelColor: text, titleColor: text },
    header: { labelColor: text, titleColor: text, labelFontWeight: 500, labelLimit: 240 },
    title: { color: text, fontWeight: 500, fontSize: 12 },
    text: { color: text },
  };
}

function tools(name, columns, rows, spec) {
  const save = el("button", { type: "button", class: "quiet small", onclick: () => saveSvg(name, spec()) }, "Save SVG");
  const details = el("details", { class: "data" }, el("summary", {}, "Data as a table"));
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("table")) details.append(...dataTable(columns, rows));
  });
  return el("div", { class: "plot-tools" }, details, save);
}

function dataTable(columns, rows) {
  const head = el("tr", {}, columns.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.slice(0, SHOWN_ROWS).map((row) => el("tr", {}, row.map((cell) => el("td", {}, String(cell)))));
  const table = el("table", { class: "plain" }, el("thead", {}, head), el("tbody", {}, body));
  const more = rows.length > SHOWN_ROWS ? [el("p", { class: "note" },
    `The first ${SHOWN_ROWS} of ${rows.length} rows; runs.csv in this folder has every run.`)] : [];
  return [el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Data of the plot" }, table), ...more];
}

async function saveSvg(name, spec) {
  const place = el("div", { class: "off-screen" });
  document.body.append(place);
  const { view } = await embed(place, { background: "white", ...spec }, false);
  download(`${name.replace(/[^\w.-]+/g, "-")}.svg`, "image/svg+xml", await view.toSVG());
  view.finalize();
  place.remove();
  say("Saved as SVG");
}
