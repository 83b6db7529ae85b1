// The tiles of the menu. Only those close to the screen exist: a menu of thousands takes no more memory than one of a hundred.
// A tile belongs to its product: an update touches only what changed, so that nothing jumps under a finger.

import { between, merged, reached, sources } from "./layout.js";
import { Picture } from "./picture.js";
import { entryOf, found } from "./search.js";

// Pixels of the page above and below the screen for which tiles exist and load their pictures.
const AHEAD = 500;
// A search shows the screen first; the tiles around it and the pictures come when that is painted, and not for each letter.
const AROUND_LATER_MS = 60;
// While a finger flings the menu past, the page requests no picture: at more than half a dozen rows a second nobody sees one,
// and a browser lets decoded pictures go late. Tiles stay where they are in the document, too: each move makes their layout
// anew.
const FLING_PIXELS_PER_MS = 1.5;
const REST_MS = 120;
// A page that is late with its frames seems slow otherwise.
const LONGEST_FRAME_MS = 50;
// The searchable forms are made before they are needed, a few at a time.
const ENTRIES_AT_ONCE = 200;
const MOST_SPARE_TILES = 100;
// Where there is no rendition, a tile shows the photo: an original of 12 megapixels would take 48 MB in each tile.
const MOST_PIXELS = 640;

export class Tiles {
  #list;
  #ruler; // an invisible tile in the grid: it has the size of all
  #template;
  #placeholderUrl;
  #language;
  #isHeld;
  #products = [];
  #byId = new Map();
  #entries = new WeakMap(); // product → its searchable form
  #shown = []; // the products that pass the filter, in their order on the page
  #indexOf = new Map(); // product id → index in #shown
  #tiles = new Map(); // product id → its tile, where it exists
  #spare = []; // tiles that have scrolled away, for the next products: elements that come and go are garbage to collect
  #current = null; // the id of the product whose tile the Tab key reaches
  #words = [];
  #accepts = () => true;
  #size = { columns: 1, rowHeight: 0, gap: 0, tileWidth: 0, above: 0, below: 0 };
  #lastTop = null;
  #lastTime = 0;
  #rest = 0;
  #around = 0;
  #preparing = 0;
  #isPrinting = false;
  #isMoving = false; // the focus is on its way to the current tile

  /** `isHeld` tells whether the current tile has to stay, because the focus will return to it. */
  constructor({ list, ruler, template, placeholderUrl, language, onOpen, isHeld }) {
    this.#list = list;
    this.#ruler = ruler;
    this.#template = template;
    this.#placeholderUrl = placeholderUrl;
    this.#language = language;
    this.#isHeld = isHeld;
    list.addEventListener("click", (event) => {
      const id = event.target.closest(".cell")?.dataset.product;
      if (!this.#tiles.has(id)) return;
      this.#setCurrent(id);
      onOpen(this.#byId.get(id));
    });
    list.addEventListener("focusin", (event) => this.#setCurrent(event.target.closest(".cell")?.dataset.product ?? this.#current));
    list.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("scroll", () => this.#render(), { passive: true });
    addEventListener("resize", () => this.#resized());
    new ResizeObserver(() => this.#resized()).observe(ruler);
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
  }

  get total() {
    return this.#products.length;
  }

  get products() {
    return this.#products;
  }

  product(id) {
    return this.#byId.get(id) ?? null;
  }

  /** Shows `products` in their order. `whole`: the others are gone; else they stay until that is certain. */
  update(products, whole) {
    for (const skeleton of this.#list.querySelectorAll(".skeleton")) skeleton.remove();
    this.#products = whole ? products : merged(this.#products, products);
    this.#byId = new Map(this.#products.map((product) => [product.id, product]));
    this.#keepPlace(() => this.#select());
    this.#prepare(0);
  }

  /** Shows the products that `accepts` returns true for and that match all `words`; returns their number. */
  filter(words, accepts) {
    this.#words = words;
    this.#accepts = accepts;
    this.#keepPlace(() => this.#select(), 0);
    clearTimeout(this.#around);
    this.#around = setTimeout(() => this.#render(), AROUND_LATER_MS);
    return this.#shown.length;
  }

  /** Goes to the first tile, before a change of the filter. */
  toTop() {
    this.#lastTop = null;
    if (scrollY > 0) scrollTo({ top: 0, behavior: "instant" });
  }

  /** Says again what is said in a language. */
  translate() {
    for (const tile of this.#tiles.values()) this.#say(tile);
  }

  /** Photos that failed are tried again now. */
  retryNow() {
    for (const tile of this.#tiles.values()) tile.picture.retryNow();
  }

  /** Moves the focus to the tile at `index`, and the page to it. */
  focus(index) {
    const product = this.#shown[index];
    if (product === undefined) return;
    const { columns, rowHeight, gap } = this.#size;
    const top = scrollY + this.#top + Math.floor(index / columns) * rowHeight;
    const hidden = this.#covered;
    if (top - gap < scrollY + hidden) scrollTo({ top: top - gap - hidden, behavior: "instant" });
    else if (top + rowHeight > scrollY + innerHeight) scrollTo({ top: top + rowHeight - innerHeight, behavior: "instant" });
    this.#setCurrent(product.id);
    this.#isMoving = true;
    this.#lastTop = null;
    this.#render();
    this.#isMoving = false;
    this.#tiles.get(product.id).button.focus({ preventScroll: true });
  }

  /** The place of the first row on the screen. */
  get #top() {
    return this.#list.getBoundingClientRect().top + this.#size.above;
  }

  /** The height of the bar, which covers the upper end of the page. */
  get #covered() {
    return parseFloat(document.documentElement.style.scrollPaddingTop) || 0;
  }

  #entry(product) {
    let entry = this.#entries.get(product);
    if (entry === undefined) this.#entries.set(product, (entry = entryOf(product)));
    return entry;
  }

  #prepare(from) {
    clearTimeout(this.#preparing);
    if (from >= this.#products.length) return;
    for (const product of this.#products.slice(from, from + ENTRIES_AT_ONCE)) this.#entry(product);
    this.#preparing = setTimeout(() => this.#prepare(from + ENTRIES_AT_ONCE));
  }

  #select() {
    const accepted = this.#products.filter(this.#accepts);
    this.#shown = found(accepted, (product) => this.#entry(product), this.#words);
    this.#indexOf = new Map(this.#shown.map((product, index) => [product.id, index]));
  }

  #measure() {
    const style = getComputedStyle(this.#list);
    const box = this.#ruler.getBoundingClientRect();
    if (box.height === 0) return;
    const gap = parseFloat(style.rowGap);
    const width = this.#list.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    this.#size = {
      columns: Math.max(1, Math.floor((width + gap) / (box.width + gap) + 0.01)),
      rowHeight: box.height + gap,
      gap,
      tileWidth: box.width,
      above: parseFloat(style.paddingTop),
      below: parseFloat(style.paddingBottom),
    };
    this.#list.style.setProperty("--tile-width", `${box.width}px`);
  }

  #resized() {
    if (this.#ruler.hidden) return;
    this.#keepPlace(() => {
      this.#measure();
      for (const tile of this.#tiles.values()) this.#say(tile);
    });
  }

  /** Makes a change, and keeps the first dish on the screen where it is, unless the page is at its upper end. */
  #keepPlace(change, ahead = AHEAD) {
    const before = scrollY > 0 ? this.#firstOnScreen() : null;
    const places = before === null ? null : this.#placeOf(before);
    const focused = this.#list.contains(document.activeElement) ? this.#indexOf.get(this.#current) : undefined;
    change();
    this.#setRows();
    const isGone = focused !== undefined && !this.#indexOf.has(this.#current);
    const moved = before !== null && this.#indexOf.has(before) ? this.#placeOf(before) - places : 0;
    if (Math.abs(moved) >= 1) {
      this.#lastTop = null;
      scrollBy({ top: moved, behavior: "instant" });
    }
    this.#render(ahead);
    // The focused dish is gone: its neighbour gets the focus.
    if (isGone) this.focus(Math.min(focused, this.#shown.length - 1));
  }

  #firstOnScreen() {
    const { columns, rowHeight } = this.#size;
    const row = Math.max(0, Math.ceil((this.#covered - this.#top) / rowHeight));
    return this.#shown[row * columns]?.id ?? null;
  }

  #placeOf(id) {
    const { columns, rowHeight } = this.#size;
    return this.#top + Math.floor(this.#indexOf.get(id) / columns) * rowHeight;
  }

  #setRows() {
    this.#ruler.hidden = this.#shown.length === 0;
    if (!this.#ruler.hidden && this.#size.rowHeight === 0) this.#measure();
    const { columns, rowHeight, gap, above, below } = this.#size;
    const rows = Math.ceil(this.#shown.length / columns);
    this.#list.style.height = rows === 0 ? "" : `${above + rows * rowHeight - gap + below}px`;
  }

  #render(ahead = AHEAD) {
    if (this.#products.length === 0 && this.#tiles.size === 0) return;
    const { columns, rowHeight } = this.#size;
    const top = this.#top;
    const range = { total: this.#shown.length, columns, rowHeight: rowHeight || 1 };
    const { first, end } = between(-top - ahead, -top + innerHeight + ahead, range);
    const wanted = this.#isPrinting ? [...this.#shown] : this.#shown.slice(first, end);
    this.#chooseCurrent(wanted, between(this.#covered - top, this.#covered - top, range).first);
    const pinned = this.#indexOf.get(this.#current);
    if (pinned !== undefined && pinned < first) wanted.unshift(this.#shown[pinned]);
    if (pinned !== undefined && pinned >= end && !this.#isPrinting) wanted.push(this.#shown[pinned]);
    const ids = new Set(wanted.map((product) => product.id));
    const free = new Set();
    for (const id of [...this.#tiles.keys()]) if (!ids.has(id)) free.add(this.#release(id));
    for (const product of wanted) {
      const tile = this.#tiles.get(product.id) ?? this.#add(product.id);
      this.#fill(tile, product);
      this.#put(tile, this.#indexOf.get(product.id));
      if (!tile.cell.isConnected) this.#list.insertBefore(tile.cell, this.#ruler);
      free.delete(tile.cell);
    }
    for (const cell of free) cell.remove();
    if (ahead > 0) this.#load(top);
    else this.#order();
  }

  /** Puts the tiles into the order of the menu, in which a screen reader reads them. */
  #order() {
    let next = this.#list.firstElementChild;
    for (const { cell } of [...this.#tiles.values()].sort((a, b) => a.index - b.index)) {
      if (cell === next) next = next.nextElementSibling;
      else this.#list.insertBefore(cell, next);
    }
  }

  /** One tile is reached by the Tab key: the one that had the focus, or the first on the screen if that one has scrolled away. */
  #chooseCurrent(wanted, firstOnScreen) {
    const held = this.#indexOf.has(this.#current) && (this.#isMoving || this.#isHeld() || this.#list.contains(document.activeElement));
    if (!held && !wanted.some((product) => product.id === this.#current)) {
      const product = this.#shown[firstOnScreen] ?? wanted[0];
      this.#setCurrent(product?.id ?? null);
    }
  }

  #setCurrent(id) {
    if (id === this.#current) return;
    const before = this.#tiles.get(this.#current);
    if (before) before.button.tabIndex = -1;
    this.#current = id;
    const tile = this.#tiles.get(id);
    if (tile) tile.button.tabIndex = 0;
  }

  /** Orders the tiles and asks for pictures, the visible ones first; while the menu flies past, only afterwards. */
  #load(top) {
    const now = performance.now();
    const pixels = this.#lastTop === null ? 0 : Math.abs(top - this.#lastTop);
    const isFast = pixels > FLING_PIXELS_PER_MS * Math.min(LONGEST_FRAME_MS, now - this.#lastTime);
    this.#lastTop = top;
    this.#lastTime = now;
    clearTimeout(this.#rest);
    if (isFast) {
      this.#rest = setTimeout(() => this.#load(this.#top), REST_MS);
      return;
    }
    this.#order();
    const { columns, rowHeight } = this.#size;
    const onScreen = ({ index }) => {
      const start = top + Math.floor(index / columns) * rowHeight;
      return start + rowHeight > 0 && start < innerHeight;
    };
    const ahead = [];
    for (const tile of this.#tiles.values()) {
      if (onScreen(tile)) tile.picture.near = true;
      else ahead.push(tile);
    }
    for (const tile of ahead) tile.picture.near = !this.#isPrinting;
  }

  #add(id) {
    const tile = this.#spare.pop() ?? this.#made();
    tile.cell.dataset.product = id;
    tile.button.tabIndex = id === this.#current ? 0 : -1;
    this.#tiles.set(id, tile);
    return tile;
  }

  #made() {
    const cell = this.#template.content.firstElementChild.cloneNode(true);
    const part = (name) => cell.querySelector(`.${name}`);
    return {
      cell,
      button: part("tile"),
      name: part("tile-name"),
      sku: part("tile-sku"),
      photos: part("tile-photos"),
      picture: new Picture(part("picture"), this.#placeholderUrl, { mostPixels: MOST_PIXELS }),
      product: null,
      index: -1,
    };
  }

  /** Makes the product's tile free for another one; returns its cell, which is still in the list. */
  #release(id) {
    const tile = this.#tiles.get(id);
    this.#tiles.delete(id);
    tile.picture.release();
    tile.product = null;
    if (this.#spare.length < MOST_SPARE_TILES) this.#spare.push(tile);
    return tile.cell;
  }

  #put(tile, index) {
    const { cell } = tile;
    const total = String(this.#shown.length);
    if (cell.ariaSetSize !== total) cell.ariaSetSize = total;
    // Not by the grid: it would lay out all of the menu's rows for each row that scrolls in.
    const { columns, rowHeight, gap, tileWidth } = this.#size;
    const place = `${(index % columns) * (tileWidth + gap)}px ${Math.floor(index / columns) * rowHeight}px`;
    if (tile.place !== place) cell.style.translate = tile.place = place;
    if (tile.index === index) return;
    tile.index = index;
    cell.ariaPosInSet = String(index + 1);
  }

  #fill(tile, product) {
    // The same object came out of an unchanged page.
    if (tile.product === product) return;
    const before = tile.product;
    tile.product = product;
    if (before?.name !== product.name || before?.sku !== product.sku) {
      tile.name.textContent = product.name || product.sku;
      tile.sku.textContent = product.sku;
    }
    tile.photos.hidden = product.photos.length < 2;
    this.#say(tile);
  }

  #say(tile) {
    const { product, picture } = tile;
    const count = tile.photos.hidden ? "" : this.#language.say("photo_count", { count: product.photos.length });
    if (tile.photos.textContent !== count) tile.photos.textContent = count;
    const hasPicture = product.has_photo || product.renditions?.length > 0;
    // The name stands below the photo already; a screen reader needs no more than the lack of one.
    const alt = hasPicture ? "" : this.#language.say("no_photo");
    picture.want(sources(product, this.#size.tileWidth * devicePixelRatio), alt, product.thumbhash);
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !event.target.closest(".tile")) return;
    const { columns, rowHeight } = this.#size;
    const rowsOnScreen = Math.floor((innerHeight - this.#covered) / rowHeight);
    const index = this.#indexOf.get(this.#current);
    const to = reached(event.key, index, { total: this.#shown.length, columns, rowsOnScreen });
    if (to === null) return;
    event.preventDefault();
    this.focus(to);
  }

  #print(isPrinting) {
    this.#isPrinting = isPrinting;
    this.#list.classList.toggle("is-printing", isPrinting);
    this.#render();
  }
}
