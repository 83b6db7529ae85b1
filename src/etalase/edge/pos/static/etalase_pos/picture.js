// A place on the page for one picture. It only ever holds a picture that has been loaded and decoded, so that nobody sees a
// broken-image icon, half a picture, or a gap while one photo gives way to the next.

import { shrunk } from "./small_copy.js";
import { mean, painted } from "./thumbhash.js";
import { TimeLimit } from "./time_limit.js";

// A skeleton that stays longer looks like a fault: then the placeholder stands in while the photo goes on loading.
const PATIENCE_MS = 6_000;
const TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 20_000;
// One photo may be damaged; where so many in a row cannot be loaded, it is this screen or the photo store.
const FAILURES_IN_A_ROW = 3;

let failedInARow = 0;

/** Returns whether no photo could be loaded lately, though some were asked for. */
export const photosFail = () => failedInARow >= FAILURES_IN_A_ROW;

/** Loads the first of `urls` that can be decoded; `done` gets the picture and its address, or null. Returns how to give up. */
function load(urls, place, mostPixels, done) {
  let given = false;
  let current = null;
  (async () => {
    for (const url of urls) {
      current = new TimeLimit(TIMEOUT_MS);
      let picture = await decoded(url, place, mostPixels, current);
      if (picture === null && (await fetchedAnew(url, current.signal))) picture = await decoded(url, place, mostPixels, current);
      current.end();
      if (given) return;
      if (picture !== null) {
        done(picture, url);
        return;
      }
    }
    done(null, null);
  })();
  return () => {
    given = true;
    current.giveUp();
  };
}

/** Returns the decoded <img> (a <canvas> where the picture has more than `mostPixels` on a side), or null. */
async function decoded(url, place, mostPixels, limit) {
  const { signal } = limit;
  if (signal.aborted) return null;
  const image = new Image();
  const gaveUp = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  image.src = url;
  // decode() would keep a large picture whole, which is to be made smaller at once.
  const ready = mostPixels === Infinity ? image.decode() : loaded(image).then(() => shrunk(image, place, mostPixels, limit)).then((canvas) => canvas ?? image.decode());
  const made = await Promise.race([ready.then((canvas) => canvas ?? image).catch(() => null), gaveUp.then(() => null)]);
  if (made !== image) image.removeAttribute("src"); // ends the transfer, and lets the pixels go
  return made;
}

function loaded(image) {
  return new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = reject;
  });
}

/** Fetches past the browser's cache, which may hold rotten bytes; returns whether the server has given the file. */
async function fetchedAnew(url, signal) {
  // Not every bucket tells the browser that a page may read it; the cache is renewed all the same.
  for (const mode of ["cors", "no-cors"]) {
    if (signal.aborted) return false;
    try {
      const response = await fetch(url, { mode, cache: "reload", credentials: "omit", signal });
      if (response.type === "opaque") return true;
      await response.blob();
      return response.ok;
    } catch {
      // The next mode may succeed.
    }
  }
  return false;
}

export class Picture {
  #place;
  #placeholderUrl;
  #mostPixels;
  #wanted = []; // addresses, the best first
  #alt = "";
  #hash = null;
  #hashCanvas = null; // kept: a browser frees thousands of them at once, which stops the page
  #shown = ""; // the best address when the present picture was loaded; empty while another one stands in
  #near = false;
  #failures = 0;
  #cancelLoad = null;
  #cancelStandIn = null;
  #patience = 0;
  #retry = 0;

  constructor(place, placeholderUrl, { mostPixels = Infinity } = {}) {
    this.#place = place;
    this.#placeholderUrl = placeholderUrl;
    this.#mostPixels = mostPixels;
  }

  /** Sets the picture to show: its addresses, the best first. The present one stays until the new one is there. */
  want(urls, alt, hash = null) {
    this.#alt = alt;
    const shown = this.#picture;
    if (shown !== null) name(shown, alt);
    if (urls.join(" ") === this.#wanted.join(" ")) return;
    this.#stop();
    this.#wanted = urls;
    this.#hash = hash;
    this.#failures = 0;
    this.#colour();
    this.#go();
  }

  /** Whether the place is on the screen or close to it: only then anything is loaded. */
  set near(near) {
    if (near === this.#near) return;
    this.#near = near;
    if (near) {
      this.#colour();
      this.#go();
    } else this.#stop();
  }

  /** Tries again at once what failed and would otherwise wait for its time. */
  retryNow() {
    if (this.#retry !== 0) this.#go();
  }

  /** Lets the picture go, of a place that leaves the page, or that another product gets. */
  release() {
    this.near = false;
    this.#picture?.removeAttribute("src");
    this.#place.replaceChildren();
    this.#place.classList.remove("is-placeholder", "is-shown", "is-coloured");
    this.#place.style.backgroundColor = "";
    this.#wanted = [];
    this.#shown = "";
  }

  /** Shows the colours of the picture where nothing is shown yet: its mean while the place is far away or flies past. */
  #colour() {
    if (this.#place.firstElementChild !== null) return;
    if (this.#near) {
      const canvas = painted(this.#hash, this.#hashCanvas);
      if (canvas !== null) this.#place.replaceChildren((this.#hashCanvas = canvas));
    } else {
      const colour = mean(this.#hash);
      this.#place.classList.toggle("is-coloured", colour !== null);
      this.#place.style.backgroundColor = colour ?? "";
    }
  }

  get #picture() {
    return this.#place.querySelector("img, canvas:not(.hash)");
  }

  #go() {
    if (!this.#near || this.#wanted.length === 0 || this.#wanted[0] === this.#shown || this.#cancelLoad) return;
    clearTimeout(this.#retry);
    this.#retry = 0;
    const [best] = this.#wanted;
    this.#patience = setTimeout(() => this.#place.firstElementChild === null && this.#standIn(), PATIENCE_MS);
    this.#cancelLoad = load(this.#wanted, this.#place, this.#mostPixels, (picture, url) => {
      this.#cancelLoad = null;
      clearTimeout(this.#patience);
      if (picture !== null) this.#show(picture, url, best);
      else this.#failed();
    });
  }

  #stop() {
    this.#cancelLoad?.();
    this.#cancelStandIn?.();
    this.#cancelLoad = this.#cancelStandIn = null;
    clearTimeout(this.#patience);
    clearTimeout(this.#retry);
    this.#retry = 0;
  }

  #show(picture, url, best) {
    if (url !== this.#placeholderUrl) failedInARow = 0;
    this.#cancelStandIn?.();
    this.#cancelStandIn = null;
    this.#failures = 0;
    this.#shown = best;
    this.#put(picture, url === this.#placeholderUrl);
  }

  #failed() {
    failedInARow += 1;
    this.#standIn();
    // Half of the delay is left to chance, so that a whole screen of tiles does not ask a waking server in one moment.
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.#go(), delay * (0.5 + Math.random() / 2));
  }

  /** Shows the placeholder, unless a photo is there: an old photo of the product is better than none. */
  #standIn() {
    if (this.#picture !== null || this.#cancelStandIn) return;
    this.#cancelStandIn = load([this.#placeholderUrl], this.#place, Infinity, (image) => {
      this.#cancelStandIn = null;
      if (image !== null) this.#put(image, true);
    });
  }

  #put(picture, isPlaceholder) {
    name(picture, this.#alt);
    picture.draggable = false;
    // A fade where a photo or its colours were before would be a gap.
    picture.className = this.#place.firstElementChild === null ? "appears" : "";
    this.#place.classList.toggle("is-placeholder", isPlaceholder);
    this.#place.style.backgroundColor = "";
    this.#place.classList.add("is-shown");
    const before = this.#picture;
    this.#place.replaceChildren(picture);
    before?.removeAttribute("src");
  }
}

function name(picture, alt) {
  if (picture instanceof HTMLCanvasElement) {
    picture.role = alt === "" ? "presentation" : "img";
    picture.ariaLabel = alt || null;
  } else if (picture.getAttribute("alt") !== alt) picture.alt = alt;
}
