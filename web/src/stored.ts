// What the browser remembers of the reader's choices. Where it may not (blocked storage), they last as long as the page.

const here = new Map<string, string>();

export function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return here.get(name) ?? null;
  }
}

/** Remembers a choice; null forgets it. */
export function store(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    if (value === null) here.delete(name);
    else here.set(name, value);
  }
}
