/** Each of these mappers tells the story: all of them, or those named. */

const CLIENTS = ["knex", "sequelize", "typeorm", "prisma"];

const [, , ...named] = process.argv;
for (const name of named.length === 0 ? CLIENTS : named) {
  const { tellAll } = await import(`./${name}.mjs`);
  await tellAll();
}
