// The gateway scenario by supabase-js; `test_gateway_clients.py` runs the same by supabase-py.
// Reads its settings as JSON from stdin, prints its observations as JSON.

import { readFileSync } from "node:fs";
import { createClient } from "@supabase/supabase-js";

const settings = JSON.parse(readFileSync(0, "utf8"));
const { url, key, secretKey, table, rpc, email, otherEmail, password } = settings;
const options = { auth: { persistSession: false, autoRefreshToken: false } };

const failure = (error) => ({ status: error.status ?? null, code: error.code ?? null });
const must = ({ data, error }) => {
  if (error) throw error;
  return data;
};

const seen = {};
const user = createClient(url, key, options);
const admin = createClient(url, secretKey, options);

const signedUp = must(
  await user.auth.signUp({ email, password, options: { data: { full_name: "Ada" } } }),
);
seen.sign_up = {
  has_session: Boolean(signedUp.session?.access_token),
  email: signedUp.user.email,
  full_name: signedUp.user.user_metadata.full_name,
  provider: signedUp.user.app_metadata.provider,
  role: signedUp.user.role,
  is_confirmed: Boolean(signedUp.user.email_confirmed_at),
  identities: signedUp.user.identities.map((identity) => identity.provider),
  is_anonymous: signedUp.user.is_anonymous,
};
const userId = signedUp.user.id;

const stranger = createClient(url, key, options);
seen.sign_up_again = failure((await stranger.auth.signUp({ email, password })).error);
const weak = (await stranger.auth.signUp({ email: otherEmail, password: "short" })).error;
seen.sign_up_weak = { ...failure(weak), reasons: weak.reasons };
seen.sign_in_wrong = failure(
  (await stranger.auth.signInWithPassword({ email, password: "wrong password" })).error,
);

const signedIn = must(await user.auth.signInWithPassword({ email: email.toUpperCase(), password }));
seen.sign_in = { same_user: signedIn.user.id === userId, expires_in: signedIn.session.expires_in };
seen.get_user = must(await user.auth.getUser()).user.email;

const refreshed = must(await user.auth.refreshSession());
seen.refresh = {
  same_user: refreshed.user.id === userId,
  rotated: refreshed.session.refresh_token !== signedIn.session.refresh_token,
};

const updated = must(await user.auth.updateUser({ data: { full_name: "Grace", city: "Bern" } }));
seen.update_user = {
  full_name: updated.user.user_metadata.full_name,
  city: updated.user.user_metadata.city,
};
const claims = must(await user.auth.getClaims()).claims;
seen.claims = {
  sub: claims.sub === userId,
  role: claims.role,
  aud: claims.aud,
  iss: claims.iss === `${url}/auth/v1`,
  aal: claims.aal,
  amr: claims.amr.map((each) => each.method),
};

const row = must(await user.from(table).insert({ body: "first" }).select().single());
seen.insert = { body: row.body, owned: row.user_id === userId };
const forged = await user.from(table).insert({ body: "x", user_id: settings.strangerId });
seen.insert_for_stranger = forged.error.code;
seen.select = must(await user.from(table).select("body")).map((each) => each.body);
const counted = await user.from(table).select("*", { count: "exact", head: true });
seen.count = counted.count;
seen.update = must(
  await user.from(table).update({ body: "second" }).eq("id", row.id).select(),
).map((each) => each.body);
seen.rpc = must(await user.rpc(rpc, { p_text: "a&b=c d%ü" }));
seen.anon_select = must(await stranger.from(table).select("body"));
seen.service_select = must(
  await admin.from(table).select("body").eq("user_id", userId),
).map((each) => each.body);
seen.delete = must(await user.from(table).delete().eq("id", row.id).select()).length;

const oldToken = refreshed.session.access_token;
const signedOut = await user.auth.signOut();
seen.sign_out = signedOut.error === null;
seen.session_after_sign_out = (await user.auth.getSession()).data.session === null;
seen.old_token_refused = (await user.auth.getUser(oldToken)).error !== null;

const created = must(
  await admin.auth.admin.createUser({
    email: otherEmail,
    password,
    email_confirm: true,
    user_metadata: { full_name: "Emmy" },
    app_metadata: { tier: "pro" },
  }),
).user;
seen.admin_create = {
  full_name: created.user_metadata.full_name,
  tier: created.app_metadata.tier,
  provider: created.app_metadata.provider,
};
const listed = must(await admin.auth.admin.listUsers({ page: 1, perPage: 1000 })).users;
seen.admin_list = listed.filter((each) => [userId, created.id].includes(each.id)).length;
seen.admin_get = must(await admin.auth.admin.getUserById(created.id)).user.email;
const changed = must(
  await admin.auth.admin.updateUserById(created.id, {
    app_metadata: { tier: "free" },
    user_metadata: { city: "Ulm" },
    password: `${password}2`,
  }),
).user;
seen.admin_update = {
  tier: changed.app_metadata.tier,
  full_name: changed.user_metadata.full_name,
  city: changed.user_metadata.city,
};
const second = must(
  await stranger.auth.signInWithPassword({ email: otherEmail, password: `${password}2` }),
);
seen.admin_sign_in = second.user.id === created.id;
seen.admin_by_user = failure((await stranger.auth.admin.getUserById(userId)).error);
must(await admin.auth.admin.deleteUser(created.id));
seen.admin_get_deleted = failure((await admin.auth.admin.getUserById(created.id)).error);

const guest = createClient(url, key, options);
const anonymous = must(await guest.auth.signInAnonymously({ options: { data: { guest: true } } }));
seen.anonymous = {
  is_anonymous: anonymous.user.is_anonymous,
  guest: anonymous.user.user_metadata.guest,
};
must(await admin.auth.admin.deleteUser(anonymous.user.id));
must(await admin.auth.admin.deleteUser(userId));

console.log(JSON.stringify(seen));
process.exit(0);
