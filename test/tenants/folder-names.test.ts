/** Database names as folder names: one to one, within one folder, and distinct where case is ignored. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_DATABASE_NAME_BYTES } from "../../src/limits.ts";
import { databaseOf, folderOf } from "../../src/tenants/folder-names.ts";

const name = fc
  .oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "binary", minLength: 1 }))
  .filter(
    (text) =>
      !text.includes("\0") && Buffer.byteLength(text) <= MAX_DATABASE_NAME_BYTES && text.isWellFormed(),
  );

describe("the folder of a database", () => {
  test("leads back to its name", () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(databaseOf(folderOf(text))).toBe(text);
      }),
    );
  });

  test("lies in its parent, is its own where case is ignored, and is no longer than a file name may be", () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const folder = folderOf(a);
        expect(folder).toMatch(/^([a-z0-9_-]|%[0-9A-F]{2})+$/);
        expect(folder.length).toBeLessThanOrEqual(255);
        expect(folder.toLowerCase() === folderOf(b).toLowerCase()).toBe(a === b);
      }),
    );
    expect(folderOf("A").toLowerCase()).not.toBe(folderOf("a"));
    expect([folderOf(".."), folderOf("a/b"), folderOf("%41")]).toEqual(["%2E%2E", "a%2Fb", "%2541"]);
  });

  test("no other folder is taken for a database", () => {
    for (const folder of [
      "",
      ".",
      "..",
      "A",
      "%61",
      "%2e",
      "%",
      "%4",
      "%FF",
      "%00",
      "lost+found",
      "a b",
      "ä",
    ]) {
      expect(databaseOf(folder)).toBeNull();
    }
    fc.assert(
      fc.property(fc.string(), (folder) => {
        const database = databaseOf(folder);
        if (database !== null) expect(folderOf(database)).toBe(folder);
      }),
    );
  });
});

test("MAX_DATABASE_NAME_BYTES counts bytes of UTF-8; one more, none, and a zero byte are 3D000", () => {
  const longest = "x".repeat(MAX_DATABASE_NAME_BYTES);
  const wide = "\u00e9".repeat((MAX_DATABASE_NAME_BYTES - 1) / 2);
  for (const text of [longest, `${wide}x`]) {
    expect(databaseOf(folderOf(text))).toBe(text);
  }
  for (const text of [`${longest}x`, `${wide}\u00e9`, "", "a\0b"]) {
    expect(() => folderOf(text)).toThrow(expect.objectContaining({ sqlState: "3D000" }));
  }
});
