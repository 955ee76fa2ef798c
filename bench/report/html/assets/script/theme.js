// Light or dark: what the system prefers, or what the reader switched to; and colours of plots.
import { byId, say } from "./elements.js";
import { known } from "./payload.js";

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]];
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"];
const listeners = [];

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : prefersDark.matches;
}

export function setUpTheme() {
  const button = byId("theme");
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
    say(isDark() ? "Dark colours" : "Light colours");
    for (const listener of listeners) listener();
  });
  prefersDark.addEventListener("change", () => {
    show();
    for (const listener of listeners) listener();
  });
  show();
}

export function whenThemed(listener) {
  listeners.push(listener);
}

export function ink(dark = isDark()) {
  return dark
    ? { text: "#e6e8eb", soft: "#a3abb5", line: "#3a414a", ground: "#16191d", context: "#4a525c" }
    : { text: "#1d232a", soft: "#59636e", line: "#d5dae0", ground: "#ffffff", context: "#c9cfd6" };
}

// The look of the n-th marked method: Okabe and Ito's colours, then other dashes and shapes.
export function look(place, dark = isDark()) {
  const colours = known.colours.map((colour) => (colour === "#000000" && dark ? "#f0f0f0" : colour));
  const bright = dark ? colours.map((colour) => (colour === "#0072B2" ? "#4aa8e0" : colour)) : colours;
  const round = Math.floor(place / bright.length);
  return {
    colour: bright[place % bright.length],
    dash: DASHES[round % DASHES.length],
    shape: SHAPES[place % SHAPES.length],
  };
}
