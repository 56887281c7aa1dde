-- Whole numbers
SELECT 1 + 1, 7 / 2, -7 / 2, 7 % -3, 7 % (-3);
SELECT 2147483647 + 1;
SELECT $1 + 1 \bind 5;
SELECT id, start FROM bookings ORDER BY start, id;
