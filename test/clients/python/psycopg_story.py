"""psycopg 3: the story, with text and with binary results, by asyncio, and what else the driver can."""

import asyncio
import json
from decimal import Decimal

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

import statements as s
from story import DAY, HOST, HOUR, PASSWORD, PORT, STORY, USER, diary_entry, run_in_room, run_of
from story import attempt, say_story, say_version

ME = "psycopg"


def address(database: str) -> str:
    return psycopg.conninfo.make_conninfo(host=HOST, port=PORT, user=USER, password=PASSWORD, dbname=database)


def furnish(connection: psycopg.Connection) -> None:
    house, small, large = STORY.house, STORY.small, STORY.large
    connection.execute("INSERT INTO resources (id, name) VALUES (%s, %s)", [house.id, house.name])
    with connection.cursor() as cursor:
        cursor.executemany(
            s.ADD_RESOURCE, [(r.id, r.parent_id, r.name, r.capacity, r.buffer_after) for r in (small, large)]
        )
        cursor.executemany(
            s.ADD_RULE, [(r.id, r.resource_id, r.start, r.end, r.blocking) for r in (STORY.open, STORY.cleaning)]
        )
    connection.commit()


def book(connection: psycopg.Connection) -> dict:
    cursor = connection.cursor()
    cursor.executemany(s.BOOK + " RETURNING id", [s.booking(b) for b in STORY.batch], returning=True)
    batch = []
    while True:
        batch += [row[0] for row in cursor]
        if not cursor.nextset():
            break
    connection.commit()
    try:
        with connection.transaction():
            connection.execute(s.BOOK, s.booking(STORY.late))
        raise AssertionError("a collision was let in")
    except psycopg.errors.ExclusionViolation as error:
        assert error.diag.constraint_name == "no_collision", error.diag.constraint_name
        conflict = {"code": error.sqlstate, "message": error.diag.message_primary}
    repeated = connection.execute(s.BOOK_ONCE, s.booking(STORY.ada)).rowcount
    bad_batch = None
    try:
        with connection.transaction():
            connection.cursor().executemany(s.BOOK, [s.booking(b) for b in STORY.badBatch])
    except psycopg.errors.ExclusionViolation as error:
        bad_batch = error.sqlstate
    hold, interview = STORY.hold, STORY.interview
    connection.execute(s.HOLD, (hold.id, hold.resource_id, hold.start, hold.end, hold.expires_at))
    taken = connection.execute(s.TAKE, (interview.id, hold.id, interview.label)).fetchall()
    holds = connection.execute(s.HOLDS, [hold.resource_id]).fetchone()[0]
    connection.commit()
    return {
        "batch": batch,
        "conflict": conflict,
        "repeated": repeated,
        "badBatch": bad_batch,
        "interview": [run_in_room(row) for row in taken],
        "holdsLeft": holds,
    }


def find_free(connection: psycopg.Connection) -> dict:
    small, large, window = STORY.small.id, STORY.large.id, STORY.window
    bounds = (window.start, window.end)
    free = connection.execute(s.FREE, (small, *bounds, STORY.minDuration))
    per_room = connection.execute(s.FREE_PER_ROOM, ([small, large], *bounds))
    together = connection.execute(s.FREE_TOGETHER, (small, large, *bounds))
    return {
        "free": [run_of(row) for row in free],
        "freePerRoom": [run_in_room(row) for row in per_room],
        "freeTogether": [run_of(row) for row in together],
    }


class ChangedMyMind(Exception):
    pass


def roll_back(connection: psycopg.Connection) -> dict:
    never = STORY.never

    def look() -> int:
        return len(connection.execute(s.LOOK, (never.resource_id, never.start)).fetchall())

    inside = 0
    try:
        with connection.transaction():
            connection.execute(s.BOOK, s.booking(never))
            inside = look()
            raise ChangedMyMind
    except ChangedMyMind:
        pass
    return {"inside": inside, "afterRollback": look()}


def change(connection: psycopg.Connection) -> None:
    connection.execute(s.CANCEL, [STORY.ada.id])
    connection.execute(s.MOVE, (STORY.moved.start, STORY.moved.end, STORY.grace.id))
    connection.commit()


def tell(teller: str, cursor_factory: type[psycopg.Cursor], binary: bool) -> None:
    """The whole story; `binary` asks for results in binary, and sends its own parameters so."""

    class Cursor(cursor_factory):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if binary:
                self.format = psycopg.pq.Format.BINARY

    where = address(teller)
    with (
        psycopg.connect(where, cursor_factory=Cursor) as connection,
        psycopg.connect(where, autocommit=True) as listener,
    ):
        furnish(connection)
        outcome = book(connection) | find_free(connection)
        listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(STORY.channel)))
        outcome |= roll_back(connection)
        change(connection)
        heard = listener.notifies(timeout=10, stop_after=STORY.heard)
        outcome["heard"] = [json.loads(notification.payload) for notification in heard]
        outcome["diary"] = [diary_entry(row) for row in connection.execute(s.DIARY)]
    say_story(teller, outcome)


async def tell_async(teller: str) -> None:
    """The story once more by asyncio: one pipeline for the furniture and the batch."""
    where = address(teller)
    house, small, large = STORY.house, STORY.small, STORY.large
    async with (
        await psycopg.AsyncConnection.connect(where, autocommit=True) as connection,
        await psycopg.AsyncConnection.connect(where, autocommit=True) as listener,
    ):
        async with connection.pipeline():
            await connection.execute("INSERT INTO resources (id, name) VALUES (%s, %s)", [house.id, house.name])
            for r in (small, large):
                await connection.execute(s.ADD_RESOURCE, (r.id, r.parent_id, r.name, r.capacity, r.buffer_after))
            for r in (STORY.open, STORY.cleaning):
                await connection.execute(s.ADD_RULE, (r.id, r.resource_id, r.start, r.end, r.blocking))
            made = [await connection.execute(s.BOOK + " RETURNING id", s.booking(b)) for b in STORY.batch]
            batch = [(await cursor.fetchone())[0] for cursor in made]
        outcome = {"batch": batch}

        async def refused(*bookings) -> dict:
            try:
                async with connection.transaction(), connection.pipeline():
                    for b in bookings:
                        await connection.execute(s.BOOK, s.booking(b))
            except psycopg.errors.ExclusionViolation as error:
                return {"code": error.sqlstate, "message": error.diag.message_primary}
            raise AssertionError("a collision was let in")

        outcome["conflict"] = await refused(STORY.late)
        outcome["repeated"] = (await connection.execute(s.BOOK_ONCE, s.booking(STORY.ada))).rowcount
        outcome["badBatch"] = (await refused(*STORY.badBatch))["code"]
        hold, interview, never = STORY.hold, STORY.interview, STORY.never
        await connection.execute(s.HOLD, (hold.id, hold.resource_id, hold.start, hold.end, hold.expires_at))
        taken = await connection.execute(s.TAKE, (interview.id, hold.id, interview.label))
        outcome["interview"] = [run_in_room(row) async for row in taken]
        outcome["holdsLeft"] = (await (await connection.execute(s.HOLDS, [hold.resource_id])).fetchone())[0]

        bounds = (STORY.window.start, STORY.window.end)
        free = await connection.execute(s.FREE, (small.id, *bounds, STORY.minDuration))
        outcome["free"] = [run_of(row) async for row in free]
        per_room = await connection.execute(s.FREE_PER_ROOM, ([small.id, large.id], *bounds))
        outcome["freePerRoom"] = [run_in_room(row) async for row in per_room]
        together = await connection.execute(s.FREE_TOGETHER, (small.id, large.id, *bounds))
        outcome["freeTogether"] = [run_of(row) async for row in together]

        async def look() -> int:
            return len(await (await connection.execute(s.LOOK, (never.resource_id, never.start))).fetchall())

        await listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(STORY.channel)))
        async with connection.transaction() as transaction:
            await connection.execute(s.BOOK, s.booking(never))
            outcome["inside"] = await look()
            raise psycopg.Rollback(transaction)
        outcome["afterRollback"] = await look()
        await connection.execute(s.CANCEL, [STORY.ada.id])
        await connection.execute(s.MOVE, (STORY.moved.start, STORY.moved.end, STORY.grace.id))
        heard = [n async for n in listener.notifies(timeout=10, stop_after=STORY.heard)]
        outcome["heard"] = [json.loads(notification.payload) for notification in heard]
        outcome["diary"] = [diary_entry(row) async for row in await connection.execute(s.DIARY)]
    say_story(teller, outcome)


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
    with connection.pipeline() as pipe:
        cursors = [
            connection.execute("SELECT start FROM bookings WHERE resource_id = %s AND start = %s", [room, DAY + n * HOUR])
            for n in range(50)
        ]
        assert [cursor.fetchone()[0] for cursor in cursors] == [DAY + n * HOUR for n in range(50)]
        pipe.sync()
        connection.execute("SELECT 1")
        failing = connection.execute(s.BOOK, (STORY.ada.id, room, DAY, DAY + HOUR, None))
        connection.execute("SELECT 2")
        try:
            pipe.sync()
            failing.fetchall()
            raise AssertionError("a collision was let in")
        except psycopg.errors.ExclusionViolation:
            pass
        assert pipe.status == psycopg.pq.PipelineStatus.ON, pipe.status
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


def tell_all() -> None:
    say_version(ME, psycopg.__version__)
    attempt(ME, "tells the story", tell, "psycopg", psycopg.Cursor, False)
    attempt(ME, "tells it with binary results", tell, "psycopg-binary", psycopg.Cursor, True)
    attempt(ME, "tells it with client-side binding", tell, "psycopg-client-cursor", psycopg.ClientCursor, False)
    attempt(ME, "tells it by asyncio, in pipelines", lambda: asyncio.run(tell_async("psycopg-async")))
    room = STORY.small.id
    with psycopg.connect(address("psycopg_more")) as connection:
        attempt(ME, "COPY in and out, text and binary, all or nothing", copy, connection, room)
        connection.rollback()
        attempt(ME, "server-side cursors, WITH HOLD, stream()", cursors, connection, room)
        connection.rollback()
        attempt(ME, "parameters and results, text and binary", types, connection)
        connection.rollback()
        attempt(ME, "prepared statements, and their eviction", prepared, connection, room)
        connection.rollback()
        attempt(ME, "pipeline mode, and what follows an error in it", pipeline, connection, room)
        connection.rollback()
        attempt(ME, "transactions, savepoints, isolation level, read only", savepoints, connection, room)
        connection.rollback()
        attempt(ME, "row factories, composed statements, client-side binding, connection info", rows_and_names, connection)
        connection.rollback()
    attempt(ME, "ConnectionPool", pool, room)
    attempt(ME, "AsyncConnectionPool: every hour is booked once, whoever comes first", lambda: asyncio.run(async_pool()))
    attempt(ME, "a query given up by asyncio is cancelled", lambda: asyncio.run(cancel()))
