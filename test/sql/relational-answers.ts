/**
 * What PostgreSQL 15 (UTF-8, collation C) answers to queries over the rows of `STORY`: the rows in text format, or
 * the SQLSTATE and message of the error.
 */

/** The rows, as INSERTs that PostgreSQL takes as well. */
export const STORY: readonly string[] = (() => {
  const id = (n: number) => `01HZZZZZZZZZZZZZZZZZZZ${String(n).padStart(4, "0")}`;
  const resources = [
    `('${id(1)}', NULL, 'House', 5)`,
    `('${id(2)}', '${id(1)}', 'Hall', 5)`,
    `('${id(3)}', '${id(1)}', 'Room', 5)`,
    `('${id(4)}', '${id(3)}', NULL, 2)`,
    `('${id(5)}', NULL, 'Yard', 1)`,
  ];
  const bookings = Array.from({ length: 24 }, (_, i) => {
    const label = i % 4 === 0 ? "NULL" : `'l${i % 3}'`;
    return `('${id(100 + i)}', '${id(1 + (i % 4))}', ${i * 10}, ${i * 10 + 15 + (i % 5)}, ${label})`;
  });
  return [
    `INSERT INTO resources (id, parent_id, name, capacity) VALUES ${resources.join(", ")}`,
    `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ${bookings.join(", ")}`,
  ];
})();

export const RELATIONAL_ANSWERS: readonly (readonly [
  query: string,
  answer: string | readonly (readonly (string | null)[])[],
])[] = [
  [
    "SELECT r.name, b.start FROM resources r JOIN bookings b ON b.resource_id = r.id WHERE b.start < 50 ORDER BY b.start",
    [
      ["House", "0"],
      ["Hall", "10"],
      ["Room", "20"],
      [null, "30"],
      ["House", "40"],
    ],
  ],
  [
    "SELECT r.name, b.start FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id AND b.start < 20 ORDER BY r.id, b.start",
    [
      ["House", "0"],
      ["Hall", "10"],
      ["Room", null],
      [null, null],
      ["Yard", null],
    ],
  ],
  [
    "SELECT r.name, b.start FROM bookings b RIGHT JOIN resources r ON b.resource_id = r.id AND b.start > 210 ORDER BY r.id, b.start",
    [
      ["House", null],
      ["Hall", null],
      ["Room", "220"],
      [null, "230"],
      ["Yard", null],
    ],
  ],
  [
    "SELECT * FROM (VALUES (1,'a'),(2,'b'),(NULL,'n')) v(x,y) FULL JOIN (VALUES (2,'c'),(3,'d'),(NULL,'m')) w(x,z) USING (x) ORDER BY x, y, z",
    [
      ["1", "a", null],
      ["2", "b", "c"],
      ["3", null, "d"],
      [null, "n", null],
      [null, null, "m"],
    ],
  ],
  ["SELECT count(*) FROM bookings a CROSS JOIN resources", [["120"]]],
  [
    "SELECT a.start FROM bookings a NATURAL JOIN bookings b WHERE a.label IS NOT NULL ORDER BY 1 LIMIT 3",
    [["10"], ["20"], ["30"]],
  ],
  [
    "SELECT x, a.y, b.z FROM (VALUES (1, 2)) a(x, y) JOIN (VALUES (1, 3)) b(x, z) USING (x)",
    [["1", "2", "3"]],
  ],
  [
    "SELECT c.name, p.name FROM resources c LEFT JOIN resources p ON p.id = c.parent_id ORDER BY c.id",
    [
      ["House", null],
      ["Hall", "House"],
      ["Room", "House"],
      [null, "Room"],
      ["Yard", null],
    ],
  ],
  [
    "SELECT c.name, p.name, g.name FROM resources c LEFT JOIN (resources p JOIN resources g ON g.id = p.parent_id) ON p.id = c.parent_id ORDER BY c.id",
    [
      ["House", null, null],
      ["Hall", null, null],
      ["Room", null, null],
      [null, "Room", "House"],
      ["Yard", null, null],
    ],
  ],
  [
    "SELECT r.name FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id WHERE b.id IS NULL",
    [["Yard"]],
  ],
  [
    "SELECT r.name, x.n FROM resources r, LATERAL (SELECT count(*) AS n FROM bookings b WHERE b.resource_id = r.id) x ORDER BY r.id",
    [
      ["House", "6"],
      ["Hall", "6"],
      ["Room", "6"],
      [null, "6"],
      ["Yard", "0"],
    ],
  ],
  [
    "SELECT r.name, x.start FROM resources r LEFT JOIN LATERAL (SELECT start FROM bookings b WHERE b.resource_id = r.id ORDER BY start DESC LIMIT 2) x ON true ORDER BY r.id, x.start",
    [
      ["House", "160"],
      ["House", "200"],
      ["Hall", "170"],
      ["Hall", "210"],
      ["Room", "180"],
      ["Room", "220"],
      [null, "190"],
      [null, "230"],
      ["Yard", null],
    ],
  ],
  ["SELECT j.a, j.d FROM ((VALUES (1, 2)) v(a, b) JOIN (VALUES (1, 4)) w(c, d) ON a = c) AS j", [["1", "4"]]],
  [
    'SELECT r.id, r.name, count(b.id), sum(b."end" - b.start), avg(b.start), min(b.label), max(b.start) FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id GROUP BY r.id ORDER BY r.id',
    [
      ["01HZZZZZZZZZZZZZZZZZZZ0001", "House", "6", "100", "100.0000000000000000", null, "200"],
      ["01HZZZZZZZZZZZZZZZZZZZ0002", "Hall", "6", "101", "110.0000000000000000", "l0", "210"],
      ["01HZZZZZZZZZZZZZZZZZZZ0003", "Room", "6", "102", "120.0000000000000000", "l0", "220"],
      ["01HZZZZZZZZZZZZZZZZZZZ0004", null, "6", "103", "130.0000000000000000", "l0", "230"],
      ["01HZZZZZZZZZZZZZZZZZZZ0005", "Yard", "0", null, null, null, null],
    ],
  ],
  [
    "SELECT label, count(*), count(label), count(DISTINCT resource_id) FROM bookings GROUP BY label ORDER BY label",
    [
      ["l0", "6", "6", "3"],
      ["l1", "6", "6", "3"],
      ["l2", "6", "6", "3"],
      [null, "6", "0", "1"],
    ],
  ],
  [
    "SELECT label || '!' AS l, count(*) FROM bookings GROUP BY label || '!' ORDER BY 1",
    [
      ["l0!", "6"],
      ["l1!", "6"],
      ["l2!", "6"],
      [null, "6"],
    ],
  ],
  [
    "SELECT start / 100 AS century, count(*) FROM bookings GROUP BY century ORDER BY century",
    [
      ["0", "10"],
      ["1", "10"],
      ["2", "4"],
    ],
  ],
  [
    "SELECT resource_id, count(*) AS c FROM bookings GROUP BY 1 HAVING sum(start) > 650 ORDER BY c, 1",
    [
      ["01HZZZZZZZZZZZZZZZZZZZ0002", "6"],
      ["01HZZZZZZZZZZZZZZZZZZZ0003", "6"],
      ["01HZZZZZZZZZZZZZZZZZZZ0004", "6"],
    ],
  ],
  ["SELECT sum(start), avg(capacity) FROM bookings, resources WHERE false", [[null, null]]],
  ["SELECT count(*) FROM bookings GROUP BY ()", [["24"]]],
  ["SELECT 1 FROM bookings HAVING count(*) > 100", []],
  ["SELECT 1 FROM bookings HAVING true", [["1"]]],
  ["SELECT max(name) FROM resources HAVING count(*) = 5", [["Yard"]]],
  ["SELECT array_agg(start ORDER BY start DESC) FILTER (WHERE start < 40) FROM bookings", [["{30,20,10,0}"]]],
  ["SELECT array_agg(DISTINCT label) FROM bookings", [["{l0,l1,l2,NULL}"]]],
  [
    "SELECT string_agg(label, '-' ORDER BY start) FROM bookings WHERE start < 100",
    [["l1-l2-l0-l2-l0-l1-l0"]],
  ],
  ["SELECT string_agg(DISTINCT label, ',' ORDER BY label DESC) FROM bookings", [["l2,l1,l0"]]],
  [
    "SELECT bool_and(start < 1000), bool_or(label = 'zzz'), every(label IS NULL) FROM bookings",
    [["t", "f", "f"]],
  ],
  ["SELECT json_agg(start ORDER BY start) FROM bookings WHERE start < 30", [["[0, 10, 20]"]]],
  [
    "SELECT json_agg(json_build_object('s', b.start, 'l', b.label) ORDER BY b.start) FROM bookings b WHERE b.start < 20",
    [['[{"s" : 0, "l" : null}, {"s" : 10, "l" : "l1"}]']],
  ],
  [
    "SELECT json_object_agg(name, capacity ORDER BY name) FROM resources WHERE name IS NOT NULL",
    [['{ "Hall" : 5, "House" : 5, "Room" : 5, "Yard" : 1 }']],
  ],
  ["SELECT jsonb_agg(label ORDER BY start) FROM bookings WHERE start < 30", [['[null, "l1", "l2"]']]],
  ["SELECT avg(x), sum(x) FROM (VALUES (1.5), (2.25), (NULL)) v(x)", [["1.8750000000000000", "3.75"]]],
  ["SELECT sum(x), avg(x) FROM (VALUES (1.5::float8), (2.5)) v(x)", [["4", "2"]]],
  ["SELECT DISTINCT label FROM bookings ORDER BY label NULLS FIRST", [[null], ["l0"], ["l1"], ["l2"]]],
  [
    "SELECT DISTINCT ON (label) label, start FROM bookings ORDER BY label, start DESC",
    [
      ["l0", "210"],
      ["l1", "220"],
      ["l2", "230"],
      [null, "200"],
    ],
  ],
  [
    "SELECT DISTINCT start % 3, label IS NULL FROM bookings ORDER BY 1, 2",
    [
      ["0", "f"],
      ["0", "t"],
      ["1", "f"],
      ["1", "t"],
      ["2", "f"],
      ["2", "t"],
    ],
  ],
  ["SELECT count(*) FROM (SELECT DISTINCT resource_id, label FROM bookings) d", [["10"]]],
  [
    "SELECT name FROM resources WHERE id IN (SELECT resource_id FROM bookings WHERE start > 200) ORDER BY id",
    [["Hall"], ["Room"], [null]],
  ],
  ["SELECT name FROM resources WHERE id NOT IN (SELECT parent_id FROM resources) ORDER BY 1", []],
  [
    "SELECT name FROM resources WHERE id NOT IN (SELECT parent_id FROM resources WHERE parent_id IS NOT NULL) ORDER BY 1",
    [["Hall"], ["Yard"], [null]],
  ],
  [
    "SELECT name FROM resources r WHERE NOT EXISTS (SELECT 1 FROM bookings b WHERE b.resource_id = r.id)",
    [["Yard"]],
  ],
  [
    "SELECT name FROM resources r WHERE EXISTS (SELECT 1 FROM bookings b WHERE b.resource_id = r.id AND b.start > 215) ORDER BY id",
    [["Room"], [null]],
  ],
  [
    "SELECT r.name, (SELECT max(start) FROM bookings b WHERE b.resource_id = r.id) AS m FROM resources r ORDER BY m DESC NULLS LAST",
    [
      [null, "230"],
      ["Room", "220"],
      ["Hall", "210"],
      ["House", "200"],
      ["Yard", null],
    ],
  ],
  [
    "SELECT (SELECT name FROM resources WHERE id = b.resource_id), b.start FROM bookings b WHERE b.start >= (SELECT max(start) - 20 FROM bookings) ORDER BY 2",
    [
      ["Hall", "210"],
      ["Room", "220"],
      [null, "230"],
    ],
  ],
  ["SELECT start FROM bookings WHERE start = ANY (SELECT 10 UNION SELECT 30) ORDER BY 1", [["10"], ["30"]]],
  [
    "SELECT start FROM bookings WHERE start > ALL (SELECT start FROM bookings WHERE label IS NOT NULL AND start < 200) ORDER BY 1",
    [["200"], ["210"], ["220"], ["230"]],
  ],
  [
    "SELECT 1 IN (SELECT NULL::int), 1 NOT IN (SELECT 2 UNION ALL SELECT NULL), 1 = ALL (SELECT 1 WHERE false), (SELECT 1 WHERE false) IS NULL",
    [[null, null, "t", "t"]],
  ],
  [
    "SELECT NULL IN (SELECT 1 WHERE false), NULL = ANY (SELECT 1), 1 <> ALL (SELECT NULL::int)",
    [["f", null, null]],
  ],
  [
    'SELECT count(*) FROM bookings b WHERE (b.start, b."end") IN (SELECT start, "end" FROM bookings WHERE label IS NULL)',
    [["6"]],
  ],
  ["SELECT ARRAY(SELECT start FROM bookings ORDER BY start LIMIT 3)", [["{0,10,20}"]]],
  [
    "SELECT (SELECT count(*) FROM bookings b WHERE b.resource_id = r.id), count(*) FROM resources r GROUP BY r.id ORDER BY r.id",
    [
      ["6", "1"],
      ["6", "1"],
      ["6", "1"],
      ["6", "1"],
      ["0", "1"],
    ],
  ],
  [
    "SELECT (SELECT start FROM bookings)",
    "21000 more than one row returned by a subquery used as an expression",
  ],
  ["SELECT (SELECT 1, 2)", "42601 subquery must return only one column"],
  ["SELECT 1 UNION SELECT 2 UNION SELECT 1 ORDER BY 1", [["1"], ["2"]]],
  ["SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a DESC", [["2.5"], ["1"]]],
  ["SELECT label FROM bookings INTERSECT SELECT 'l1' ORDER BY 1", [["l1"]]],
  ["SELECT label FROM bookings EXCEPT SELECT 'l1' ORDER BY 1", [["l0"], ["l2"], [null]]],
  [
    "SELECT x FROM (VALUES (1),(1),(2),(3),(3),(3)) v(x) EXCEPT ALL SELECT x FROM (VALUES (1),(3)) w(x) ORDER BY 1",
    [["1"], ["2"], ["3"], ["3"]],
  ],
  [
    "SELECT x FROM (VALUES (1),(1),(2),(3),(3),(3)) v(x) INTERSECT ALL SELECT x FROM (VALUES (1),(3),(3)) w(x) ORDER BY 1",
    [["1"], ["3"], ["3"]],
  ],
  [
    "(SELECT start FROM bookings ORDER BY start DESC LIMIT 1) UNION ALL (SELECT start FROM bookings ORDER BY start LIMIT 1)",
    [["230"], ["0"]],
  ],
  ["SELECT 1, 2 UNION SELECT 3", "42601 each UNION query must have the same number of columns"],
  ["SELECT NULL UNION SELECT 'x' ORDER BY 1", [["x"], [null]]],
  [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t",
    [["15"]],
  ],
  [
    "WITH RECURSIVE tree AS (SELECT id, name, 1 AS d FROM resources WHERE parent_id IS NULL UNION ALL SELECT r.id, r.name, d + 1 FROM resources r JOIN tree ON r.parent_id = tree.id) SELECT name, d FROM tree ORDER BY d, id",
    [
      ["House", "1"],
      ["Yard", "1"],
      ["Hall", "2"],
      ["Room", "2"],
      [null, "3"],
    ],
  ],
  [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT (n * 2) % 7 FROM t) SELECT n FROM t ORDER BY n",
    [["1"], ["2"], ["4"]],
  ],
  [
    "WITH a AS (SELECT start FROM bookings WHERE start < 30), b AS (SELECT start + 1 AS s FROM a) SELECT * FROM a, b WHERE b.s = a.start + 1 ORDER BY 1",
    [
      ["0", "1"],
      ["10", "11"],
      ["20", "21"],
    ],
  ],
  [
    "WITH a(x) AS (VALUES (1), (2)) SELECT (SELECT sum(x) FROM a), x FROM a ORDER BY x",
    [
      ["3", "1"],
      ["3", "2"],
    ],
  ],
  [
    "VALUES (1, 'a'), (2, NULL) ORDER BY 1 DESC",
    [
      ["2", null],
      ["1", "a"],
    ],
  ],
  ["VALUES (1), (2.5)", [["1"], ["2.5"]]],
  ["SELECT * FROM generate_series(1, 3) AS g", [["1"], ["2"], ["3"]]],
  [
    "SELECT * FROM generate_series(5, 1, -2) WITH ORDINALITY AS g(x, n)",
    [
      ["5", "1"],
      ["3", "2"],
      ["1", "3"],
    ],
  ],
  [
    "SELECT g, g * 2 FROM generate_series(1, 3) g WHERE g <> 2",
    [
      ["1", "2"],
      ["3", "6"],
    ],
  ],
  [
    "SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b','c']) AS u(a, b)",
    [
      ["1", "a"],
      ["2", "b"],
      [null, "c"],
    ],
  ],
  [
    "SELECT generate_series(1, 2), unnest(ARRAY['a','b','c'])",
    [
      ["1", "a"],
      ["2", "b"],
      [null, "c"],
    ],
  ],
  [
    "SELECT name, row_number() OVER (ORDER BY id), rank() OVER (ORDER BY capacity DESC), dense_rank() OVER (ORDER BY capacity DESC) FROM resources ORDER BY id",
    [
      ["House", "1", "1", "1"],
      ["Hall", "2", "1", "1"],
      ["Room", "3", "1", "1"],
      [null, "4", "4", "2"],
      ["Yard", "5", "5", "3"],
    ],
  ],
  [
    "SELECT start, sum(start) OVER (ORDER BY start ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), sum(start) OVER (ORDER BY start) FROM bookings WHERE start < 50 ORDER BY start",
    [
      ["0", "10", "0"],
      ["10", "30", "10"],
      ["20", "60", "30"],
      ["30", "90", "60"],
      ["40", "70", "100"],
    ],
  ],
  [
    "SELECT start, lag(start) OVER w, lead(start, 2, -1::bigint) OVER w, first_value(start) OVER w, last_value(start) OVER w, nth_value(start, 2) OVER w FROM bookings WHERE start < 50 WINDOW w AS (PARTITION BY resource_id ORDER BY start) ORDER BY start",
    [
      ["0", null, "-1", "0", "0", null],
      ["10", null, "-1", "10", "10", null],
      ["20", null, "-1", "20", "20", null],
      ["30", null, "-1", "30", "30", null],
      ["40", "0", "-1", "0", "40", "40"],
    ],
  ],
  [
    "SELECT label, count(*) AS n, sum(count(*)) OVER () AS total FROM bookings GROUP BY label ORDER BY label",
    [
      ["l0", "6", "24"],
      ["l1", "6", "24"],
      ["l2", "6", "24"],
      [null, "6", "24"],
    ],
  ],
  [
    "SELECT start, ntile(3) OVER (ORDER BY start), percent_rank() OVER (ORDER BY start), cume_dist() OVER (ORDER BY start) FROM bookings WHERE start < 50 ORDER BY start",
    [
      ["0", "1", "0", "0.2"],
      ["10", "1", "0.25", "0.4"],
      ["20", "2", "0.5", "0.6"],
      ["30", "2", "0.75", "0.8"],
      ["40", "3", "1", "1"],
    ],
  ],
  [
    "SELECT capacity, count(*) OVER (ORDER BY capacity), count(*) FILTER (WHERE name IS NOT NULL) OVER (PARTITION BY capacity) FROM resources ORDER BY id",
    [
      ["5", "5", "3"],
      ["5", "5", "3"],
      ["5", "5", "3"],
      ["2", "2", "0"],
      ["1", "1", "1"],
    ],
  ],
  [
    "SELECT start FROM bookings ORDER BY label NULLS FIRST, start DESC LIMIT 3 OFFSET 2",
    [["120"], ["80"], ["40"]],
  ],
  ["SELECT start FROM bookings ORDER BY start % 20, start FETCH FIRST 2 ROWS ONLY", [["0"], ["20"]]],
  [
    "SELECT start % 20 AS m FROM bookings ORDER BY m FETCH FIRST 1 ROWS WITH TIES",
    [["0"], ["0"], ["0"], ["0"], ["0"], ["0"], ["0"], ["0"], ["0"], ["0"], ["0"], ["0"]],
  ],
  ["SELECT r FROM resources r ORDER BY r.id LIMIT 1", [["(01HZZZZZZZZZZZZZZZZZZZ0001,,House,5,0,f)"]]],
  [
    "SELECT row_to_json(x) FROM (SELECT start, label FROM bookings ORDER BY start LIMIT 2) x",
    [['{"start":0,"label":null}'], ['{"start":10,"label":"l1"}']],
  ],
  [
    "SELECT label, count(*) FROM bookings GROUP BY start",
    '42803 column "bookings.label" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  ["SELECT x FROM bookings, resources", '42703 column "x" does not exist'],
  ["SELECT id FROM bookings, resources", '42702 column reference "id" is ambiguous'],
  ["SELECT q.id FROM bookings", '42P01 missing FROM-clause entry for table "q"'],
  ["SELECT 1 FROM bookings b, bookings b", '42712 table name "b" specified more than once'],
  ["SELECT count(*) FROM bookings WHERE count(*) > 1", "42803 aggregate functions are not allowed in WHERE"],
  ["SELECT sum(count(*)) FROM bookings", "42803 aggregate function calls cannot be nested"],
  [
    "SELECT row_number() OVER () FROM bookings WHERE row_number() OVER () = 1",
    "42P20 window functions are not allowed in WHERE",
  ],
  [
    "SELECT DISTINCT label FROM bookings ORDER BY start",
    "42P10 for SELECT DISTINCT, ORDER BY expressions must appear in select list",
  ],
  ["SELECT start FROM bookings GROUP BY 7", "42P10 GROUP BY position 7 is not in select list"],
  ["SELECT start FROM bookings ORDER BY 7", "42P10 ORDER BY position 7 is not in select list"],
  ["SELECT * FROM nowhere", '42P01 relation "nowhere" does not exist'],
  ["SELECT sum(label) FROM bookings", "42883 function sum(text) does not exist"],
  [
    "SELECT 1 FROM bookings a JOIN bookings b USING (nope)",
    '42703 column "nope" specified in USING clause does not exist in left table',
  ],
  ["WITH a AS (SELECT 1), a AS (SELECT 2) SELECT 1", '42712 WITH query name "a" specified more than once'],
  ["SELECT * FROM (VALUES (1)) v(a, b)", '42P10 table "v" has 1 columns available but 2 columns specified'],
  ["SELECT 1 WHERE 1", "42804 argument of WHERE must be type boolean, not type integer"],
];
