import assert from "node:assert/strict";
import { test } from "node:test";

import { answerOfKey } from "../../hypeweb/static/hypeweb/js/keys.js";

const press = (key, code, more = {}) => ({
  key,
  code,
  repeat: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...more,
});

test("F is fake and J is real, whatever the case", () => {
  assert.equal(answerOfKey(press("f", "KeyF")), "fake");
  assert.equal(answerOfKey(press("F", "KeyF")), "fake");
  assert.equal(answerOfKey(press("j", "KeyJ")), "real");
});

test("the printed letter counts on another Latin layout", () => {
  assert.equal(answerOfKey(press("f", "KeyY")), "fake");
  assert.equal(answerOfKey(press("u", "KeyF")), null);
});

test("the key's place counts where its letter is not Latin", () => {
  assert.equal(answerOfKey(press("а", "KeyF")), "fake");
  assert.equal(answerOfKey(press("о", "KeyJ")), "real");
});

test("a held key, a shortcut and any other key give no answer", () => {
  assert.equal(answerOfKey(press("f", "KeyF", { repeat: true })), null);
  assert.equal(answerOfKey(press("f", "KeyF", { ctrlKey: true })), null);
  assert.equal(answerOfKey(press("j", "KeyJ", { metaKey: true })), null);
  assert.equal(answerOfKey(press("j", "KeyJ", { altKey: true })), null);
  assert.equal(answerOfKey(press(" ", "Space")), null);
});
