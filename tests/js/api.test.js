import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { createApi } from "../../hypeweb/static/hypeweb/js/api.js";
import { Refused } from "../../hypeweb/static/hypeweb/js/queue.js";

const browserFetch = globalThis.fetch;
const ADDRESSES = {
  trialUrl: "/s/abc/trial/",
  answerUrl: "/s/abc/answer/",
  sessionUrl: "/s/abc/",
  csrfToken: "token",
  sentences: {
    unexpected: "The server did not accept this.",
    forbidden: "Allow cookies.",
  },
};
const PAGE = '<head><meta name="csrf-token" content="fresh"></head>';

// Answers every request with one response and remembers what was asked.
function serve(status, body) {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url, options });
    return new Response(body, { status });
  };
  return asked;
}

// Answers request after request with the responses given, by address.
function serveInTurn(turns) {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url, token: options.headers?.["X-CSRFToken"] });
    const [status, body] = turns[url].shift();
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

test("a token that ran out is fetched anew, and the answer sent again", async () => {
  const asked = serveInTurn({
    "/s/abc/answer/": [
      [403, "<h1>This page was open too long</h1>"],
      [200, '{"correct": true}'],
      [200, '{"correct": false}'],
    ],
    "/s/abc/": [[200, PAGE]],
  });
  const api = createApi(ADDRESSES);
  assert.deepEqual(await api.postAnswer({ nonce: "n1" }), { correct: true });
  assert.deepEqual(await api.postAnswer({ nonce: "n2" }), { correct: false });
  assert.deepEqual(asked, [
    { url: "/s/abc/answer/", token: "token" },
    { url: "/s/abc/", token: undefined },
    { url: "/s/abc/answer/", token: "fresh" },
    { url: "/s/abc/answer/", token: "fresh" },
  ]);
});

test("an answer that stays forbidden is refused with a sentence of its own", async () => {
  for (const page of [PAGE, "<h1>Not found</h1>"]) {
    serveInTurn({
      "/s/abc/answer/": [
        [403, "<h1>Forbidden</h1>"],
        [403, "<h1>Forbidden</h1>"],
      ],
      "/s/abc/": [[200, page]],
    });
    await assert.rejects(createApi(ADDRESSES).postAnswer({ nonce: "n1" }), {
      name: "Refused",
      isForbidden: true,
      message: "Allow cookies.",
    });
  }
});

test("a server in trouble while the token is renewed is not a refusal", async () => {
  serveInTurn({
    "/s/abc/answer/": [[403, "<h1>Forbidden</h1>"]],
    "/s/abc/": [[503, ""]],
  });
  await assert.rejects(
    createApi(ADDRESSES).postAnswer({ nonce: "n1" }),
    (error) => !(error instanceof Refused),
  );
});

test("a refusal without a sentence gets the page's own", async () => {
  serve(404, "<h1>Not found</h1>");
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
