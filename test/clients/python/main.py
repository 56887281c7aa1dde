"""Each of Python's clients tells the story."""

import sys

import psycopg_story
from story import failures

if __name__ == "__main__":
    psycopg_story.tell_all()
    if failures:
        sys.exit("failed:\n" + "\n".join(failures))
