/** The process of one abuse: `bun abuser.ts <name> <port> <seconds>`. Prints `ready`, and at the end what it was told. */

import { ABUSES } from "./abuses.ts";
import { counted } from "./abusive-client.ts";

const [name = "", port = "", seconds = ""] = process.argv.slice(2);
let endsAt = Number.POSITIVE_INFINITY;
await ABUSES[name]?.run({
  port: Number(port),
  isOver: () => performance.now() > endsAt,
  ready: () => {
    console.log("ready");
    endsAt = performance.now() + Number(seconds) * 1000;
  },
});
console.log(`told ${counted()}`);
process.exit(0);
