/** Inputs with something left out: large pieces first, then ever smaller ones, down to single items. */

/** Lists with a run of items left out, then with one item made smaller. */
export function* smallerLists<T>(
  items: readonly T[],
  smallerItem: (item: T) => Iterable<T> = () => [],
): Generator<T[]> {
  for (let length = items.length; length >= 1; length = Math.floor(length / 2)) {
    for (let from = 0; from < items.length; from += length) yield items.toSpliced(from, length);
  }
  for (const [at, item] of items.entries()) {
    for (const smaller of smallerItem(item)) yield items.with(at, smaller);
  }
}

/** Texts with a run of characters left out. */
export function* smallerTexts(text: string): Generator<string> {
  for (const characters of smallerLists([...text])) yield characters.join("");
}
