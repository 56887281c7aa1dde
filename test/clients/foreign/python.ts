/** Python's drivers and SQLAlchemy, in a virtual environment. */

import type { ForeignClient } from "./foreign-client.ts";

const PYTHON = ".venv/bin/python";

export const python: ForeignClient = {
  name: "python",
  needs: [{ program: "python3" }],
  tellers: { psycopg: [] },
  fetch: [
    ["python3", "-m", "venv", ".venv"],
    [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
  ],
  build: [],
  run: [PYTHON, "main.py"],
};
