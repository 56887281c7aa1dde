/** What is told, where to, and how what was seen is said: see ../foreign/foreign-client.ts for the lines on stdout. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import pg from "pg";

const { PGHOST, PGPORT, PGUSER, PGPASSWORD, STORY } = process.env;

export const story = JSON.parse(readFileSync(STORY, "utf8"));

/** Where the database of this name is. */
export function addressOf(database) {
  return { host: PGHOST, port: Number(PGPORT), user: PGUSER, password: PGPASSWORD, database };
}

export function urlOf(database) {
  return `postgres://${PGUSER}:${encodeURIComponent(PGPASSWORD)}@${PGHOST}:${PGPORT}/${database}`;
}

/** The version of a package that is installed here. */
export function sayVersion(client, packageName = client) {
  const require = createRequire(import.meta.url);
  const paths = require.resolve.paths(packageName).map((folder) => `${folder}/${packageName}/package.json`);
  for (const path of paths) {
    try {
      return console.log("version", client, JSON.parse(readFileSync(path, "utf8")).version);
    } catch {
      // It is in a folder further up.
    }
  }
}

export function sayStory(client, outcome) {
  // What JSON has no number for, bigint, is an instant here.
  const text = JSON.stringify(outcome, (_, value) => (typeof value === "bigint" ? Number(value) : value));
  console.log("story", client, text);
}

/** Says that it went as it should, or shows why it did not; either way the next one has its turn. */
export async function attempt(client, what, work) {
  try {
    await work();
    console.log("ok", client, what);
  } catch (error) {
    console.error(`-- ${client}: ${what}:`, error);
    process.exitCode = 1;
  }
}

export function insist(holds, what) {
  if (!holds) throw new Error(typeof what === "string" ? what : JSON.stringify(what));
}

/** The SQLSTATE and message that `work` is refused with; `wordOf` finds the server's own error in the library's. */
export async function refused(work, wordOf) {
  try {
    await work;
  } catch (error) {
    const word = wordOf(error);
    if (word === undefined) throw error;
    return { code: word.code, message: word.message };
  }
  throw new Error("a collision was let in");
}

/** Listens on a connection of its own; `heard` gives what was said, once all that the story waits for has come. */
export async function listenTo(database) {
  const client = new pg.Client(addressOf(database));
  await client.connect();
  const payloads = [];
  const complete = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`heard ${payloads.length} only`)), 10_000).unref();
    client.on("notification", ({ payload }) => {
      payloads.push(JSON.parse(payload));
      if (payloads.length >= story.heard) resolve(payloads);
    });
  });
  await client.query(`LISTEN ${story.channel}`);
  return {
    heard: async () => {
      const all = await complete;
      await client.end();
      return all;
    },
  };
}

/** A row with a run, its instants as numbers. */
export function numbered(row) {
  return { ...row, start: Number(row.start), end: Number(row.end) };
}
