// The report's tables: those of relabelling and noise detection, the question's own, and all others.
import { choice } from "./choice.js";
import { el, note } from "./elements.js";
import { block } from "./payload.js";
import { tableView } from "./table.js";

const OF_TRAINING = ["relabelling", "noise-detection", "quality"];

export async function answerTable(place) {
  await those(place, (kind) => kind === "own-score", "");
}

export async function trainingTables(place) {
  await those(place, (kind) => OF_TRAINING.includes(kind), "No run has numbers on relabelling or on finding wrong labels.");
}

export async function otherTables(place) {
  const apart = new Set([...OF_TRAINING, "own-score", "accuracy"]);
  const tables = (await block(`tables-${choice.setting}`)).filter((table) => !apart.has(table.kind));
  for (const table of tables) {
    const details = el("details", { class: "further" }, el("summary", {}, table.title));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(tableView(table));
    });
    place.append(details);
  }
}

async function those(place, wanted, otherwise) {
  const tables = (await block(`tables-${choice.setting}`)).filter((table) => wanted(table.kind));
  for (const table of tables) place.append(tableView(table));
  if (!tables.length && otherwise) place.append(note(otherwise));
}
