// The body of a download, shown as text when it is asked for.

import { explain } from "./day-message.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { fetchBody, type CaptureLine } from "./record-api.ts";
import { bytes } from "./record-format.ts";
import { say } from "./record-words.ts";

/** The body is text from outside: it reaches the page as the content of a text node, whatever it is. */
export function bodyOf(line: CaptureLine, source: string): HTMLElement {
  const label = say().bodyOf(source);
  const text = element("pre", { tabindex: "0", role: "group", "aria-label": label }, say().loading);
  const place = element("div", { class: "body" }, text);
  fetchBody(line.id, new AbortController().signal).then(
    (body) => {
      setText(text, body.text);
      if (body.cut) place.append(element("p", { class: "quiet" }, say().bodyCut(bytes(body.bytes))));
    },
    (error: unknown) => setText(text, explain(error)),
  );
  return place;
}

/** What opens and closes a body. */
export function bodyButton(line: CaptureLine, open: boolean): HTMLButtonElement {
  const button = element("button", { type: "button", class: "small-button" });
  nameBodyButton(button, line, open);
  return button;
}

function nameBodyButton(button: HTMLButtonElement, line: CaptureLine, open: boolean): void {
  setAttribute(button, "aria-expanded", String(open));
  setText(button, open ? say().hideBody : `${say().showBody} (${bytes(line.bytes)})`);
}

/** A button with the body that it opens below it. */
export function bodyDisclosure(line: CaptureLine, source: string): HTMLElement {
  const button = bodyButton(line, false);
  const place = element("div", { class: "body-disclosure" }, button);
  button.addEventListener("click", () => {
    const open = place.children.length > 1;
    if (open) place.lastElementChild?.remove();
    else place.append(bodyOf(line, source));
    nameBodyButton(button, line, !open);
  });
  return place;
}
