import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import {
  bundles,
  fingerprint,
  isArchive,
  nextPart,
  percent,
  tarPieces,
  waitMs,
} from "../../hypeweb/static/hypeweb/js/upload_plan.js";

const file = (name, text, lastModified = 1) =>
  Object.assign(new Blob([text]), { name, lastModified });

test("archives are told from images by their ends", () => {
  assert.deepEqual(["a.ZIP", "a.tar.gz", "a.png", "zip"].map(isArchive), [true, true, false, false]);
});

test("images go together, archives each on their own", () => {
  const found = bundles([file("b.png", "b"), file("z.zip", "z"), file("a.png", "a")]);
  assert.deepEqual(
    found.map(({ name, files, isTar }) => [name, files.map((one) => one.name), isTar]),
    [
      ["z.zip", ["z.zip"], false],
      ["images.tar", ["a.png", "b.png"], true],
    ],
  );
  assert.deepEqual(bundles([file("a.png", "a")]).map(({ name }) => name), ["a.png"]);
});

test("a fingerprint stays for the same files and changes with any of them", () => {
  const one = fingerprint([file("a.png", "a"), file("b.png", "b")]);
  assert.equal(fingerprint([file("a.png", "a"), file("b.png", "b")]), one);
  assert.notEqual(fingerprint([file("a.png", "a"), file("b.png", "b", 2)]), one);
  assert.ok(fingerprint([file("x".repeat(400), "a")]).length <= 200);
});

test("the tar of any names is read by tar itself", async () => {
  const names = ["a.png", `${"long ".repeat(40)}.png`, "gr\u00fc\u00df\u4f60.png"];
  const files = names.map((name, number) => file(name, "x".repeat(511 + number)));
  const tar = Buffer.from(await new Blob(tarPieces(files)).arrayBuffer());
  const listed = execFileSync("tar", ["--list", "--quoting-style=literal"], { input: tar });
  assert.deepEqual(listed.toString().trimEnd().split("\n"), names);
  const second = execFileSync("tar", ["--extract", "--to-stdout", names[1]], { input: tar });
  assert.equal(second.length, 512);
});

test("parts follow one another and end with the file", () => {
  assert.deepEqual(nextPart({ received: 0, size: 10, part: 8 }), { start: 0, end: 8 });
  assert.deepEqual(nextPart({ received: 8, size: 10, part: 8 }), { start: 8, end: 10 });
});

test("waits double up to half a minute", () => {
  assert.deepEqual([1, 2, 3, 9].map(waitMs), [1000, 2000, 4000, 30000]);
});

test("percent is whole and never ahead", () => {
  assert.deepEqual([percent(0, 0), percent(999, 1000), percent(5, 5)], [0, 99, 100]);
});
