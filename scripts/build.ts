/**
 * Builds dist/deltat: one executable that needs neither Bun nor node_modules and runs from any folder.
 *
 * libpg-query looks for its .wasm file beside its own JavaScript, where in an executable there is none. So its
 * module is patched on the way in: the file is embedded as an asset and its path handed to the module factory.
 */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { BunPlugin } from "bun";

const FACTORY_CALL = "PgQueryModule()";

const embedParser: BunPlugin = {
  name: "embed the parser's wasm",
  setup(build) {
    build.onLoad({ filter: /libpg-query[/\\]wasm[/\\]index\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      if (source.split(FACTORY_CALL).length !== 2) {
        throw new Error(
          `${path} does not call ${FACTORY_CALL} exactly once: this plugin must learn its new shape`,
        );
      }
      const patched = source.replace(FACTORY_CALL, "PgQueryModule({ locateFile: () => embeddedWasm })");
      return {
        contents: `import embeddedWasm from "./libpg-query.wasm" with { type: "file" };\n${patched}`,
        loader: "js",
      };
    });
  },
};

const root = join(import.meta.dir, "..");
const [entry = join(root, "src/main.ts"), outfile = join(root, "dist/deltat")] = process.argv.slice(2);

const result = await Bun.build({
  entrypoints: [entry],
  // What lies in the folder it is started from must not change what it does.
  compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
  minify: { syntax: true, whitespace: true },
  sourcemap: "inline",
  plugins: [embedParser],
});
for (const message of result.logs) console.error(message);
if (!result.success) process.exit(1);
// The map is inside already, for readable stacks.
await rm(`${outfile}.map`, { force: true });
console.log(outfile);
