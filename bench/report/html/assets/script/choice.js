// What is chosen: setting, noise, metric, score, methods. It is kept in the address's hash.
import { known } from "./payload.js";

const listeners = [];
export const choice = { setting: 0, noise: 0, metric: "accuracy", score: "own", methods: null, marked: null, view: "" };

export function setting() {
  return known.settings[choice.setting];
}

export function noise() {
  return setting().noises[choice.noise];
}

// The places of the methods that are shown.
export function shown() {
  const all = setting().methods.map((_, place) => place);
  return choice.methods === null ? all : all.filter((place) => choice.methods.has(place));
}

export function isShown(place) {
  return choice.methods === null || choice.methods.has(place);
}

export function metric() {
  return known.metrics.find((each) => idOf(each) === choice.metric) ?? known.metrics[0];
}

export function idOf(each) {
  return each.family === "noise_detection" ? `detect-${each.name}` : each.name;
}

// The metric's name in a run's record, such as scores.own.auroc.
export function metricKey(each = metric(), score = choice.score) {
  return each.family ? `${each.family}.${score}.${each.name}` : each.name;
}

export function metricTitle() {
  const of = metric().family ? `, ${choice.score} score` : "";
  const unit = metric().unit ? ` (${metric().unit})` : "";
  return `${upper(metric().heading)}${unit}${of}`;
}

export function upper(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function choose(changes) {
  if ("setting" in changes) Object.assign(choice, defaults(changes.setting));
  Object.assign(choice, changes);
  history.pushState(null, "", address());
  tell();
}

export function whenChosen(listener) {
  listeners.push(listener);
}

function tell() {
  for (const listener of listeners) listener();
}

// The address of what is shown; changes are put on top.
export function address(changes = {}) {
  const now = { ...choice, ...changes };
  const of = known.settings[now.setting];
  const found = new URLSearchParams();
  found.set("setting", of.name);
  found.set("noise", of.noises[now.noise].label);
  found.set("metric", now.metric);
  found.set("score", now.score);
  if (now.methods !== null) named(found, "method", now.methods, of);
  if (now.marked !== null) named(found, "mark", now.marked, of);
  if (now.view) found.set("view", now.view);
  return `#${found}`;
}

function named(found, name, places, of) {
  for (const place of places) found.append(name, of.methods[place].label);
  if (!places.size) found.append(name, "");
}

function defaults(place) {
  const noises = known.settings[place].noises;
  const middle = noises.findIndex((each) => each.rate >= 0.25);
  return { noise: middle < 0 ? noises.length - 1 : middle, methods: null, marked: null };
}

export function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const place = Math.max(0, known.settings.findIndex((each) => each.name === asked.get("setting")));
  Object.assign(choice, { setting: place, metric: idOf(known.metrics[0]), score: "own", view: "" }, defaults(place));
  const wanted = known.metrics.find((each) => each.name === "accuracy") ?? known.metrics[0];
  choice.metric = idOf(wanted);
  if (known.metrics.some((each) => idOf(each) === asked.get("metric"))) choice.metric = asked.get("metric");
  if (known.scores.includes(asked.get("score"))) choice.score = asked.get("score");
  const at = known.settings[place].noises.findIndex((each) => each.label === asked.get("noise"));
  if (at >= 0) choice.noise = at;
  choice.methods = placesOf(asked.getAll("method"), place);
  choice.marked = placesOf(asked.getAll("mark"), place);
  choice.view = asked.get("view") ?? "";
}

function placesOf(labels, place) {
  if (!labels.length) return null;
  const places = labels.map((label) => known.settings[place].methods.findIndex((each) => each.label === label));
  return new Set(places.filter((found) => found >= 0));
}

export function followAddress() {
  addEventListener("popstate", () => {
    readAddress();
    tell();
  });
}
