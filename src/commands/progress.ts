/** How far something has come, on a terminal: one line that is written over. Nothing where stderr is no terminal. */

export class Progress {
  private shown = 0;
  private lastMs = 0;

  constructor(private readonly what: string) {}

  show(state: string): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.lastMs < 100) return;
    this.lastMs = now;
    const line = `${this.what}: ${state}`;
    process.stderr.write(`\r${line.padEnd(this.shown)}`);
    this.shown = line.length;
  }

  done(): void {
    if (this.shown > 0) process.stderr.write(`\r${"".padEnd(this.shown)}\r`);
    this.shown = 0;
  }
}
