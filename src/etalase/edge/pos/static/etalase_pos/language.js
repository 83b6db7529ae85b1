// The page's language. The server renders the first one; a cookie tells it the next time.

const YEAR_SECONDS = 365 * 24 * 3600;

export class Language {
  #texts;
  #cookie;
  #code = document.documentElement.lang; // kept: a browser that translates the page changes the attribute

  constructor(texts, cookie) {
    this.#texts = texts;
    this.#cookie = cookie;
  }

  get code() {
    return this.#code;
  }

  /** The text called `name`, with `{...}` filled in. */
  say(name, values = {}) {
    return this.#texts[this.code][name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));
  }

  /** The time of day as people write it. */
  time(date) {
    return new Intl.DateTimeFormat(this.code, { hour: "2-digit", minute: "2-digit" }).format(date);
  }

  /** Change to `code`, and remember it on this POS. */
  change(code) {
    document.documentElement.lang = this.#code = code;
    document.cookie = `${this.#cookie}=${code}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax`;
    document.title = this.say("title");
    for (const element of document.querySelectorAll("[data-text]")) {
      element.textContent = this.say(element.dataset.text);
    }
    for (const element of document.querySelectorAll("[data-text-label]")) {
      element.ariaLabel = this.say(element.dataset.textLabel);
    }
    for (const element of document.querySelectorAll("[data-text-placeholder]")) {
      element.placeholder = this.say(element.dataset.textPlaceholder);
    }
    for (const button of document.querySelectorAll("[data-language]")) {
      button.ariaPressed = String(button.dataset.language === code);
    }
  }
}
