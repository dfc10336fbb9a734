// A user of supabase-js who orders from every provider, waits, and looks at what came of it.
// Reads its settings as JSON from stdin, prints its observations as JSON; `test_providers_end_to_end.py`
// runs the providers meanwhile.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@supabase/supabase-js";

const { url, key, token, wishes, patience } = JSON.parse(readFileSync(0, "utf8"));
const user = createClient(url, key, {
  auth: { persistSession: false, autoRefreshToken: false },
  global: { headers: { Authorization: `Bearer ${token}` } },
});
const must = ({ data, error }) => {
  if (error) throw error;
  return data;
};
const ended = new Set(["completed", "failed", "cancelled", "expired"]);
const columns = "id, status, credit_cost, error_code, error_message";

const order = async ([name, wish]) => [name, must(await user.rpc("submit_generation", wish)).id];
const ordered = await Promise.all(Object.entries(wishes).map(order));

let jobs = {};
for (const until = Date.now() + patience * 1000; Date.now() < until; await sleep(100)) {
  const rows = must(await user.from("generation_jobs").select(columns));
  jobs = Object.fromEntries(rows.map((row) => [row.id, row]));
  if (rows.every((row) => ended.has(row.status))) break;
}

const found = async ([name, id]) => {
  const results = must(
    await user
      .from("job_assets")
      .select("role, asset:assets(bucket, storage_path, size_bytes, mime_type, sha256)")
      .eq("job_id", id)
      .order("role"),
  );
  const files = await Promise.all(
    results.map(async ({ role, asset }) => {
      const file = must(await user.storage.from(asset.bucket).download(asset.storage_path));
      return { ...asset, role, downloaded: file.size };
    }),
  );
  const concepts = must(await user.from("video_concepts").select("title").eq("job_id", id));
  const moves = must(
    await user
      .from("credit_transactions")
      .select("type, status, amount")
      .eq("job_id", id)
      .order("version"),
  );
  return [name, { ...jobs[id], files, concepts, moves }];
};
const outcomes = Object.fromEntries(await Promise.all(ordered.map(found)));
const account = must(await user.from("credit_accounts").select("balance").single());
console.log(JSON.stringify({ outcomes, balance: account.balance }));
