SELECT '{"a": 1}'::json, '{"b":2,  "a":1}'::jsonb, '[1, 2]'::jsonb, 'null'::jsonb, '"x"'::json, '1.50'::jsonb, '1e2'::jsonb;
SELECT '{a}'::json;
SELECT ''::jsonb;
SELECT '{"a":{"b":[1,2,{"c":null}]}}'::jsonb -> 'a' -> 'b' -> 1, '{"a":1}'::json ->> 'a', '[1,2]'::jsonb -> -1, '{"a":{"b":2}}'::jsonb #> '{a,b}', '{"a":{"b":2}}'::jsonb #>> '{a,b}', '{"a":1}'::jsonb -> 'x';
SELECT '{"a":1,"b":2}'::jsonb @> '{"a":1}', '{"a":1}'::jsonb <@ '{"a":1,"b":2}', '{"a":1}'::jsonb ? 'a', '{"a":1}'::jsonb ?| ARRAY['x', 'a'], '{"a":1}'::jsonb ?& ARRAY['x', 'a'];
SELECT '{"a":1}'::jsonb || '{"b":2}', '{"a":1,"b":2}'::jsonb - 'a', '[1,2,3]'::jsonb - 1, '{"a":{"b":1}}'::jsonb #- '{a,b}';
SELECT json_build_object('a', 1, 'b', NULL, 'c', ARRAY[1, 2]), json_build_array(1, 'x', true, NULL), jsonb_build_object('z', 1, 'y', 2.50), to_json('a"b'::text), to_jsonb(ARRAY[1, 2]), to_json(1.50);
SELECT json_agg(id ORDER BY id), jsonb_agg(capacity ORDER BY id) FROM resources WHERE capacity > 2;
SELECT json_agg(r ORDER BY r.id) FROM (SELECT id, name, capacity FROM resources WHERE capacity > 2) r;
SELECT row_to_json(r) FROM (SELECT id, name FROM resources WHERE capacity > 2 ORDER BY id) r;
SELECT jsonb_array_length('[1,2]'), json_typeof('{}'), jsonb_typeof('1'), jsonb_pretty('{"a":[1]}');
SELECT * FROM json_array_elements('[1,"a",null]');
SELECT * FROM jsonb_array_elements_text('[1,"a",null]');
SELECT * FROM jsonb_each('{"b":1,"a":"x"}') ORDER BY key;
SELECT * FROM json_each_text('{"b":1,"a":"x"}');
SELECT jsonb_object_keys('{"b":1,"a":2}') ORDER BY 1;
SELECT jsonb_set('{"a":1}', '{a}', '2'), jsonb_set('{"a":1}', '{b}', '3'), jsonb_strip_nulls('{"a":null,"b":1}'), jsonb_extract_path_text('{"a":{"b":5}}', 'a', 'b');
SELECT '{"a":1}'::json = '{"a":1}'::json;
SELECT '{"a":1}'::jsonb = '{"a": 1}'::jsonb, '{"a":1}'::jsonb < '{"a":2}'::jsonb, '1'::jsonb < '"a"'::jsonb;
SELECT ('{"a":5}'::jsonb ->> 'a')::int + 1, ('{"a":5}'::jsonb -> 'a')::int, '{"a":true}'::jsonb -> 'a' = 'true';
SELECT DISTINCT '{"a":1}'::json;
-- differs: Types
SELECT b FROM bookings b ORDER BY id LIMIT 2;
-- differs: Types
SELECT (b).start, b.* FROM bookings b ORDER BY id LIMIT 2;
SELECT count(b), count(b.*) FROM bookings b;
SELECT b IS NULL, b IS NOT NULL FROM bookings b ORDER BY id LIMIT 3;
SELECT ROW(b.*), ROW(b.*, 1) FROM bookings b ORDER BY id LIMIT 1;
SELECT b = b, b < b FROM bookings b ORDER BY id LIMIT 1;
-- differs: Types
SELECT b FROM bookings b ORDER BY b LIMIT 2;
-- differs: Types
SELECT array_agg(r ORDER BY id) FROM (SELECT id, capacity FROM resources WHERE capacity > 2) r;
