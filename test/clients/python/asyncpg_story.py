"""asyncpg: the story, and what else the driver can."""

import asyncio
import json

import asyncpg

import statements
from story import DAY, HOST, HOUR, PASSWORD, PORT, STORY, USER, diary_entry, run_in_room, run_of
from story import attempt, say_story, say_version

ME = "asyncpg"


class Statements:
    """The statements of the story, numbered as asyncpg wants them."""

    def __getattr__(self, name: str) -> str:
        return statements.numbered(getattr(statements, name))


s = Statements()


def address(database: str) -> dict:
    return {"host": HOST, "port": PORT, "user": USER, "password": PASSWORD, "database": database}


async def furnish(connection: asyncpg.Connection) -> None:
    house, rooms, rules = STORY.house, (STORY.small, STORY.large), (STORY.open, STORY.cleaning)
    await connection.execute("INSERT INTO resources (id, name) VALUES ($1, $2)", house.id, house.name)
    await connection.executemany(
        s.ADD_RESOURCE, [(r.id, r.parent_id, r.name, r.capacity, r.buffer_after) for r in rooms]
    )
    await connection.executemany(
        s.ADD_RULE, [(r.id, r.resource_id, r.start, r.end, r.blocking) for r in rules]
    )


async def book(connection: asyncpg.Connection) -> dict:
    made = await connection.fetchmany(
        s.BOOK + " RETURNING id", [statements.booking(b) for b in STORY.batch]
    )
    try:
        await connection.execute(s.BOOK, *statements.booking(STORY.late))
        raise AssertionError("a collision was let in")
    except asyncpg.ExclusionViolationError as error:
        assert error.constraint_name == "no_collision", error.constraint_name
        conflict = {"code": error.sqlstate, "message": error.message}
    repeated = await connection.execute(s.BOOK_ONCE, *statements.booking(STORY.ada))
    bad_batch = None
    try:
        await connection.executemany(s.BOOK, [statements.booking(b) for b in STORY.badBatch])
    except asyncpg.ExclusionViolationError as error:
        bad_batch = error.sqlstate
    hold, interview = STORY.hold, STORY.interview
    await connection.execute(s.HOLD, hold.id, hold.resource_id, hold.start, hold.end, hold.expires_at)
    taken = await connection.fetch(s.TAKE, interview.id, hold.id, interview.label)
    return {
        "batch": [row["id"] for row in made],
        "conflict": conflict,
        "repeated": int(repeated.split()[-1]),
        "badBatch": bad_batch,
        "interview": [run_in_room(row) for row in taken],
        "holdsLeft": await connection.fetchval(s.HOLDS, hold.resource_id),
    }


async def find_free(connection: asyncpg.Connection) -> dict:
    small, large, window = STORY.small.id, STORY.large.id, STORY.window
    bounds = (window.start, window.end)
    free = await connection.fetch(s.FREE, small, *bounds, STORY.minDuration)
    per_room = await connection.fetch(s.FREE_PER_ROOM, [small, large], *bounds)
    together = await connection.fetch(s.FREE_TOGETHER, small, large, *bounds)
    return {
        "free": [run_of(row) for row in free],
        "freePerRoom": [run_in_room(row) for row in per_room],
        "freeTogether": [run_of(row) for row in together],
    }


class ChangedMyMind(Exception):
    pass


async def roll_back(connection: asyncpg.Connection) -> dict:
    never = STORY.never

    async def look() -> int:
        return len(await connection.fetch(s.LOOK, never.resource_id, never.start))

    inside = 0
    try:
        async with connection.transaction():
            await connection.execute(s.BOOK, *statements.booking(never))
            inside = await look()
            raise ChangedMyMind
    except ChangedMyMind:
        pass
    return {"inside": inside, "afterRollback": await look()}


async def tell() -> None:
    connection = await asyncpg.connect(**address(ME))
    listener = await asyncpg.connect(**address(ME))
    heard: asyncio.Queue = asyncio.Queue()
    await furnish(connection)
    outcome = await book(connection) | await find_free(connection)
    await listener.add_listener(STORY.channel, lambda _connection, _pid, _channel, payload: heard.put_nowait(payload))
    outcome |= await roll_back(connection)
    await connection.execute(s.CANCEL, STORY.ada.id)
    await connection.execute(s.MOVE, STORY.moved.start, STORY.moved.end, STORY.grace.id)
    outcome["heard"] = [json.loads(await asyncio.wait_for(heard.get(), 10)) for _ in range(STORY.heard)]
    outcome["diary"] = [diary_entry(row) for row in await connection.fetch(s.DIARY)]
    await listener.close()
    await connection.close()
    say_story(ME, outcome)


BY_START = "SELECT start, label FROM bookings WHERE resource_id = $1 ORDER BY start"


async def copy(connection: asyncpg.Connection, room: str) -> None:
    await connection.execute("INSERT INTO resources (id) VALUES ($1)", room)
    records = [(room, DAY + n * HOUR, DAY + (n + 1) * HOUR, None if n % 2 else f"label {n}") for n in range(100)]
    columns = ["resource_id", "start", "end", "label"]
    tag = await connection.copy_records_to_table("bookings", records=records, columns=columns)
    assert tag == "COPY 100", tag
    received = bytearray()

    async def receive(data: bytes) -> None:
        received.extend(data)

    await connection.copy_from_query(BY_START, room, output=receive, format="csv", header=True)
    lines = received.decode().splitlines()
    assert lines[:3] == ["start,label", f"{DAY},label 0", f"{DAY + HOUR},"], lines[:3]
    received.clear()
    await connection.copy_from_table("bookings", columns=["start"], output=receive)
    assert len(received.splitlines()) == 100
    try:
        await connection.copy_records_to_table("bookings", records=records[:1], columns=columns)
        raise AssertionError("a collision was copied in")
    except asyncpg.ExclusionViolationError:
        pass


async def prepared(connection: asyncpg.Connection, room: str) -> None:
    statement = await connection.prepare(BY_START)
    assert [p.name for p in statement.get_parameters()] == ["text"]
    assert [(a.name, a.type.name) for a in statement.get_attributes()] == [("start", "int8"), ("label", "text")]
    assert len(await statement.fetch(room)) == 100
    assert statement.get_statusmsg() == "SELECT 100", statement.get_statusmsg()
    assert (await statement.fetchrow(room))["start"] == DAY
    assert await statement.fetchval(room, column=1) == "label 0"


async def cursors(connection: asyncpg.Connection, room: str) -> None:
    async with connection.transaction():
        starts = [row["start"] async for row in connection.cursor(BY_START, room, prefetch=7)]
        assert starts == [DAY + n * HOUR for n in range(100)]
        cursor = await connection.cursor(BY_START, room)
        assert len(await cursor.fetch(10)) == 10
        assert await cursor.forward(5) == 5
        assert (await cursor.fetchrow())["start"] == DAY + 15 * HOUR


async def transactions(connection: asyncpg.Connection, room: str) -> None:
    async with connection.transaction(isolation="serializable"):
        await connection.execute("DELETE FROM bookings WHERE resource_id = $1 AND start = $2", room, DAY)
        try:
            async with connection.transaction():
                await connection.execute("DELETE FROM bookings WHERE resource_id = $1", room)
                raise ChangedMyMind
        except ChangedMyMind:
            pass
    assert await connection.fetchval("SELECT count(*) FROM bookings") == 99
    try:
        async with connection.transaction(readonly=True, isolation="repeatable_read"):
            await connection.execute("DELETE FROM bookings WHERE resource_id = $1", room)
        raise AssertionError("a read-only transaction wrote")
    except asyncpg.ReadOnlySQLTransactionError:
        pass


async def types(connection: asyncpg.Connection) -> None:
    values = [
        ("int2", 5), ("int4", -7), ("int8", 2**40), ("float8", 1.5), ("bool", True), ("text", "Chœur ♫"),
        ("int8[]", [1, None, 2**40]), ("text[]", ["a,b", 'c"d', None]), ("bool[]", [True, False]),
        ("json", '{"a": 1}'), ("name", "bookings"),
    ]
    for kind, value in values:
        assert await connection.fetchval(f"SELECT $1::{kind}", value) == value, kind
    row = await connection.fetchval("SELECT b FROM bookings b ORDER BY start LIMIT 1")
    assert row[2:] == (DAY + HOUR, DAY + 2 * HOUR, None), row
    await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    assert await connection.fetchval("SELECT json_build_object('a', $1::int8)", 1) == {"a": 1}
    await connection.reload_schema_state()


async def pool(room: str) -> None:
    async with asyncpg.create_pool(**address("asyncpg_more"), min_size=2, max_size=8) as p:

        async def book(n: int) -> str:
            try:
                start = DAY + (200 + n % 10) * HOUR
                await p.execute(
                    'INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3)', room, start, start + HOUR
                )
            except asyncpg.ExclusionViolationError:
                return "taken"
            return "booked"

        answers = await asyncio.gather(*(book(n) for n in range(40)))
        assert answers.count("booked") == 10, answers
        async with p.acquire() as connection, connection.transaction():
            assert await connection.fetchval("SELECT count(*) FROM bookings") == 109
    # Released connections are reset: a listener, a setting and an open transaction do not outlive their user.
    connection = await asyncpg.connect(**address("asyncpg_more"), server_settings={"application_name": "story"})
    assert await connection.fetchval("SHOW application_name") == "story"
    await connection.execute("SET statement_timeout = 1234")
    await connection.reset()
    assert await connection.fetchval("SHOW statement_timeout") == "0"
    await connection.close()


async def cancel(connection: asyncpg.Connection) -> None:
    slow = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"
    try:
        await connection.fetchval(slow, timeout=0.3)
        raise AssertionError("the query came to its end")
    except TimeoutError:
        pass
    assert await connection.fetchval("SELECT 1") == 1


def tell_all() -> None:
    say_version(ME, asyncpg.__version__)
    attempt(ME, "tells the story", lambda: asyncio.run(tell()))
    room = STORY.small.id

    async def with_connection(work, *arguments) -> None:
        connection = await asyncpg.connect(**address("asyncpg_more"))
        try:
            await asyncio.wait_for(work(connection, *arguments), 20)
        finally:
            await connection.close(timeout=5)

    def more(what: str, work, *arguments) -> None:
        attempt(ME, what, lambda: asyncio.run(with_connection(work, *arguments)))

    more("copy_records_to_table, copy_from_query, copy_from_table", copy, room)
    more("prepared statements describe themselves", prepared, room)
    more("cursors", cursors, room)
    more("transactions, nested and read only", transactions, room)
    more("types, arrays, rows and json codecs", types)
    more("a query given up is cancelled", cancel)
    attempt(ME, "a pool, and the reset of its connections", lambda: asyncio.run(pool(room)))


