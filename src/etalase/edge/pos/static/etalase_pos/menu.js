// The page: reads the menu again and again, and shows it. What the edge server tells is shown at once; while it is silent,
// what was shown stays.

import { Categories } from "./categories.js";
import { Catalogue, EdgeAway } from "./catalogue.js";
import { Language } from "./language.js";
import { photosFail } from "./picture.js";
import { wordsOf } from "./search.js";
import { Tiles } from "./tiles.js";
import { Viewer } from "./viewer.js";

const POLL_MS = 10_000;
const RETRY_MS = 3_000;
const MOST_OF_SCREEN = 0.4; // for the bar

const element = (id) => document.getElementById(id);
const page = JSON.parse(element("page").textContent);
const language = new Language(page.texts, page.language_cookie);
const catalogue = new Catalogue(page.products_url);
const viewer = new Viewer(page.placeholder_url, language);
const tiles = new Tiles({
  list: element("menu"),
  ruler: element("ruler"),
  template: element("tile"),
  placeholderUrl: page.placeholder_url,
  language,
  onOpen: (product) => viewer.open(product),
  isHeld: () => viewer.productId !== null,
});
const categories = new Categories({ place: element("categories"), language, onChange: search });

let shownAt = null; // when the menu on the screen was last known to be right
let away = false;
let timer = 0;
let reading = false;

async function refresh() {
  if (reading) return;
  reading = true;
  clearTimeout(timer);
  let delay = POLL_MS;
  try {
    const { products, whole, changed } = await catalogue.read((part) => show(part, false));
    if (changed) show(products, whole);
    if (!whole) delay = RETRY_MS;
    shownAt = new Date();
    away = false;
  } catch (error) {
    if (!(error instanceof EdgeAway)) throw error;
    away = true;
    delay = RETRY_MS;
  } finally {
    reading = false;
    tellAway();
    // Not all POS of a store in the same moment.
    if (!document.hidden) timer = setTimeout(refresh, delay * (0.8 + 0.4 * Math.random()));
  }
}

function show(products, whole) {
  tiles.update(products, whole);
  categories.update(tiles.products);
  element("menu").ariaBusy = "false";
  if (viewer.productId !== null) viewer.update(tiles.product(viewer.productId));
  sift();
}

function sift() {
  const typed = element("search").value.trim();
  const found = tiles.filter(wordsOf(typed), categories.accepts);
  const total = tiles.total;
  element("clear").hidden = typed === "";
  if (element("menu").ariaBusy === "true") return;
  const kind = typed || categories.isChosen ? "found" : "count";
  write("count", language.say(total === 1 ? `${kind}_one` : kind, { count: kind === "found" ? found : total, total }));
  element("empty").hidden = found > 0;
  element("show-all").hidden = total === 0;
  if (found === 0) {
    const reason = total === 0 ? "empty" : typed ? "nothing_found" : "nothing_here";
    write("empty-title", language.say(reason, { search: typed }));
    write("empty-hint", language.say(`${reason}_hint`));
  }
}

function tellAway() {
  const hidden = !away && !photosFail();
  if (element("notice").hidden !== hidden) element("notice").hidden = hidden;
  if (hidden) return;
  if (!away) {
    write("notice", language.say("photos_away"));
    return;
  }
  write("notice", shownAt ? language.say("away", { time: language.time(shownAt) }) : language.say("away_at_start"));
}

/** Says `text`, once: written again it would be read out again, every few seconds. */
function write(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function search() {
  tiles.toTop();
  sift();
}

function clear() {
  element("search").value = "";
  search();
  element("search").focus();
}

function showAll() {
  categories.chooseAll();
  clear();
}

function changeLanguage(code) {
  language.change(code);
  tiles.translate();
  sift();
  tellAway();
}

function wake() {
  if (document.hidden) {
    clearTimeout(timer);
    return;
  }
  tiles.retryNow();
  viewer.retryNow();
  refresh();
}

element("search").addEventListener("input", search);
element("search").addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
  if (event.key === "ArrowDown" && !event.altKey) {
    event.preventDefault();
    tiles.focus(0);
  }
  // On a touch screen the keyboard goes, and the menu is seen whole.
  if (event.key === "Enter") event.target.blur();
});
element("clear").addEventListener("click", clear);
element("show-all").addEventListener("click", showAll);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input:not([type=radio])") || viewer.productId !== null) return;
  event.preventDefault();
  element("search").focus();
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => changeLanguage(button.dataset.language));
}
document.addEventListener("visibilitychange", wake);
addEventListener("online", wake);
addEventListener("pageshow", (event) => event.persisted && wake());

// The bar stays on the screen unless it takes too much of it; the focus never goes under it.
function placeBar() {
  const bar = element("bar");
  const isTall = bar.offsetHeight > MOST_OF_SCREEN * innerHeight;
  bar.classList.toggle("is-tall", isTall);
  document.documentElement.style.scrollPaddingTop = isTall ? "0" : `${bar.offsetHeight}px`;
}
new ResizeObserver(placeBar).observe(element("bar"));
addEventListener("resize", placeBar);

refresh();
