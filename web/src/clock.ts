// The server's clock. It may be simulated and run faster than ours: then it moves only when the server says so.

import { Listeners } from "./dom.ts";

export class ServerClock {
  #now = Date.now();
  #told = performance.now();
  #simulated = false;
  readonly ticked = new Listeners<number>();

  constructor() {
    setInterval(() => {
      if (!this.#simulated && !document.hidden) this.ticked.tell(this.now());
    }, 1000);
  }

  /** What the server's clock shows now, in milliseconds. */
  now(): number {
    return this.#simulated ? this.#now : this.#now + (performance.now() - this.#told);
  }

  /** Takes the time that the server told. */
  set(now: number, simulated = this.#simulated): void {
    this.#now = now;
    this.#told = performance.now();
    this.#simulated = simulated;
    this.ticked.tell(now);
  }
}
