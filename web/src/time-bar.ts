// The time shown: a slider over the day, and whether events are as they were known then.

import { element, icon, setAttribute, setText } from "./dom.ts";
import { timeOfDay } from "./format.ts";
import { say } from "./map-words.ts";

const STEP_MILLISECONDS = 15 * 60_000;
const PLAY_MILLISECONDS = 350;
const PLAY = "M7 4.5v15l12-7.5z";
const PAUSE = "M8 5v14M16 5v14";

export interface TimeChoice {
  /** Milliseconds; null follows the present, or is the end of a day gone by. */
  at: number | null;
  then: boolean;
}

export class TimeBar {
  readonly element: HTMLElement;
  readonly #slider = element("input", { type: "range", step: String(STEP_MILLISECONDS) });
  readonly #label = element("span", { class: "visually-hidden" });
  readonly #output = element("output", { class: "time-shown" });
  readonly #play = element("button", { type: "button", class: "icon-button" });
  readonly #now = element("button", { type: "button", class: "small-button" });
  readonly #then = element("input", { type: "checkbox" });
  readonly #thenText = element("span");
  readonly #toggle = element("label", { class: "toggle" }, this.#then, this.#thenText);
  readonly #changed: (choice: TimeChoice, settled: boolean) => void;
  #choice: TimeChoice = { at: null, then: false };
  #start = 0;
  #end = 0;
  #live = true;
  #playing = 0;

  /** `changed` is told each move; `settled` once the slider rests. */
  constructor(changed: (choice: TimeChoice, settled: boolean) => void) {
    this.#changed = changed;
    this.element = element(
      "div",
      { class: "time-bar" },
      this.#play,
      element("label", { class: "time-slider" }, this.#label, this.#slider),
      this.#output,
      this.#now,
      this.#toggle,
    );
    this.#slider.addEventListener("input", () => {
      this.#stop();
      this.#set(Number(this.#slider.value), false);
    });
    this.#slider.addEventListener("change", () => this.#set(Number(this.#slider.value), true));
    this.#now.addEventListener("click", () => {
      this.#stop();
      this.#tell({ ...this.#choice, at: null }, true);
    });
    this.#then.addEventListener("change", () => this.#tell({ ...this.#choice, then: this.#then.checked }, true));
    this.#play.addEventListener("click", () => (this.#playing === 0 ? this.#begin() : this.#stop()));
  }

  /** Shows a choice; `end` is the present, or the end of a day gone by. */
  write(choice: TimeChoice, start: number, end: number, live: boolean): void {
    this.#choice = choice;
    [this.#start, this.#end, this.#live] = [start, end, live];
    setText(this.#label, say().time);
    setText(this.#now, live ? say().now : say().endOfDay);
    setAttribute(this.#now, "aria-pressed", String(choice.at === null));
    setText(this.#thenText, say().then);
    setAttribute(this.#toggle, "title", say().thenTitle);
    this.#then.checked = choice.then;
    const playing = this.#playing !== 0;
    setAttribute(this.#play, "aria-label", playing ? say().pause : say().play);
    setAttribute(this.#play, "title", playing ? say().pause : say().play);
    this.#play.replaceChildren(icon(playing ? PAUSE : PLAY));
    this.#slider.min = String(start);
    // The last step is not over yet: the knob stands at its end all the same.
    const last = start + Math.max(1, Math.ceil((end - start) / STEP_MILLISECONDS)) * STEP_MILLISECONDS;
    this.#slider.max = String(last);
    const at = choice.at ?? end;
    this.#slider.value = String(choice.at ?? last);
    const text = !live && choice.at === null ? say().endOfDay : timeOfDay(at);
    setText(this.#output, text);
    setAttribute(this.#slider, "aria-valuetext", text);
  }

  /** Stops what passes by itself. */
  stop(): void {
    this.#stop();
  }

  #begin(): void {
    if ((this.#choice.at ?? this.#end) >= this.#end - STEP_MILLISECONDS) this.#set(this.#start, true);
    this.#playing = window.setInterval(() => {
      const next = (this.#choice.at ?? this.#start) + STEP_MILLISECONDS;
      if (next < this.#end) {
        this.#set(next, false);
        return;
      }
      this.#stop();
      this.#tell({ ...this.#choice, at: null }, true);
    }, PLAY_MILLISECONDS);
    this.write(this.#choice, this.#start, this.#end, this.#live);
  }

  #stop(): void {
    if (this.#playing === 0) return;
    clearInterval(this.#playing);
    this.#playing = 0;
    this.#tell(this.#choice, true);
  }

  #set(at: number, settled: boolean): void {
    // The right end is the present, which goes on.
    this.#tell({ ...this.#choice, at: at >= this.#end ? null : at }, settled);
  }

  #tell(choice: TimeChoice, settled: boolean): void {
    this.write(choice, this.#start, this.#end, this.#live);
    this.#changed(choice, settled);
  }
}
