// All photos of one product, large. Swiping is the browser's own scrolling; arrows and keys scroll it.

import { Picture } from "./picture.js";

// Pixels on the longer side: an original of 12 megapixels would take 48 MB.
const MOST_PIXELS = 2048;

const stillness = matchMedia("(prefers-reduced-motion: reduce)");

export class Viewer {
  #dialog = document.getElementById("viewer");
  #name = document.getElementById("viewer-name");
  #sku = document.getElementById("viewer-sku");
  #strip = document.getElementById("viewer-photos");
  #previous = document.getElementById("viewer-previous");
  #next = document.getElementById("viewer-next");
  #place = document.getElementById("viewer-place");
  #placeholderUrl;
  #language;
  #product = null;
  #slides = new Map(); // photo id → { element, picture }

  constructor(placeholderUrl, language) {
    this.#placeholderUrl = placeholderUrl;
    this.#language = language;
    document.getElementById("viewer-close").addEventListener("click", () => this.#dialog.close());
    this.#previous.addEventListener("click", () => this.#turn(-1));
    this.#next.addEventListener("click", () => this.#turn(+1));
    this.#strip.addEventListener("scroll", () => this.#tellPlace(), { passive: true });
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("click", (event) => {
      // The dialog itself is hit only outside its content.
      if (event.target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => this.#clear());
  }

  /** The id of the product that is shown, or null. */
  get productId() {
    return this.#product?.id ?? null;
  }

  open(product) {
    this.#clear();
    this.#fill(product);
    this.#dialog.showModal();
    this.#strip.scrollTo({ left: 0, behavior: "instant" });
    this.#strip.focus({ preventScroll: true });
    this.#tellPlace();
  }

  /** What is shown now, after the menu changed; null where the product is gone. */
  update(product) {
    if (product === null) this.#dialog.close();
    else this.#fill(product);
  }

  retryNow() {
    for (const { picture } of this.#slides.values()) picture.retryNow();
  }

  #fill(product) {
    this.#product = product;
    this.#name.textContent = product.name || product.sku;
    this.#sku.textContent = product.sku;
    // Renditions arrive before the photo; the placeholder is for a product with neither.
    const rendition = product.renditions?.at(-1);
    const photos = product.has_photo
      ? product.photos
      : [{ id: "none", image_url: rendition?.image_url ?? this.#placeholderUrl }];
    const text = product.has_photo || rendition ? "photo_of" : "no_photo";
    const ids = new Set(photos.map((photo) => photo.id));
    for (const [id, slide] of this.#slides) {
      if (ids.has(id)) continue;
      slide.picture.release();
      slide.element.remove();
      this.#slides.delete(id);
    }
    photos.forEach((photo, index) => {
      const slide = this.#slides.get(photo.id) ?? this.#add(photo.id);
      const values = { name: product.name, number: index + 1, count: photos.length };
      slide.picture.want([photo.image_url], this.#language.say(text, values));
      if (this.#strip.children[index] !== slide.element) {
        this.#strip.insertBefore(slide.element, this.#strip.children[index] ?? null);
      }
    });
    this.#tellPlace();
  }

  #add(id) {
    const element = document.createElement("li");
    element.className = "viewer-photo";
    const place = document.createElement("span");
    place.className = "picture";
    element.append(place);
    const picture = new Picture(place, this.#placeholderUrl, { mostPixels: MOST_PIXELS });
    const slide = { element, picture };
    this.#slides.set(id, slide);
    return slide;
  }

  #clear() {
    for (const { picture } of this.#slides.values()) picture.release();
    this.#slides.clear();
    this.#strip.replaceChildren();
    this.#product = null;
  }

  get #index() {
    return Math.round(this.#strip.scrollLeft / (this.#strip.clientWidth || 1));
  }

  #turn(by) {
    const index = Math.max(0, Math.min(this.#slides.size - 1, this.#index + by));
    const behavior = stillness.matches ? "instant" : "smooth";
    this.#strip.scrollTo({ left: index * this.#strip.clientWidth, behavior });
  }

  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: +1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.#turn(by);
  }

  #tellPlace() {
    const count = this.#slides.size;
    const index = this.#index;
    // Only the next photo on each side is loaded ahead.
    for (const { element, picture } of this.#slides.values()) {
      picture.near = Math.abs([...this.#strip.children].indexOf(element) - index) <= 1;
    }
    this.#previous.hidden = index <= 0;
    this.#next.hidden = index >= count - 1;
    const place = count > 1 ? `${index + 1} / ${count}` : "";
    if (this.#place.textContent !== place) this.#place.textContent = place;
  }
}
