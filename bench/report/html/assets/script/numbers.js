// Numbers as text, with a true minus.

export function fixed(value, decimals, factor = 1, signed = false) {
  if (value === null || value === undefined) return "–";
  const text = (factor * value).toFixed(decimals);
  const sign = signed && factor * value >= 0 ? "+" : "";
  return `${sign}${text}`.replace("-", "−");
}

export function withSpread(mean, std, decimals, factor) {
  const spread = std === null || std === undefined ? "" : ` ± ${fixed(std, decimals, factor)}`;
  return `${fixed(mean, decimals, factor)}${spread}`;
}

export const count = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

// A key that sorts texts of cells: numbers by size, then texts; what is absent comes last.
export function sortKey(text) {
  const said = text.trim().replaceAll("−", "-").replace(/^< /, "").replace(/^\./, "0.");
  const number = Number.parseFloat(said);
  if (said === "" || said === "–") return [2, ""];
  return /^[+-]?[\d.]/.test(said) && !Number.isNaN(number) ? [0, number] : [1, said.toLowerCase()];
}

export function compareKeys(one, other) {
  if (one[0] !== other[0]) return one[0] - other[0];
  if (one[0] === 1) return one[1].localeCompare(other[1], undefined, { numeric: true });
  return one[0] === 0 ? one[1] - other[1] : 0;
}
