/**
 * Expressions with a type, valid by construction: operands are of types that the operator or function takes. What could
 * fail when it runs (a division, an overflow) is kept from it, since the order of evaluation is nobody's promise.
 */

import type { Random } from "../../seeded-random.ts";
import { type Kind, separated, type Tree, tree } from "./tree.ts";

export interface ScopeColumn {
  /** As the statement names it: `t1.start`. */
  readonly name: string;
  readonly kind: Kind;
}

/** What an expression may use. */
export interface ExpressionScope {
  readonly columns: readonly ScopeColumn[];
  /** A query of one column of this kind, with at most one row; null where there may be none. */
  readonly scalarQuery: ((kind: Kind, depth: number) => Tree) | null;
  /** A query of one column of this kind. */
  readonly listQuery: ((kind: Kind, depth: number) => Tree) | null;
}

export const KINDS: readonly Kind[] = ["int4", "int8", "numeric", "float8", "text", "bool"];
const NUMBERS: readonly Kind[] = ["int4", "int8", "numeric", "float8"];
/** Kinds that only some expressions are made of. */
const RARE_KINDS: readonly Kind[] = ["int4[]", "text[]", "timestamptz", "date", "interval", "int2", "float4"];

type Make = (depth: number) => Tree;

/** At most one operand of a statement is of a type that does not fit: which of several errors comes first is open. */
export interface Mistakes {
  chance: number;
}

export class Expressions {
  constructor(
    private readonly random: Random,
    private readonly scope: ExpressionScope,
    private readonly mistakes: Mistakes,
  ) {}

  anyKind(): Kind {
    return this.random.chance(0.12) ? this.random.pick(RARE_KINDS) : this.random.pick(KINDS);
  }

  of(kind: Kind, depth: number): Tree {
    const isMistaken = this.mistakes.chance > 0 && this.random.chance(this.mistakes.chance);
    if (isMistaken) this.mistakes.chance = 0;
    const wanted = isMistaken ? this.anyKind() : kind;
    if (depth <= 0 || this.random.chance(0.15)) return this.leaf(wanted);
    return this.random.chance(0.25) ? this.general(wanted, depth) : this.special(wanted, depth);
  }

  private leaf(kind: Kind): Tree {
    const columns = this.scope.columns.filter((column) => column.kind === kind);
    if (columns.length > 0 && this.random.chance(0.7)) {
      return { kind, parts: [this.random.pick(columns).name] };
    }
    return { kind, parts: [this.literal(kind)] };
  }

  literal(kind: Kind): string {
    const { random } = this;
    if (random.chance(0.06)) return `NULL::${kind}`;
    switch (kind) {
      case "int4":
        return String(random.pick([0, 1, 2, 3, 7, 10, -1, -3]));
      case "int8":
        return random.pick(["1000::int8", "1100::int8", "5000000000", "'7'::int8", "0::int8", "-2::int8"]);
      case "int2":
        return `${random.pick([0, 1, 5])}::int2`;
      case "numeric":
        return random.pick(["1.5", "0.25", "2.00", "-0.1", "10.0", "1e3", "0.0", "100.125"]);
      case "float8":
        return `${random.pick(["1.5", "0.25", "2", "-3", "1e3", "0"])}::float8`;
      case "float4":
        return `${random.pick(["1.5", "0.25", "2"])}::float4`;
      case "text":
        return random.pick(["'a'", "'Room 1'", "''", "'b'::text", "'x,y'", "'É'", "'100%'", "' pad '"]);
      case "bool":
        return random.pick(["true", "false", "NULL::bool", "'t'::bool"]);
      case "int4[]":
        return random.pick(["ARRAY[1, 2, 3]", "'{1,NULL,3}'::int4[]", "'{}'::int4[]", "ARRAY[7]"]);
      case "text[]":
        return random.pick(["ARRAY['a', 'b']", "'{a,NULL,\"b c\"}'::text[]", "string_to_array('x,y', ',')"]);
      case "timestamptz":
        return random.pick(["to_timestamp(0)", "'2024-02-29 12:00+00'::timestamptz", "to_timestamp(1.5)"]);
      case "date":
        return random.pick(["'2024-02-29'::date", "'1999-12-31'::date"]);
      case "interval":
        return random.pick(["'1 day'::interval", "'90 minutes'::interval", "'1 mon -2 days'::interval"]);
      default:
        return `NULL::${kind}`;
    }
  }

  /** What there is for every type. */
  private general(kind: Kind, depth: number): Tree {
    const next = depth - 1;
    const self: Make = (at) => this.of(kind, at);
    const made = tree(kind);
    const { scalarQuery } = this.scope;
    const choices: (() => Tree)[] = [
      () => made`CASE WHEN ${this.of("bool", next)} THEN ${self(next)} ELSE ${self(next)} END`,
      () => made`CASE WHEN ${this.of("bool", next)} THEN ${self(next)} END`,
      () =>
        made`CASE ${this.of("int4", 0)} WHEN 1 THEN ${self(next)} WHEN 2 THEN ${self(next)} ELSE ${self(0)} END`,
      () => made`COALESCE(${self(next)}, ${self(next)})`,
      () => made`NULLIF(${self(next)}, ${self(next)})`,
      () => made`GREATEST(${self(next)}, ${self(next)}, ${self(0)})`,
      () => made`LEAST(${self(next)}, ${self(next)})`,
      () => made`(${self(next)})::${kind}`,
      () => made`CAST(${self(next)} AS ${kind})`,
    ];
    if (scalarQuery !== null) choices.push(() => made`(${scalarQuery(kind, next)})`);
    return this.random.pick(choices)();
  }

  private special(kind: Kind, depth: number): Tree {
    const next = depth - 1;
    const choices = this.choices(kind, next);
    return choices.length === 0 ? this.general(kind, depth) : this.random.pick(choices)();
  }

  private choices(kind: Kind, next: number): (() => Tree)[] {
    switch (kind) {
      case "int4":
        return this.integers(next);
      case "int8":
        return this.bigints(next);
      case "numeric":
        return this.numerics(next);
      case "float8":
        return this.floats(next);
      case "text":
        return this.texts(next);
      case "bool":
        return this.booleans(next);
      default:
        return this.others(kind, next);
    }
  }

  private integers(next: number): (() => Tree)[] {
    const made = tree("int4");
    const a: Make = (depth) => this.of("int4", depth);
    return [
      () => made`(${a(next)} + ${a(next)})`,
      () => made`(${a(next)} - ${a(next)})`,
      () => made`(${a(next)} * ${this.literal("int4")})`,
      () => made`(${a(next)} / ${this.random.pick(["2", "3", "-4"])})`,
      () => made`(${a(next)} % ${this.random.pick(["2", "5", "(-3)"])})`,
      () => made`(- ${a(next)})`,
      () => made`abs(${a(next)})`,
      () => made`length(${this.of("text", next)})`,
      () => made`char_length(${this.of("text", next)})`,
      () => made`strpos(${this.of("text", next)}, ${this.of("text", 0)})`,
      () => made`position(${this.of("text", 0)} IN ${this.of("text", next)})`,
      () => made`cardinality(${this.of("int4[]", next)})`,
      () => made`(${this.of("int4[]", next)})[${a(0)}]`,
      () => made`(${this.of("bool", next)})::int4`,
      () => made`mod(${a(next)}, 4)`,
      () => made`(${this.of("numeric", next)} / 1000000)::int4`,
      () => made`(${this.of("date", next)} - ${this.of("date", 0)})`,
      () => made`(${a(next)} & ${a(0)})`,
    ];
  }

  private bigints(next: number): (() => Tree)[] {
    const made = tree("int8");
    const a: Make = (depth) => this.of("int8", depth);
    const small: Make = (depth) => this.of("int4", depth);
    return [
      () => made`(${a(next)} + ${small(next)})`,
      () => made`(${small(next)} - ${a(next)})`,
      () => made`(${a(next)} + ${a(next)})`,
      () => made`(${a(next)} * ${this.literal("int4")})`,
      () => made`(${a(next)} / ${this.random.pick(["7", "1000", "3::int8"])})`,
      () => made`(${a(next)} % 13)`,
      () => made`abs(${a(next)})`,
      () => made`(${small(next)})::int8`,
      () => made`(${this.of("numeric", next)})::int8`,
      () => made`mod(${a(next)}, 7)`,
    ];
  }

  private numerics(next: number): (() => Tree)[] {
    const made = tree("numeric");
    const a: Make = (depth) => this.of("numeric", depth);
    const other: Make = (depth) => this.of(this.random.pick(["int4", "int8", "numeric"]), depth);
    return [
      () => made`(${a(next)} + ${other(next)})`,
      () => made`(${other(next)} - ${a(next)})`,
      () => made`(${a(next)} * ${other(0)})`,
      () => made`(${a(next)} / ${this.random.pick(["3", "2.5", "7.00", "0.003", "1000"])})`,
      () => made`(${other(next)} / 3.0)`,
      () => made`(${a(next)} % 2.5)`,
      () => made`round(${a(next)}, ${this.random.pick(["0", "1", "2", "-1"])})`,
      () => made`round(${a(next)})`,
      () => made`trunc(${a(next)}, 1)`,
      () => made`floor(${a(next)})`,
      () => made`ceil(${a(next)})`,
      () => made`abs(${a(next)})`,
      () => made`(${other(next)})::numeric`,
      // The sum has no modifiers: of CASE and its like, PostgreSQL tells those of what is left once constants are folded.
      () => made`((${a(next)})::numeric(20, ${this.random.pick(["0", "2", "5"])}) + 0)`,
      () => made`extract(epoch FROM ${this.of("timestamptz", next)})`,
      () => made`sign(${a(next)})`,
    ];
  }

  private floats(next: number): (() => Tree)[] {
    const made = tree("float8");
    const a: Make = (depth) => this.of("float8", depth);
    return [
      () => made`(${a(next)} + ${this.of(this.random.pick(NUMBERS), next)})`,
      () => made`(${a(next)} - ${a(next)})`,
      () => made`(${a(next)} * ${this.literal("int4")})`,
      () => made`(${a(next)} / ${this.random.pick(["4", "3::float8", "0.1"])})`,
      () => made`(${this.of(this.random.pick(NUMBERS), next)})::float8`,
      () => made`floor(${a(next)})`,
      () => made`round(${a(next)})`,
      () => made`abs(${a(next)})`,
      () => made`sqrt(abs(${a(next)}))`,
      () => made`(- ${a(next)})`,
      () => made`(${this.of("float4", next)} + ${a(0)})`,
    ];
  }

  private texts(next: number): (() => Tree)[] {
    const made = tree("text");
    const a: Make = (depth) => this.of("text", depth);
    const n: Make = () => tree("int4")`${this.random.pick(["0", "1", "2", "3", "-1"])}`;
    return [
      () => made`(${a(next)} || ${a(next)})`,
      () => made`(${a(next)} || ${this.of(this.random.pick(["int4", "numeric", "bool"]), next)})`,
      () => made`upper(${a(next)})`,
      () => made`lower(${a(next)})`,
      () => made`substr(${a(next)}, ${n(0)})`,
      () => made`substring(${a(next)} FROM 2 FOR 3)`,
      () => made`left(${a(next)}, ${n(0)})`,
      () => made`right(${a(next)}, ${n(0)})`,
      () => made`trim(${a(next)})`,
      () => made`ltrim(${a(next)}, 'aR ')`,
      () => made`replace(${a(next)}, ${a(0)}, ${a(0)})`,
      () => made`reverse(${a(next)})`,
      () => made`repeat(${a(next)}, ${n(0)})`,
      () => made`lpad(${a(next)}, 5, '*')`,
      () => made`split_part(${a(next)}, ',', 1)`,
      () => made`concat(${a(next)}, ${this.of(this.random.pick(KINDS), next)})`,
      () => made`concat_ws('-', ${a(next)}, ${this.of("int4", 0)}, ${a(0)})`,
      () => made`(${this.of(this.anyKind(), next)})::text`,
      () => made`(${this.of("text[]", next)})[1]`,
      () => made`array_to_string(${this.of(this.random.pick(["text[]", "int4[]"]), next)}, '|', '-')`,
      () => made`initcap(${a(next)})`,
      () => made`translate(${a(next)}, 'ao', 'x')`,
    ];
  }

  private booleans(next: number): (() => Tree)[] {
    const made = tree("bool");
    const { random } = this;
    const a: Make = (depth) => this.of("bool", depth);
    const text: Make = (depth) => this.of("text", depth);
    const compare = () => random.pick(["=", "<>", "<", "<=", ">", ">="]);
    const same = (): Kind => (random.chance(0.15) ? this.anyKind() : random.pick(KINDS));
    const pair = (kind: Kind) => [this.of(kind, next), this.of(kind, next)] as const;
    const choices: (() => Tree)[] = [
      () => made`(${a(next)} AND ${a(next)})`,
      () => made`(${a(next)} OR ${a(next)})`,
      () => made`(NOT ${a(next)})`,
      () => this.comparison(...pair(same()), compare()),
      () => this.comparison(...pair(same()), compare()),
      () =>
        made`(${this.of(random.pick(NUMBERS), next)} ${compare()} ${this.of(random.pick(NUMBERS), next)})`,
      () => made`(${this.of(this.anyKind(), next)} IS ${random.pick(["", "NOT "])}NULL)`,
      () => this.comparison(...pair(same()), random.pick(["IS DISTINCT FROM", "IS NOT DISTINCT FROM"])),
      () => made`(${a(next)} IS ${random.pick(["TRUE", "NOT TRUE", "FALSE", "UNKNOWN", "NOT UNKNOWN"])})`,
      () => this.inList(same(), next),
      () => this.between(random.pick(["int4", "int8", "numeric", "text"]), next),
      () =>
        made`(${text(next)} ${random.pick(["LIKE", "NOT LIKE", "ILIKE"])} ${random.pick(["'R%'", "'%o%'", "'_b'", "'%\\%'", "''"])})`,
      () =>
        made`(${text(next)} ${random.pick(["~", "!~", "~*"])} ${random.pick(["'^R'", "'[0-9]+'", "'o+m'", "'^$'", "'a|b'"])})`,
      () =>
        made`(${this.of("int4", next)} ${compare()} ${random.pick(["ANY", "ALL"])} (${this.of("int4[]", next)}::int4[]))`,
      () => made`(${text(next)} = ANY (${this.of("text[]", next)}::text[]))`,
      () => this.rows(next, compare()),
      () => made`starts_with(${text(next)}, ${text(0)})`,
      () =>
        made`(${this.of("int4[]", next)} ${random.pick(["@>", "<@", "&&", "=", "<"])} ${this.of("int4[]", 0)})`,
    ];
    const { listQuery } = this.scope;
    if (listQuery !== null) {
      choices.push(
        () => made`EXISTS (${listQuery("int4", next)})`,
        () => made`(${this.of("int4", next)} ${random.pick(["IN", "NOT IN"])} (${listQuery("int4", next)}))`,
        () => made`(${text(next)} ${random.pick(["IN", "NOT IN"])} (${listQuery("text", next)}))`,
        () =>
          made`(${this.of("int8", next)} ${compare()} ${random.pick(["ANY", "ALL"])} (${listQuery("int8", next)}))`,
      );
    }
    return choices;
  }

  private comparison(left: Tree, right: Tree, operator: string): Tree {
    return tree("bool")`(${left} ${operator} ${right})`;
  }

  private inList(kind: Kind, next: number): Tree {
    const items = Array.from({ length: 1 + this.random.below(3) }, () => this.of(kind, 0));
    const not = this.random.pick(["IN", "NOT IN"]);
    return tree("bool")`(${this.of(kind, next)} ${not} (${separated(items, ", ")}))`;
  }

  private between(kind: Kind, next: number): Tree {
    const how = this.random.pick(["BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC"]);
    return tree("bool")`(${this.of(kind, next)} ${how} ${this.of(kind, 0)} AND ${this.of(kind, 0)})`;
  }

  private rows(next: number, operator: string): Tree {
    const kinds = [this.random.pick(KINDS), this.random.pick(KINDS)];
    const row = () =>
      separated(
        kinds.map((kind) => this.of(kind, next - 1)),
        ", ",
      );
    return tree("bool")`((${row()}) ${operator} (${row()}))`;
  }

  private others(kind: Kind, next: number): (() => Tree)[] {
    const made = tree(kind);
    switch (kind) {
      case "int4[]":
        return [
          () => made`ARRAY[${this.of("int4", next)}, ${this.of("int4", next)}]`,
          () => made`(${this.of(kind, next)} || ${this.of("int4", 0)})`,
          () => made`(${this.of(kind, next)} || ${this.of(kind, 0)})`,
          () => made`array_remove(${this.of(kind, next)}, ${this.of("int4", 0)})`,
        ];
      case "text[]":
        return [
          () => made`ARRAY[${this.of("text", next)}, ${this.of("text", next)}]`,
          () => made`string_to_array(${this.of("text", next)}, ',')`,
          () => made`(${this.of("int4[]", next)})::text[]`,
        ];
      case "timestamptz":
        return [
          () => made`to_timestamp(${this.of("int8", 0)})`,
          () => made`(${this.of(kind, next)} + ${this.of("interval", next)})`,
          () =>
            made`date_trunc('${this.random.pick(["hour", "day", "month", "year"])}', ${this.of(kind, next)})`,
        ];
      case "date":
        return [
          () => made`(${this.of(kind, next)} + ${this.of("int4", 0)})`,
          () => made`(${this.of("timestamptz", 0)})::date`,
        ];
      case "interval":
        return [
          () => made`(${this.of(kind, next)} + ${this.of(kind, 0)})`,
          () => made`(${this.of(kind, next)} * 2)`,
          () => made`(${this.of("timestamptz", 0)} - ${this.of("timestamptz", 0)})`,
        ];
      default:
        return [];
    }
  }
}
