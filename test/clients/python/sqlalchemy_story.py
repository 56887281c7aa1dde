"""
SQLAlchemy 2 over psycopg, psycopg2 and asyncpg: the story with models as its users would write them, what reflection sees,
and what else sessions do.
"""

import asyncio
import json

import psycopg
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from sqlalchemy_models import Booking, Hold, Resource, Rule, availability, bookings_from_holds
from story import DAY, HOST, HOUR, PASSWORD, PORT, STORY, USER, diary_entry, run_in_room, run_of
from story import attempt, say_story, say_version

ME = "sqlalchemy"


def url(driver: str, database: str) -> sa.URL:
    return sa.URL.create(f"postgresql+{driver}", USER, PASSWORD, HOST, PORT, database)


def a_resource(r) -> Resource:
    return Resource(id=r.id, parent_id=r.parent_id, name=r.name, capacity=r.capacity, buffer_after=r.buffer_after)


def a_booking(b) -> Booking:
    return Booking(id=b.id, resource_id=b.resource_id, start=b.start, end=b.end, label=b.label)


def values_of(b) -> dict:
    return {"id": b.id, "resource_id": b.resource_id, "start": b.start, "end": b.end, "label": b.label}


def word_of(error: sa.exc.DBAPIError) -> dict:
    """SQLSTATE and message: each driver keeps them elsewhere."""
    original = error.orig
    code = getattr(original, "sqlstate", None) or original.pgcode
    diagnosis = getattr(original, "diag", None)
    if diagnosis is not None:
        return {"code": code, "message": diagnosis.message_primary}
    return {"code": code, "message": original.__cause__.message}


def furnish(session: orm.Session) -> None:
    house, rules = STORY.house, (STORY.open, STORY.cleaning)
    session.add(Resource(id=house.id, name=house.name, children=[a_resource(STORY.small), a_resource(STORY.large)]))
    session.add_all(
        Rule(id=r.id, resource_id=r.resource_id, start=r.start, end=r.end, blocking=r.blocking) for r in rules
    )
    session.commit()


def refused(session: orm.Session, *bookings) -> dict:
    try:
        with session.begin_nested():
            session.add_all(a_booking(b) for b in bookings)
            session.flush()
    except sa.exc.IntegrityError as error:
        return word_of(error)
    raise AssertionError("a collision was let in")


def book(session: orm.Session) -> dict:
    made = session.execute(
        sa.insert(Booking).returning(Booking.id, sort_by_parameter_order=True), [values_of(b) for b in STORY.batch]
    )
    batch = list(made.scalars())
    session.commit()
    conflict = refused(session, STORY.late)
    once = sa.dialects.postgresql.insert(Booking).on_conflict_do_nothing(index_elements=[Booking.id])
    counted = {"preserve_rowcount": True}
    repeated = session.execute(once.values(values_of(STORY.ada)), execution_options=counted).rowcount
    bad_batch = refused(session, *STORY.badBatch)["code"]
    hold, interview = STORY.hold, STORY.interview
    session.add(
        Hold(id=hold.id, resource_id=hold.resource_id, start=hold.start, end=hold.end, expires_at=hold.expires_at)
    )
    session.commit()
    columns = bookings_from_holds.c
    taken = session.execute(
        sa.insert(bookings_from_holds)
        .values(id=interview.id, hold_id=hold.id, label=interview.label)
        .returning(columns.resource_id, columns.start, columns.end)
    ).all()
    holds = session.scalar(sa.select(sa.func.count()).where(Hold.resource_id == hold.resource_id))
    session.commit()
    return {
        "batch": batch,
        "conflict": conflict,
        "repeated": repeated,
        "badBatch": bad_batch,
        "interview": [run_in_room(row) for row in taken],
        "holdsLeft": holds,
    }


def find_free(session: orm.Session) -> dict:
    small, large, window = STORY.small.id, STORY.large.id, STORY.window
    column = availability.c
    within = sa.and_(column.start >= window.start, column.end <= window.end)
    runs = sa.select(column.start, column.end).where(within)
    free = session.execute(runs.where(column.resource_id == small, column.min_duration == STORY.minDuration))
    per_room = session.execute(
        sa.select(column.resource_id, column.start, column.end)
        .where(within, column.resource_id == sa.any_(sa.literal([small, large], sa.ARRAY(sa.Text))))
        .where(column.per_resource == sa.true())
    )
    together = session.execute(runs.where(column.resource_id.in_([small, large])))
    return {
        "free": [run_of(row) for row in free],
        "freePerRoom": [run_in_room(row) for row in per_room],
        "freeTogether": [run_of(row) for row in together],
    }


def roll_back(session: orm.Session) -> dict:
    never = STORY.never
    look = sa.select(Booking).where(Booking.resource_id == never.resource_id, Booking.start == never.start)
    session.add(a_booking(never))
    inside = len(session.scalars(look).all())
    session.rollback()
    return {"inside": inside, "afterRollback": len(session.scalars(look).all())}


def change(session: orm.Session) -> None:
    session.delete(session.get_one(Booking, STORY.ada.id))
    session.flush()
    grace = session.get_one(Booking, STORY.grace.id, with_for_update=True)
    grace.start, grace.end = STORY.moved.start, STORY.moved.end
    session.commit()


DIARY = (
    sa.select(Resource.name, Booking.label, Booking.start, Booking.end)
    .join(Booking.resource)
    .order_by(Booking.start, Resource.name)
)


def tell(driver: str) -> None:
    teller = f"{ME}-{driver}"
    engine = sa.create_engine(url(driver, teller))
    listening = psycopg.conninfo.make_conninfo(host=HOST, port=PORT, user=USER, password=PASSWORD, dbname=teller)
    with orm.Session(engine) as session, psycopg.connect(listening, autocommit=True) as listener:
        furnish(session)
        outcome = book(session) | find_free(session)
        listener.execute(f"LISTEN {STORY.channel}")
        outcome |= roll_back(session)
        change(session)
        heard = listener.notifies(timeout=10, stop_after=STORY.heard)
        outcome["heard"] = [json.loads(notification.payload) for notification in heard]
        outcome["diary"] = [diary_entry(row) for row in session.execute(DIARY)]
    engine.dispose()
    say_story(teller, outcome)


async def tell_async() -> None:
    """By asyncpg. The same functions: `run_sync` lets them have the session."""
    teller = f"{ME}-asyncpg"
    engine = create_async_engine(url("asyncpg", teller))
    heard: asyncio.Queue = asyncio.Queue()
    async with AsyncSession(engine) as session, engine.connect() as listener:
        await session.run_sync(furnish)
        outcome = await session.run_sync(book) | await session.run_sync(find_free)
        raw = (await listener.get_raw_connection()).driver_connection
        await raw.add_listener(STORY.channel, lambda _connection, _pid, _channel, payload: heard.put_nowait(payload))
        outcome |= await session.run_sync(roll_back)
        await session.run_sync(change)
        outcome["heard"] = [json.loads(await asyncio.wait_for(heard.get(), 10)) for _ in range(STORY.heard)]
        outcome["diary"] = [diary_entry(row) for row in await session.execute(DIARY)]
    await engine.dispose()
    say_story(teller, outcome)


def reflect(connection: sa.Connection) -> None:
    """What an inspector sees of the five tables, and tables made of it."""
    inspector = sa.inspect(connection)
    tables = sorted(inspector.get_table_names())
    assert tables == ["bookings", "holds", "resources", "rules"], tables
    assert inspector.get_schema_names() == ["information_schema", "public"], inspector.get_schema_names()
    assert sorted(inspector.get_view_names()) == ["availability", "events"]
    assert inspector.has_table("bookings") and not inspector.has_table("nothing")
    columns = {c["name"]: c for c in inspector.get_columns("resources")}
    assert list(columns) == ["id", "parent_id", "name", "capacity", "buffer_after", "enforce_rules"], list(columns)
    assert isinstance(columns["id"]["type"], sa.TEXT) and not columns["id"]["nullable"]
    assert isinstance(columns["capacity"]["type"], sa.INTEGER) and columns["capacity"]["default"] == "1"
    assert isinstance(columns["buffer_after"]["type"], sa.BIGINT) and columns["name"]["nullable"]
    assert isinstance(columns["enforce_rules"]["type"], sa.BOOLEAN)
    assert columns["buffer_after"]["comment"], columns["buffer_after"]
    assert inspector.get_pk_constraint("bookings")["constrained_columns"] == ["id"]
    (foreign,) = inspector.get_foreign_keys("bookings")
    assert (foreign["constrained_columns"], foreign["referred_table"], foreign["referred_columns"]) == (
        ["resource_id"], "resources", ["id"],
    ), foreign
    assert foreign["options"] == {"ondelete": "CASCADE"}, foreign
    assert inspector.get_table_comment("bookings")["text"]
    assert [i["column_names"] for i in inspector.get_indexes("bookings")] == [["resource_id"]]
    nothing = [
        inspector.get_unique_constraints("bookings"),
        inspector.get_check_constraints("bookings"),
        inspector.get_sequence_names(),
        inspector.get_materialized_view_names(),
        inspector.get_temp_table_names(),
        inspector.get_enums(),
        inspector.get_domains(),
    ]
    assert not any(nothing), nothing
    metadata = sa.MetaData()
    metadata.reflect(connection, views=True)
    bookings = metadata.tables["bookings"]
    assert bookings.c.resource_id.references(metadata.tables["resources"].c.id)
    assert list(metadata.tables["availability"].c.keys()) == ["resource_id", "start", "end"]
    joined = sa.select(bookings.c.label).join(metadata.tables["resources"]).order_by(bookings.c.start)
    assert connection.scalars(joined).first() == "Grace"
    mapped = automap_base()
    mapped.prepare(autoload_with=connection)
    with orm.Session(connection) as session:
        room = session.get_one(mapped.classes.resources, STORY.small.id)
        assert {b.label for b in room.bookings_collection} == {"Grace", "Interview"}


def reflect_over(driver: str) -> None:
    engine = sa.create_engine(url(driver, f"{ME}-{driver}"))
    with engine.connect() as connection:
        reflect(connection)
    engine.dispose()


async def reflect_async() -> None:
    engine = create_async_engine(url("asyncpg", f"{ME}-asyncpg"))
    async with engine.connect() as connection:
        await connection.run_sync(reflect)
    await engine.dispose()


def sessions(driver: str) -> None:
    """Relationships, loading, locks, isolation levels, savepoints and bulk statements."""
    engine = sa.create_engine(url(driver, f"{ME}-{driver}"))
    small, large = STORY.small.id, STORY.large.id
    with orm.Session(engine) as session:
        rooms = session.scalars(
            sa.select(Resource).where(Resource.parent_id.is_not(None)).order_by(Resource.name)
            .options(orm.selectinload(Resource.bookings), orm.joinedload(Resource.parent))
        ).all()
        assert [(r.name, r.parent.name, len(r.bookings)) for r in rooms] == [
            ("Large room", "House", 2), ("Small room", "House", 2),
        ]
        joined = session.scalars(sa.select(Resource).options(orm.joinedload(Resource.rules))).unique().all()
        assert sum(len(r.rules) for r in joined) == 2
        lazy = session.get_one(Resource, STORY.house.id)
        assert [c.id for c in sorted(lazy.children, key=lambda c: c.name)] == [large, small]
        counted = session.execute(
            sa.select(Resource.name, sa.func.count(Booking.id), sa.func.sum(Booking.end - Booking.start))
            .outerjoin(Resource.bookings).group_by(Resource.name).having(sa.func.count(Booking.id) > 0)
            .order_by(Resource.name)
        ).all()
        assert [tuple(row) for row in counted] == [("Large room", 2, 4 * HOUR), ("Small room", 2, 2 * HOUR)], counted
        latest = (
            sa.select(Booking, sa.func.row_number().over(partition_by=Booking.resource_id, order_by=Booking.start.desc()).label("n"))
            .subquery()
        )
        assert len(session.execute(sa.select(latest).where(latest.c.n == 1)).all()) == 2
        tree = sa.select(Resource.id).where(Resource.id == STORY.house.id).cte("tree", recursive=True)
        tree = tree.union_all(sa.select(Resource.id).join(tree, Resource.parent_id == tree.c.id))
        assert session.scalar(sa.select(sa.func.count()).select_from(tree)) == 3
        assert session.scalar(sa.select(sa.exists().where(Booking.label.ilike("gr%"))))
        session.rollback()

        locked = session.scalars(
            sa.select(Booking).where(Booking.resource_id == small).order_by(Booking.start).with_for_update(skip_locked=True)
        ).all()
        assert [b.label for b in locked] == ["Grace", "Interview"]
        with orm.Session(engine) as other:
            try:
                other.scalars(sa.select(Booking).where(Booking.id == locked[0].id).with_for_update(nowait=True)).all()
                raise AssertionError("a lock was given twice")
            except sa.exc.DBAPIError as error:
                assert word_of(error)["code"] == "55P03"
        locked[0].label = "Grace H."
        session.commit()
        session.refresh(locked[0])
        assert locked[0].label == "Grace H."

        session.add(Booking(resource_id=large, start=DAY + 99 * HOUR, end=DAY + 100 * HOUR))
        session.flush()
        many = [
            {"resource_id": large, "start": DAY + (100 + n) * HOUR, "end": DAY + (101 + n) * HOUR}
            for n in range(2500)
        ]
        made = session.scalars(sa.insert(Booking).returning(Booking.id, sort_by_parameter_order=False), many).all()
        assert len(set(made)) == 2500
        changed = session.execute(sa.update(Booking).where(Booking.start >= DAY + 100 * HOUR).values(label="bulk"))
        assert changed.rowcount == 2500, changed.rowcount
        streamed = session.scalars(
            sa.select(Booking.start).where(Booking.label == "bulk").order_by(Booking.start)
            .execution_options(yield_per=500)
        )
        assert [start for start in streamed] == [row["start"] for row in many]
        gone = session.execute(sa.delete(Booking).where(Booking.label == "bulk").returning(Booking.id)).all()
        assert len(gone) == 2500
        session.commit()

    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"]:
        with engine.connect().execution_options(isolation_level=level) as connection:
            assert connection.get_isolation_level() in (level, "READ COMMITTED"), connection.get_isolation_level()
            assert connection.scalar(sa.text("SELECT count(*) FROM resources WHERE id = :id"), {"id": small}) == 1
    with engine.connect() as connection:
        assert connection.default_isolation_level == "READ COMMITTED"
        assert connection.scalar(sa.select(sa.func.current_schema())) == "public"
    engine.dispose()


def serialization(driver: str) -> None:
    """Two sessions that read the same room and book elsewhere in it: the later one must try again."""
    engine = sa.create_engine(url(driver, f"{ME}-{driver}"), isolation_level="SERIALIZABLE")
    large = STORY.large.id
    count = sa.select(sa.func.count()).where(Booking.resource_id == large)
    with orm.Session(engine) as one, orm.Session(engine) as other:
        assert one.scalar(count) == other.scalar(count)
        one.add(Booking(id=STORY.ada.id, resource_id=large, start=DAY + 90 * HOUR, end=DAY + 91 * HOUR))
        one.commit()
        other.add(Booking(id=STORY.late.id, resource_id=large, start=DAY + 95 * HOUR, end=DAY + 96 * HOUR))
        try:
            other.commit()
            raise AssertionError("a lost race was committed")
        except sa.exc.DBAPIError as error:
            assert word_of(error)["code"] == "40001", word_of(error)
    engine.dispose()


def tell_all() -> None:
    say_version(ME, sa.__version__)
    for driver in ("psycopg", "psycopg2"):
        attempt(ME, f"tells the story over {driver}", tell, driver)
        attempt(ME, f"reflects over {driver}", reflect_over, driver)
        attempt(ME, f"sessions, relationships, locks, bulk statements over {driver}", sessions, driver)
        attempt(ME, f"serializable over {driver}", serialization, driver)
    attempt(ME, "tells the story over asyncpg", lambda: asyncio.run(tell_async()))
    attempt(ME, "reflects over asyncpg", lambda: asyncio.run(reflect_async()))


