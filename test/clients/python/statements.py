"""The statements of the story, with psycopg's placeholders."""

ADD_RESOURCE = (
    "INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES (%s, %s, %s, %s, %s)"
)
ADD_RULE = 'INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES (%s, %s, %s, %s, %s)'
BOOK = 'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES (%s, %s, %s, %s, %s)'
BOOK_ONCE = BOOK + " ON CONFLICT (id) DO NOTHING"
HOLD = 'INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES (%s, %s, %s, %s, %s)'
TAKE = 'INSERT INTO bookings (id, hold_id, label) VALUES (%s, %s, %s) RETURNING resource_id, start, "end"'
HOLDS = "SELECT count(*) FROM holds WHERE resource_id = %s"
FREE = (
    'SELECT start, "end" FROM availability'
    ' WHERE resource_id = %s AND start >= %s AND "end" <= %s AND min_duration = %s'
)
FREE_PER_ROOM = (
    "SELECT * FROM availability"
    ' WHERE resource_id = ANY(%s) AND start >= %s AND "end" <= %s AND per_resource = true'
)
FREE_TOGETHER = (
    'SELECT start, "end" FROM availability WHERE resource_id IN (%s, %s) AND start >= %s AND "end" <= %s'
)
LOOK = "SELECT id FROM bookings WHERE resource_id = %s AND start = %s"
CANCEL = "DELETE FROM bookings WHERE id = %s"
MOVE = 'UPDATE bookings SET start = %s, "end" = %s WHERE id = %s'
DIARY = (
    'SELECT r.name, b.label, b.start, b."end"'
    " FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name"
)


def numbered(statement: str) -> str:
    """The same statement with $1, $2, …"""
    first, *rest = statement.split("%s")
    return first + "".join(f"${position}{text}" for position, text in enumerate(rest, 1))


def booking(row) -> tuple:
    return row.id, row.resource_id, row.start, row.end, row.label
