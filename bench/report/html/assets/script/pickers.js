// The bar of pickers: setting, noise, metric, score and methods.
import { choice, choose, idOf, metric, setting, shown, upper, whenChosen } from "./choice.js";
import { byId, el, say } from "./elements.js";
import { known } from "./payload.js";

export function setUpPickers() {
  byId("pickers").addEventListener("submit", (event) => event.preventDefault());
  fill();
  whenChosen(fill);
}

function fill() {
  const bar = byId("pickers");
  const focused = document.activeElement?.id;
  const wasOpen = bar.querySelector("details")?.open;
  bar.replaceChildren(
    picker("setting", "Data set", known.settings.map((each, place) => [place, settingName(each)]), choice.setting,
      (value) => choose({ setting: Number(value) })),
    picker("noise", "Label noise", setting().noises.map((each, place) => [place, each.label]), choice.noise,
      (value) => choose({ noise: Number(value) })),
    picker("metric", "Metric", known.metrics.map((each) => [idOf(each), upper(each.heading)]), choice.metric,
      (value) => choose({ metric: value })),
    picker("score", "Score", known.scores.map((name) => [name, name]), choice.score,
      (value) => choose({ score: value })),
    methodPicker(wasOpen),
  );
  if (focused?.startsWith("pick-")) byId(focused)?.focus();
}

// Settings of one data set are told apart by their title, which begins with the data set's name.
function settingName(each) {
  const rivals = known.settings.filter((other) => other.dataset === each.dataset);
  return rivals.length > 1 ? `${each.name}: ${each.title.slice(each.dataset.length + 2)}` : each.name;
}

function picker(name, label, options, value, chosen) {
  const select = el("select", { id: `pick-${name}`, onchange: (event) => {
    chosen(event.target.value);
    say(`${label}: ${event.target.selectedOptions[0]?.textContent ?? ""}`);
  } }, options.map(([key, text]) => el("option", { value: key, selected: key === value }, text)));
  return el("label", { class: "picker", for: `pick-${name}` }, el("span", {}, label), select);
}

function methodPicker(isOpen) {
  const all = setting().methods;
  const on = new Set(shown());
  const boxes = all.map((each, place) => el("label", { class: "method" },
    el("input", { type: "checkbox", id: `pick-method-${place}`, checked: on.has(place), onchange: (event) => {
      if (event.target.checked) on.add(place);
      else on.delete(place);
      choose({ methods: on.size === all.length ? null : on });
    } }), el("span", {}, each.name)));
  const quick = (text, methods) => el("button", { type: "button", class: "quiet small", id: `pick-${text}`,
    onclick: () => choose({ methods }) }, upper(text));
  const list = el("div", { class: "method-list" }, el("div", { class: "method-tools" }, quick("all", null),
    quick("none", new Set())), boxes);
  const count = on.size === all.length ? `all ${all.length}` : `${on.size} of ${all.length}`;
  return el("details", { class: "picker methods", open: isOpen }, el("summary", { id: "pick-methods" },
    el("span", {}, "Methods"), el("span", { class: "value" }, count)), list);
}
