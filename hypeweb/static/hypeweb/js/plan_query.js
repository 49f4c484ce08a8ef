// What the planner needs of the study form.

const FIELDS = [
  "design",
  "protocol",
  "evaluators_per_arm",
  "n_real",
  "n_fake",
  "preset",
  "start_ms",
  "min_ms",
  "max_ms",
  "step_down_ms",
  "step_up_ms",
  "n_correct_to_descend",
  "n_wrong_to_ascend",
  "n_blocks",
  "images_per_block",
  "pay_base",
  "pay_per_correct",
  "pay_hourly_minimum",
  "currency",
];

export function planQuery(data) {
  const query = new URLSearchParams();
  for (const name of FIELDS) {
    query.set(name, data.get(name) ?? "");
  }
  query.set("n_arms", String(Math.max(data.getAll("arms").length, 1)));
  return query.toString();
}
