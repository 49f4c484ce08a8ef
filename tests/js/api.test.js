import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { createApi } from "../../hypeweb/static/hypeweb/js/api.js";
import { Refused } from "../../hypeweb/static/hypeweb/js/queue.js";

const browserFetch = globalThis.fetch;
const ADDRESSES = {
  trialUrl: "/s/abc/trial/",
  answerUrl: "/s/abc/answer/",
  csrfToken: "token",
  unexpected: "The server did not accept this.",
};

// Answers every request with one response and remembers what was asked.
function serve(status, body) {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url, options });
    return new Response(body, { status });
  };
  return asked;
}

afterEach(() => {
  globalThis.fetch = browserFetch;
});

test("a trial is asked for as JSON, past every cache", async () => {
  const asked = serve(200, '{"state": "finished", "location": "/s/abc/"}');
  const reply = await createApi(ADDRESSES).getTrial();
  assert.deepEqual(reply, { state: "finished", location: "/s/abc/" });
  assert.equal(asked[0].url, "/s/abc/trial/");
  assert.equal(asked[0].options.headers.Accept, "application/json");
  assert.equal(asked[0].options.cache, "no-store");
});

test("an answer is posted as JSON with the token", async () => {
  const asked = serve(200, '{"correct": null, "next": {}}');
  await createApi(ADDRESSES).postAnswer({ nonce: "n1", answer: "fake" });
  const { url, options } = asked[0];
  assert.equal(url, "/s/abc/answer/");
  assert.equal(options.method, "POST");
  assert.equal(options.headers["X-CSRFToken"], "token");
  assert.deepEqual(JSON.parse(options.body), { nonce: "n1", answer: "fake" });
});

test("a refusal carries the server's sentence", async () => {
  serve(409, '{"error": "This image was already answered."}');
  await assert.rejects(createApi(ADDRESSES).getTrial(), (error) => {
    assert.ok(error instanceof Refused);
    assert.equal(error.status, 409);
    assert.equal(error.message, "This image was already answered.");
    return true;
  });
});

test("a refusal without a sentence gets the page's own", async () => {
  serve(403, "<h1>Forbidden</h1>");
  await assert.rejects(createApi(ADDRESSES).getTrial(), {
    name: "Refused",
    message: "The server did not accept this.",
  });
});

test("a server in trouble, or a reply that is no JSON, is not a refusal", async () => {
  for (const [status, body] of [
    [500, "{}"],
    [503, ""],
    [429, "{}"],
    [200, "<h1>Sign in to this network</h1>"],
  ]) {
    serve(status, body);
    await assert.rejects(createApi(ADDRESSES).getTrial(), (error) => !(error instanceof Refused));
  }
});
