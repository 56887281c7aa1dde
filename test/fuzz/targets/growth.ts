/**
 * Expressions that make much of little: functions that repeat, pad, join, aggregate, format and multiply, inside each other and
 * with numbers that are far too large. Each ends in bounded time and memory, with an answer or with an SQLSTATE of its own.
 */

import type { Random } from "../../seeded-random.ts";
import { smallerLists } from "../shrinking.ts";
import { SqlWays } from "../sql-ways.ts";
import type { Target } from "../target.ts";

interface GrowthCase {
  readonly seed: string;
  /** Applied one after the other to the column `a` of what stands below. */
  readonly steps: readonly string[];
  /** What is asked of the last. */
  readonly ask: string;
}

const NUMBERS: readonly string[] = [
  "-1",
  "0",
  "2",
  "10",
  "100",
  "1000",
  "5000",
  "65536",
  "1000000",
  "16777216",
  "16777217",
  "1000000000",
  "2147483647",
  "9223372036854775807",
];

const SEEDS: readonly string[] = [
  "'x'",
  "''",
  "'ab1'",
  "'é😀'",
  "'%s'",
  "'99.9'",
  "'YYYY-MM FMDay'",
  "'(x)'",
  "'{1,2}'",
  "'[1]'",
  "'\\\\'",
  "''''",
];

/** `#` is a number of those above. */
const STEPS: readonly string[] = [
  "repeat(a, #)",
  "lpad(a, #, a)",
  "rpad(a, #, a)",
  "lpad('', #)",
  "a || a",
  "a || repeat('x', #)",
  "concat(a, a, a)",
  "concat_ws(a, a, a, a)",
  "format('%s%s%s', a, a, a)",
  "format('%' || # || 's', a)",
  "format('%-*s', #, a)",
  "format('%L%I', a, a)",
  "format(a, a, a)",
  "replace(a, 'x', a)",
  "replace(a, '', a)",
  "replace(repeat('x', #), 'x', a)",
  "regexp_replace(a, 'x', a, 'g')",
  "regexp_replace(a, '', a, 'g')",
  "regexp_replace(a, '(.)', '\\1\\1\\1\\1', 'g')",
  "regexp_replace(repeat('x', #), '(x+x+)+y', a)",
  "regexp_replace(a, a, a)",
  "array_to_string(regexp_split_to_array(a, ''), a)",
  "array_to_string(string_to_array(a, NULL), a)",
  "array_to_string(string_to_array(a, 'x'), a)",
  "array_to_string(regexp_match(a, '(.*)(.*)(.*)'), a)",
  "(SELECT string_agg(m::text, a) FROM regexp_matches(a, '.', 'g') m)",
  "(SELECT string_agg(a, a) FROM generate_series(1, #))",
  "(SELECT array_agg(a)::text FROM generate_series(1, #))",
  "(SELECT array_agg(g)::text FROM generate_series(1, #) g)",
  "(SELECT string_agg(g::text, ',') FROM generate_series(1, #) g)",
  "(SELECT json_agg(a)::text FROM generate_series(1, #))",
  "(SELECT jsonb_agg(g)::text FROM generate_series(1, #) g)",
  "(SELECT jsonb_object_agg(g, a)::text FROM generate_series(1, #) g)",
  "(SELECT max(a || g) FROM generate_series(1, #) g)",
  "(SELECT count(DISTINCT a || g)::text FROM generate_series(1, #) g)",
  "(SELECT sum(g::numeric ^ 50)::text FROM generate_series(1, #) g)",
  "(SELECT string_agg(w, a) FROM (SELECT lag(a) OVER () AS w FROM generate_series(1, #)) x)",
  "(WITH RECURSIVE t AS (SELECT 1 AS n, a AS v UNION ALL SELECT n + 1, v || v FROM t WHERE n < #) SELECT max(v) FROM t)",
  "ARRAY[a, a, a]::text",
  "ARRAY[ARRAY[a, a], ARRAY[a, a]]::text",
  "ROW(a, a, a)::text",
  "ROW(ROW(a), ROW(a))::text",
  "array_cat(ARRAY[a, a], ARRAY[a, a])::text",
  "array_fill(a, ARRAY[#])::text",
  "array_fill(1, ARRAY[#, #])::text",
  "to_json(a)::text",
  "to_jsonb(a)::text",
  "json_build_array(a, a, a)::text",
  "jsonb_build_object(a, a)::text",
  "jsonb_pretty(to_jsonb(ARRAY[a, a]))",
  "(a::jsonb || a::jsonb)::text",
  "jsonb_set('[1]', '{0}', to_jsonb(a))::text",
  "to_char(#, a)",
  "to_char(1.5::float8, a)",
  "to_char(to_timestamp(0), a)",
  "to_char(to_timestamp(0), repeat('Day', #))",
  "to_char(#, repeat('9', #))",
  "to_char(interval '1 day', a)",
  "to_date(a, a)::text",
  "to_number(a, a)::text",
  "quote_literal(a)",
  "quote_ident(a)",
  "quote_nullable(a)",
  "upper(a)",
  "initcap(a)",
  "reverse(a)",
  "translate(a, 'x', 'yz')",
  "overlay(a PLACING a FROM 1 FOR 0)",
  "substr(a, #)",
  "left(a, #)",
  "right(a, -#)",
  "split_part(a, 'x', #)",
  "btrim(a, a)",
  "a::varchar(1000)",
  "a::char(1000000)",
  "md5(a)",
  "encode(a::bytea, 'hex')",
  "chr(#)",
  "to_hex(#)",
  "(#::numeric * #::numeric * #::numeric)::text",
  "(#::numeric ^ #::numeric)::text",
  "power(2::numeric, #)::text",
  "(2::float8 ^ #)::text",
  "exp(#::numeric)::text",
  "ln(#::numeric)::text",
  "sqrt(#::numeric)::text",
  "factorial(#)::text",
  "round(1.5, #)::text",
  "trunc(#::numeric, -#)::text",
  "(1::numeric / 3 ^ #)::text",
  "gcd(#, #)::text",
  "(a::numeric * a::numeric)::text",
  "(repeat('9', #)::numeric * repeat('9', #)::numeric)::text",
  "(repeat('9', #)::numeric / 7)::text",
  "(repeat('9', #)::numeric % repeat('7', 1000)::numeric)::text",
  "('1e' || #)::numeric::text",
  "('1e-' || #)::numeric::text",
  "(interval '1 year' * #)::text",
  "(date '2024-01-01' + #)::text",
  "(#::int8 << 60)::text",
  "make_interval(years => #)::text",
  "(SELECT count(*)::text FROM generate_series(to_timestamp(0), to_timestamp(#), interval '1 second'))",
  "(SELECT count(*)::text FROM generate_series(1, #, 0))",
  "(SELECT count(*)::text FROM generate_series(1::numeric, #, 0.001))",
  "(SELECT count(*)::text FROM generate_series(1, #) a, generate_series(1, #) b)",
  "(SELECT count(*)::text FROM unnest(string_to_array(a, NULL)) u)",
  "(SELECT count(*)::text FROM regexp_split_to_table(a, '') u)",
  "(SELECT count(*)::text FROM string_to_table(a, NULL) u)",
  "(a LIKE repeat('%x', #))::text || a",
  "(a LIKE '%' || a || '%' || a)::text",
  "(a ~ ('(' || a || ')*' || a))::text",
  "(a ~ repeat('x?', #))::text",
  "(a ~ ('(x{1,200}){1,' || # || '}'))::text",
  "(a SIMILAR TO '(' || a || '|' || a || ')*')::text",
  "(a ~ ('((((x*)*)*)*)*' || '[^a]' || '$'))::text",
  "position(a || 'y' IN a || a || 'z')::text",
  "strpos(a || a, a || 'y')::text",
  "(a = a || '')::text",
  "CASE WHEN a < a || a THEN a || a ELSE a END",
  "greatest(a, a || a, reverse(a))",
  "coalesce(nullif(a, a), a || a)",
];

const ASKS: readonly string[] = [
  "length(a)",
  "octet_length(a)",
  "left(a, 20)",
  "md5(a)",
  "a = reverse(a)",
  "count(a)",
  "a",
];

function makeCase(random: Random): GrowthCase {
  const steps = Array.from({ length: 1 + random.below(random.pick([2, 4, 9])) }, () =>
    random.pick(STEPS).replaceAll("#", () => random.pick(NUMBERS)),
  );
  // One that doubles, again and again.
  const again = random.chance(0.2) ? random.below(8) : 0;
  for (let i = 0; i < again; i++) steps.push(steps[0] ?? "a");
  return { seed: random.pick(SEEDS), steps, ask: random.pick(ASKS) };
}

export function growthTarget(): Target<GrowthCase> {
  let ways: SqlWays | null = null;
  return {
    name: "growth",
    timeBoundMs: 6000,
    make: makeCase,
    check({ seed, steps, ask }) {
      ways ??= new SqlWays();
      let query = `SELECT ${seed}::text AS a`;
      for (const step of steps) query = `SELECT ${step} AS a FROM (${query}) x`;
      ways.simple(`SELECT ${ask} FROM (${query}) x`);
      return null;
    },
    *smaller(made) {
      for (const steps of smallerLists(made.steps)) yield { ...made, steps };
      if (made.ask !== "length(a)") yield { ...made, ask: "length(a)" };
      if (made.seed !== "'x'") yield { ...made, seed: "'x'" };
    },
  };
}
