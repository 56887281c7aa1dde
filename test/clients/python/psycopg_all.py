"""psycopg 3: the story in each of its ways, then its features."""

import asyncio

import psycopg

from psycopg_features import (
    async_pool,
    cancel,
    copy,
    cursors,
    pipeline,
    pool,
    prepared,
    rows_and_names,
    savepoints,
    types,
)
from psycopg_story import address, tell, tell_async
from story import STORY, attempt, say_version

ME = "psycopg"


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
