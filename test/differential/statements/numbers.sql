-- Whole numbers
SELECT 1 + 1, 7 / 2, -7 / 2, 7 % -3, 7 % (-3), - 7 % 3;
SELECT 7 % (-3), -7 % 3, 7 / (-2), 5 * -1;
SELECT 2147483647 + 1;
SELECT 2147483648 + 1, 2147483647, 2147483648, -2147483648, -2147483649;
SELECT 9223372036854775807, 9223372036854775808, -9223372036854775808;
SELECT 9223372036854775807 + 1;
SELECT -9223372036854775808 - 1;
SELECT 4611686018427387904 * 2;
SELECT (-9223372036854775808) / (-1);
SELECT (-9223372036854775808) % (-1);
SELECT (-2147483648) / (-1);
SELECT (-2147483648)::int4 / (-1)::int4;
SELECT 1 / 0;
SELECT 1 % 0;
SELECT 1.0 / 0;
SELECT 1.5 % 0;
SELECT 1::float8 / 0;
SELECT 1::int2 + 1::int2, 1::int2 + 1, 1::int2 * 1::int8, 1::int2 + 1.5, 1::int2 + 1.5::float4;
SELECT 32767::int2 + 1::int2;
SELECT 40000::int2;
SELECT 3000000000::int4;
SELECT 1e19::int8;
SELECT -(-32768)::int2;
SELECT -(-32768::int2);
SELECT - (-2147483648);
SELECT abs(-2147483648);
SELECT abs(-5), abs(-5.5), abs(-5::int8), abs(-5::float8), abs(-5::int2), @ -5, @ -5.5;
SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 256 >> 2;
SELECT 5::int8 & 3, 5::int8 | 3::int2, ~5::int8, 1::int8 << 40, 1 << 31, 1 << 32;
SELECT 5 & 3.5;
SELECT 2 ^ 10, 2 ^ 0.5, 2.0 ^ 3, 2::float8 ^ 3, 2.5 ^ 2.0;
SELECT 0 ^ -1;
SELECT 0.0 ^ -1.0;
SELECT (-8) ^ (1.0 / 3);
SELECT |/ 16, ||/ 8, |/ 2.0;
-- differs: Grammar of PostgreSQL 18
SELECT 1_000;
-- differs: Grammar of PostgreSQL 18
SELECT 0x1F, 0b101;
SELECT +5, - - 5, + - 5, -(5), 5 - -5;
SELECT 10 - 3 - 2, 2 + 3 * 4, (2 + 3) * 4, 100 / 10 / 2, 2 ^ 3 ^ 2, -2 ^ 2;
-- numeric
SELECT 1.5 + 1, 1.5 - 1.25, 1.5 * 1.50, 1 / 3.0, 10 / 4.0, 1234567.89 / 0.003, 0.0001 / 3;
SELECT 100::numeric / 7, 5.5 % 2, -5.5 % 2, 1e5, 1.5e3, 1e-3, .5, 5., 1e0;
SELECT 99999999999999999999 + 1, 99999999999999999999 * 99999999999999999999;
SELECT 1 / 7.0, 22 / 7.00, 1e20 / 3, 1 / 1e20, 123456789012345678901234567890 / 7;
SELECT 0.1 + 0.2, 0.10 = 0.1, 0.10::text, 1.0 * 0, -0.0, 0.0 * -1;
SELECT 1.005::numeric(5, 2), 1.5::numeric(3), 12.345::numeric(10, 1), 0.5::numeric(1), 1.5::numeric(1), 2.5::numeric(1);
SELECT 12345::numeric(4, 2);
SELECT 99.995::numeric(4, 2);
SELECT 1::numeric(0);
SELECT 1::numeric(1001);
SELECT 1::numeric(5, 6);
SELECT 1::numeric(5, 2), NULL::numeric(5, 2), '1.239'::numeric(5, 2);
SELECT 123.456::numeric(3, -1);
SELECT round(2.5), round(-2.5), round(3.5), round(2.567, 2), round(1234.5, -2), round(2.5::float8), round(3.5::float8), round(-0.4);
SELECT round(5), round(5::int8), round(2.567::float8, 2);
SELECT floor(-1.5), ceil(1.2), ceiling(-1.2), floor(5), floor(1.5::float8), trunc(1.567, 2), trunc(-1.5), trunc(1.5::float8);
SELECT sign(-5), sign(5.5), sign(0), sign(-1.5::float8);
SELECT mod(7, 3), mod(-7, 3), mod(7::int8, 3), mod(7.5, 2), mod(7::int2, 3::int2), div(7, 2), div(-7.5, 2);
SELECT power(2, 3), power(2, 0.5), power(2.0, 3), sqrt(16), sqrt(2.0), exp(0), exp(1.0), ln(1), ln(2.0), log(100), log(100.0), log(2.0, 8.0);
SELECT sqrt(-1);
SELECT ln(0);
SELECT gcd(12, 18), lcm(4, 6), factorial(5), pi(), degrees(pi()), radians(180);
SELECT scale(1.50), min_scale(1.500), trim_scale(1.500), numeric '1.50', int '5', bigint '6', float8 '1.5';
SELECT width_bucket(5, 1, 10, 3), width_bucket(5.5, 1, 10, 3);
-- differs: Types
SELECT 'NaN'::numeric, 'NaN'::numeric + 1, 'Infinity'::numeric, '-Infinity'::numeric * -1;
-- differs: Types
SELECT 'NaN'::numeric = 'NaN'::numeric, 'NaN'::numeric > 1e100, 'Infinity'::numeric > 1e100;
-- floats
SELECT 0.1::float8 + 0.2::float8, 1e20::float8, 1e14::float8, 1e15::float8, 1e-4::float8, 1e-5::float8, 123456.789::float4;
SELECT 1e6::float4, 0.1::float4, 16777217::float4, 1e-7::float4, 3.4e38::float4, 1.5::float4 + 1.5, 1.5::float4 + 1.5::float8, 0.1::float4::float8;
SELECT 1e39::float4;
SELECT 1e308::float8 * 10;
SELECT 1e-320::float8, 1e-308::float8 / 1e10;
SELECT 'NaN'::float8, 'Infinity'::float8, '-inf'::float8, 'nan'::float8 = 'NaN'::float8, 'NaN'::float8 > 'Infinity'::float8;
SELECT '1e400'::float8;
SELECT 'x'::float8;
SELECT -0.0::float8, -(0.0::float8), 0::float8 = -0.0::float8, 1::float8 / 3, 2::float8 / 3, 1e22::float8, 1e23::float8;
SELECT 2.5::float8::int, 3.5::float8::int, -2.5::float8::int, 2.5::int, 3.5::int, -2.5::int, (-2.5)::int, 0.5::int, 1.5::float8::int8;
SELECT 1e10::float8::int4;
SELECT 'NaN'::float8::int4;
-- differs: Types
SELECT 'NaN'::numeric::int4;
SELECT 1e19::float8::int8;
SELECT 9007199254740993::float8, 9007199254740993::float8::int8, 123456789.125::float8::numeric, 0.1::float8::numeric, 1e20::float8::numeric, 0.1::float4::numeric;
SELECT 1 = 1.0, 1::int8 = 1.0, 1::float8 = 1.0, 1 < 1.5, 9007199254740993 = 9007199254740993::float8, 1::int2 < 2::int8, 0.1::float4 = 0.1, 0.1::float8 = 0.1, 0.1::float4 = 0.1::float8;
SELECT round(-0.5::float8), round((-0.5)::float8), round((-0.3)::float8), ceil((-0.5)::float8), trunc((-0.5)::float8), round(0.5::float8), round(1.5::float8);
-- Over columns
SELECT id, "end" - start AS length, ("end" - start) / 3 AS third, ("end" - start) / 3.0 AS exact FROM bookings ORDER BY start, id LIMIT 12;
SELECT start / 1000.0, start::float8 / 1000, start % 7, -start, +start, @ start FROM bookings WHERE start < 1100 ORDER BY start, id;
SELECT capacity * 2, capacity * 2.5, capacity::float8 / 3, capacity + buffer_after, buffer_after * capacity FROM resources ORDER BY id;
SELECT capacity / (capacity - 1) FROM resources ORDER BY id;
SELECT start * 9223372036854775807 FROM bookings;
SELECT capacity * 2147483647 FROM resources;
SELECT capacity::int2, buffer_after::int4, start::numeric(10, 2), start::text || 'x' FROM resources JOIN bookings ON resource_id = resources.id ORDER BY bookings.id LIMIT 5;
