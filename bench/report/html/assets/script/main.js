// Starts the page.
import { choice, followAddress, readAddress, whenChosen } from "./choice.js";
import { byId } from "./elements.js";
import { setUpPickers } from "./pickers.js";
import { drawAll, setUpSections, show } from "./sections.js";
import { setUpTheme } from "./theme.js";

readAddress();
setUpTheme();
setUpPickers();
setUpSections();
followAddress();
whenChosen(() => { byId("dialog").close(); });
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
byId("print").addEventListener("click", async () => {
  await drawAll();
  print();
});
if (choice.view) show(choice.view);
document.documentElement.dataset.ready = "yes";
