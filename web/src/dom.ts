// Small helpers over the DOM. Text reaches the page through `textContent` and attributes only.

export type Child = Node | string;

/** Builds an element; strings among the children become text nodes, never markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** What index.html has already. */
export function present<Kind extends Element>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the page has no ${selector}`);
  return found;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon drawn with strokes on a 24 × 24 grid. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Sets the text of a node, touching the DOM only when it changes; says whether it did. */
export function setText(node: Node, text: string): boolean {
  if (node.textContent === text) return false;
  node.textContent = text;
  return true;
}

/** Sets an attribute, or takes it away when the value is null; does nothing when it is already so. */
export function setAttribute(node: Element, name: string, value: string | null): void {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/** Makes `parent` hold exactly `count` children, made by `make`, keeping those it has. */
export function keepChildren(parent: Element, count: number, make: () => Element): Element[] {
  while (parent.children.length > count) parent.lastElementChild?.remove();
  while (parent.children.length < count) parent.append(make());
  return [...parent.children];
}

const REACHED = "a[href], button, input, select, summary, [tabindex]";

/** What can be focused below a node, in order. */
export function reached(parent: ParentNode): HTMLElement[] {
  return [...parent.querySelectorAll<HTMLElement>(REACHED)];
}

/** Puts other children into `parent`, and the reader back where they were: the focus by its place among what can be focused, and
 *  how far each frame was scrolled. */
export function renew(parent: HTMLElement, ...children: Child[]): void {
  const before = reached(parent);
  const focused = before.findIndex((place) => place === document.activeElement);
  const scrolled = before.map((place) => [place.scrollLeft, place.scrollTop] as const);
  parent.replaceChildren(...children);
  for (const [index, place] of reached(parent).entries()) {
    const [left, top] = scrolled[index] ?? [0, 0];
    if (left !== 0 || top !== 0) place.scrollTo(left, top);
    if (index === focused) place.focus({ preventScroll: true });
  }
}

/** The credit's address when it is one that a link may lead to. */
export function webAddress(address: string): string | null {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Values that somebody may be told about when they change. */
export class Listeners<Value> {
  readonly #all = new Set<(value: Value) => void>();

  add(listener: (value: Value) => void): void {
    this.#all.add(listener);
  }

  tell(value: Value): void {
    for (const listener of this.#all) listener(value);
  }
}

/** What there is to paint is on the screen, and the browser has nothing else to do. */
export async function leisure(): Promise<void> {
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  if ("requestIdleCallback" in window) await new Promise((done) => requestIdleCallback(done, { timeout: 2000 }));
}
