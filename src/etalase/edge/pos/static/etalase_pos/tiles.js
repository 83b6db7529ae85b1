// The tiles, one for each product, kept by its id: an update touches only what changed, so that nothing jumps under a finger.

import { Picture } from "./picture.js";
import { matches, searchable } from "./search.js";

// Photos of this much of the page above and below the screen are loaded ahead.
const AHEAD = "500px 0px";

export class Tiles {
  #list;
  #template;
  #placeholderUrl;
  #language;
  #tiles = new Map(); // product id → its tile
  #tileOf = new WeakMap(); // element → its tile
  #words = [];
  #observer = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: AHEAD });

  constructor({ list, template, placeholderUrl, language, onOpen }) {
    this.#list = list;
    this.#template = template;
    this.#placeholderUrl = placeholderUrl;
    this.#language = language;
    list.addEventListener("click", (event) => {
      const tile = this.#tileOf.get(event.target.closest(".cell"));
      if (tile) onOpen(tile.product);
    });
  }

  get total() {
    return this.#tiles.size;
  }

  product(id) {
    return this.#tiles.get(id)?.product ?? null;
  }

  /** Show `products` in their order. `whole`: what is not among them is gone; else it stays until that is certain. */
  update(products, whole) {
    for (const skeleton of this.#list.querySelectorAll(".skeleton")) skeleton.remove();
    if (whole) {
      const ids = new Set(products.map((product) => product.id));
      for (const id of [...this.#tiles.keys()]) if (!ids.has(id)) this.#remove(id);
    }
    let next = this.#list.firstElementChild;
    for (const product of products) {
      const tile = this.#tiles.get(product.id) ?? this.#add(product.id);
      this.#fill(tile, product);
      if (tile.cell === next) next = next.nextElementSibling;
      else this.#list.insertBefore(tile.cell, next);
    }
  }

  /** Show only what has all `words` in its name or SKU; returns how many that are. */
  filter(words) {
    this.#words = words;
    let found = 0;
    for (const tile of this.#tiles.values()) if (this.#sift(tile)) found += 1;
    return found;
  }

  /** Say again what is said in a language. */
  translate() {
    for (const tile of this.#tiles.values()) this.#say(tile);
  }

  /** Photos that failed are tried again now. */
  retryNow() {
    for (const tile of this.#tiles.values()) tile.picture.retryNow();
  }

  #add(id) {
    const cell = this.#template.content.firstElementChild.cloneNode(true);
    cell.dataset.product = id;
    const part = (name) => cell.querySelector(`.${name}`);
    const tile = {
      cell,
      name: part("tile-name"),
      sku: part("tile-sku"),
      photos: part("tile-photos"),
      picture: new Picture(part("picture"), this.#placeholderUrl),
      product: null,
      searchable: "",
    };
    this.#tiles.set(id, tile);
    this.#tileOf.set(cell, tile);
    this.#observer.observe(cell);
    return tile;
  }

  #remove(id) {
    const tile = this.#tiles.get(id);
    this.#observer.unobserve(tile.cell);
    tile.picture.near = false;
    tile.cell.remove();
    this.#tiles.delete(id);
  }

  #fill(tile, product) {
    // The same object came out of an unchanged page.
    if (tile.product === product) return;
    const before = tile.product;
    tile.product = product;
    if (before?.name !== product.name || before?.sku !== product.sku) {
      tile.name.textContent = product.name || product.sku;
      tile.sku.textContent = product.sku;
      tile.searchable = searchable(`${product.name} ${product.sku}`);
      this.#sift(tile);
    }
    tile.photos.hidden = product.photos.length < 2;
    this.#say(tile);
  }

  #say(tile) {
    const { product, picture } = tile;
    tile.photos.textContent = this.#language.say("photo_count", { count: product.photos.length });
    // The name stands below the photo already; a screen reader needs no more than the lack of one.
    picture.want(product.image_url, product.has_photo ? "" : this.#language.say("no_photo"));
  }

  #sift(tile) {
    const found = matches(tile.searchable, this.#words);
    tile.cell.hidden = !found;
    return found;
  }

  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.#tileOf.get(target);
      if (tile) tile.picture.near = isIntersecting;
    }
  }
}
