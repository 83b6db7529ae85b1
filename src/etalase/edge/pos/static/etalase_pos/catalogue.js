// The menu as the edge's API lists it, page by page, each asked for with the ETag of the last time: a poll that finds nothing
// new costs a few hundred bytes and no parsing.

const TIMEOUT_MS = 8_000;
// The first screen waits for the first page only.
const FIRST_LIMIT = 60;
const LIMIT = 500;

/** The edge server does not answer, or not as it should. */
export class EdgeAway extends Error {}

export class Catalogue {
  #firstUrl;
  #known = new Map(); // address of a page → { etag, page }

  constructor(productsUrl) {
    this.#firstUrl = `${productsUrl}?limit=${FIRST_LIMIT}`;
  }

  /**
   * Every product of the menu, in its order. `whole` is false where the menu changed between two pages, so that a product
   * may be missing; `changed` is false where all is as it was the last time. `onPart` gets what has come so far, after each
   * page but the last, once there is something new. Throws `EdgeAway`.
   */
  async read(onPart) {
    const products = new Map();
    const visited = new Set();
    const totals = new Set();
    let changed = false;
    for (let url = this.#firstUrl; url !== null && !visited.has(url); ) {
      visited.add(url);
      const before = this.#known.get(url)?.page;
      const page = await this.#page(url);
      changed ||= page !== before;
      totals.add(page.total);
      for (const product of page.products) {
        if (!products.has(product.id)) products.set(product.id, product);
      }
      url = page.next?.replace(/([?&]limit=)\d+/, `$1${LIMIT}`) ?? null;
      if (url !== null && changed) onPart([...products.values()]);
    }
    for (const url of this.#known.keys()) {
      if (!visited.has(url)) this.#known.delete(url);
    }
    const whole = totals.size === 1 && totals.has(products.size);
    return { products: [...products.values()], whole, changed };
  }

  async #page(url) {
    const known = this.#known.get(url);
    const headers = known ? { "If-None-Match": known.etag } : {};
    try {
      // The ETags are kept here, so the browser needs no copy of its own.
      const response = await fetch(url, { cache: "no-store", headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.status === 304 && known) return known.page;
      if (!response.ok) throw new Error(`status ${response.status}`);
      const page = await response.json();
      if (!Array.isArray(page.products)) throw new Error("no list of products");
      const etag = response.headers.get("ETag");
      if (etag) this.#known.set(url, { etag, page });
      return page;
    } catch (error) {
      throw new EdgeAway(`${url}: ${error.message}`, { cause: error });
    }
  }
}
