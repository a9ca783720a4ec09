// Bars of categories, drawn by the page itself: text stays text, at any width.

import { element, keepChildren, setText } from "./dom.ts";
import { quantity } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { tracedFigure, writeTraced } from "./provenance-button.ts";
import { dataColour } from "./theme.ts";
import type { Chart } from "./types.ts";

export class Bars {
  readonly element = element("ul", { class: "bars", hidden: "" });

  /** `pressed` is told that a figure was asked about. */
  update(chart: Chart, firstColour: number, pressed: (button: HTMLButtonElement) => void): void {
    const values = chart.series.map((series) => series.values[0] ?? null);
    const greatest = Math.max(0, ...values.map((value) => Math.abs(value ?? 0)));
    this.element.style.setProperty("--paint", `var(--${dataColour(firstColour)})`);
    const items = keepChildren(this.element, chart.series.length, () =>
      element(
        "li",
        {},
        element("span", { class: "bar-label", dir: "auto" }),
        element("span", { class: "bar-track" }, element("span", { class: "bar-fill" })),
        // The values of all categories are of the same stretch: that of the chart.
        element("span", { class: "bar-value" }, tracedFigure("", "", (button) => pressed(button))),
      ),
    );
    for (const [index, series] of chart.series.entries()) {
      const value = values[index] ?? null;
      const [label, track, figure] = items[index]?.children ?? [];
      const bar = track?.firstElementChild;
      const button = figure?.firstElementChild;
      if (!label || !(button instanceof HTMLButtonElement) || !(bar instanceof HTMLElement)) continue;
      setText(label, inLanguage(series.label));
      writeTraced(button, value === null ? words().gap : quantity(value, chart.unit, chart.decimals), inLanguage(series.label), value !== null);
      bar.style.width = value === null || greatest === 0 ? "0" : `${(100 * Math.abs(value)) / greatest}%`;
    }
  }
}
