"""What psycopg 3 can beyond the story: COPY, cursors, pipelines, savepoints, pools, cancel."""

import asyncio
from decimal import Decimal

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

import statements as s
from psycopg_story import ChangedMyMind, address
from story import DAY, HOUR, STORY


def fill(connection: psycopg.Connection, room: str, count: int) -> None:
    """A room with `count` bookings, one each hour, by COPY."""
    connection.execute("INSERT INTO resources (id) VALUES (%s)", [room])
    with connection.cursor().copy('COPY bookings (resource_id, start, "end", label) FROM STDIN') as copy:
        for n in range(count):
            copy.write_row((room, DAY + n * HOUR, DAY + (n + 1) * HOUR, None if n % 2 else f"Tab\tand \\ {n}"))
    connection.commit()


class Booking:
    def __init__(self, start: int, label: str | None):
        self.start, self.label = start, label


def copy(connection: psycopg.Connection, room: str) -> None:
    fill(connection, room, 100)
    with connection.cursor().copy(
        "COPY (SELECT start, label FROM bookings WHERE resource_id = %s ORDER BY start) TO STDOUT", [room]
    ) as out:
        out.set_types(["int8", "text"])
        rows = list(out.rows())
    assert len(rows) == 100 and rows[:2] == [(DAY, "Tab\tand \\ 0"), (DAY + HOUR, None)], rows[:2]
    with connection.cursor().copy(
        'COPY bookings (resource_id, start, "end") FROM STDIN WITH (FORMAT BINARY)'
    ) as into:
        into.set_types(["text", "int8", "int8"])
        for n in range(100, 110):
            into.write_row((room, DAY + n * HOUR, DAY + (n + 1) * HOUR))
    with connection.cursor().copy(
        "COPY (SELECT start FROM bookings WHERE resource_id = %s ORDER BY start) TO STDOUT (FORMAT BINARY)", [room]
    ) as out:
        out.set_types(["int8"])
        assert [start for (start,) in out.rows()] == [DAY + n * HOUR for n in range(110)]
    connection.commit()
    try:
        with connection.cursor().copy('COPY bookings (resource_id, start, "end") FROM STDIN') as into:
            into.write_row((room, DAY + 200 * HOUR, DAY + 201 * HOUR))
            into.write_row((room, DAY, DAY + HOUR))
        raise AssertionError("a collision was copied in")
    except psycopg.errors.ExclusionViolation:
        connection.rollback()
    assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (110,)


def cursors(connection: psycopg.Connection, room: str) -> None:
    by_start = "SELECT start, label FROM bookings WHERE resource_id = %s ORDER BY start"
    with connection.transaction(), connection.cursor(name="pages", row_factory=class_row(Booking)) as cursor:
        cursor.itersize = 30
        cursor.execute(by_start, [room])
        assert [b.start for b in cursor] == [DAY + n * HOUR for n in range(110)]
    with connection.cursor(name="held", withhold=True) as cursor:
        cursor.execute(by_start, [room], binary=True)
        connection.commit()
        assert [start for start, _ in cursor.fetchmany(2)] == [DAY, DAY + HOUR]
    with psycopg.ServerCursor(connection, "raw") as cursor:
        cursor.execute(by_start, [room])
        assert len(cursor.fetchmany(7)) == 7
        cursor.scroll(3)
        assert cursor.fetchone()[0] == DAY + 10 * HOUR
    connection.commit()
    streamed = connection.cursor().stream(by_start, [room])
    assert next(streamed)[0] == DAY and len(list(streamed)) == 109
    connection.commit()


def types(connection: psycopg.Connection) -> None:
    """What goes out comes back the same, with text and binary in all combinations."""
    values = [
        (1, "int4"), (-5, "int2"), (2**40, "int8"), (1.5, "float8"), (True, "bool"), ("Chœur ♫", "text"),
        (None, "text"), ([1, 2, None], "int8[]"), (["a,b", 'c"d'], "text[]"), (Decimal("12.50"), "numeric"),
    ]
    for value, kind in values:
        for binary in (False, True):
            for placeholder in ("%s", "%b", "%t"):
                row = connection.execute(f"SELECT {placeholder}::{kind}", [value], binary=binary).fetchone()
                assert row == (value,), (kind, binary, placeholder, row)


def prepared(connection: psycopg.Connection, room: str) -> None:
    count = "SELECT count(*) FROM bookings WHERE resource_id = %s"
    for _ in range(8):
        assert connection.execute(count, [room], prepare=True).fetchone() == (110,)
    names = connection.execute("SELECT name FROM pg_prepared_statements WHERE statement ~ 'FROM bookings'").fetchall()
    assert len(names) == 1, names
    connection.prepared_max = 2
    for n in range(8):
        for _ in range(8):
            assert connection.execute(f"{count} AND start > {n}", [room]).fetchone() == (110,)
    connection.commit()


def pipeline(connection: psycopg.Connection, room: str) -> None:
    with connection.pipeline():
        cursors = [
            connection.execute("SELECT start FROM bookings WHERE resource_id = %s AND start = %s", [room, DAY + n * HOUR])
            for n in range(50)
        ]
        assert [cursor.fetchone()[0] for cursor in cursors] == [DAY + n * HOUR for n in range(50)]
    # The error is raised by whichever call is the first to hear of it, the end of the block at the latest.
    try:
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute(s.BOOK, (STORY.ada.id, room, DAY, DAY + HOUR, None))
            connection.execute("DELETE FROM bookings")
        raise AssertionError("a collision was let in")
    except psycopg.errors.ExclusionViolation:
        pass
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (110,)
    connection.rollback()


def savepoints(connection: psycopg.Connection, room: str) -> None:
    with connection.transaction():
        connection.execute("DELETE FROM bookings WHERE resource_id = %s AND start < %s", [room, DAY + 10 * HOUR])
        try:
            with connection.transaction("inner"):
                connection.execute(s.BOOK, (STORY.ada.id, room, DAY, DAY + HOUR, None))
                connection.execute(s.BOOK, (STORY.grace.id, room, DAY, DAY + HOUR, None))
        except psycopg.errors.ExclusionViolation:
            pass
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (100,)
    connection.commit()
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    connection.read_only = True
    try:
        connection.execute("DELETE FROM bookings")
        raise AssertionError("a read-only transaction wrote")
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.rollback()
    connection.isolation_level = connection.read_only = None


def rows_and_names(connection: psycopg.Connection) -> None:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            sql.SQL("SELECT {columns} FROM {table} ORDER BY {order} LIMIT 1").format(
                columns=sql.SQL(", ").join(map(sql.Identifier, ["start", "end"])),
                table=sql.Identifier("public", "bookings"),
                order=sql.Identifier("start"),
            )
        )
        assert cursor.fetchone().keys() == {"start", "end"}
        assert [c.type_code for c in cursor.description] == [20, 20]
        text = psycopg.ClientCursor(connection).mogrify("SELECT %s, %s", ["it's", [1, 2]])
        assert connection.execute(text).fetchone() == ("it's", [1, 2]), text
    connection.commit()
    info = connection.info
    assert info.server_version >= 140000 and info.encoding == "utf-8", (info.server_version, info.encoding)


def pool(room: str) -> None:
    with ConnectionPool(address("psycopg_more"), min_size=2, max_size=4, check=ConnectionPool.check_connection) as p:
        p.wait()
        with p.connection() as connection:
            assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (100,)
        try:
            with p.connection() as connection:
                connection.execute("DELETE FROM bookings WHERE resource_id = %s", [room])
                raise ChangedMyMind
        except ChangedMyMind:
            pass
        with p.connection() as connection:
            assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (100,)


async def async_pool() -> None:
    async with AsyncConnectionPool(address("psycopg_more"), min_size=1, max_size=5, open=False) as p:

        async def book(n: int) -> str:
            async with p.connection() as connection:
                try:
                    await connection.execute(
                        'INSERT INTO bookings (resource_id, start, "end") VALUES (%s, %s, %s)',
                        [STORY.large.id, DAY + (n % 10) * HOUR, DAY + (n % 10 + 1) * HOUR],
                    )
                except psycopg.errors.ExclusionViolation:
                    return "taken"
                return "booked"

        async with p.connection() as connection:
            await connection.execute("INSERT INTO resources (id) VALUES (%s)", [STORY.large.id])
        answers = await asyncio.gather(*(book(n) for n in range(40)))
        assert answers.count("booked") == 10, answers


async def cancel() -> None:
    """A query that is given up is cancelled on the server, and the connection goes on."""
    async with await psycopg.AsyncConnection.connect(address("psycopg_more"), autocommit=True) as connection:
        slow = connection.execute("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
        try:
            await asyncio.wait_for(slow, 0.3)
            raise AssertionError("the query came to its end")
        except TimeoutError:
            pass
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
