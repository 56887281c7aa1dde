/** The catalogs: what drivers ask at connection, and what tools read of the schema. */

import { describe, expect, test } from "bun:test";
import { TABLES } from "../../src/sql/tables/schema.ts";
import { TestDatabase } from "./sql-fixture.ts";

const client = new TestDatabase().connect();

test("postgres.js finds the array types", () => {
  const rows = client.rows(
    `select b.oid, b.typarray from pg_catalog.pg_type a
     left join pg_catalog.pg_type b on b.oid = a.typelem
     where a.typcategory = 'A' group by b.oid, b.typarray order by b.oid`,
  );
  for (const pair of [
    ["16", "1000"],
    ["20", "1016"],
    ["23", "1007"],
    ["25", "1009"],
    ["1184", "1185"],
    ["1700", "1231"],
  ]) {
    expect(rows).toContainEqual(pair);
  }
});

describe("the tables", () => {
  test("stand in pg_class, pg_attribute and information_schema with all their visible columns", () => {
    for (const table of TABLES) {
      const names = table.columns.filter(({ hidden }) => !hidden).map(({ name }) => [name]);
      expect(
        client.rows(
          `SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE c.relname = '${table.name}' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0
           ORDER BY a.attnum`,
        ),
      ).toEqual(names);
      expect(
        client.rows(
          `SELECT column_name FROM information_schema.columns WHERE table_name = '${table.name}'
           ORDER BY ordinal_position`,
        ),
      ).toEqual(names);
    }
  });

  test("have keys", () => {
    expect(
      client.rows(
        `SELECT conname, conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = 'bookings'::regclass ORDER BY contype DESC`,
      ),
    ).toEqual([
      ["bookings_pkey", "bookings", "PRIMARY KEY (id)"],
      [
        "bookings_resource_id_fkey",
        "bookings",
        "FOREIGN KEY (resource_id) REFERENCES resources(id) ON DELETE CASCADE",
      ],
    ]);
    expect(
      client.rows(
        `SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
         WHERE i.indrelid = 'holds'::regclass AND i.indisprimary`,
      ),
    ).toEqual([["id"]]);
    expect(
      client.rows(
        `SELECT k.column_name, c.table_name FROM information_schema.referential_constraints r
         JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
         JOIN information_schema.constraint_column_usage c USING (constraint_schema, constraint_name)
         WHERE k.table_name = 'resources'`,
      ),
    ).toEqual([["parent_id", "resources"]]);
  });

  test("have defaults and comments", () => {
    expect(
      client.rows(
        `SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = 'resources'::regclass ORDER BY adnum`,
      ),
    ).toEqual([["1"], ["0"]]);
    expect(client.rows("SELECT obj_description('bookings'::regclass, 'pg_class')")).toEqual([
      ["Permanent allocations."],
    ]);
    expect(client.rows("SELECT col_description('bookings'::regclass::oid, 2)")).toEqual([["The resource."]]);
  });
});

describe("what psql asks", () => {
  const list = (kinds: string) =>
    `SELECT n.nspname as "Schema", c.relname as "Name",
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' END as "Type",
       pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
     FROM pg_catalog.pg_class c
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
     WHERE c.relkind IN (${kinds},'') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
       AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid)
     ORDER BY 1,2`;

  test("for \\d", () => {
    expect(client.rows(list("'r','p','v','m','S','f'"))).toEqual([
      ["public", "availability", "view", "tester"],
      ["public", "bookings", "table", "tester"],
      ["public", "events", "view", "tester"],
      ["public", "holds", "table", "tester"],
      ["public", "resources", "table", "tester"],
      ["public", "rules", "table", "tester"],
    ]);
  });

  test("for \\d bookings", () => {
    const [[oid]] = client.rows(
      `SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relname OPERATOR(pg_catalog.~) '^(bookings)$' COLLATE pg_catalog.default
         AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3`,
    ) as [[string]];
    expect(
      client.rows(
        `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
           (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d
            WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
           a.attnotnull,
           (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t
            WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation),
           a.attidentity, a.attgenerated
         FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = '${oid}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
      ),
    ).toEqual([
      ["id", "text", null, "t", null, "", ""],
      ["resource_id", "text", null, "t", null, "", ""],
      ["start", "bigint", null, "t", null, "", ""],
      ["end", "bigint", null, "t", null, "", ""],
      ["label", "text", null, "f", null, "", ""],
    ]);
    expect(
      client.rows(
        `SELECT c2.relname, i.indisprimary, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
           pg_catalog.pg_get_constraintdef(con.oid, true), contype
         FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i
           LEFT JOIN pg_catalog.pg_constraint con
             ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x'))
         WHERE c.oid = '${oid}' AND c.oid = i.indrelid AND i.indexrelid = c2.oid
         ORDER BY i.indisprimary DESC, c2.relname`,
      ),
    ).toEqual([
      [
        "bookings_pkey",
        "t",
        "CREATE UNIQUE INDEX bookings_pkey ON bookings USING btree (id)",
        "PRIMARY KEY (id)",
        "p",
      ],
      [
        "bookings_resource_id_idx",
        "f",
        "CREATE INDEX bookings_resource_id_idx ON bookings USING btree (resource_id)",
        null,
        null,
      ],
    ]);
  });

  test("for \\du", () => {
    expect(
      client.rows(
        `SELECT r.rolname, ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m
           JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid) WHERE m.member = r.oid) as memberof
         FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1`,
      ),
    ).toEqual([["tester", "{}"]]);
  });
});

test("names of objects are read and written", () => {
  expect(
    client.rows(
      "SELECT 'public.bookings'::regclass, 'bookings'::regclass::oid::regclass, 'int4[]'::regtype, 'int8in'::regproc",
    ),
  ).toEqual([["bookings", "bookings", "integer[]", "int8in"]]);
  expect(client.error("SELECT 'nowhere'::regclass")).toBe('42P01 relation "nowhere" does not exist');
});

test("names of objects are looked up without an error", () => {
  expect(
    client.rows(
      "SELECT to_regtype('hstore'), to_regtype('int8'), to_regtype('text[]'), to_regclass('public.bookings'), " +
        "to_regclass('nothing'), to_regclass('1'), to_regnamespace('public'), to_regrole('nobody')",
    ),
  ).toEqual([[null, "bigint", "text[]", "bookings", null, null, "public", null]]);
});

test("what needs its schema named is not visible", () => {
  expect(
    client.rows(
      `SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
       WHERE relkind = ANY (ARRAY['v']) AND pg_table_is_visible(pg_class.oid) AND nspname <> 'pg_catalog'`,
    ),
  ).toEqual([["availability"], ["events"]]);
  expect(client.rows("SELECT pg_table_is_visible(1), pg_table_is_visible('pg_class'::regclass)")).toEqual([
    [null, "t"],
  ]);
});

test("pg_prepared_statements lists what PREPARE and Parse have named", () => {
  const session = new TestDatabase().connect();
  session.run("PREPARE one(int, text) AS SELECT $1, $2");
  session.session.prepared.add("two", session.session.prepare("SELECT $1::bool", []), false);
  session.session.prepared.add("", session.session.prepare("SELECT 1", []), false);
  const list = "SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements ORDER BY name";
  expect(session.rows(list)).toEqual([
    ["one", "PREPARE one(int, text) AS SELECT $1, $2", "{integer,text}", "t"],
    ["two", "SELECT $1::bool", "{boolean}", "f"],
  ]);
  expect(session.rows("SELECT prepare_time <= now() FROM pg_prepared_statements")).toEqual([["t"], ["t"]]);
  session.run("DEALLOCATE one");
  expect(session.rows(list)).toHaveLength(1);
  session.run("DISCARD ALL");
  expect(session.rows(list)).toEqual([]);
});

test("Prisma sees which columns of an index come first, and how they are ordered", () => {
  expect(
    client.rows(
      `WITH rawindex AS (
         SELECT indrelid, indexrelid, unnest(indkey) AS indkeyid, generate_subscripts(indkey, 1) AS indkeyidx,
           unnest(indclass) AS indclass, unnest(indoption) AS indoption
         FROM pg_index
       )
       SELECT indexrelid::regclass, indkeyidx, attname, opcname, opcdefault,
         CASE indoption & 1 WHEN 1 THEN 'DESC' ELSE 'ASC' END
       FROM rawindex JOIN pg_attribute ON attrelid = indrelid AND attnum = indkeyid
         LEFT JOIN pg_opclass o ON o.oid = indclass
       WHERE indrelid = 'bookings'::regclass ORDER BY 1::text`,
    ),
  ).toEqual([
    ["bookings_pkey", "0", "id", "text_ops", "t", "ASC"],
    ["bookings_resource_id_idx", "0", "resource_id", "text_ops", "t", "ASC"],
  ]);
  expect(
    client.rows(
      "SELECT array_lower(indkey, 1), array_upper(indkey, 1), indkey[0], indkey[1] FROM pg_index LIMIT 1",
    ),
  ).toEqual([["0", "0", "1", null]]);
  expect(client.rows("SELECT * FROM information_schema.sequences")).toEqual([]);
});

test("Sequelize finds comments by way of the statistics", () => {
  expect(
    client.rows(
      `SELECT relname, description FROM pg_statio_all_tables JOIN pg_description ON objoid = relid
       WHERE objsubid = 0 AND heap_blks_read = 0 ORDER BY relname`,
    ),
  ).toContainEqual(["bookings", "Permanent allocations."]);
});

test("a name may say the database as well", () => {
  expect(client.rows("SELECT 'main.public.bookings'::regclass, to_regtype('pg_catalog.int8')")).toEqual([
    ["bookings", "bigint"],
  ]);
});

test("a pool may give back advisory locks, of which there are none", () => {
  expect(client.rows("SELECT pg_advisory_unlock_all()")).toEqual([[""]]);
});
