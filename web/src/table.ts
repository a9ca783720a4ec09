// Tables: the first column names the row, the others are figures.

import { element } from "./dom.ts";

/** A table that scrolls within its frame when it is wide or long. */
export function table(caption: string, columns: string[], rows: (string | Node)[][]): HTMLElement {
  const head = element("tr", {}, ...columns.map((column) => element("th", { scope: "col", dir: "auto" }, column)));
  const body = rows.map((cells) =>
    element(
      "tr",
      {},
      ...cells.map((cell, index) => (index === 0 ? element("th", { scope: "row", dir: "auto" }, cell) : element("td", {}, cell))),
    ),
  );
  return element(
    "div",
    { class: "table-frame", tabindex: "0", role: "group", "aria-label": caption },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)),
  );
}
