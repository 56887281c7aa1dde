/** How far something has come, on a terminal: one line that is written over. Nothing where stderr is no terminal. */

/** Milliseconds between two looks of the line: nobody reads faster. */
const INTERVAL_MS = 100;

export class Progress {
  private readonly isShown = process.stderr.isTTY === true;
  private shown = 0;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly what: string) {}

  show(state: string): void {
    if (!this.isShown) return;
    const now = performance.now();
    if (now - this.lastMs < INTERVAL_MS) return;
    this.lastMs = now;
    const line = `${this.what}: ${state}`;
    process.stderr.write(`\r${line.padEnd(this.shown)}`);
    this.shown = line.length;
  }

  /** Takes the line away. */
  done(): void {
    if (this.shown > 0) process.stderr.write(`\r${"".padEnd(this.shown)}\r`);
    this.shown = 0;
  }
}
