// A place on the page for one picture. It only ever holds an <img> that has been loaded and decoded, so that nobody sees a
// broken-image icon, half a picture, or a gap while one photo gives way to the next.

// A skeleton that stays longer looks like a fault: then the placeholder stands in while the photo goes on loading.
const PATIENCE_MS = 6_000;
const TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 20_000;
// One photo may be damaged; where so many in a row cannot be loaded, it is this screen or the photo store.
const FAILURES_IN_A_ROW = 3;

let failedInARow = 0;

/** Whether no photo could be loaded lately, though some were asked for. */
export const photosFail = () => failedInARow >= FAILURES_IN_A_ROW;

/** Load `url`; `done` gets the decoded <img>, or null after an error or the timeout. Returns how to give up: then `done` is not called. */
function load(url, done) {
  const image = new Image();
  let open = true;
  const finish = (result) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    if (result === null) image.removeAttribute("src"); // ends the transfer
    done(result);
  };
  const timer = setTimeout(() => finish(null), TIMEOUT_MS);
  image.src = url;
  image.decode().then(
    () => finish(image),
    () => finish(null),
  );
  return () => {
    open = false;
    clearTimeout(timer);
    image.removeAttribute("src");
  };
}

export class Picture {
  #place;
  #placeholderUrl;
  #wantedUrl = null;
  #alt = "";
  #shownUrl = null; // the photo or placeholder that was asked for and is shown, not one that merely stands in
  #near = false;
  #failures = 0;
  #cancelLoad = null;
  #cancelStandIn = null;
  #patience = 0;
  #retry = 0;

  constructor(place, placeholderUrl) {
    this.#place = place;
    this.#placeholderUrl = placeholderUrl;
  }

  /** What should be shown from now on. What is shown stays until the new one is there. */
  want(url, alt) {
    this.#alt = alt;
    const image = this.#place.querySelector("img");
    if (image !== null && image.alt !== alt) image.alt = alt;
    if (url === this.#wantedUrl) return;
    this.#stop();
    this.#wantedUrl = url;
    this.#failures = 0;
    this.#go();
  }

  /** Whether the place is on the screen or close to it: only then anything is loaded. */
  set near(near) {
    if (near === this.#near) return;
    this.#near = near;
    if (near) this.#go();
    else this.#stop();
  }

  /** Try again at once what failed and would otherwise wait for its time. */
  retryNow() {
    if (this.#retry !== 0) this.#go();
  }

  #go() {
    if (!this.#near || this.#wantedUrl === null || this.#wantedUrl === this.#shownUrl || this.#cancelLoad) return;
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#patience = setTimeout(() => this.#standIn(), PATIENCE_MS);
    const url = this.#wantedUrl;
    this.#cancelLoad = load(url, (image) => {
      this.#cancelLoad = null;
      clearTimeout(this.#patience);
      if (image !== null) this.#show(image, url);
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

  #show(image, url) {
    if (url !== this.#placeholderUrl) failedInARow = 0;
    this.#cancelStandIn?.();
    this.#cancelStandIn = null;
    this.#failures = 0;
    this.#shownUrl = url;
    this.#put(image, url === this.#placeholderUrl);
  }

  #failed() {
    failedInARow += 1;
    this.#standIn();
    // Half of the delay is left to chance, so that a whole screen of tiles does not ask a waking server in one moment.
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.#go(), delay * (0.5 + Math.random() / 2));
  }

  /** The placeholder, unless a photo is there: an old photo of the product is better than none. */
  #standIn() {
    if (this.#place.firstElementChild !== null || this.#cancelStandIn) return;
    this.#cancelStandIn = load(this.#placeholderUrl, (image) => {
      this.#cancelStandIn = null;
      if (image !== null) this.#put(image, true);
    });
  }

  #put(image, isPlaceholder) {
    image.alt = this.#alt;
    image.draggable = false;
    // A fade where a photo was before would be a gap.
    image.className = this.#place.firstElementChild === null ? "appears" : "";
    this.#place.classList.toggle("is-placeholder", isPlaceholder);
    this.#place.classList.add("is-shown");
    this.#place.replaceChildren(image);
  }
}
