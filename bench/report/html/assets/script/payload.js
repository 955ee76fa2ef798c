// Reads the page's blocks of data; compressed ones are unpacked when first asked for.
import { byId } from "./elements.js";

const unpacked = new Map();

export const known = JSON.parse(byId("settings").textContent);

export function block(name) {
  if (!unpacked.has(name)) unpacked.set(name, unpack(byId(name).textContent));
  return unpacked.get(name);
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
