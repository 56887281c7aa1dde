/**
 * Is there an order of these operations, each somewhere between its question and its answer, in which the sequential model
 * gives every answer that was given? Wing and Gong's search in the form of Lowe's just-in-time linearization ("Testing for
 * linearizability", 2017): questions and answers are gone through in the order of time, with the set of all configurations
 * that explain what came before, each a state of the model and the open operations that it has already placed. At an
 * answer, open operations are placed in every order that ends with the one that is answered. Configurations that are equal
 * are one, so orders that lead to the same state are followed once. An operation that never changes anything is placed as
 * soon as it fits: whatever can come later can come later all the same.
 */

/** A state of the model; equal states have equal keys. States never change. */
export interface ModelState {
  readonly key: string;
}

export interface Operation<State extends ModelState> {
  /** When it was asked for and answered, by one clock. */
  readonly invokedAt: number;
  /** Of an optional operation: when it can have happened at the latest. */
  readonly answeredAt: number;
  /** Whether its answer never came: it has happened once in that time, or not at all. */
  readonly isOptional: boolean;
  /** Whether the state behind it is always the one before it. */
  readonly changesNothing: boolean;
  /** The state behind it, or null where the model would not have given its answer in this state. */
  readonly step: (state: State) => State | null;
  /** For the reader of a failure. */
  readonly describe: () => string;
}

export type Verdict<State extends ModelState> =
  /** All states that the history can have led to; `explored` configurations were looked at. */
  | { readonly isLinearizable: true; readonly states: readonly State[]; readonly explored: number }
  /** The answer that no order explains, and what was possible just before it. */
  | { readonly isLinearizable: false; readonly unexplained: number; readonly states: readonly State[] };

interface Configuration<State> {
  readonly state: State;
  /** A bit for each open operation that has been placed. */
  readonly placed: number;
}

/** Operations that may be open at one time: the bits of a mask. */
const MAX_OPEN = 30;

/** Configurations that one history may need at one time. */
const MAX_CONFIGURATIONS = 500_000;

/**
 * Checks a history that begins in one of `initial`. Throws an Error where more operations are open at one time, or more
 * configurations needed, than this search is made for.
 */
export function checkLinearizability<State extends ModelState>(
  initial: readonly State[],
  operations: readonly Operation<State>[],
): Verdict<State> {
  const search = new Search(initial, operations);
  for (const { operation, isAnswer } of inOrderOfTime(operations)) {
    if (!isAnswer) search.ask(operation);
    else if (!search.answer(operation)) {
      return { isLinearizable: false, unexplained: operation, states: search.before };
    }
  }
  return { isLinearizable: true, states: search.states(), explored: search.explored };
}

interface Moment {
  readonly at: number;
  readonly operation: number;
  readonly isAnswer: boolean;
}

/** Of one instant, questions come before answers: what may have been concurrent counts as such. */
function inOrderOfTime(
  operations: readonly Pick<Operation<ModelState>, "invokedAt" | "answeredAt">[],
): Moment[] {
  const moments = operations.flatMap(({ invokedAt, answeredAt }, operation): Moment[] => [
    { at: invokedAt, operation, isAnswer: false },
    { at: answeredAt, operation, isAnswer: true },
  ]);
  return moments.sort((a, b) => a.at - b.at || Number(a.isAnswer) - Number(b.isAnswer));
}

class Search<State extends ModelState> {
  explored = 0;
  /** What was possible before the answer that was looked at last. */
  before: readonly State[] = [];
  private configurations: Configuration<State>[];
  /** The open operation of each bit; -1 for a bit that is free. */
  private readonly open: number[] = new Array(MAX_OPEN).fill(-1);
  /** Of each open operation by its bit: the state behind it, by the key of the state before it. */
  private readonly known: Map<string, State | null>[] = Array.from({ length: MAX_OPEN }, () => new Map());

  constructor(
    initial: readonly State[],
    private readonly operations: readonly Operation<State>[],
  ) {
    this.configurations = initial.map((state) => ({ state, placed: 0 }));
  }

  ask(operation: number): void {
    const bit = this.open.indexOf(-1);
    if (bit < 0) throw new Error(`more than ${MAX_OPEN} operations are open at one time`);
    this.open[bit] = operation;
    this.known[bit]?.clear();
  }

  /** Whether anything explains that the operation has ended. */
  answer(operation: number): boolean {
    const bit = this.open.indexOf(operation);
    const mask = 1 << bit;
    const found = new Map<string, Configuration<State>>();
    const keep = ({ state, placed }: Configuration<State>): void => {
      const without = placed & ~mask;
      found.set(`${without} ${state.key}`, { state, placed: without });
    };
    if (this.operations[operation]?.isOptional === true) this.configurations.forEach(keep);
    for (const configuration of this.placing(mask)) keep(configuration);
    this.open[bit] = -1;
    this.before = this.states();
    this.configurations = [...found.values()];
    return found.size > 0;
  }

  states(): State[] {
    return [...new Map(this.configurations.map(({ state }) => [state.key, state])).values()];
  }

  /** All configurations in which the operation of `mask` is placed, as the last one unless it was already. */
  private *placing(mask: number): Generator<Configuration<State>> {
    const seen = new Set<string>();
    const pending = [...this.configurations];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const settled = this.placeWhatChangesNothing(next);
      const key = `${settled.placed} ${settled.state.key}`;
      if (seen.has(key)) continue;
      seen.add(key);
      this.explored++;
      if (seen.size > MAX_CONFIGURATIONS) throw new Error("the history needs too many configurations");
      if ((settled.placed & mask) !== 0) {
        yield settled;
        continue;
      }
      for (const bit of this.open.keys()) {
        const state = this.after(settled, bit);
        if (state !== null) pending.push({ state, placed: settled.placed | (1 << bit) });
      }
    }
  }

  private placeWhatChangesNothing(configuration: Configuration<State>): Configuration<State> {
    const { state } = configuration;
    let { placed } = configuration;
    for (const bit of this.open.keys()) {
      const operation = this.operations[this.open[bit] ?? -1];
      if (operation?.changesNothing === true && this.after(configuration, bit) !== null) placed |= 1 << bit;
    }
    return { state, placed };
  }

  /** The state behind the open operation of a bit; null where it is placed already, or does not fit. */
  private after({ state, placed }: Configuration<State>, bit: number): State | null {
    const operation = this.open[bit] ?? -1;
    const known = this.known[bit];
    if (operation < 0 || known === undefined || (placed & (1 << bit)) !== 0) return null;
    let after = known.get(state.key);
    if (after === undefined) {
      after = this.operations[operation]?.step(state) ?? null;
      known.set(state.key, after);
    }
    return after;
  }
}
