// Figures in a drawing that can be reached: the arrows go from one to the next, Enter asks where it comes from, as a click
// does. One of them is reached with the tabulator key.

import { shape } from "./svg.ts";

/** A figure in a row and a column of a drawing: `name` says it. */
export interface GridCell {
  row: number;
  column: number;
  name: string;
  drawn: SVGElement;
}

/** The cells by rows; `pressed` is told which was asked about, by its place in the list. */
export function gridOf(label: string, cells: GridCell[], first: number, pressed: (index: number) => void): SVGElement {
  const rows = new Map<number, SVGElement>();
  for (const [index, { row, name, drawn }] of cells.entries()) {
    for (const [attribute, value] of Object.entries({ role: "gridcell", "aria-label": name, tabindex: index === first ? "0" : "-1", "data-cell": String(index) })) {
      drawn.setAttribute(attribute, value);
    }
    drawn.classList.add("figure-cell");
    const place = rows.get(row) ?? shape("g", { role: "row" });
    rows.set(row, place);
    place.append(drawn);
  }
  const grid = shape("g", { role: "grid", "aria-label": label }, ...rows.values());
  const indexOf = (target: EventTarget | null): number => (target instanceof SVGElement ? Number(target.closest<SVGElement>("[data-cell]")?.dataset["cell"] ?? -1) : -1);
  grid.addEventListener("focusin", ({ target }) => {
    const index = indexOf(target);
    for (const [place, { drawn }] of cells.entries()) drawn.setAttribute("tabindex", place === index ? "0" : "-1");
  });
  grid.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    if (index < 0) return;
    event.stopPropagation();
    cells[index]?.drawn.focus({ preventScroll: true });
    pressed(index);
  });
  grid.addEventListener("keydown", (event) => {
    const index = indexOf(event.target);
    if (index < 0) return;
    const next = stepTo(cells, index, event.key);
    if (next !== null) cells[next]?.drawn.focus();
    else if (event.key === "Enter" || event.key === " ") pressed(index);
    else return;
    event.preventDefault();
  });
  return grid;
}

/** The cell that a key leads to; itself at the edge, null for a key that leads nowhere. */
function stepTo(cells: GridCell[], index: number, key: string): number | null {
  const here = cells[index];
  if (here === undefined) return null;
  const all = cells.map((cell, place) => ({ ...cell, place }));
  const inRow = all.filter(({ row }) => row === here.row).toSorted((a, b) => a.column - b.column);
  const within = inRow.findIndex(({ place }) => place === index);
  const across = (forth: boolean): number => {
    const rows = [...new Set(all.map(({ row }) => row))].filter((row) => (forth ? row > here.row : row < here.row));
    const row = forth ? Math.min(...rows) : Math.max(...rows);
    const distance = ({ column }: GridCell): number => Math.abs(column - here.column);
    const [nearest] = all.filter((cell) => cell.row === row).toSorted((a, b) => distance(a) - distance(b));
    return nearest?.place ?? index;
  };
  const ways: Record<string, () => number | undefined> = {
    ArrowLeft: () => inRow[within - 1]?.place,
    ArrowRight: () => inRow[within + 1]?.place,
    ArrowUp: () => across(false),
    ArrowDown: () => across(true),
    Home: () => inRow[0]?.place,
    End: () => inRow.at(-1)?.place,
  };
  const way = ways[key];
  return way === undefined ? null : (way() ?? index);
}

/** A drawing whose cells are read one by one, and not as one picture: the rest of it is for the eye. */
export function readable(drawn: SVGElement, grid: SVGElement): SVGElement {
  const rest = shape("g", { "aria-hidden": "true" });
  rest.append(...drawn.childNodes);
  drawn.setAttribute("role", "group");
  drawn.append(rest, grid);
  return drawn;
}
