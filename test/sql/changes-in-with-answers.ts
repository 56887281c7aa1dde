/** What PostgreSQL 15 answers to changes in WITH over the rows of `STORY`, each on its own. */

export const CHANGES_IN_WITH_ANSWERS: readonly (readonly [
  query: string,
  answer: string | readonly (readonly (string | null)[])[],
])[] = [
  [
    "WITH d AS (DELETE FROM bookings WHERE start < 30 RETURNING *) SELECT start, label FROM d ORDER BY 1",
    [
      ["0", null],
      ["10", "l1"],
      ["20", "l2"],
    ],
  ],
  [
    "WITH d AS (DELETE FROM bookings WHERE start < 30 RETURNING *) SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM bookings)",
    [["3", "24"]],
  ],
  [
    'WITH moved AS (DELETE FROM bookings WHERE start < 30 RETURNING *) INSERT INTO bookings (id, resource_id, start, "end", label) SELECT id, resource_id, start + 5000, "end" + 5000, \'moved\' FROM moved RETURNING start, label',
    [
      ["5000", "moved"],
      ["5010", "moved"],
      ["5020", "moved"],
    ],
  ],
  [
    "WITH r AS (INSERT INTO resources (id, name) VALUES ('01HZZZZZZZZZZZZZZZZZZZ0777', 'New') RETURNING id, name), b AS (INSERT INTO bookings (id, resource_id, start, \"end\") SELECT '01HZZZZZZZZZZZZZZZZZZZ0778', id, 1, 2 FROM r RETURNING id AS bid, resource_id) SELECT r.name, b.bid, b.resource_id FROM r, b",
    [["New", "01HZZZZZZZZZZZZZZZZZZZ0778", "01HZZZZZZZZZZZZZZZZZZZ0777"]],
  ],
  [
    "WITH u AS (UPDATE bookings SET label = 'z' WHERE start = 10 RETURNING label, start) SELECT u.label, b.label FROM u JOIN bookings b ON b.start = u.start",
    [["z", "l1"]],
  ],
  [
    "WITH u AS (UPDATE bookings SET label = 'z' WHERE start = 10) SELECT * FROM u",
    '0A000 WITH query "u" does not have a RETURNING clause',
  ],
  [
    "WITH u AS (UPDATE bookings SET label = 'z' WHERE start = 10) SELECT count(*) FROM bookings WHERE label = 'z'",
    [["0"]],
  ],
  [
    "WITH q AS (SELECT max(start) AS m FROM bookings), d AS (DELETE FROM bookings USING q WHERE start = q.m RETURNING start) SELECT d.start, q.m FROM d, q",
    [["230", "230"]],
  ],
  [
    "WITH x(a, b) AS (DELETE FROM bookings WHERE start = 0 RETURNING start, label) SELECT a, b FROM x",
    [["0", null]],
  ],
  [
    "WITH x(a, b, c) AS (DELETE FROM bookings WHERE start = 0 RETURNING start, label) SELECT a, b FROM x",
    '42P10 WITH query "x" has 2 columns available but 3 columns specified',
  ],
  [
    "SELECT * FROM (WITH x AS (DELETE FROM bookings RETURNING id) SELECT * FROM x) s",
    "0A000 WITH clause containing a data-modifying statement must be at the top level",
  ],
  [
    "WITH a AS (DELETE FROM bookings WHERE start = 0 RETURNING id), a AS (SELECT 1) SELECT 1",
    '42712 WITH query name "a" specified more than once',
  ],
  [
    "WITH d AS (DELETE FROM bookings WHERE start = 0 RETURNING id) DELETE FROM bookings WHERE start = 10 RETURNING start",
    [["10"]],
  ],
  [
    "WITH d AS (DELETE FROM bookings WHERE start < 20 RETURNING id) UPDATE bookings b SET label = 'gone' FROM d WHERE b.start = 30 AND d.id IS NOT NULL RETURNING b.label",
    [["gone"]],
  ],
  [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3), i AS (INSERT INTO resources (id, name) SELECT '01HZZZZZZZZZZZZZZZZZZZ080' || n, 'n' || n FROM t RETURNING name) SELECT count(*), min(name) FROM i",
    [["3", "n1"]],
  ],
  [
    "WITH i AS (INSERT INTO resources (id) VALUES ('01HZZZZZZZZZZZZZZZZZZZ0001') ON CONFLICT DO NOTHING RETURNING id) SELECT count(*) FROM i",
    [["0"]],
  ],
];
