import assert from "node:assert/strict";
import { test } from "node:test";

import { planQuery } from "../../hypeweb/static/hypeweb/js/plan_query.js";

test("the plan's query has the protocol's fields and the number of arms", () => {
  const data = new FormData();
  data.set("design", "within");
  data.set("protocol", "hype_inf");
  data.set("n_real", "50");
  data.set("pay_base", "1.50");
  data.set("name", "Not its business");
  data.append("arms", "3");
  data.append("arms", "5");
  const query = new URLSearchParams(planQuery(data));
  assert.equal(query.get("design"), "within");
  assert.equal(query.get("protocol"), "hype_inf");
  assert.equal(query.get("n_real"), "50");
  assert.equal(query.get("n_arms"), "2");
  assert.equal(query.get("n_fake"), "");
  assert.equal(query.get("pay_base"), "1.50");
  assert.equal(query.has("name"), false);
});

test("without an arm the plan is for one", () => {
  const query = new URLSearchParams(planQuery(new FormData()));
  assert.equal(query.get("n_arms"), "1");
});
