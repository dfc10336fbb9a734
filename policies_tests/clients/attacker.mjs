// A hostile browser: supabase-js with a real token, and attempts by name.
//
// Reads one JSON line with settings, then one JSON line an attempt ({actors, name}); answers each
// with one JSON line, so that the tests can look at the database between two attempts. With the
// argument `list` it prints the names of all attempts instead and ends.

import { createInterface } from "node:readline";
import { createClient } from "@supabase/supabase-js";

const isListing = process.argv[2] === "list";
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = isListing
  ? { tokens: {}, own: { owner: {} }, victim: {} }
  : JSON.parse((await lines.next()).value);
const { url, key, tokens, own, victim } = settings;

const withoutSession = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false };
const clients = {};
for (const [actor, token] of Object.entries(tokens)) {
  // Node 20 has no WebSocket, and nothing here opens one.
  clients[actor] = createClient(url, key, {
    auth: withoutSession, realtime: { transport: globalThis.WebSocket ?? class {} } });
  if (token) await clients[actor].auth.setSession(token);
}

const attempts = {};
const define = (name, call) => {
  if (name in attempts) throw new Error(`two attempts named ${name}`);
  attempts[name] = call;
};
const file = (type) => new Blob([new Uint8Array(16)], { type });
const png = () => file("image/png");

// Credits ----------------------------------------------------------------------------------------

for (const [column, value] of Object.entries({
  balance: 1e6, debt: 0, version: 0, lifetime_earned: 1e6, lifetime_spent: 0,
  monthly_allowance: 1e6, period_ends_at: "2999-01-01", user_id: victim.id,
})) {
  define(`update own credit_accounts.${column}`, ({ db, me }) =>
    db.from("credit_accounts").update({ [column]: value }).eq("user_id", me.id).select());
}
define("upsert own credit account", ({ db, me }) =>
  db.from("credit_accounts").upsert({ user_id: me.id, balance: 1e6 }).select());
define("insert a credit account", ({ db }) =>
  db.from("credit_accounts").insert({ user_id: crypto.randomUUID(), balance: 1e6 }));
define("delete own credit account", ({ db, me }) =>
  db.from("credit_accounts").delete().eq("user_id", me.id));
define("insert a lot", ({ db, me }) => db.from("credit_grants").insert({
  user_id: me.id, kind: "purchase", amount: 1e6, remaining: 1e6, source_key: "mine" }));
define("refill own lot", ({ db, me }) =>
  db.from("credit_grants").update({ remaining: 100 }).eq("user_id", me.id).select());
define("make own lot last", ({ db, me }) =>
  db.from("credit_grants").update({ expires_at: null }).eq("user_id", me.id).select());
define("delete own lots", ({ db, me }) => db.from("credit_grants").delete().eq("user_id", me.id));
define("insert into the ledger", ({ db, me }) => db.from("credit_transactions").insert({
  user_id: me.id, version: 99, amount: 1e6, balance_after: 1e6, type: "bonus" }));
define("insert a refund into the ledger", ({ db, me }) => db.from("credit_transactions").insert({
  user_id: me.id, version: 99, amount: 7, balance_after: 107, type: "refund",
  reverses_id: me.transaction }));
define("raise an amount in the ledger", ({ db, me }) =>
  db.from("credit_transactions").update({ amount: 1e6 }).eq("user_id", me.id).select());
define("move a status in the ledger", ({ db, me }) =>
  db.from("credit_transactions").update({ status: "refunded" }).eq("id", me.transaction).select());
define("upsert into the ledger", ({ db, me }) => db.from("credit_transactions").upsert({
  id: me.transaction, user_id: me.id, version: 1, amount: 5, balance_after: 5, type: "bonus" }));
define("delete from the ledger", ({ db, me }) =>
  db.from("credit_transactions").delete().eq("user_id", me.id));
define("insert an allocation", ({ db, me }) => db.from("credit_allocations").insert({
  transaction_id: me.transaction, grant_id: me.lot, amount: 50 }));
define("delete allocations", ({ db, me }) =>
  db.from("credit_allocations").delete().eq("transaction_id", me.transaction));
define("insert into the statement view", ({ db, me }) =>
  db.from("credit_statement").insert({ user_id: me.id, amount: 1e6, version: 99 }));
define("update the statement view", ({ db, me }) =>
  db.from("credit_statement").update({ amount: 1e6 }).eq("user_id", me.id));
define("delete from the statement view", ({ db, me }) =>
  db.from("credit_statement").delete().eq("user_id", me.id));

// Functions that are nobody's to call --------------------------------------------------------------

const grant = (me) => ({ p_user_id: me.id, p_amount: 1e6, p_kind: "bonus", p_source_key: "x" });
define("grant_credits as a public function", ({ db, me }) => db.rpc("grant_credits", grant(me)));
define("grant_credits in schema private", ({ db, me }) =>
  db.schema("private").rpc("grant_credits", grant(me)));
define("grant_credits in schema worker", ({ db, me }) =>
  db.schema("worker").rpc("grant_credits", grant(me)));
define("refund_deduction as a public function", ({ db, me }) =>
  db.rpc("refund_deduction", { p_job_id: me.job }));
define("cancel_own_job in schema private", ({ db }) =>
  db.schema("private").rpc("cancel_own_job", { p_job_id: victim.job }));
define("reconcile_credits as a public function", ({ db }) => db.rpc("reconcile_credits"));
define("set_config", ({ db }) =>
  db.rpc("set_config", { setting_name: "role", new_value: "service_role", is_local: true }));
define("pg_read_file", ({ db }) => db.rpc("pg_read_file", { filename: "/etc/passwd" }));
define("dblink", ({ db }) => db.rpc("dblink", { conn: "host=127.0.0.1", sql: "select 1" }));
define("settings in schema private", ({ db }) => db.schema("private").from("settings").select());
define("users in schema auth", ({ db }) => db.schema("auth").from("users").select());
define("objects in schema storage", ({ db }) => db.schema("storage").from("objects").select());
define("tables in pg_catalog", ({ db }) => db.schema("pg_catalog").from("pg_authid").select());
const lease = crypto.randomUUID();
const held = [{ job_id: own.owner.job, lease, progress: 99 }];
for (const [name, body] of Object.entries({
  claim_tasks: { p_lease: lease, p_worker: "me", p_wanted: [{ provider: "local" }], p_limit: 100 },
  extend_leases: { p_held: held },
  advance_jobs: { p_jobs: [{ ...held[0], status: "finalizing" }] },
  complete_jobs: { p_jobs: [{ ...held[0], assets: [] }] },
  fail_jobs: { p_jobs: [{ ...held[0], error_class: "permanent" }] },
  release_tasks: { p_held: held },
  wake_jobs: { p_provider: "local", p_provider_job_ids: ["x"] },
  tend_queue: {},
  end_overdue_jobs: {},
  pause_provider: { p_provider: "local", p_reason: "x" },
  cancel_job: { p_job_id: victim.job, p_reason: "x", p_operator: "me" },
  retry_job: { p_job_id: own.owner.job, p_reason: "x", p_operator: "me" },
})) {
  define(`worker.${name}`, ({ db }) => db.schema("worker").rpc(name, body));
  define(`worker.${name} by GET`, ({ db }) => db.schema("worker").rpc(name, body, { get: true }));
  define(`${name} as a public function`, ({ db }) => db.rpc(name, body));
}
for (const table of ["tasks", "attempts", "cancellations"]) {
  define(`read worker.${table}`, ({ db }) => db.schema("worker").from(table).select());
  define(`delete worker.${table}`, ({ db }) =>
    db.schema("worker").from(table).delete().neq("job_id", crypto.randomUUID()));
}
define("insert a task", ({ db, me }) => db.schema("worker").from("tasks").insert({
  job_id: me.job, user_id: me.id, provider: "local", kind: "text_to_image", is_admitted: true,
  ready_at: "2000-01-01", deadline_at: "2999-01-01" }));
define("read worker.tasks as a public table", ({ db }) => db.from("tasks").select());

// The server's columns of a job ---------------------------------------------------------------------

const wish = (more) => ({ kind: "text_to_image", prompt: "A harbour", ...more });
for (const [column, value] of Object.entries({
  id: crypto.randomUUID(), user_id: victim.id, progress: 100, priority: 100, credit_cost: 0,
  credit_transaction_id: victim.transaction, is_refunded: true, attempt_count: 2, max_attempts: 20,
  is_edit_call: true,
  provider: "another", provider_job_id: "x", error_code: "x", error_message: "x",
  created_at: "2000-01-01", queued_at: "2000-01-01", started_at: "2000-01-01",
  finished_at: "2000-01-01", updated_at: "2000-01-01", hidden_at: "2000-01-01",
})) {
  define(`insert a job with ${column}`, ({ db }) =>
    db.from("generation_jobs").insert(wish({ [column]: value })).select());
  define(`set ${column} of own draft`, ({ db, me }) =>
    db.from("generation_jobs").update({ [column]: value }).eq("id", me.draft).select());
  define(`set ${column} of own queued job`, ({ db, me }) =>
    db.from("generation_jobs").update({ [column]: value }).eq("id", me.job).select());
}
for (const status of ["starting", "processing", "finalizing", "completed", "failed", "cancelled",
  "expired"]) {
  define(`insert a job that is ${status}`, ({ db }) =>
    db.from("generation_jobs").insert(wish({ status })).select());
}
define("insert a job that has no status", ({ db }) =>
  db.from("generation_jobs").insert(wish({ status: null })).select());
define("insert a job that never was a state", ({ db }) =>
  db.from("generation_jobs").insert(wish({ status: "paid" })).select());
define("insert a job with a cost among its columns", ({ db }) =>
  db.from("generation_jobs").insert([wish({ credit_cost: 0 }), wish({})], { defaultToNull: false })
    .select());
for (const status of ["queued", "completed", "cancelled"]) {
  define(`make own draft ${status} by hand`, ({ db, me }) =>
    db.from("generation_jobs").update({ status }).eq("id", me.draft).select());
}
define("complete own queued job by hand", ({ db, me }) =>
  db.from("generation_jobs").update({ status: "completed" }).eq("id", me.job).select());
define("set the idempotency key of own draft", ({ db, me }) =>
  db.from("generation_jobs").update({ idempotency_key: "x" }).eq("id", me.draft).select());
define("edit a job after it was queued", ({ db, me }) =>
  db.from("generation_jobs").update({ prompt: "Another", output_count: 4 }).eq("id", me.job)
    .select());
define("edit a job after it was completed", ({ db, me }) =>
  db.from("generation_jobs").update({ prompt: "Another" }).eq("id", me.done).select());
define("upsert a queued job", ({ db, me }) =>
  db.from("generation_jobs").upsert(wish({ id: me.job, prompt: "Another" })).select());
define("upsert a job by its key", ({ db, me }) => db.from("generation_jobs").upsert(
  wish({ idempotency_key: me.key, prompt: "Another" }),
  { onConflict: "user_id,idempotency_key" }).select());
define("insert an event", ({ db, me }) => db.from("job_events").insert({
  job_id: me.job, user_id: me.id, to_status: "completed", actor: "system" }));
define("rewrite events", ({ db, me }) =>
  db.from("job_events").update({ note: "x" }).eq("user_id", me.id));
define("delete events", ({ db, me }) => db.from("job_events").delete().eq("user_id", me.id));
define("cancel own job after it was completed", ({ db, me }) =>
  db.rpc("cancel_generation", { p_job_id: me.done }));
define("ask for minus ten outputs", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x", p_output_count: -10 }));
define("ask for a film of minus ten seconds", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_video", p_prompt: "x",
    p_duration_seconds: -10 }));
define("ask for a film of NaN seconds", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_video", p_prompt: "x",
    p_duration_seconds: "NaN" }));
define("submit with a cost", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x", p_credit_cost: 0 }));
define("submit for somebody else", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x", p_user_id: victim.id }));
define("submit parameters that are no object", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x", p_parameters: [1] }));
define("submit parameters that are huge", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x",
    p_parameters: { x: "y".repeat(20000) } }));
define("submit a prompt that is too long", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "y".repeat(10001) }));
define("submit a prompt of nothing", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: " \n\t" }));
define("submit a prompt with a NUL", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "a\u0000b" }));

// Another's rows tied to one's own --------------------------------------------------------------------

define("job in a stranger's project", ({ db }) =>
  db.from("generation_jobs").insert(wish({ project_id: victim.project })).select());
define("draft moved into a stranger's project", ({ db, me }) =>
  db.from("generation_jobs").update({ project_id: victim.project }).eq("id", me.draft).select());
define("submit into a stranger's project", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x",
    p_project_id: victim.project }));
define("job that follows a stranger's job", ({ db }) =>
  db.from("generation_jobs").insert(wish({ parent_job_id: victim.job })).select());
define("submit after a stranger's job", ({ db }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x",
    p_parent_job_id: victim.done }));
define("submit with a stranger's asset as reference", ({ db, me }) =>
  db.rpc("submit_generation", { p_kind: "text_to_image", p_prompt: "x", p_model_id: me.model,
    p_reference_asset_ids: [victim.upload] }));
define("stranger's asset as reference of own draft", ({ db, me }) =>
  db.from("job_assets").insert({ job_id: me.draft, asset_id: victim.upload,
    role: "reference_image" }));
define("own asset as reference of a stranger's draft", ({ db, me }) =>
  db.from("job_assets").insert({ job_id: victim.draft, asset_id: me.upload,
    role: "reference_image" }));
define("reference with a stranger as owner", ({ db }) =>
  db.from("job_assets").insert({ job_id: victim.draft, asset_id: victim.upload,
    user_id: victim.id, role: "reference_image" }));
define("own upload as a result of own job", ({ db, me }) =>
  db.from("job_assets").insert({ job_id: me.draft, asset_id: me.upload, role: "result_image" }));
define("reference of own job that is done", ({ db, me }) =>
  db.from("job_assets").insert({ job_id: me.done, asset_id: me.upload, role: "reference_image" }));
define("remove the result of own job", ({ db, me }) =>
  db.from("job_assets").delete().eq("job_id", me.done).select());
define("prompt that leads to a stranger's job", ({ db }) =>
  db.from("user_prompts").insert({ prompt: "x", job_id: victim.job }));
define("prompt with a stranger's asset", ({ db }) =>
  db.from("user_prompts").insert({ prompt: "x", reference_asset_id: victim.upload }));
define("prompt in a stranger's name", ({ db }) =>
  db.from("user_prompts").insert({ prompt: "x", user_id: victim.id }));
define("rewrite own prompt", ({ db, me }) =>
  db.from("user_prompts").update({ prompt: "y" }).eq("user_id", me.id).select());
define("cancel a stranger's job", ({ db }) =>
  db.rpc("cancel_generation", { p_job_id: victim.job }));
define("queue a stranger's draft", ({ db }) =>
  db.rpc("queue_generation", { p_job_id: victim.draft }));
define("retry a stranger's job", ({ db }) =>
  db.rpc("retry_generation", { p_job_id: victim.job }));
define("rate a stranger's job", ({ db }) =>
  db.rpc("rate_generation", { p_job_id: victim.done, p_rating: 1 }));
define("restore a stranger's job", ({ db }) =>
  db.rpc("restore_generation", { p_job_id: victim.job }));
define("share a stranger's project", ({ db }) =>
  db.rpc("share_project", { p_project_id: victim.project }));
define("unshare a stranger's project", ({ db }) =>
  db.rpc("unshare_project", { p_project_id: victim.project }));
define("restore a stranger's project", ({ db }) =>
  db.rpc("restore_project", { p_project_id: victim.project }));
define("open a stranger's project as if it were public", ({ db }) =>
  db.rpc("get_public_project", { p_project_id: victim.project }));
define("open a project without a link", ({ db }) =>
  db.rpc("get_shared_project", { p_token: null }));
define("asset in a stranger's project", ({ db, me }) => db.from("assets").insert({
  kind: "image", bucket: "reference-images", storage_path: `${me.id}/up/unlisted.png`,
  project_id: victim.project }));
define("asset of a stranger's file", ({ db }) => db.from("assets").insert({
  kind: "image", bucket: "reference-images", storage_path: victim.unlistedPath }));
define("asset of a file that is not there", ({ db, me }) => db.from("assets").insert({
  kind: "image", bucket: "reference-images", storage_path: `${me.id}/up/none.png` }));
define("asset of own result by hand", ({ db, me }) => db.from("assets").insert({
  kind: "image", bucket: "final-images", storage_path: me.resultPath }));
for (const [column, value] of Object.entries({
  user_id: victim.id, mime_type: "video/mp4", size_bytes: 1, sha256: "0".repeat(64),
  thumbnail_id: victim.result, id: crypto.randomUUID(),
})) {
  define(`insert an asset with ${column}`, ({ db, me }) => db.from("assets").insert({
    kind: "image", bucket: "reference-images", storage_path: `${me.id}/up/unlisted.png`,
    [column]: value }));
}
define("point own asset at a stranger's file", ({ db, me }) =>
  db.from("assets").update({ storage_path: victim.resultPath }).eq("id", me.upload).select());
define("delete the asset of own result", ({ db, me }) =>
  db.from("assets").delete().eq("id", me.result).select());

// A stranger's rows -----------------------------------------------------------------------------------

const tables = ["profiles", "user_preferences", "projects", "credit_accounts",
  "credit_transactions", "credit_grants", "credit_statement", "generation_jobs", "job_events",
  "assets", "job_assets", "user_prompts"];
for (const table of tables) {
  define(`read a stranger's ${table}`, ({ db }) =>
    db.from(table).select().eq("user_id", victim.id));
  define(`count a stranger's ${table}`, ({ db }) =>
    db.from(table).select("*", { count: "exact", head: true }).eq("user_id", victim.id));
  define(`estimate all ${table} but one's own`, ({ db, me }) =>
    db.from(table).select("*", { count: "estimated", head: true }).neq("user_id", me.id));
  define(`read all ${table} but one's own`, ({ db, me }) =>
    db.from(table).select("*").or(`user_id.neq.${me.id},user_id.is.null`));
  define(`read a stranger's ${table} as CSV`, ({ db }) =>
    db.from(table).select().eq("user_id", victim.id).csv());
  define(`aggregate ${table}`, ({ db }) => db.from(table).select("count()"));
  define(`update a stranger's ${table} unseen`, ({ db }) =>
    db.from(table).update({ user_id: own.owner.id }).eq("user_id", victim.id));
  define(`delete a stranger's ${table} and see`, ({ db }) =>
    db.from(table).delete().eq("user_id", victim.id).select());
  define(`explain ${table}`, ({ db }) => db.from(table).select().explain({ analyze: true }));
}
define("read a stranger's allocations", ({ db }) =>
  db.from("credit_allocations").select().eq("transaction_id", victim.transaction));
define("count a stranger's allocations", ({ db }) => db.from("credit_allocations")
  .select("*", { count: "exact", head: true }).eq("grant_id", victim.lot));
define("read a stranger's job by id", ({ db }) =>
  db.from("generation_jobs").select().eq("id", victim.done));
define("one stranger's job and no other", ({ db }) =>
  db.from("generation_jobs").select().eq("id", victim.done).single());
define("embed a stranger's files in one's jobs", ({ db }) => db.from("generation_jobs")
  .select("id, job_assets!inner(*, assets!inner(*))").eq("job_assets.user_id", victim.id));
define("embed jobs in a stranger's project", ({ db }) => db.from("projects")
  .select("*, generation_jobs(*)").eq("id", victim.project));
define("embed accounts in profiles", ({ db }) => db.from("profiles")
  .select("username, credit_accounts!inner(balance)").eq("user_id", victim.id));
define("embed a stranger's ledger in one's job", ({ db }) => db.from("generation_jobs")
  .select("id, credit_transactions!credit_transactions_job_id_fkey!inner(*)")
  .eq("credit_transactions.user_id", victim.id));
define("order profiles by a stranger's balance", ({ db, me }) => db.from("profiles")
  .select("username, credit_accounts(balance)").order("credit_accounts(balance)")
  .neq("user_id", me.id));
define("find a stranger by address", ({ db }) =>
  db.from("profiles").select().eq("email", victim.email));
define("find a stranger by name", ({ db }) =>
  db.from("profiles").select().ilike("username", "%"  + victim.username.slice(1)));
define("rename a stranger and see", ({ db }) => db.from("profiles")
  .update({ full_name: "Owned" }).eq("user_id", victim.id).select());
define("rename a stranger unseen", ({ db }) => db.from("profiles")
  .update({ full_name: "Owned" }).eq("user_id", victim.id));
define("rename everybody else", ({ db, me }) => db.from("profiles")
  .update({ full_name: "Owned" }).neq("user_id", me.id).select());
define("change a stranger's preferences", ({ db }) => db.from("user_preferences")
  .update({ ui_settings: { owned: true } }).eq("user_id", victim.id).select());
define("rename a stranger's project", ({ db }) => db.from("projects")
  .update({ name: "Owned" }).eq("id", victim.project).select());
define("publish a stranger's project", ({ db }) => db.from("projects")
  .update({ is_public: true }).eq("id", victim.project).select());
define("delete a stranger's project", ({ db }) =>
  db.from("projects").delete().eq("id", victim.project).select());
define("edit a stranger's draft", ({ db }) => db.from("generation_jobs")
  .update({ prompt: "Owned" }).eq("id", victim.draft).select());
define("delete a stranger's upload", ({ db }) =>
  db.from("assets").delete().eq("id", victim.upload).select());
define("delete a stranger's prompts", ({ db }) =>
  db.from("user_prompts").delete().eq("user_id", victim.id).select());

// Oneself as somebody else ---------------------------------------------------------------------------

for (const [column, value] of Object.entries({
  subscription_tier: "enterprise", email: "boss@example.com", user_id: victim.id,
  last_login_at: "2000-01-01", deleted_at: "2000-01-01", created_at: "2000-01-01",
})) {
  define(`set own profiles.${column}`, ({ db, me }) =>
    db.from("profiles").update({ [column]: value }).eq("user_id", me.id).select());
}
define("take a stranger's username in capitals", ({ db, me }) => db.from("profiles")
  .update({ username: victim.username.toUpperCase() }).eq("user_id", me.id).select());
define("take a username with a script", ({ db, me }) => db.from("profiles")
  .update({ username: "<script>" }).eq("user_id", me.id).select());
define("take an avatar that is a script", ({ db, me }) => db.from("profiles")
  .update({ avatar_url: "javascript:alert(1)" }).eq("user_id", me.id).select());
define("insert a profile", ({ db }) =>
  db.from("profiles").insert({ user_id: crypto.randomUUID(), username: "another" }));
define("delete own profile", ({ db, me }) => db.from("profiles").delete().eq("user_id", me.id));
define("give one's preferences away", ({ db, me }) => db.from("user_preferences")
  .update({ user_id: victim.id }).eq("user_id", me.id).select());
define("insert preferences", ({ db }) =>
  db.from("user_preferences").insert({ user_id: crypto.randomUUID() }));
define("delete own preferences", ({ db, me }) =>
  db.from("user_preferences").delete().eq("user_id", me.id));
define("preferences that are no object", ({ db, me }) => db.from("user_preferences")
  .update({ ui_settings: [1] }).eq("user_id", me.id).select());
define("project in a stranger's name", ({ db }) =>
  db.from("projects").insert({ name: "x", user_id: victim.id }));
define("choose a share token", ({ db, me }) => db.from("projects")
  .update({ share_token: "x".repeat(32) }).eq("id", me.project).select());
define("give a project away", ({ db, me }) => db.from("projects")
  .update({ user_id: victim.id }).eq("id", me.project).select());
define("undelete a project", ({ db, me }) => db.from("projects")
  .update({ deleted_at: null }).eq("id", me.project).select());

// The catalogue ---------------------------------------------------------------------------------------

define("insert a model", ({ db }) => db.from("models").insert({
  id: "mine", provider: "local", provider_model: "x", display_name: "x",
  kinds: ["text_to_image"], modes: ["standard"] }));
define("lower all prices", ({ db }) =>
  db.from("model_prices").update({ credits: 0 }).gte("credits", 0).select());
define("insert a price", ({ db }) => db.from("model_prices").insert({
  model_id: "local-still", kind: "text_to_image", mode: "ultra", unit: "job", credits: 0 }));
define("switch models off", ({ db }) =>
  db.from("models").update({ is_active: false }).neq("id", "").select());
define("delete packages", ({ db }) => db.from("credit_packages").delete().neq("slug", ""));
define("a package for nothing", ({ db }) => db.from("credit_packages").insert({
  slug: "gift", name: "Gift", credits: 1e6, price_minor: 0, currency: "USD" }));
define("raise the limits of the free plan", ({ db }) => db.from("subscription_plans")
  .update({ max_active_jobs: 1e6, job_priority: 100 }).eq("tier", "free").select());
define("delete plans", ({ db }) => db.from("subscription_plans").delete().neq("tier", "pro"));

// Files -----------------------------------------------------------------------------------------------

const buckets = {
  "raw-videos": "video/mp4", "reference-images": "image/png", "final-videos": "video/mp4",
  "final-images": "image/png", thumbnails: "image/png", voiceovers: "audio/mpeg",
};
for (const [bucket, type] of Object.entries(buckets)) {
  define(`list a stranger's folder in ${bucket}`, ({ files }) =>
    files.from(bucket).list(victim.id));
  define(`write into a stranger's folder in ${bucket}`, ({ files }) =>
    files.from(bucket).upload(`${victim.id}/up/planted`, file(type)));
}
for (const [bucket, type] of Object.entries(buckets).slice(2)) {
  define(`write into own folder in ${bucket}`, ({ files, me }) =>
    files.from(bucket).upload(`${me.id}/${me.job}/planted`, file(type)));
}
define("list the whole bucket", async ({ files, me }) => {
  const { data, error } = await files.from("final-images").list("");
  return { data: data?.filter(({ name }) => name !== me.id), error };
});
define("download a stranger's upload", ({ files }) =>
  files.from("reference-images").download(victim.uploadPath));
define("download a stranger's result", ({ files }) =>
  files.from("final-images").download(victim.resultPath));
define("sign a stranger's result", ({ files }) =>
  files.from("final-images").createSignedUrl(victim.resultPath, 60));
define("sign a stranger's result among others", async ({ files }) => {
  const { data, error } = await files.from("final-images").createSignedUrls([victim.resultPath], 60);
  return { data: data?.filter(({ signedUrl }) => signedUrl), error };
});
define("ask for a stranger's result as public", ({ files }) =>
  get(files.from("final-images").getPublicUrl(victim.resultPath).data.publicUrl));
define("look whether a stranger's result is there", async ({ files }) => {
  const { data } = await files.from("final-images").exists(victim.resultPath);
  return { data: data ? ["there"] : [], error: null };
});
define("look at a stranger's result", ({ files }) =>
  files.from("final-images").info(victim.resultPath));
define("overwrite a stranger's upload", ({ files }) =>
  files.from("reference-images").upload(victim.uploadPath, png(), { upsert: true }));
define("replace a stranger's upload", ({ files }) =>
  files.from("reference-images").update(victim.uploadPath, png()));
define("sign an upload over a stranger's file", ({ files }) =>
  files.from("reference-images").createSignedUploadUrl(victim.uploadPath, { upsert: true }));
define("move a stranger's upload to oneself", ({ files, me }) =>
  files.from("reference-images").move(victim.uploadPath, `${me.id}/up/stolen.png`));
define("copy a stranger's upload to oneself", ({ files, me }) =>
  files.from("reference-images").copy(victim.uploadPath, `${me.id}/up/stolen.png`));
define("copy a stranger's result into own uploads", ({ files, me }) =>
  files.from("final-images").copy(victim.resultPath, `${me.id}/up/stolen.png`,
    { destinationBucket: "reference-images" }));
define("move own upload to a stranger", ({ files, me }) =>
  files.from("reference-images").move(me.uploadPath, `${victim.id}/up/planted.png`));
define("copy own upload to a stranger", ({ files, me }) =>
  files.from("reference-images").copy(me.uploadPath, `${victim.id}/up/planted.png`));
define("copy own upload into the results", ({ files, me }) =>
  files.from("reference-images").copy(me.uploadPath, `${me.id}/${me.job}/planted.png`,
    { destinationBucket: "final-images" }));
define("remove a stranger's upload", ({ files }) =>
  files.from("reference-images").remove([victim.uploadPath]));
define("remove a stranger's result", ({ files }) =>
  files.from("final-images").remove([victim.resultPath]));
define("remove own result", ({ files, me }) => files.from("final-images").remove([me.resultPath]));
define("replace own result", ({ files, me }) =>
  files.from("final-images").update(me.resultPath, png()));
define("move own result", ({ files, me }) =>
  files.from("final-images").move(me.resultPath, `${me.id}/${me.done}/moved.png`));
define("download own result before the job is done", ({ files, me }) =>
  files.from("final-images").download(me.unfinishedPath));
define("sign own result before the job is done", ({ files, me }) =>
  files.from("final-images").createSignedUrl(me.unfinishedPath, 60));
define("climb out of own folder", ({ files, me }) =>
  files.from("reference-images").upload(`${me.id}/../${victim.id}/planted.png`, png()));
define("climb out of own folder, encoded", ({ call, me }) =>
  call("POST", `/storage/v1/object/reference-images/${me.id}/..%2f${victim.id}/planted.png`,
    { body: png(), headers: { "content-type": "image/png" } }));
define("climb into a stranger's folder to read", ({ call, me }) => call("GET",
  `/storage/v1/object/authenticated/reference-images/${me.id}/%2e%2e/${victim.uploadPath}`));
define("upload a web page", ({ files, me }) => files.from("reference-images")
  .upload(`${me.id}/up/page.html`, new Blob(["<script>"], { type: "text/html" })));
define("upload into no folder", ({ files }) =>
  files.from("reference-images").upload("planted.png", png()));
define("list buckets", ({ files }) => files.listBuckets());
define("make a bucket", ({ files }) => files.createBucket("mine", { public: true }));
define("open a bucket to the public", ({ files }) =>
  files.updateBucket("final-images", { public: true }));
define("empty a bucket", ({ files }) => files.emptyBucket("final-images"));
define("delete a bucket", ({ files }) => files.deleteBucket("voiceovers"));

// The token -------------------------------------------------------------------------------------------

const forge = (token, change, header) => {
  const [head, body, signature] = token.split(".");
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));
  return [header ? encode({ ...decode(head), ...header }) : head,
    encode({ ...decode(body), ...change }), header ? "" : signature].join(".");
};
const withToken = (token) => ({ headers: { authorization: `Bearer ${token}` } });
const read = "/rest/v1/credit_accounts?select=user_id";
define("token with another's id in it", ({ call, token }) =>
  call("GET", read, withToken(forge(token, { sub: victim.id }))));
define("token with the services' role in it", ({ call, token }) =>
  call("GET", read, withToken(forge(token, { role: "service_role" }))));
define("token without a signature", ({ call, token }) => call("GET", read,
  withToken(forge(token, { role: "service_role" }, { alg: "none" }))));
define("claims in headers", ({ call, me }) => call("GET", `${read}&user_id=neq.${me.id}`, { headers: {
  "request.jwt.claims": JSON.stringify({ role: "service_role", sub: victim.id }),
  "request.jwt.claim.sub": victim.id, "x-forwarded-user": victim.id, role: "service_role" } }));
define("services' role in app metadata", async ({ auth }) => {
  const { data, error } = await auth.updateUser({ app_metadata: { role: "service_role" },
    role: "service_role", data: {} });
  const { app_metadata: app, role } = data?.user ?? {};
  return { data: app?.role || role === "service_role" ? ["taken"] : [], error };
});
define("list all users", ({ auth }) => auth.admin.listUsers());
define("make a user by hand", ({ auth }) =>
  auth.admin.createUser({ email: "made@example.com", password: "long enough" }));
define("delete a stranger at the auth server", ({ auth }) => auth.admin.deleteUser(victim.id));

// What is allowed, so that the refusals above are known to be the database's and not the client's.

const deeds = {
  "rename own project": ({ db, me }) =>
    db.from("projects").update({ name: "Renamed" }).eq("id", me.project).select(),
};

// The loop --------------------------------------------------------------------------------------------

async function get(address, init = {}) {
  const response = await fetch(address, init);
  const text = await response.text();
  let body = text;
  try { body = JSON.parse(text); } catch { /* not JSON */ }
  if (response.ok) return { status: response.status, data: body, error: null };
  return { status: response.status, data: null, error: body };
}

async function attack(actor, name) {
  const db = clients[actor];
  const token = tokens[actor]?.access_token ?? settings.anonJwt;
  const me = own[actor] ?? victim;
  const call = (method, path, { headers, body } = {}) => get(url + path, { method, body,
    headers: { apikey: key, authorization: `Bearer ${token}`, ...headers } });
  const answer = await (attempts[name] ?? deeds[name])(
    { db, files: db.storage, auth: db.auth, me, token, call });
  const { error, data, count } = answer;
  const raw = error?.originalError ?? error;
  const rows = data instanceof Blob ? ["a file"] : data;
  return {
    refused: Boolean(error),
    status: Number(error?.statusCode ?? error?.status ?? answer.status ?? raw?.status ?? 0),
    http: answer.status ?? error?.status ?? null,
    code: error?.code ?? null,
    hint: error?.hint ?? null,
    message: error?.message ?? null,
    data: rows ?? null,
    count: count ?? null,
  };
}

if (isListing) {
  console.log(JSON.stringify(Object.keys(attempts)));
  process.exit(0);
}
for await (const line of lines) {
  const { actors, name } = JSON.parse(line);
  const answers = await Promise.all(actors.map((actor) => attack(actor, name).catch(
    (error) => ({ crashed: String(error?.stack ?? error) }))));
  const seen = Object.fromEntries(actors.map((actor, index) => [actor, answers[index]]));
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}
process.exit(0);
