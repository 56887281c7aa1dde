/** What the runs of a campaign did, as text: the counts by what they are of. */

/** Headings, and the counts below each, in this order; what is not listed comes last. */
const GROUPS: readonly (readonly [heading: string, counts: readonly string[]])[] = [
  [
    "Work",
    [
      "statements",
      "connections",
      "commits of clients",
      "commits of retention",
      "holds expired",
      "notifications told",
      "reads of events",
      "checkpoints",
      "snapshots made",
      "disk operations",
    ],
  ],
  [
    "Ends of the server",
    [
      "power cuts",
      "kills",
      "crashes at an operation of the disk",
      "starts broken off",
      "restarts",
      "unsynced sectors lost",
      "unsynced sectors torn",
      "unsynced sectors written",
      "unsynced changes of names lost",
      "unsynced changes of names kept",
    ],
  ],
  [
    "Faults of disk, clock and network",
    [
      "a sync failed",
      "a sync of a folder failed",
      "a write failed",
      "disks filled",
      "no room for a write",
      "failed logs",
      "starts refused by the disk",
      "flipped bits: refused",
      "flipped bits: tail cut",
      "flipped bits: harmless",
      "clock jumps",
      "connections dropped",
      "messages broken off",
    ],
  ],
  [
    "Checks",
    [
      "verifications",
      "commits that a crash undid, all unacknowledged",
      "answers compared with what a crash left",
    ],
  ],
];

const RUNS = "runs";

/** The counts as lines, a heading above each group. */
export function summaryOf(counts: ReadonlyMap<string, number>): string[] {
  const known = new Set([RUNS, ...GROUPS.flatMap(([, names]) => names)]);
  const others = [...counts.keys()].filter((name) => !known.has(name)).sort();
  const groups = others.length === 0 ? GROUPS : [...GROUPS, ["Others", others] as const];
  return groups.flatMap(([heading, names]) => [
    `${heading}:`,
    ...names.map((name) => `  ${name}: ${(counts.get(name) ?? 0).toLocaleString("en")}`),
  ]);
}
