"""psycopg 3: the story, with text and with binary results, by asyncio, each told on connections of its own."""

import asyncio
import json

import psycopg
from psycopg import sql

import statements as s
from story import HOST, PASSWORD, PORT, STORY, USER, diary_entry, run_in_room, run_of, say_story


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
