"""Each of Python's clients tells the story: all of them, or those named."""

import sys

import asyncpg_story
import django_story
import psycopg_all
import sqlalchemy_story
from story import failures

CLIENTS = {
    "psycopg": psycopg_all.tell_all,
    "asyncpg": asyncpg_story.tell_all,
    "sqlalchemy": sqlalchemy_story.tell_all,
    "django": django_story.tell_all,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or CLIENTS:
        CLIENTS[name]()
    if failures:
        sys.exit("failed:\n" + "\n".join(failures))
