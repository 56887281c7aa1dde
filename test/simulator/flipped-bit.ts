/**
 * A bit that turns over while the server is down. Nothing may be dropped without a word: the start refuses the database
 * and names the file, or the bit mattered to nobody; and with the bit turned back all is there again. One place is open
 * to doubt, as docs/storage-format.md says: what was written last cannot be told from a torn tail, and the cut is warned of.
 */

import { DeltatError, SqlState } from "../../src/errors.ts";
import type { Random } from "../seeded-random.ts";
import { compareRows } from "./inspection.ts";
import { DATA_FOLDER, ServerLife, type ServerSettings } from "./server-life.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { EventLoop, type MachineClock } from "./simulated-time.ts";
import type { TenantModel } from "./tenant-model.ts";
import { check } from "./violation.ts";

export interface DownMachine {
  readonly disk: SimulatedDisk;
  readonly clock: MachineClock;
  readonly settings: ServerSettings;
  readonly models: readonly TenantModel[];
  /** The server was stopped in peace: the log says where it ends. */
  readonly isClean: boolean;
}

/** Turns a bit of a copy of the disk over, starts on that, and judges; returns what came of it. */
export function flipOneBit(machine: DownMachine, random: Random): string {
  const image = machine.disk.copy();
  const files = [...image.filesIn(DATA_FOLDER)].filter(([, file]) => file.size > 0);
  if (files.length === 0) return "no bit to flip";
  const [path, file] = random.pick(files);
  const offset = random.below(random.chance(0.8) ? contentEnd(file.contents()) : file.size);
  const bit = random.below(8);
  file.flip(offset, bit);
  const outcomes = startOn(image, machine, path);
  if (outcomes.includes("cut")) {
    check(
      !machine.isClean,
      `a bit of ${path} turned over after a clean stop, and the end of the log was cut off`,
    );
    return "flipped bits: tail cut";
  }
  if (!outcomes.includes("refused")) return "flipped bits: harmless";
  file.flip(offset, bit);
  const again = startOn(image, machine, path);
  check(!again.includes("refused"), `${path}: refused, though the bit was turned back`);
  return "flipped bits: refused";
}

type Outcome = "served" | "refused" | "cut";

/** Starts a server on this disk and judges each of its databases. */
function startOn(disk: SimulatedDisk, { clock, settings, models }: DownMachine, path: string): Outcome[] {
  const loop = new EventLoop(clock, () => undefined);
  const warnings: string[] = [];
  const judgeAll = (): Outcome[] => {
    const life = new ServerLife(loop, disk, null, settings, disk.random, {
      warn: (warning) => void warnings.push(warning),
    });
    return [...models].map((model) => {
      try {
        return judge(life, model, path, warnings);
      } catch (error) {
        return refusalOf(error, path);
      }
    });
  };
  try {
    return judgeAll();
  } catch (error) {
    // None of the databases can be served.
    return [refusalOf(error, path)];
  } finally {
    loop.isOver = true;
  }
}

function judge(life: ServerLife, model: TenantModel, path: string, warnings: readonly string[]): Outcome {
  const tenant = life.tenant(model.name);
  const found = tenant?.appendedLsn ?? 0;
  const lost = model.acknowledgedVersion - found;
  if (lost > 0) {
    const isWarnedOf = warnings.some((warning) => warning.includes(path));
    check(
      isWarnedOf,
      `${model.name}: a bit of ${path} turned over, and ${lost} commits are gone without a word`,
    );
    return "cut";
  }
  if (tenant !== null && found <= model.version) {
    compareRows(`${model.name} with a bit of ${path} turned over`, tenant.engine, model.stateAt(found));
  }
  return "served";
}

/** Throws on what is no refusal that names the place. */
function refusalOf(error: unknown, path: string): Outcome {
  if (!(error instanceof DeltatError)) throw error;
  const isNamed = error.message.includes(path.slice(0, path.lastIndexOf("/")));
  const isRefusal =
    error.sqlState === SqlState.dataCorrupted || error.sqlState === SqlState.featureNotSupported;
  check(
    isRefusal && isNamed,
    `a bit of ${path} turned over, and the start says: ${error.sqlState} ${error.message}`,
  );
  return "refused";
}

/** Offset behind the last byte that is not zero. */
function contentEnd(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1 || 1;
}
