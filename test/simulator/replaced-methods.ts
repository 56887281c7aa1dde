/** Puts other functions in the place of the server's while a run lasts. */

/** Puts another property in the place of one of a prototype's; returns what puts it back. */
export function replaced(prototype: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name);
  if (before === undefined) throw new Error(`there is no ${name} to replace`);
  Object.defineProperty(prototype, name, { ...property, configurable: true });
  return () => {
    Object.defineProperty(prototype, name, before);
  };
}

/** Puts a method in the place of another, which it may call. */
export function wrapped<Self extends object, Args extends unknown[], Result>(
  prototype: Self,
  name: string,
  method: (self: Self, original: (...args: Args) => Result, ...args: Args) => Result,
): () => void {
  const original: unknown = Reflect.get(prototype, name);
  if (typeof original !== "function") throw new Error(`there is no method ${name}`);
  return replaced(prototype, name, {
    value(this: Self, ...args: Args): Result {
      return method(this, (...passed) => original.apply(this, passed), ...args);
    },
    writable: true,
  });
}

export function changedCell(column: { [row: number]: number }, row: number, value: number): () => void {
  const before = column[row] ?? 0;
  column[row] = value;
  return () => {
    column[row] = before;
  };
}

/** Every so-manieth call is another. */
export function everyNth(n: number): () => boolean {
  let calls = 0;
  return () => ++calls % n === 0;
}
