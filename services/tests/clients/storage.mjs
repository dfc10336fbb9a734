// The storage scenario by supabase-js; `test_storage_clients.py` runs the same by supabase-py.
// Reads its settings as JSON from stdin, prints its observations as JSON.

import { readFileSync } from "node:fs";
import { createClient } from "@supabase/supabase-js";

const settings = JSON.parse(readFileSync(0, "utf8"));
const { url, key, secretKey, bucket, other, tokens, ids } = settings;

const client = (apiKey, token) =>
  createClient(url, apiKey, {
    auth: { persistSession: false, autoRefreshToken: false },
    ...(token ? { global: { headers: { Authorization: `Bearer ${token}` } } } : {}),
  }).storage;
const must = ({ data, error }) => {
  if (error) throw error;
  return data;
};
const refused = ({ error }) => (error ? [error.statusCode, error.message] : null);
const text = async (response) => (await must(response)).text();
const fetched = async (address) => {
  const response = await fetch(address);
  return {
    status: response.status,
    body: response.ok ? await response.text() : null,
    disposition: response.headers.get("content-disposition"),
  };
};

const seen = {};
const admin = client(secretKey);
const owner = client(key, tokens.owner);
const stranger = client(key, tokens.stranger);
const anonymous = client(key);
const files = owner.from(bucket);
const folder = `${ids.owner}/trip`;
const plain = { contentType: "text/plain" };

seen.create_bucket = must(
  await admin.createBucket(other, {
    public: true,
    fileSizeLimit: 1000,
    allowedMimeTypes: ["text/*", "image/png"],
  }),
);
const made = must(await admin.getBucket(other));
seen.get_bucket = [made.public, made.file_size_limit, made.allowed_mime_types, made.owner];
seen.create_bucket_again = refused(await admin.createBucket(other, { public: true }));
seen.list_buckets = must(await admin.listBuckets()).filter(
  ({ id }) => id === bucket || id === other,
).length;
seen.list_buckets_by_user = must(await owner.listBuckets());
seen.create_bucket_by_user = refused(await owner.createBucket("mine", { public: true }));
seen.get_bucket_by_user = refused(await owner.getBucket(bucket));

const uploaded = must(
  await files.upload(`${folder}/a.txt`, Buffer.from("first"), {
    ...plain,
    cacheControl: "60",
    metadata: { scene: 1 },
  }),
);
seen.upload = [uploaded.path === `${folder}/a.txt`, uploaded.fullPath === `${bucket}/${folder}/a.txt`];
seen.upload_again = refused(await files.upload(`${folder}/a.txt`, Buffer.from("x"), plain));
seen.upload_upsert = Boolean(
  must(await files.upload(`${folder}/a.txt`, Buffer.from("second"), { ...plain, upsert: true })),
);
seen.upload_form = Boolean(
  must(await files.upload(`${folder}/b.txt`, new Blob(["from a form"], { type: "text/plain" }))),
);
seen.upload_to_stranger = refused(
  await files.upload(`${ids.stranger}/x.txt`, Buffer.from("x"), plain),
);
seen.upload_type = refused(
  await files.upload(`${folder}/x.exe`, Buffer.from("x"), { contentType: "application/x-exe" }),
);
seen.upload_size = refused(
  await files.upload(`${folder}/large.txt`, Buffer.alloc(100_001), plain),
);
seen.upload_key = refused(await files.upload(`${folder}/é.txt`, Buffer.from("x"), plain));
seen.upload_no_bucket = refused(await owner.from("none").upload("x", Buffer.from("x"), plain));

seen.download = await text(await files.download(`${folder}/a.txt`));
seen.download_form = await text(await files.download(`${folder}/b.txt`));
seen.download_missing = refused(await files.download(`${folder}/none.txt`));
seen.download_by_stranger = refused(await stranger.from(bucket).download(`${folder}/a.txt`));
seen.download_by_anonymous = refused(await anonymous.from(bucket).download(`${folder}/a.txt`));

seen.update = Boolean(must(await files.update(`${folder}/a.txt`, Buffer.from("third"), plain)));
seen.updated = await text(await files.download(`${folder}/a.txt`));
must(
  await files.upload(`${folder}/c.txt`, Buffer.from("described"), {
    ...plain,
    cacheControl: "60",
    metadata: { scene: 2 },
  }),
);
const info = must(await files.info(`${folder}/c.txt`));
seen.info = [info.size, info.contentType, info.cacheControl, info.metadata.scene];
seen.exists = (await files.exists(`${folder}/a.txt`)).data;
seen.exists_missing = (await files.exists(`${folder}/none.txt`)).data;
seen.exists_for_stranger = (await stranger.from(bucket).exists(`${folder}/a.txt`)).data;

must(await files.upload(`${folder}/sub/d.txt`, Buffer.from("deep"), plain));
const entries = (list) => list.map(({ name, id }) => [name, id !== null]);
seen.list = entries(must(await files.list(folder)));
seen.list_sorted = entries(
  must(
    await files.list(folder, {
      limit: 2,
      offset: 1,
      sortBy: { column: "name", order: "desc" },
    }),
  ),
);
seen.list_search = entries(must(await files.list(folder, { search: "b" })));
seen.list_by_stranger = must(await stranger.from(bucket).list(folder));
const page = must(await files.listV2({ prefix: `${folder}/`, with_delimiter: true, limit: 3 }));
const rest = must(
  await files.listV2({
    prefix: `${folder}/`,
    with_delimiter: true,
    limit: 3,
    cursor: page.nextCursor,
  }),
);
seen.list_v2 = [
  page.hasNext,
  page.objects.length,
  rest.hasNext,
  rest.folders.map(({ name }) => name === `${folder}/sub/`),
];

const signed = must(await files.createSignedUrl(`${folder}/a.txt`, 60, { download: "my file.txt" }));
seen.signed = await fetched(signed.signedUrl);
seen.signed_missing = refused(await files.createSignedUrl(`${folder}/none.txt`, 60));
seen.signed_by_stranger = refused(
  await stranger.from(bucket).createSignedUrl(`${folder}/a.txt`, 60),
);
const many = must(await files.createSignedUrls([`${folder}/a.txt`, `${folder}/none.txt`], 60));
seen.signed_many = [(await fetched(many[0].signedUrl)).body, many[1].signedUrl, many[1].error];

const upload = must(await files.createSignedUploadUrl(`${folder}/late.txt`));
seen.signed_upload = Boolean(
  must(
    await anonymous
      .from(bucket)
      .uploadToSignedUrl(`${folder}/late.txt`, upload.token, Buffer.from("late"), plain),
  ),
);
seen.signed_upload_again = refused(
  await anonymous
    .from(bucket)
    .uploadToSignedUrl(`${folder}/late.txt`, upload.token, Buffer.from("again"), plain),
);
seen.signed_uploaded = await text(await files.download(`${folder}/late.txt`));
seen.signed_upload_to_stranger = refused(
  await files.createSignedUploadUrl(`${ids.stranger}/x.txt`),
);

seen.move = must(await files.move(`${folder}/late.txt`, `${folder}/moved.txt`)).message;
seen.moved = await text(await files.download(`${folder}/moved.txt`));
seen.move_missing = refused(await files.move(`${folder}/late.txt`, `${folder}/x.txt`));
seen.move_onto = refused(await files.move(`${folder}/moved.txt`, `${folder}/a.txt`));
seen.copy = Boolean(must(await files.copy(`${folder}/moved.txt`, `${folder}/copied.txt`)));
seen.copied = await text(await files.download(`${folder}/copied.txt`));
seen.copy_to_stranger = refused(
  await files.copy(`${folder}/moved.txt`, `${ids.stranger}/copied.txt`),
);

const shared = admin.from(other);
must(await shared.upload("hello world.txt", Buffer.from("hello"), plain));
seen.public = await fetched(shared.getPublicUrl("hello world.txt", { download: true }).data.publicUrl);
seen.public_of_private = (
  await fetched(files.getPublicUrl(`${folder}/a.txt`).data.publicUrl)
).status;
seen.delete_bucket_with_files = refused(await admin.deleteBucket(other));
seen.update_bucket = must(await admin.updateBucket(other, { public: false })).message;
seen.no_longer_public = (
  await fetched(shared.getPublicUrl("hello world.txt").data.publicUrl)
).status;
seen.empty_bucket = must(await admin.emptyBucket(other)).message;
seen.delete_bucket = must(await admin.deleteBucket(other)).message;
seen.get_deleted_bucket = refused(await admin.getBucket(other));

seen.remove_by_stranger = must(await stranger.from(bucket).remove([`${folder}/a.txt`]));
seen.remove = must(
  await files.remove([`${folder}/a.txt`, `${folder}/b.txt`, `${folder}/none.txt`]),
)
  .map(({ name }) => name.slice(folder.length))
  .sort();
seen.removed = refused(await files.download(`${folder}/a.txt`));

console.log(JSON.stringify(seen));
