// Grids of the most uncertain and the most certain images; an image opens what is known of it.
import { choice, isShown, setting } from "./choice.js";
import { el, note } from "./elements.js";
import { fixed } from "./numbers.js";
import { block } from "./payload.js";
import { leftOut, MOST_PANELS, reasons } from "./reliability.js";
import { openDialog } from "./runs_dialog.js";

const WORDS = { uncertain: "most uncertain", certain: "most certain" };

export async function imageGrids(place) {
  const [cells, absent, pictures] = await Promise.all([block(`images-${choice.setting}`),
    block(`absent-${choice.setting}`), block("thumbnails")]);
  const score = choice.score === "msp" ? "msp" : "own";
  const mine = cells.filter(([method, at]) => at === choice.noise && isShown(method));
  if (!mine.length) {
    place.append(note("This needs stored predictions and the data set, and one of them is not here."), reasons(absent));
    return;
  }
  if (score !== choice.score) place.append(note(`Images are chosen by the own score and by msp; here by ${score}.`));
  for (const [method, , seed, shown] of mine.slice(0, MOST_PANELS)) {
    place.append(el("h3", {}, `${setting().methods[method].name}, seed ${seed}`));
    for (const [which, words] of Object.entries(WORDS)) {
      const places = shown.grids[`${score}-${which}`] ?? [];
      place.append(el("p", { class: "grid-title" }, `${words} by ${score}`), el("ul", { class: "grid" },
        places.map((at) => el("li", {}, thumbnail(shown, at, pictures, setting().methods[method].name)))));
    }
  }
  place.append(leftOut(mine.length));
}

function className(place) {
  return setting().classes[place] ?? String(place);
}

function thumbnail(shown, at, pictures, method) {
  const [label, predicted, likely, scores] = shown.images[at];
  const isRight = label === predicted;
  const words = `label ${className(label)}, predicted ${className(predicted)}`;
  const picture = el("img", { src: pictures[`${shown.data}${at}`], alt: `Image ${at}: ${words}`, loading: "lazy" });
  return el("button", { type: "button", class: `thumb ${isRight ? "right" : "wrong"}`, "aria-haspopup": "dialog",
    onclick: () => openDialog(`Image ${at}`, details(picture.src, method, label, predicted, likely, scores)) },
  picture, el("span", { class: "thumb-label", "aria-hidden": "true" }, isRight ? className(label)
    : `${className(label)} → ${className(predicted)}`));
}

function details(source, method, label, predicted, likely, scores) {
  const facts = [["method", method], ["label", className(label)],
    ["predicted", `${className(predicted)}${label === predicted ? " (right)" : " (wrong)"}`]];
  const table = (head, rows) => el("table", { class: "results" }, el("thead", {}, el("tr", {}, head.map(
    (text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows.map(([name, value]) => el("tr", {},
    el("th", { scope: "row" }, name), el("td", { class: "number" }, value)))));
  return el("div", { class: "image-details" }, el("img", { src: source, alt: "The image, enlarged" }), el("div", {},
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    table(["most probable", "probability"], likely.map(([place, part]) => [className(place), `${fixed(part, 2, 100)} %`])),
    table(["score", "uncertainty"], Object.entries(scores).map(([name, value]) => [name, String(value)]))));
}
