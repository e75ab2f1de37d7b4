// Calls us with an npm package of Hawk, named by the argument: one question
// per line as JSON, one answer per line. `sent` says what is sent otherwise
// than it was signed; `authorization` sends that header once more. When the
// server tells its time and the package finds that it is really the server's,
// the clock is set by it.
"use strict";

const http = require("node:http");
const Hawk = require(process.argv[2]);

// Seconds by which the clock is off.
let clock = 0;

function send(url, method, headers, body) {
  const { hostname, port, origin } = new URL(url);
  // The path as it is written, not as URL would write it.
  const path = url.slice(origin.length);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function call({ id, key, url, method, headers = {}, body = "", hash, ext, app, dlg, nonce, sent = {}, authorization }) {
  const credentials = { id, key, algorithm: "sha256" };
  const options = { credentials, ext, app, dlg, nonce, localtimeOffsetMsec: clock * 1000 };
  if (hash) Object.assign(options, { payload: body, contentType: headers["content-type"] });
  const { header, artifacts } = Hawk.client.header(url, method, options);
  const out = { ...headers, authorization: authorization ?? header };
  const bytes = sent.body ?? body;
  if (sent.host) out.host = sent.host;
  if (bytes) out["content-length"] = Buffer.byteLength(bytes);
  const answer = await send(sent.url ?? url, sent.method ?? method, out, bytes);
  answer.authorization = out.authorization;
  if (/ ts=/.test(answer.headers["www-authenticate"] ?? "")) {
    // Throws when the time is not signed with our key.
    const told = Hawk.client.authenticate(answer, credentials, artifacts).headers["www-authenticate"];
    clock += Number(told.ts) - artifacts.ts;
    answer.corrected = true;
  }
  return answer;
}

const deeds = {
  call,
  clock: async ({ off }) => ({ clock: (clock = off) }),
  header: async ({ id, key, url, method, headers = {}, body, hash, ...options }) => {
    const credentials = { id, key, algorithm: "sha256" };
    if (hash) Object.assign(options, { payload: body, contentType: headers["content-type"] });
    return { authorization: Hawk.client.header(url, method, { credentials, ...options }).header };
  },
};

require("node:readline")
  .createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const question = JSON.parse(line);
    let answer;
    try {
      answer = await deeds[question.deed](question);
    } catch (error) {
      answer = { refused: String(error) };
    }
    console.log(JSON.stringify(answer));
  });
