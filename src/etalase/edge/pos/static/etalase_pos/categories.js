// The row of categories above the tiles: radio buttons, so that the keyboard and screen readers know them. It is there once a
// dish has a category. The choice is remembered until the tab is closed.

const REMEMBERED = "etalase_category";
const ALL = "";
// No category's name begins with a space.
const OTHERS = " ";

export class Categories {
  #place;
  #row;
  #language;
  #onChange;
  #offered = [];
  #chosen;

  constructor({ place, language, onChange }) {
    this.#place = place;
    this.#row = place.querySelector(".chips");
    this.#language = language;
    this.#onChange = onChange;
    this.#chosen = recalled();
    place.addEventListener("change", (event) => this.choose(event.target.value));
  }

  /** Whether only a part of the menu passes. */
  get isChosen() {
    return this.#chosen !== ALL && this.#offered.includes(this.#chosen);
  }

  /** Returns whether the product is in the chosen category; a category that no dish has any more chooses nothing. */
  accepts = (product) => !this.isChosen || (product.category || OTHERS) === this.#chosen;

  /** Offers the categories of `products`. */
  update(products) {
    const names = [...new Set(products.map((product) => product.category).filter(Boolean))].sort((a, b) => a.localeCompare(b, "id"));
    const offered = names.length === 0 ? [] : [ALL, ...names];
    if (names.length > 0 && products.some((product) => !product.category)) offered.push(OTHERS);
    if (offered.length !== this.#offered.length || offered.some((value, place) => value !== this.#offered[place])) {
      const hadFocus = this.#row.contains(document.activeElement);
      this.#offered = offered;
      this.#row.replaceChildren(...offered.map((value) => this.#chip(value)));
      this.#place.hidden = offered.length === 0;
      this.#check();
      if (hadFocus) this.#row.querySelector(":checked")?.focus();
    }
  }

  choose(value) {
    this.#chosen = value;
    try {
      sessionStorage.setItem(REMEMBERED, value);
    } catch {
      // A browser without storage forgets it.
    }
    this.#check();
    this.#onChange();
  }

  chooseAll() {
    if (this.#chosen !== ALL) this.choose(ALL);
  }

  #check() {
    const chosen = this.isChosen ? this.#chosen : ALL;
    for (const input of this.#row.querySelectorAll("input")) input.checked = input.value === chosen;
  }

  #chip(value) {
    const label = document.createElement("label");
    label.className = "chip";
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "category";
    input.value = value;
    const text = document.createElement("span");
    const name = { [ALL]: "all_categories", [OTHERS]: "other_category" }[value];
    if (name !== undefined) text.dataset.text = name;
    text.textContent = name === undefined ? value : this.#language.say(name);
    label.append(input, text);
    return label;
  }
}

function recalled() {
  try {
    return sessionStorage.getItem(REMEMBERED) ?? ALL;
  } catch {
    return ALL;
  }
}
