// Talks to us with the npm package `@banked/node`: one question per line as
// JSON, one answer per line. Its address is fixed; only its HTTP client can be
// told another one.
"use strict";

const readline = require("node:readline");
const Banked = require("@banked/node");
const { getClient } = require("@banked/node/dist/util/client");

let banked;

const deeds = {
  open: ({ base, keys }) => {
    banked = new Banked(keys);
    getClient().defaults.baseURL = `${base}/api/v2`;
    return { status: 0 };
  },
  create: ({ body }) => banked.payments.create(body),
  read: ({ id }) => banked.payments.read(id),
  delete: ({ id }) => banked.payments.delete(id),
  providers: () => banked.providers.read(),
  validate: ({ letter }) => ({ status: 0, data: banked.webhooks.validate(letter) }),
};

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const question = JSON.parse(line);
  let answer;
  try {
    const { status, data } = await deeds[question.deed](question);
    answer = { status, data };
  } catch (error) {
    answer = error.response
      ? { status: error.response.status, data: error.response.data }
      : { refused: String(error) };
  }
  console.log(JSON.stringify(answer));
});
