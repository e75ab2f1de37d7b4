// Signs and verifies with the npm package `truelayer-signing`: one question
// per line as JSON, one answer per line.
"use strict";

const { sign, verify, extractKid, extractJku } = require("truelayer-signing");

const DEEDS = {
  sign: ({ kid, privateKeyPem, method, path, headers, body }) => ({
    signature: sign({ kid, privateKeyPem, method, path, headers, body }),
  }),
  verify: ({ jwks, signature, method, path, headers, body }) => {
    const requiredHeaders = ["X-TL-Webhook-Timestamp"];
    verify({ jwks, signature, method, path, headers, body, requiredHeaders });
    return { kid: extractKid(signature), jku: extractJku(signature) };
  },
};

function answer(line) {
  const ask = JSON.parse(line);
  try {
    return DEEDS[ask.deed](ask);
  } catch (error) {
    return { refused: String(error) };
  }
}

require("node:readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => process.stdout.write(`${JSON.stringify(answer(line))}\n`));
