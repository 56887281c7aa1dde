-- differs: Catalogs
SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'availability' ORDER BY 2;
-- differs: Catalogs
SELECT table_name, column_name, ordinal_position, is_nullable, data_type, udt_name, numeric_precision, numeric_scale, character_maximum_length FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'availability' ORDER BY 1, 3;
-- differs: Catalogs
SELECT table_name, column_name, column_default FROM information_schema.columns WHERE table_schema = 'public' AND column_default IS NOT NULL ORDER BY 1, 2;
-- differs: Catalogs
SELECT table_name, constraint_type FROM information_schema.table_constraints WHERE table_schema = 'public' AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') ORDER BY 1, 2;
SELECT table_name, column_name FROM information_schema.key_column_usage WHERE table_schema = 'public' ORDER BY 1, 2;
-- differs: Catalogs
SELECT constraint_name, unique_constraint_name, update_rule, delete_rule FROM information_schema.referential_constraints WHERE constraint_schema = 'public' ORDER BY 1;
SELECT relname, relkind, relnatts FROM pg_class WHERE relname IN ('resources', 'rules', 'bookings', 'holds') ORDER BY 1;
SELECT a.attname, a.attnum, a.attnotnull, a.atttypid::regtype, format_type(a.atttypid, a.atttypmod), a.atthasdef FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = 'bookings' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 2;
SELECT nspname FROM pg_namespace WHERE nspname IN ('public', 'pg_catalog', 'information_schema') ORDER BY 1;
SELECT typname, typlen, typtype, typcategory, typelem::regtype FROM pg_type WHERE typname IN ('int4', 'text', '_int4', 'bool', 'timestamptz', 'numeric', 'varchar') ORDER BY 1;
SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'rules'::regclass AND contype IN ('p', 'f') ORDER BY 1;
-- differs: Catalogs
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'rules' AND indexname LIKE '%pkey' ORDER BY 1;
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'resources'::regclass ORDER BY adnum;
-- differs: The schema
SELECT 'bookings'::regclass, to_regclass('nope'), to_regclass('public.bookings') = 'bookings'::regclass;
SELECT current_schema(), current_schemas(false), current_schema, pg_is_in_recovery(), has_table_privilege('bookings', 'select');
SELECT format_type(23, NULL), format_type(1700, 327686), format_type(1043, 14), format_type(0, NULL), format_type(1007, -1);
SELECT obj_description('pg_class'::regclass) IS NULL, col_description('bookings'::regclass, 99);
SELECT * FROM pg_catalog.pg_nope;
SELECT nope FROM pg_class;
SELECT relname FROM pg_class WHERE oid = 'rules'::regclass;
SELECT 'bookings'::regclass::oid = (SELECT oid FROM pg_class WHERE relname = 'bookings');
