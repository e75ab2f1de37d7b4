// What all pages for payers share: parameters of the address, calls of the
// server that the page came from, and a place for bad news.
"use strict";

const payer = {
  fragment() {
    return new URLSearchParams(location.hash.replace(/^#/, ""));
  },
  element(id) {
    return document.getElementById(id);
  },
  say(id, text) {
    payer.element(id).textContent = text;
  },
  show(id, shown) {
    payer.element(id).hidden = !shown;
  },
  fail(text) {
    payer.say("notice", text);
    payer.element("notice").focus();
  },
  async call(method, path, token, body) {
    const headers = { Accept: "application/json" };
    if (token) headers.Authorization = "Bearer " + token;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
    });
    const text = await answer.text();
    const json = (answer.headers.get("Content-Type") || "").includes("json");
    const value = json && text ? JSON.parse(text) : text;
    if (!answer.ok) throw new Error((value && value.detail) || "The server answered " + answer.status + ".");
    return value;
  },
  // Only addresses of the web are followed.
  go(uri) {
    const target = new URL(uri, location.href);
    if (target.protocol === "http:" || target.protocol === "https:") location.assign(target.href);
  },
};
