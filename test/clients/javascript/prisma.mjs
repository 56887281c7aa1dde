/** Prisma, with the models that `prisma db pull` has made of the catalogs. */

import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "./generated/client.js";
import {
  attempt,
  insist,
  listenTo,
  numbered,
  refused,
  sayStory,
  sayVersion,
  story,
  urlOf,
} from "./story.mjs";

const ME = "prisma";

/** The server's error: of a model's method, or of a raw statement. */
function wordOf(error) {
  const cause = error.meta?.driverAdapterError?.cause ?? error.cause;
  const code = cause?.originalCode ?? error.meta?.code;
  return code && { code, message: cause?.originalMessage ?? error.meta?.message };
}

async function tell(prisma) {
  const { house, small, large, window, hold, interview, never, moved } = story;
  await prisma.resources.create({ data: house });
  await prisma.resources.createMany({ data: [small, large] });
  await prisma.rules.createMany({ data: [story.open, story.cleaning] });
  const made = await prisma.bookings.createManyAndReturn({ data: story.batch, select: { id: true } });
  const conflict = await refused(prisma.bookings.create({ data: story.late }), wordOf);
  const again = await prisma.bookings.createMany({ data: [story.ada], skipDuplicates: true });
  await prisma.bookings.upsert({
    where: { id: story.ada.id },
    create: story.ada,
    update: { label: story.ada.label },
  });
  const badBatch = await refused(prisma.bookings.createMany({ data: story.badBatch }), wordOf);
  await prisma.holds.create({ data: hold });
  const taken = await prisma.$queryRaw`
    INSERT INTO bookings (id, hold_id, label) VALUES (${interview.id}, ${hold.id}, ${interview.label})
    RETURNING resource_id, start, "end"`;
  const holdsLeft = await prisma.holds.count({ where: { resource_id: hold.resource_id } });
  const within = Prisma.sql`start >= ${window.start} AND "end" <= ${window.end}`;
  const rooms = [small.id, large.id];
  const free = await prisma.$queryRaw`
    SELECT start, "end" FROM availability
    WHERE resource_id = ${small.id} AND ${within} AND min_duration = ${story.minDuration}`;
  const perRoom = await prisma.$queryRaw`
    SELECT * FROM availability WHERE resource_id = ANY(${rooms}) AND ${within} AND per_resource = true`;
  const together = await prisma.$queryRaw`
    SELECT start, "end" FROM availability WHERE resource_id IN (${Prisma.join(rooms)}) AND ${within}`;

  const listener = await listenTo(ME);
  const where = { resource_id: never.resource_id, start: never.start };
  let inside = 0;
  await prisma
    .$transaction(async (tx) => {
      await tx.bookings.create({ data: never });
      inside = await tx.bookings.count({ where });
      throw new Error("changed my mind");
    })
    .catch(({ message }) => insist(message === "changed my mind", message));
  const afterRollback = await prisma.bookings.count({ where });
  await prisma.bookings.delete({ where: { id: story.ada.id } });
  await prisma.bookings.update({ where: { id: story.grace.id }, data: moved });
  const diary = await prisma.bookings.findMany({
    include: { resources: true },
    orderBy: [{ start: "asc" }, { resources: { name: "asc" } }],
  });
  sayStory(ME, {
    batch: made.map(({ id }) => id),
    conflict,
    repeated: again.count,
    badBatch: badBatch.code,
    interview: taken.map(numbered),
    holdsLeft,
    free: free.map(numbered),
    freePerRoom: perRoom.map(numbered),
    freeTogether: together.map(numbered),
    inside,
    afterRollback,
    heard: await listener.heard(),
    diary: diary.map(({ resources, label, start, end }) => ({ room: resources.name, label, start, end })),
  });
}

/** What else its users do, on what the story has left. */
async function more(prisma) {
  const rooms = await prisma.resources.findMany({
    where: { parent_id: { not: null }, name: { endsWith: "ROOM", mode: "insensitive" } },
    include: {
      bookings: { orderBy: { start: "asc" } },
      resources: true,
      _count: { select: { rules: true } },
    },
    orderBy: { name: "asc" },
  });
  const seen = rooms.map((r) => [r.name, r.bookings.length, r.resources.name, r._count.rules]);
  insist(JSON.stringify(seen) === '[["Large room",2,"House",0],["Small room",2,"House",1]]', seen);
  const grouped = await prisma.bookings.groupBy({
    by: ["resource_id"],
    _count: true,
    _min: { start: true },
    having: { resource_id: { _count: { gt: 1 } } },
    orderBy: { resource_id: "asc" },
  });
  insist(grouped.length === 2 && grouped.every(({ _count }) => _count === 2), grouped.length);
  const page = await prisma.bookings.findMany({
    where: { OR: [{ label: null }, { label: { in: ["Grace", "Interview"] } }], start: { gte: 0 } },
    orderBy: { id: "asc" },
    skip: 1,
    take: 5,
  });
  insist(page.length === 2, page.length);
  const many = await prisma.bookings.updateMany({ where: { label: "Grace" }, data: { label: "Grace H." } });
  insist(many.count === 1, many);
  const start = story.window.end;
  const night = { id: story.late.id, resource_id: story.large.id, start, end: start + 1000 };
  const [, total] = await prisma.$transaction(
    [prisma.bookings.create({ data: night }), prisma.bookings.count()],
    { isolationLevel: "Serializable" },
  );
  insist(total === 5, total);
  const nested = await prisma.resources.update({
    where: { id: story.large.id },
    data: { bookings: { delete: { id: night.id } } },
    include: { bookings: true },
  });
  insist(nested.bookings.length === 2, nested.bookings.length);
  const used = await prisma.bookings
    .create({ data: { ...night, id: story.grace.id } })
    .catch((error) => error);
  insist(used.code === "P2002", used);
  const missing = await prisma.bookings.findUnique({ where: { id: night.id } });
  insist(missing === null, missing);
}

export async function tellAll() {
  sayVersion(ME);
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: urlOf(ME) }) });
  await attempt(ME, "tells the story, with the models that db pull has made", () => tell(prisma));
  await attempt(ME, "relations, groups, pages, nested writes, transactions", () => more(prisma));
  await prisma.$disconnect();
}
