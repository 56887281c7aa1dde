"""What is told, where to, and how what was seen is said: see ../foreign/foreign-client.ts for the lines on stdout."""

import json
import os
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

STORY = json.loads(Path(os.environ["STORY"]).read_text(), object_hook=lambda fields: SimpleNamespace(**fields))
HOST = os.environ["PGHOST"]
PORT = int(os.environ["PGPORT"])
USER = os.environ["PGUSER"]
PASSWORD = os.environ["PGPASSWORD"]

DAY = STORY.window.start
HOUR = 3_600_000


def say_version(client: str, version: str) -> None:
    print("version", client, version, flush=True)


def say_story(client: str, outcome: dict) -> None:
    print("story", client, json.dumps(outcome), flush=True)


def run_of(row) -> dict:
    """A free run, or a row with one."""
    start, end = row
    return {"start": start, "end": end}


def run_in_room(row) -> dict:
    resource_id, start, end = row
    return {"resource_id": resource_id, "start": start, "end": end}


def diary_entry(row) -> dict:
    room, label, start, end = row
    return {"room": room, "label": label, "start": start, "end": end}


failures: list[str] = []


def attempt(client: str, what: str, work, *arguments) -> None:
    """Says that it went as it should, or shows why it did not; either way the next one has its turn."""
    try:
        work(*arguments)
    except Exception:
        failures.append(f"{client}: {what}")
        print(f"-- {client}: {what}", file=sys.stderr)
        traceback.print_exc()
    else:
        print("ok", client, what, flush=True)
