import { expect, test } from "bun:test";
import { touchLines } from "../../kernels/touch.ts";

test("touchLines reads each line between two elements, and none beyond", () => {
  const column = new Float64Array(128);
  for (let first = 0; first < 40; first++) {
    for (let last = first; last < 80; last++) {
      for (let line = 0; line < column.length; line += 8) {
        column.fill(0).fill(1, line, line + 8);
        const isBetween = line <= last && line + 7 >= first;
        expect(touchLines(column, first, last) > 0).toBe(isBetween);
      }
    }
  }
});
