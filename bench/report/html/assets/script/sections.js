// The sections of the page: each is drawn when it comes near the screen, and again after a choice.
import { answer } from "./answer.js";
import { address, choice, metricTitle, noise, setting, whenChosen } from "./choice.js";
import { confusion } from "./confusion.js";
import { byId, el, note } from "./elements.js";
import { answerTable, otherTables, trainingTables } from "./further_tables.js";
import { histograms } from "./histograms.js";
import { imageGrids } from "./image_grid.js";
import { metricTable, noiseCurve } from "./metric.js";
import { count } from "./numbers.js";
import { known } from "./payload.js";
import { ranks } from "./ranks.js";
import { rejection } from "./rejection.js";
import { reliability } from "./reliability.js";
import { training } from "./training.js";

const at = () => `, label noise ${noise().label}`;
// The name of a section, its heading, and what draws each of its parts.
const SECTIONS = [
  ["answer", () => "Does the own score beat max-softmax?", [answer, answerTable]],
  ["metric", () => `${metricTitle()} by label noise`, [metricTable, noiseCurve]],
  ["rejection", () => `Rejecting uncertain images${at()}`, [rejection]],
  ["reliability", () => `Reliability${at()}`, [reliability]],
  ["histograms", () => `Uncertainty of right and wrong images${at()}`, [histograms]],
  ["images", () => `Images${at()}`, [imageGrids]],
  ["training", () => `Training by epoch${at()}`, [training]],
  ["labels", () => "Relabelling and finding wrong labels", [trainingTables]],
  ["confusion", () => `Confusion${at()}`, [confusion]],
  ["ranks", () => `Mean ranks by ${metricTitle()}`, [ranks]],
  ["tables", () => "All other tables", [otherTables]],
];
const SHORT = { answer: "Answer", metric: "Metric", rejection: "Rejection", reliability: "Reliability", histograms: "Uncertainty",
  images: "Images", training: "Training", labels: "Labels", confusion: "Confusion", ranks: "Ranks", tables: "Tables" };
const stale = new Set();
const near = new Set();
const drawing = new Map();

export function setUpSections() {
  const main = byId("main");
  main.append(navigation());
  for (const [name] of SECTIONS) {
    main.append(el("section", { id: `view-${name}`, "aria-labelledby": `title-${name}` },
      el("h2", { id: `title-${name}` }), el("div", { class: "body" })));
  }
  if (known.problems.length) main.append(leftOut());
  const observer = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) near.add(target.id.slice(5));
      else near.delete(target.id.slice(5));
    }
    drawNear();
  }, { rootMargin: "500px 0px" });
  refresh();
  for (const section of main.querySelectorAll("section[id^=view-]")) observer.observe(section);
  whenChosen(refresh);
}

export async function drawAll() {
  for (const [name] of SECTIONS) await drawOne(name);
}

export function show(name) {
  byId(`view-${name}`)?.scrollIntoView({ block: "start" });
}

function navigation() {
  const links = SECTIONS.map(([name]) => el("li", {}, el("a", { href: address({ view: name }), onclick: (event) => {
    event.preventDefault();
    choice.view = name;
    history.pushState(null, "", address());
    show(name);
    byId(`title-${name}`).setAttribute("tabindex", "-1");
    byId(`title-${name}`).focus({ preventScroll: true });
  } }, SHORT[name])));
  return el("nav", { "aria-label": "Sections" }, el("ul", { class: "contents" }, links));
}

function leftOut() {
  return el("section", { id: "left-out", "aria-labelledby": "title-left-out" }, el("h2", { id: "title-left-out" },
    "What is left out, and why"), el("ul", { class: "reasons" }, known.problems.map((text) => el("li", {}, text))));
}

function subheading({ title, recipe, runs, methods }) {
  const counted = `${title} · ${count(runs, "run")}, ${count(methods.length, "method")}`;
  return recipe ? `${counted} · The recipe has ${recipe}.` : counted;
}

function refresh() {
  byId("heading").textContent = setting().dataset;
  byId("subheading").textContent = subheading(setting());
  document.title = `${setting().dataset} · results · uncertainty-bench`;
  for (const [name, title] of SECTIONS) {
    byId(`title-${name}`).textContent = title();
    stale.add(name);
  }
  drawNear();
}

function drawNear() {
  for (const [name] of SECTIONS) if (near.has(name)) drawOne(name);
}

// One drawing of a section at a time: a choice made meanwhile draws it once more.
function drawOne(name) {
  if (!stale.has(name)) return drawing.get(name);
  const before = drawing.get(name) ?? Promise.resolve();
  stale.delete(name);
  const now = before.then(() => (stale.has(name) ? null : fill(name)));
  drawing.set(name, now);
  return now;
}

async function fill(name) {
  const body = byId(`view-${name}`).querySelector(".body");
  const parts = SECTIONS.find(([each]) => each === name)[2];
  body.style.minHeight = `${body.clientHeight}px`;
  body.replaceChildren();
  for (const part of parts) {
    const place = el("div");
    body.append(place);
    try {
      await part(place);
    } catch (error) {
      console.error(error);
      place.append(note("This view could not be drawn."));
    }
  }
  body.style.minHeight = "";
  body.dataset.drawn = String(1 + Number(body.dataset.drawn ?? 0));
}

