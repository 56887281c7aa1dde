/** Python's drivers, SQLAlchemy and Django, in a virtual environment. */

import type { ForeignClient } from "./foreign-client.ts";

const PYTHON = ".venv/bin/python";

export const python: ForeignClient = {
  name: "python",
  needs: [{ program: "python3" }],
  tellers: {
    psycopg: [],
    "psycopg-binary": [],
    "psycopg-client-cursor": [],
    "psycopg-async": [],
    asyncpg: [],
    "sqlalchemy-psycopg": [],
    "sqlalchemy-psycopg2": [],
    "sqlalchemy-asyncpg": [],
    django: [],
  },
  fetch: [
    ["python3", "-m", "venv", ".venv"],
    [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
  ],
  build: [],
  run: [PYTHON, "main.py"],
};
