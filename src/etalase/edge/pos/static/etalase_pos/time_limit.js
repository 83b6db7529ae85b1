/** A time after which something is given up; it can be interrupted and begin anew. */
export class TimeLimit {
  #controller = new AbortController();
  #ms;
  #timer = 0;

  constructor(ms) {
    this.#ms = ms;
    this.begin();
  }

  get signal() {
    return this.#controller.signal;
  }

  begin() {
    this.end();
    this.#timer = setTimeout(() => this.giveUp(), this.#ms);
  }

  end() {
    clearTimeout(this.#timer);
  }

  giveUp() {
    this.end();
    this.#controller.abort();
  }
}
