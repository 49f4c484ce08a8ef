import assert from "node:assert/strict";
import { test } from "node:test";

import { createQueue, delayMs, persist, Refused } from "../../hypeweb/static/hypeweb/js/queue.js";

const KEY = "answer:/s/abc/answer/";
const ANSWER = { nonce: "n1", answer: "real", rt_ms: 812.4, exposure: null };

function memoryStorage(initial = {}) {
  const items = new Map(Object.entries(initial));
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

function setUp({ replies, storage = memoryStorage() }) {
  const sent = [];
  const waits = [];
  const queue = createQueue({
    storage,
    key: KEY,
    onFailure: () => {},
    wait: async (ms) => waits.push(ms),
    send: async (answer) => {
      sent.push({ answer, stored: storage.getItem(KEY) });
      const reply = replies.shift();
      if (reply instanceof Error) {
        throw reply;
      }
      return reply;
    },
  });
  return { queue, sent, waits, storage };
}

test("an answer is stored before it is sent and forgotten after the reply", async () => {
  const { queue, sent, storage } = setUp({ replies: [{ correct: true }] });
  assert.deepEqual(await queue.submit(ANSWER), { correct: true });
  assert.equal(sent[0].stored, JSON.stringify(ANSWER));
  assert.equal(queue.hasPending(), false);
  assert.equal(storage.items.size, 0);
});

test("network failures are tried again with growing delays", async () => {
  const failures = Array.from({ length: 7 }, () => new TypeError("Failed to fetch"));
  const { queue, sent, waits } = setUp({ replies: [...failures, { correct: false }] });
  assert.deepEqual(await queue.submit(ANSWER), { correct: false });
  assert.equal(sent.length, 8);
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000]);
});

test("the answer stays stored while it is not delivered", async () => {
  const { queue, sent } = setUp({ replies: [new TypeError("offline"), { correct: true }] });
  await queue.submit(ANSWER);
  assert.equal(sent[1].stored, JSON.stringify(ANSWER));
});

test("a refused answer is not sent again", async () => {
  const { queue, sent } = setUp({ replies: [new Refused(409, "Answered elsewhere.")] });
  await assert.rejects(queue.submit(ANSWER), { status: 409, message: "Answered elsewhere." });
  assert.equal(sent.length, 1);
  assert.equal(queue.hasPending(), false);
});

test("an answer that nobody looked at is kept, and can be sent again", async () => {
  const { queue, storage } = setUp({
    replies: [new Refused(403, "Allow cookies."), { correct: true }],
  });
  await assert.rejects(queue.submit(ANSWER), { status: 403, isForbidden: true });
  assert.equal(storage.getItem(KEY), JSON.stringify(ANSWER));
  assert.deepEqual(await queue.resend(), { correct: true });
  assert.equal(queue.hasPending(), false);
});

test("an answer left by an earlier page is sent again as it was", async () => {
  const storage = memoryStorage({ [KEY]: JSON.stringify(ANSWER) });
  const { queue, sent } = setUp({ replies: [{ correct: true }], storage });
  assert.equal(queue.hasPending(), true);
  await queue.resend();
  assert.deepEqual(sent[0].answer, ANSWER);
  assert.equal(queue.hasPending(), false);
});

test("a stored answer that cannot be read counts as none", () => {
  const { queue } = setUp({ replies: [], storage: memoryStorage({ [KEY]: "{broken" }) });
  assert.equal(queue.hasPending(), false);
});

test("without storage an answer is still delivered", async () => {
  const storage = memoryStorage();
  storage.setItem = () => {
    throw new Error("QuotaExceededError");
  };
  const { queue } = setUp({ replies: [{ correct: true }], storage });
  assert.deepEqual(await queue.submit(ANSWER), { correct: true });
});

test("delays double up to a limit", () => {
  assert.deepEqual([1, 2, 3, 20].map(delayMs), [500, 1000, 2000, 15000]);
});

test("persist tells how often it has failed", async () => {
  const counts = [];
  let nLeft = 2;
  const attempt = async () => {
    if (nLeft > 0) {
      nLeft -= 1;
      throw new Error("status 503");
    }
    return "done";
  };
  const result = await persist(attempt, {
    wait: async () => {},
    onFailure: (nFailures) => counts.push(nFailures),
  });
  assert.equal(result, "done");
  assert.deepEqual(counts, [1, 2]);
});

test("another tab's answer outlives the reply to this one", async () => {
  const storage = memoryStorage();
  const other = JSON.stringify({ ...ANSWER, nonce: "n2" });
  const queue = createQueue({
    storage,
    key: KEY,
    onFailure: () => {},
    wait: async () => {},
    send: async () => {
      storage.setItem(KEY, other);
      return { correct: true };
    },
  });
  await queue.submit(ANSWER);
  assert.equal(storage.getItem(KEY), other);
});
