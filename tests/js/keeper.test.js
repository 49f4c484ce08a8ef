import assert from "node:assert/strict";
import { test } from "node:test";

import { createKeeper } from "../../hypeweb/static/hypeweb/js/keeper.js";

test("what is under way or done is not begun again", async () => {
  const keep = createKeeper();
  let nBegun = 0;
  const begin = async () => {
    nBegun += 1;
    return nBegun;
  };
  const results = await Promise.all([keep("a", begin), keep("a", begin)]);
  assert.deepEqual([...results, await keep("a", begin)], [1, 1, 1]);
  assert.equal(await keep("b", begin), 2);
});

test("what failed is begun again, alone", async () => {
  const keep = createKeeper();
  const begun = [];
  const failures = [new TypeError("Failed to fetch")];
  const image = async () => begun.push("image");
  const mask = async () => {
    begun.push("mask");
    if (failures.length > 0) {
      throw failures.pop();
    }
  };
  const load = () => Promise.all([keep("image", image), keep("mask", mask)]);
  await assert.rejects(load(), TypeError);
  await load();
  assert.deepEqual(begun, ["image", "mask", "mask"]);
});
