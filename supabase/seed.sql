-- Demo data for a development database: three people who have worked with Reelbase for a while.
-- Never part of `supabase db push`, unless asked for with --include-seed.
--
-- Sign in as any of them with the password `reelbase-demo`:
--   ada@example.com  free: a harbour in every kind of job, and jobs in all nine states
--   bo@example.com   creator: a campaign for a coffee bar
--   cem@example.com  pro: mountains
--
-- All of it or nothing: where one of the three exists, by id or by address, nothing is done. So the
-- file may be applied again, also after they have worked, renamed and deleted what is theirs. Ids
-- are fixed: 0a0a0a0a-… is Ada's, 0b0b0b0b-… Bo's, 0c0c0c0c-… Cem's.
--
-- The past is told from the moment of seeding backwards. The books are not: nobody writes the
-- ledger, a payment's success or an account's history back, this file neither, so they begin today.
-- Jobs go through their states as in life; triggers price, charge, settle, refund and record them.
--
-- Those that run are held for a week by a dispatcher named `demo`, which does not exist: as long, a
-- front end has every state to show. Then whichever worker runs takes them over and finishes them.
-- One job waits for nobody: the first worker that is started speaks it.
--
-- The files of the results lie in seed_files/{bucket}, at their paths; they were drawn and spoken
-- by the local provider's renderer, and made small. `supabase start`, `supabase seed buckets` and
-- the embedded stack put them into storage.

do $seed$
declare
  v_ada constant uuid := '0a0a0a0a-0000-4000-8000-000000000001';
  v_bo constant uuid := '0b0b0b0b-0000-4000-8000-000000000001';
  v_cem constant uuid := '0c0c0c0c-0000-4000-8000-000000000001';
  v_people constant uuid[] := array[v_ada, v_bo, v_cem];
  v_now constant timestamptz := now();
  v_harbour constant uuid := '0a0a0a0a-0000-4000-8000-000000000003';
  v_job record;
  v_status public.job_status;
  v_lease uuid;
  v_result worker.call_result;
begin
  if exists (
    select from auth.users
    where id = any(v_people)
      or lower(email) in ('ada@example.com', 'bo@example.com', 'cem@example.com')
  ) then
    raise notice 'Nothing is seeded: the people of the demo are there.';
    return;
  end if;

  -- -------------------------------------------------------------------------------------------
  -- People
  -- -------------------------------------------------------------------------------------------

  insert into auth.users (
    instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
    raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token, email_change,
    email_change_token_new
  )
  select
    '00000000-0000-0000-0000-000000000000', person.id, 'authenticated', 'authenticated',
    lower(person.first_name) || '@example.com',
    extensions.crypt('reelbase-demo', extensions.gen_salt('bf')), person.since,
    '{"provider": "email", "providers": ["email"]}',
    jsonb_build_object(
      'username', person.username, 'full_name', person.first_name || ' ' || person.last_name,
      'first_name', person.first_name, 'last_name', person.last_name
    ),
    person.since, person.since, '', '', '', ''
  from (
    values
    (v_ada, 'ada', 'Ada', 'Harbour', v_now - interval '40 days'),
    (v_bo, 'bo.coffee', 'Bo', 'Copper', v_now - interval '75 days'),
    (v_cem, 'cem', 'Cem', 'Dağ', v_now - interval '60 days')
  ) as person (id, username, first_name, last_name, since);

  insert into auth.identities (
    id, user_id, provider, provider_id, identity_data, created_at, updated_at
  )
  select
    replace(users.id::text, '00001', '00002')::uuid, users.id, 'email', users.id::text,
    jsonb_build_object('sub', users.id, 'email', users.email), users.created_at, users.created_at
  from auth.users
  where users.id = any(v_people);

  update public.profiles set created_at = users.created_at
  from auth.users
  where users.id = profiles.user_id and profiles.user_id = any(v_people);

  update public.user_preferences
  set default_kind = 'text_to_video', default_model_id = 'local-animatic', default_mode = 'fast',
      default_aspect_ratio = '16:9', default_resolution = '480p', default_duration_seconds = 6,
      notification_settings = '{"email": {"job_completed": true, "job_failed": true}}',
      ui_settings = '{"theme": "dark", "gallery": "masonry"}'
  where user_id = v_ada;
  update public.user_preferences
  set default_kind = 'text_to_video', default_aspect_ratio = '9:16', default_resolution = '480p',
      notification_settings = '{"email": {"job_completed": false, "job_failed": true}}',
      ui_settings = '{"theme": "light"}'
  where user_id = v_bo;

  -- -------------------------------------------------------------------------------------------
  -- Money
  -- -------------------------------------------------------------------------------------------

  -- Opened by hand, and not by worker.start_subscription and worker.open_payment, for the sake of ids
  -- and times; so opened, they are nothing yet. What becomes of them is billing's to say.
  insert into public.subscriptions (
    id, user_id, tier, provider, provider_reference, status, current_period_started_at,
    current_period_ends_at, ended_at, created_at
  )
  select
    demo.id, demo.user_id, demo.tier::public.subscription_tier, 'sandbox', demo.reference, 'ended',
    v_now - demo.began, v_now - demo.began + interval '30 days', v_now, v_now - demo.ago
  from (
    values
    (
      '0a0a0a0a-0000-4000-8000-000000006001'::uuid, v_ada, 'starter', 'sub_demo_ada',
      interval '38 days', interval '38 days'
    ),
    (
      '0b0b0b0b-0000-4000-8000-000000006001', v_bo, 'creator', 'sub_demo_bo',
      interval '12 days', interval '72 days'
    ),
    (
      '0c0c0c0c-0000-4000-8000-000000006001', v_cem, 'pro', 'sub_demo_cem',
      interval '25 days', interval '55 days'
    )
  ) as demo (id, user_id, tier, reference, began, ago);

  insert into public.payments (
    id, user_id, package_id, tier, subscription_id, provider, method, amount_minor, currency,
    credits, provider_reference, idempotency_key, created_at, expires_at
  )
  select
    payment.id, payment.user_id, packages.id, payment.tier::public.subscription_tier,
    payment.subscription_id::uuid, 'sandbox', payment.method::public.payment_method,
    coalesce(packages.price_minor, plans.price_minor), coalesce(packages.currency, plans.currency),
    coalesce(packages.credits, plans.monthly_allowance), 'pay_demo_' || payment.reference,
    'demo-' || payment.reference, v_now - payment.ago, v_now - payment.ago + interval '1 day'
  from (
    values
    (
      '0a0a0a0a-0000-4000-8000-000000006101'::uuid, v_ada, 'usd-starter', null, null,
      'card', 'ada_1', interval '10 days'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000006102', v_ada, 'thb-popular', null, null,
      'promptpay', 'ada_2', interval '2 days'
    ),
    (
      '0b0b0b0b-0000-4000-8000-000000006101', v_bo, null, 'creator',
      '0b0b0b0b-0000-4000-8000-000000006001', 'card', 'bo_1', interval '12 days'
    ),
    (
      '0c0c0c0c-0000-4000-8000-000000006101', v_cem, null, 'pro',
      '0c0c0c0c-0000-4000-8000-000000006001', 'card', 'cem_1', interval '25 days'
    ),
    (
      '0c0c0c0c-0000-4000-8000-000000006102', v_cem, 'usd-creator', null, null,
      'card', 'cem_2', interval '3 days'
    )
  ) as payment (id, user_id, package, tier, subscription_id, method, reference, ago)
  left join public.credit_packages as packages on packages.slug = payment.package
  left join public.subscription_plans as plans on plans.tier::text = payment.tier;

  -- Ada tried a plan for a month; the others' current month takes a payment.
  perform worker.start_subscription(
    v_ada, 'starter', v_now - interval '38 days', v_now - interval '8 days', 'sandbox',
    'sub_demo_ada', p_is_trial => true
  );
  perform worker.cancel_subscription(
    '0a0a0a0a-0000-4000-8000-000000006001', v_now - interval '20 days'
  );
  perform worker.end_subscription(
    '0a0a0a0a-0000-4000-8000-000000006001', v_now - interval '8 days'
  );
  perform worker.start_subscription(
    v_bo, 'creator', v_now - interval '12 days', v_now + interval '18 days', 'sandbox',
    'sub_demo_bo', '0b0b0b0b-0000-4000-8000-000000006101'
  );
  perform worker.start_subscription(
    v_cem, 'pro', v_now - interval '25 days', v_now + interval '5 days', 'sandbox',
    'sub_demo_cem', '0c0c0c0c-0000-4000-8000-000000006101'
  );
  perform worker.cancel_subscription(
    '0c0c0c0c-0000-4000-8000-000000006001', v_now - interval '2 days'
  );

  perform
    worker.settle_payment(
      payments.id, payments.amount_minor, payments.currency,
      p_receipt_url => 'https://example.com/receipts/' || payments.id
    )
  from public.payments
  where payments.user_id = any(v_people) and payments.provider_reference in (
    'pay_demo_ada_1', 'pay_demo_bo_1', 'pay_demo_cem_1'
  );
  perform worker.fail_payment('0a0a0a0a-0000-4000-8000-000000006102', p_has_expired => true);
  perform worker.fail_payment('0c0c0c0c-0000-4000-8000-000000006102', 'The card was declined.');

  -- -------------------------------------------------------------------------------------------
  -- Projects. Made in their owners' names, so that the activity log has something to tell.
  -- -------------------------------------------------------------------------------------------

  perform set_config(
    'request.headers',
    '{"x-forwarded-for": "203.0.113.7", "user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}', true
  );
  perform set_config(
    'request.jwt.claims', json_build_object('sub', v_ada, 'role', 'authenticated')::text, true
  );
  insert into public.projects (id, user_id, name, description, show_prompts, created_at)
  values
  (
    v_harbour, v_ada, 'Harbour film', 'A minute about the harbour at dawn.', false,
    v_now - interval '30 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000000101', v_ada, 'Tea house',
    'Stills for the menu. Whoever has the link may see them.', false, v_now - interval '21 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000000102', v_ada, 'Night city',
    'Everybody may see these, prompts included.', true, v_now - interval '14 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000000103', v_ada, 'First tries', 'Not for keeping.', false,
    v_now - interval '39 days'
  );
  update public.projects
  set share_token = '7ea0000000000000000000000000000000000000000000000000000000demo42'
  where id = '0a0a0a0a-0000-4000-8000-000000000101';
  update public.projects set is_public = true
  where id = '0a0a0a0a-0000-4000-8000-000000000102';
  perform public.log_activity('studio.opened', '{"from": "seed"}');

  perform set_config(
    'request.jwt.claims', json_build_object('sub', v_bo, 'role', 'authenticated')::text, true
  );
  insert into public.projects (id, user_id, name, description, show_prompts, created_at)
  values (
    '0b0b0b0b-0000-4000-8000-000000000101', v_bo, 'Copper & Crema', 'Short films for the window.',
    true, v_now - interval '50 days'
  );
  update public.projects set is_public = true
  where id = '0b0b0b0b-0000-4000-8000-000000000101';

  perform set_config(
    'request.jwt.claims', json_build_object('sub', v_cem, 'role', 'authenticated')::text, true
  );
  insert into public.projects (id, user_id, name, description, created_at)
  values (
    '0c0c0c0c-0000-4000-8000-000000000101', v_cem, 'North face', 'Trailer of an expedition.',
    v_now - interval '33 days'
  );
  perform set_config('request.jwt.claims', '', true);
  perform set_config('request.headers', '', true);

  -- -------------------------------------------------------------------------------------------
  -- What was uploaded
  -- -------------------------------------------------------------------------------------------

  insert into public.assets (
    id, user_id, project_id, kind, bucket, storage_path, mime_type, size_bytes, sha256, width,
    height, duration_ms, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000002021', v_ada, v_harbour, 'image', 'reference-images',
    v_ada || '/0a0a0a0a-0000-4000-8000-000000007001/harbour-master-front.jpg', 'image/jpeg', 23873,
    'd19c7b41d415d9f58cd058a8d864c902c26a2b67f94b84fc53c969987b1c79e8', 854, 480, null,
    v_now - interval '13 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000002022', v_ada, v_harbour, 'image', 'reference-images',
    v_ada || '/0a0a0a0a-0000-4000-8000-000000007002/harbour-master-side.jpg', 'image/jpeg', 28102,
    'ebe5fab7e64512bd5e6b71d456b95fcf2e19ea54144f9c3d133a295244bddf97', 854, 480, null,
    v_now - interval '13 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000002023', v_ada, v_harbour, 'video', 'raw-videos',
    v_ada || '/0a0a0a0a-0000-4000-8000-000000007003/harbour-master-slides.mp4', 'video/mp4', 38052,
    'c15f0bdd9ade404f25b642059628aa6fed34225ef9c3407b67c2d21ca0acf6a5', 854, 480, 3040,
    v_now - interval '12 days'
  );
  insert into public.video_source_images (
    video_id, position, image_id, user_id, duration_ms, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000002023', 0, '0a0a0a0a-0000-4000-8000-000000002021', v_ada, 1500,
    v_now - interval '12 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000002023', 1, '0a0a0a0a-0000-4000-8000-000000002022', v_ada, 1500,
    v_now - interval '12 days'
  );

  insert into public.characters (
    id, user_id, project_id, name, description, visual_prompt, art_style, created_at
  )
  values (
    '0a0a0a0a-0000-4000-8000-000000005601', v_ada, v_harbour, 'The harbour master',
    'Knows every boat by its engine.', 'An old man in an oilskin coat, white beard, calm eyes.',
    'cinematic', v_now - interval '12 days'
  );
  insert into public.character_reference_images (
    character_id, asset_id, user_id, position, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005601', '0a0a0a0a-0000-4000-8000-000000002021', v_ada, 0,
    v_now - interval '12 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005601', '0a0a0a0a-0000-4000-8000-000000002022', v_ada, 1,
    v_now - interval '12 days'
  );

  -- -------------------------------------------------------------------------------------------
  -- Campaigns
  -- -------------------------------------------------------------------------------------------

  insert into public.brand_guidelines (
    id, user_id, brand_name, values, tone_of_voice, visual_style, do_list, dont_list,
    color_palette, fonts, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000003101', v_ada, 'Harbour Trust',
    array['open to everybody', 'old craft, new hands'], array['calm', 'plain', 'warm'],
    'Wide frames, low sun, people at work.', array['show faces', 'name the boats'],
    array['no drones', 'no sunsets without people'], array['#0b2545', '#8da9c4', '#f4a261'],
    'Noto Sans', v_now - interval '28 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000003101', v_bo, 'Copper & Crema',
    array['slow', 'generous'], array['friendly', 'a little dry'],
    'Close, warm, shallow depth of field.', array['steam', 'hands', 'copper'],
    array['no stock latte art', 'no discounts on screen'], array['#b87333', '#2b1d14', '#f3e9dc'],
    'Noto Serif', v_now - interval '49 days'
  );

  -- The videos of those that are over were made before this story begins.
  insert into public.campaigns (
    id, user_id, brand_guidelines_id, name, description, target_audience, platform, status,
    total_videos, completed_videos, concepts, created_at, completed_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000003001', v_ada, '0a0a0a0a-0000-4000-8000-000000003101',
    'Open harbour day', 'Four short films that lead up to the day.', 'Families within an hour',
    array['instagram', 'youtube'], 'active', 4, 0,
    '[
      {"title": "Dawn", "description": "The boats before the town wakes.", "length": 3},
      {"title": "Nets", "description": "Hands that mend."},
      {"title": "The harbour master", "description": "A portrait."},
      {"title": "Come aboard"}
    ]',
    v_now - interval '27 days', null
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000003002', v_ada, '0a0a0a0a-0000-4000-8000-000000003101',
    'Winter storage', null, null, array['instagram'], 'draft', 2, 0, '[]',
    v_now - interval '3 days', null
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000003001', v_bo, '0b0b0b0b-0000-4000-8000-000000003101',
    'Autumn, slowly', 'Three films of three seconds.', 'Neighbours', array['tiktok', 'instagram'],
    'active', 3, 0, '[{"title": "Steam"}, {"title": "Crema"}, {"title": "Rain outside"}]',
    v_now - interval '18 days', null
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000003002', v_bo, '0b0b0b0b-0000-4000-8000-000000003101',
    'Opening week', 'One film a day.', 'Neighbours', array['instagram'], 'completed', 7, 7, '[]',
    v_now - interval '48 days', v_now - interval '41 days'
  ),
  (
    '0c0c0c0c-0000-4000-8000-000000003001', v_cem, null, 'Base camp diaries', null, 'Climbers',
    array['youtube'], 'archived', 10, 6, '[]', v_now - interval '58 days',
    v_now - interval '40 days'
  );

  insert into public.storyboard_sequences (
    id, user_id, campaign_id, character_id, name, frames, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000003201', v_ada, '0a0a0a0a-0000-4000-8000-000000003001',
    '0a0a0a0a-0000-4000-8000-000000005601', 'Dawn',
    '[
      {"description": "Wide: masts against the first light.", "duration": 1.2, "camera": "static"},
      {"description": "Close: a rope, wet, pulled tight.", "duration": 0.8},
      {"description": "The harbour master looks out and nods.", "duration": 1}
    ]',
    v_now - interval '11 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000003201', v_bo, '0b0b0b0b-0000-4000-8000-000000003001', null,
    'Steam',
    '[
      {"description": "A cup on copper.", "duration": 1.5},
      {"description": "Steam; rain on the window behind.", "duration": 1.5}
    ]',
    v_now - interval '17 days'
  );

  -- -------------------------------------------------------------------------------------------
  -- Jobs: what was wished for. Queued ones are priced and charged here, drafts are not.
  -- The local models are named: whatever the catalogue offers first, this must cost nobody money.
  -- -------------------------------------------------------------------------------------------

  perform set_config(
    'request.jwt.claims', json_build_object('sub', v_ada, 'role', 'authenticated')::text, true
  );
  insert into public.generation_jobs (
    id, user_id, project_id, campaign_id, storyboard_id, kind, model_id, mode, prompt,
    negative_prompt, audio_instructions, art_style, aspect_ratio, resolution, duration_seconds,
    status, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000001001', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000003001', '0a0a0a0a-0000-4000-8000-000000003201',
    'text_to_video', 'local-animatic', 'standard',
    'Dawn over a quiet harbour.', 'people', 'Gulls, far away.',
    'cinematic', '16:9', '480p', 3, 'queued', v_now - interval '9 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001006', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000003001', null,
    'text_to_video', 'local-animatic', 'standard',
    'Nets. Hands that mend them, without looking.', null, null,
    'cinematic', '16:9', '720p', 6, 'pending', v_now - interval '20 hours'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001010', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000003001', null,
    'text_to_video', 'local-animatic', 'fast',
    'The harbour master at the window. He nods.', null, null,
    'cinematic', '16:9', '480p', 4, 'queued', v_now - interval '4 minutes'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001013', v_ada, v_harbour, null, null,
    'text_to_video', 'local-animatic', 'standard',
    'A storm over the harbour, much too dramatic.', null, null,
    null, '21:9', '480p', 8, 'queued', v_now - interval '2 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001015', v_ada, '0a0a0a0a-0000-4000-8000-000000000103',
    null, null,
    'text_to_video', 'local-animatic', 'draft',
    'test', null, null,
    null, '16:9', '480p', 3, 'queued', v_now - interval '39 days'
  );
  insert into public.generation_jobs (
    id, user_id, project_id, kind, model_id, mode, prompt, art_style, aspect_ratio, resolution,
    output_count, parameters, status, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000001002', v_ada, v_harbour,
    'text_to_image', 'local-still', 'standard',
    'A lighthouse at dusk, waves against the rocks.', 'cinematic', '16:9', '480p', 3,
    '{"seed": 0}', 'queued', v_now - interval '8 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001004', v_ada, '0a0a0a0a-0000-4000-8000-000000000101',
    'text_to_image', 'local-still', 'fast',
    'A tea house in the snow.', null, '1:1', '480p', 1, '{}', 'queued', v_now - interval '5 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001005', v_ada, '0a0a0a0a-0000-4000-8000-000000000102',
    'text_to_image', 'local-still', 'standard',
    'Night market in the rain, neon on wet stone.', null, '9:16', '480p', 1,
    '{}', 'queued', v_now - interval '4 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001008', v_ada, '0a0a0a0a-0000-4000-8000-000000000102',
    'text_to_image', 'local-still', 'fast',
    'A tram at midnight, nobody in it.', null, '9:16', '480p', 2,
    '{"seed": 7}', 'queued', v_now - interval '50 minutes'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001009', v_ada, null,
    'text_to_image', 'local-still', 'standard',
    'A crane at the quay, seen from below.', null, '4:5', '480p', 1,
    '{}', 'queued', v_now - interval '2 minutes'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001011', v_ada, '0a0a0a0a-0000-4000-8000-000000000101',
    'text_to_image', 'local-still', 'standard',
    'Steam over a cast-iron kettle.', null, '1:1', '480p', 4,
    '{}', 'queued', v_now - interval '6 minutes'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001014', v_ada, null,
    'text_to_image', 'local-still', 'draft',
    'A postcard that nobody waited for.', null, '4:3', '480p', 1,
    '{}', 'queued', v_now - interval '6 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001016', v_ada, v_harbour,
    'text_to_image', 'local-still', 'standard',
    'Something about boats', null, '16:9', '480p', 1,
    '{"seed": 3}', 'queued', v_now - interval '7 days'
  );
  insert into public.generation_jobs (
    id, user_id, project_id, parent_job_id, kind, model_id, mode, prompt, parameters, status,
    created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000001003', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000001001', 'voiceover', 'local-voice', 'standard',
    'Every morning, before the town wakes, the boats go out.', '{}', 'queued',
    v_now - interval '8 days' + interval '1 hour'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001012', v_ada, v_harbour, null,
    'voiceover', 'local-voice', 'standard',
    'Come aboard on Sunday.', '{"voice": "nobody"}', 'queued', v_now - interval '3 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001007', v_ada, v_harbour, null,
    'voiceover', 'local-voice', 'fast',
    'Come aboard on Sunday.', '{}', 'queued', v_now - interval '1 minute'
  );
  insert into public.generation_jobs (
    id, user_id, project_id, kind, model_id, mode, prompt, art_style, aspect_ratio, resolution,
    parameters, status, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000001017', v_ada, v_harbour,
    'image_to_video', 'local-slideshow', 'draft',
    'The harbour master, from the front and from the side.', 'cinematic', '16:9', '480p',
    '{"durations": [1.5, 1.5], "transition": "fade", "voice": "none"}', 'queued',
    v_now - interval '12 days' + interval '1 hour'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001018', v_ada, v_harbour,
    'video_edit', 'local-autocut', 'fast', 'Without the pauses.', null, null, null,
    '{"min_silence_seconds": 0.3}', 'queued', v_now - interval '9 days' + interval '1 hour'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001019', v_ada, v_harbour,
    'character', 'local-character', 'fast',
    'An old man in an oilskin coat, white beard, calm eyes.', 'cinematic', null, '480p',
    '{"character_id": "0a0a0a0a-0000-4000-8000-000000005601"}', 'queued',
    v_now - interval '12 days' + interval '2 hours'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001020', v_ada, v_harbour,
    'concept', 'local-text', 'fast', 'A minute about the harbour at dawn', null, null, null,
    '{"tone": "calm", "goal": "People come on Sunday."}', 'queued', v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001021', v_ada, v_harbour,
    'web_research', 'local-text', 'draft', 'When do small fishing boats leave port?', null, null,
    null, '{}', 'queued', v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001022', v_ada, v_harbour,
    'content_summary', 'local-text', 'draft', 'One line, for a caption.', null, null, null,
    jsonb_build_object(
      'content',
      'The Open Harbour Day takes place for the twelfth time. Eleven boats take visitors aboard, '
      'the net loft is open, the harbour master tells of the winter storms, and there is soup.',
      'sentences', 1
    ),
    'queued', v_now - interval '26 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000001023', v_ada, v_harbour,
    'video_segmentation', 'local-text', 'draft', 'Cut it into three.', 'cinematic', null, null,
    '{"segments": 3}', 'queued', v_now - interval '29 days' + interval '4 minutes'
  );
  -- What they were made from; the film that is edited is tied to its job once it is there.
  insert into public.job_assets (job_id, asset_id, role, user_id, position, created_at)
  select jobs.id, images.asset_id, 'reference_image', v_ada, images.position, jobs.created_at
  from public.generation_jobs as jobs
  cross join public.character_reference_images as images
  where images.character_id = '0a0a0a0a-0000-4000-8000-000000005601'
    and jobs.id in (
      '0a0a0a0a-0000-4000-8000-000000001017', '0a0a0a0a-0000-4000-8000-000000001019'
    );

  perform set_config(
    'request.jwt.claims', json_build_object('sub', v_bo, 'role', 'authenticated')::text, true
  );
  insert into public.generation_jobs (
    id, user_id, project_id, campaign_id, storyboard_id, kind, model_id, mode, prompt, aspect_ratio,
    resolution, duration_seconds, parameters, status, created_at
  )
  values
  (
    '0b0b0b0b-0000-4000-8000-000000001001', v_bo, '0b0b0b0b-0000-4000-8000-000000000101',
    '0b0b0b0b-0000-4000-8000-000000003001', '0b0b0b0b-0000-4000-8000-000000003201',
    'text_to_video', 'local-animatic', 'standard',
    'Autumn. Coffee. Slowly.', '9:16', '480p', 3, '{}', 'queued',
    v_now - interval '15 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000001002', v_bo, '0b0b0b0b-0000-4000-8000-000000000101',
    null, null,
    'text_to_image', 'local-still', 'standard',
    'Nora pours coffee behind a copper counter.', '4:5', '480p', null,
    '{}', 'queued', v_now - interval '16 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000001003', v_bo, '0b0b0b0b-0000-4000-8000-000000000101',
    '0b0b0b0b-0000-4000-8000-000000003001', null,
    'text_to_video', 'local-animatic', 'standard',
    'Rain outside. Inside: crema.', '9:16', '480p', 5, '{}', 'queued',
    v_now - interval '9 minutes'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000001004', v_bo, '0b0b0b0b-0000-4000-8000-000000000101',
    '0b0b0b0b-0000-4000-8000-000000003001', null,
    'text_to_video', 'local-animatic', 'standard',
    'Beans. Beans. Beans.', '9:16', '480p', 3,
    '{"voice": "barista"}', 'queued', v_now - interval '11 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000001005', v_bo, null, null, null,
    'text_to_video', 'local-animatic', 'fast',
    'A film for the window, without a sound.', '9:16', '1080p', 12,
    '{"voice": "none"}', 'pending', v_now - interval '1 day'
  );

  perform set_config(
    'request.jwt.claims', json_build_object('sub', v_cem, 'role', 'authenticated')::text, true
  );
  insert into public.generation_jobs (
    id, user_id, project_id, kind, model_id, mode, prompt, aspect_ratio, resolution, status,
    created_at
  )
  values
  (
    '0c0c0c0c-0000-4000-8000-000000001001', v_cem, '0c0c0c0c-0000-4000-8000-000000000101',
    'text_to_image', 'local-still', 'standard',
    'The mountain, first light on the north face.', '21:9', '480p',
    'queued', v_now - interval '22 days'
  ),
  (
    '0c0c0c0c-0000-4000-8000-000000001002', v_cem, '0c0c0c0c-0000-4000-8000-000000000101',
    'voiceover', 'local-voice', 'standard',
    'Two thousand metres. One breath.', null, null,
    'queued', v_now - interval '22 days' + interval '10 minutes'
  ),
  (
    '0c0c0c0c-0000-4000-8000-000000001003', v_cem, '0c0c0c0c-0000-4000-8000-000000000101',
    'text_to_video', 'local-animatic', 'standard',
    'The wall, in one long take.', '21:9', '1080p',
    'queued', v_now - interval '13 days'
  );

  -- -------------------------------------------------------------------------------------------
  -- Jobs: what became of them. The states in order, and how long all of it took.
  -- -------------------------------------------------------------------------------------------

  for v_job in
    select jobs.*, life.states, life.took, life.reported, life.code, life.message
    from (
      values
      (
        '0a0a0a0a-0000-4000-8000-000000001015'::uuid, '{cancelled}'::public.job_status[],
        interval '20 seconds', null::integer, null, null
      ),
      (
        '0c0c0c0c-0000-4000-8000-000000001001', '{starting,processing,finalizing,completed}',
        interval '5 seconds', null, null, null
      ),
      (
        '0c0c0c0c-0000-4000-8000-000000001002', '{starting,processing,finalizing,completed}',
        interval '2 seconds', null, null, null
      ),
      (
        '0b0b0b0b-0000-4000-8000-000000001002', '{starting,processing,finalizing,completed}',
        interval '4 seconds', null, null, null
      ),
      (
        '0b0b0b0b-0000-4000-8000-000000001001', '{starting,processing,finalizing,completed}',
        interval '17 seconds', null, null, null
      ),
      (
        '0c0c0c0c-0000-4000-8000-000000001003', '{starting,processing,expired}',
        interval '1 hour', 12, null, null
      ),
      (
        '0b0b0b0b-0000-4000-8000-000000001004', '{starting,processing,failed}',
        interval '3 seconds', null, 'unknown_voice', 'There is no voice named ''barista''.'
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001001', '{starting,processing,finalizing,completed}',
        interval '14 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001002', '{starting,processing,finalizing,completed}',
        interval '7 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001003', '{starting,processing,finalizing,completed}',
        interval '3 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001016', '{starting,processing,failed}',
        interval '2 seconds', null, 'render_unreadable',
        'The rendered file could not be read back.'
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001014', '{expired}',
        interval '1 day', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001004', '{starting,processing,finalizing,completed}',
        interval '3 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001005',
        '{starting,processing,queued,starting,processing,finalizing,completed}',
        interval '12 seconds', null, 'render_timeout', 'Rendering took too long and was stopped.'
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001012', '{starting,processing,failed}',
        interval '2 seconds', null, 'unknown_voice', 'There is no voice named ''nobody''.'
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001013', '{starting,processing,cancelled}',
        interval '9 seconds', 35, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001017', '{starting,processing,finalizing,completed}',
        interval '6 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001018', '{starting,processing,finalizing,completed}',
        interval '4 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001019', '{starting,processing,finalizing,completed}',
        interval '3 seconds', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001020', '{starting,completed}',
        interval '1 second', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001021', '{starting,completed}',
        interval '1 second', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001022', '{starting,completed}',
        interval '1 second', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001023', '{starting,completed}',
        interval '1 second', null, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001008', '{starting,processing,queued}',
        interval '6 seconds', null, 'render_crashed', 'The local renderer stopped unexpectedly.'
      ),
      (
        '0b0b0b0b-0000-4000-8000-000000001003', '{starting,processing}',
        interval '4 seconds', 20, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001011', '{starting,processing,finalizing}',
        interval '8 seconds', 98, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001010', '{starting,processing}',
        interval '5 seconds', 60, null, null
      ),
      (
        '0a0a0a0a-0000-4000-8000-000000001009', '{starting}',
        interval '2 seconds', null, null, null
      )
    ) as life (job_id, states, took, reported, code, message)
    inner join public.generation_jobs as jobs on jobs.id = life.job_id
    order by jobs.created_at
  loop
    foreach v_status in array v_job.states loop
      -- Who does it: job_events tells.
      perform set_config(
        'request.jwt.claims',
        case v_status
          when 'cancelled'
            then json_build_object('sub', v_job.user_id, 'role', 'authenticated')::text
          when 'expired' then ''
          else '{"role": "service_role"}'
        end,
        true
      );
      case v_status
        when 'starting' then
          -- As worker.claim_tasks does, for this one job.
          v_lease := gen_random_uuid();
          update worker.tasks
          set lease = v_lease, worker = 'demo', lease_expires_at = v_now + interval '7 days',
              is_admitted = true, ready_at = null, due_at = null, priority = 101, tries = tries + 1
          where job_id = v_job.id;
          update public.generation_jobs
          set status = 'starting', attempt_count = attempt_count + 1
          where id = v_job.id;
          insert into worker.attempts (job_id, attempt, lease, worker, provider)
          select job_id, tries, v_lease, 'demo', provider from worker.tasks
          where job_id = v_job.id;
        when 'processing', 'finalizing' then
          select result into v_result from worker.advance_jobs(jsonb_build_array(
            jsonb_build_object('job_id', v_job.id, 'lease', v_lease, 'status', v_status)
          ));
          assert v_result = 'done';
          perform worker.extend_leases(
            jsonb_build_array(jsonb_build_object(
              'job_id', v_job.id, 'lease', v_lease, 'progress', v_job.reported
            )),
            7 * 86400
          );
        when 'completed' then
          -- As worker.complete_jobs does; the assets, under ids of their own, follow below.
          update worker.attempts set outcome = 'succeeded', finished_at = clock_timestamp()
          where job_id = v_job.id and lease = v_lease;
          perform private.note_successes('{local}');
          update public.generation_jobs
          set status = 'completed', error_code = null, error_message = null
          where id = v_job.id;
        when 'queued', 'failed' then
          select result into v_result from worker.fail_jobs(jsonb_build_array(
            jsonb_build_object(
              'job_id', v_job.id, 'lease', v_lease, 'error_code', v_job.code,
              'error_message', v_job.message,
              'error_class', case v_status when 'failed' then 'permanent' else 'transient' end
            )
          ));
          assert v_result = 'done';
        else
          update public.generation_jobs set status = v_status where id = v_job.id;
      end case;
    end loop;

    -- What has not ended stays as it is to be seen: as if it waited for another job, so that nobody
    -- works on it and it takes the place of none that its owner submits.
    update worker.tasks
    set is_admitted = false, waits_for = 1, due_at = null, lease = null, worker = null,
        lease_expires_at = null, deadline_at = v_now + interval '30 days'
    where job_id = v_job.id;

    -- When: evenly over the time that it took.
    update public.job_events as events
    set created_at = v_job.created_at
      + v_job.took * (place.number - 1)::integer / cardinality(v_job.states)
    from (
      select id, row_number() over (order by id) as number
      from public.job_events
      where job_id = v_job.id
    ) as place
    where events.job_id = v_job.id and events.id = place.id;
    update public.generation_jobs
    set started_at = case
          when started_at is not null then created_at + v_job.took / cardinality(v_job.states)
        end,
        finished_at = case when finished_at is not null then created_at + v_job.took end
    where id = v_job.id;
    update worker.attempts
    set started_at = jobs.started_at,
        finished_at = case
          when attempts.finished_at is not null then v_job.created_at + v_job.took
        end
    from public.generation_jobs as jobs
    where jobs.id = v_job.id and attempts.job_id = v_job.id;
  end loop;
  perform set_config('request.jwt.claims', '', true);
  perform private.admit_tasks(v_people);

  update public.generation_jobs set queued_at = created_at
  where user_id = any(v_people) and queued_at is not null;
  update public.job_events as events set created_at = jobs.created_at
  from public.generation_jobs as jobs
  where events.job_id = jobs.id and jobs.user_id = any(v_people) and events.from_status is null;

  -- One of three pictures could not be delivered.
  perform worker.refund_job(
    '0a0a0a0a-0000-4000-8000-000000001002', 'The lighthouse is missing.', 'demo', 1
  );

  -- The chat history: each prompt under its job's id, one block further.
  insert into public.user_prompts (id, user_id, prompt, audio_input, mode, job_id, created_at)
  select
    replace(id::text, '-8000-', '-8001-')::uuid, user_id, prompt, audio_instructions, mode, id,
    created_at
  from public.generation_jobs
  where user_id = any(v_people) and queued_at is not null;

  -- -------------------------------------------------------------------------------------------
  -- Results. A path holds its job, and the role, place and content of the file.
  -- -------------------------------------------------------------------------------------------

  insert into public.assets (
    id, user_id, project_id, kind, bucket, storage_path, mime_type, size_bytes, sha256, width,
    height, duration_ms, style, thumbnail_id, created_at
  )
  select
    file.id, jobs.user_id, jobs.project_id,
    split_part(file.mime_type, '/', 1)::public.asset_kind,
    case file.role
      when 'result_video' then 'final-videos'
      when 'result_image' then 'final-images'
      when 'sprite_sheet' then 'final-images'
      when 'final_character' then 'final-images'
      when 'result_audio' then 'voiceovers'
      else 'thumbnails'
    end,
    jobs.user_id || '/' || jobs.id || '/' || file.role || '-' || file.position || '-'
    || left(file.sha256, 16)
    || case file.mime_type
      when 'video/mp4' then '.mp4' when 'audio/mpeg' then '.mp3' else '.jpg'
    end,
    file.mime_type, file.size_bytes, file.sha256, file.width, file.height, file.duration_ms,
    case when file.role in ('result_video', 'result_image') then 'cinematic' end,
    file.thumbnail_id::uuid, jobs.finished_at
  from (
    values
    (
      '0a0a0a0a-0000-4000-8000-000000002002'::uuid,
      '0a0a0a0a-0000-4000-8000-000000001001'::uuid,
      'thumbnail', 0, 'image/jpeg', 6093,
      'a62172b1535c884a7bf83bb13c4383c88c5f4cc2c735b29a66023a5508a11855',
      320, 180, null::integer, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002001', '0a0a0a0a-0000-4000-8000-000000001001',
      'result_video', 0, 'video/mp4', 55575,
      'd45c83edb0f3b946b12084fc7dfcfe30f2d1a7eed036f3da31949324c9416ab8',
      854, 480, 3000, '0a0a0a0a-0000-4000-8000-000000002002'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002004', '0a0a0a0a-0000-4000-8000-000000001002',
      'thumbnail', 0, 'image/jpeg', 6866,
      'e4da0c29ed7acf8f7ac9e4985a51e9a82976903cf7bb5cca8f4f9500a1dbbe84',
      320, 180, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002003', '0a0a0a0a-0000-4000-8000-000000001002',
      'result_image', 0, 'image/jpeg', 29418,
      '53778d008d57f1fd1545579c4d01ef54e518c6243c54c21f3f00408c76dc9373',
      854, 480, null, '0a0a0a0a-0000-4000-8000-000000002004'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002006', '0a0a0a0a-0000-4000-8000-000000001002',
      'thumbnail', 1, 'image/jpeg', 6890,
      '5f03d1a99b31696ea562375890db7e6cbc91e66c71010cf91144364e45486267',
      320, 180, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002005', '0a0a0a0a-0000-4000-8000-000000001002',
      'result_image', 1, 'image/jpeg', 30012,
      '7dca1088d4873f5779ce6214ed78f77b6cc1dd38b0011426e6e6f9653212494d',
      854, 480, null, '0a0a0a0a-0000-4000-8000-000000002006'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002007', '0a0a0a0a-0000-4000-8000-000000001003',
      'result_audio', 0, 'audio/mpeg', 28440,
      '2773b727a32096f23953e8e70c9b8c72aa783a36c076e819bfd65203b4d625b4',
      null, null, 3466, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002009', '0a0a0a0a-0000-4000-8000-000000001004',
      'thumbnail', 0, 'image/jpeg', 9492,
      '6092cf93b092c4bbd164040cce4905f6e8f768bc50b0863fb481230a6d454e37',
      320, 320, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002008', '0a0a0a0a-0000-4000-8000-000000001004',
      'result_image', 0, 'image/jpeg', 17471,
      'aeef8ffdd166498fbf847e2401768f9677cf21baab8f158cecb5f3b58306661c',
      480, 480, null, '0a0a0a0a-0000-4000-8000-000000002009'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002011', '0a0a0a0a-0000-4000-8000-000000001005',
      'thumbnail', 0, 'image/jpeg', 7576,
      'ed07dcc1f2adb91616c478687ea3bbd01537ba93f2d41510a451b03708e2a711',
      180, 320, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002010', '0a0a0a0a-0000-4000-8000-000000001005',
      'result_image', 0, 'image/jpeg', 28305,
      '08fe067dcb56b814e79a28f7f29455d694a2dd8889bd47b1a07094e54b133d8b',
      480, 854, null, '0a0a0a0a-0000-4000-8000-000000002011'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002013', '0a0a0a0a-0000-4000-8000-000000001017',
      'thumbnail', 0, 'image/jpeg', 6360,
      '66f462864778801a5c07e063270a67f4b1263671f34e4e55d4752fdde6ba9f19',
      320, 180, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002012', '0a0a0a0a-0000-4000-8000-000000001017',
      'result_video', 0, 'video/mp4', 40408,
      '0f66a12e6a6522f7506258fbc7277890f5fcbc7ac844ae1e173d2eac5356c7d0',
      854, 480, 3000, '0a0a0a0a-0000-4000-8000-000000002013'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002015', '0a0a0a0a-0000-4000-8000-000000001018',
      'thumbnail', 0, 'image/jpeg', 4995,
      '769b5b8ddf53287b7eea149bc8d67ff532450f96367a10f30d23ba66b7caf18a',
      320, 180, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002014', '0a0a0a0a-0000-4000-8000-000000001018',
      'result_video', 0, 'video/mp4', 29629,
      'f133a0deb53eb5e279664bcd8a4241b6e78e0d171162ba6fe4c99909d227abcb',
      854, 480, 2560, '0a0a0a0a-0000-4000-8000-000000002015'
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002018', '0a0a0a0a-0000-4000-8000-000000001019',
      'thumbnail', 0, 'image/jpeg', 7028,
      '231e43096551bf9d6f1d92a287c37ff5bb68be622d74cae16415fa7459c69190',
      320, 320, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002016', '0a0a0a0a-0000-4000-8000-000000001019',
      'sprite_sheet', 0, 'image/jpeg', 10615,
      '8741cfbec850b6a6305f244cd1c375d94b681e95f05369c47a1deadf60f66381',
      516, 264, null, null
    ),
    (
      '0a0a0a0a-0000-4000-8000-000000002017', '0a0a0a0a-0000-4000-8000-000000001019',
      'final_character', 0, 'image/jpeg', 14140,
      'dad828b4d8dee7618d1a592a035befce06258e56da535ed956ed03c066d32e76',
      480, 480, null, '0a0a0a0a-0000-4000-8000-000000002018'
    ),
    (
      '0b0b0b0b-0000-4000-8000-000000002002', '0b0b0b0b-0000-4000-8000-000000001001',
      'thumbnail', 0, 'image/jpeg', 7315,
      'ea52966c8afec3c393410a7e64931fd33cdcf837f0390573b7b60d1c74fa9500',
      180, 320, null, null
    ),
    (
      '0b0b0b0b-0000-4000-8000-000000002001', '0b0b0b0b-0000-4000-8000-000000001001',
      'result_video', 0, 'video/mp4', 68858,
      'd6480f71a4f9b3c87ff5d5f462827bf3aab73946e49f212a6b38ed3d57efd63e',
      480, 854, 3000, '0b0b0b0b-0000-4000-8000-000000002002'
    ),
    (
      '0b0b0b0b-0000-4000-8000-000000002004', '0b0b0b0b-0000-4000-8000-000000001002',
      'thumbnail', 0, 'image/jpeg', 9913,
      '6d4a36755a3a28fe80f99b492d6df9a1dfa60c5efd62d579efc33620981d0561',
      256, 320, null, null
    ),
    (
      '0b0b0b0b-0000-4000-8000-000000002003', '0b0b0b0b-0000-4000-8000-000000001002',
      'result_image', 0, 'image/jpeg', 23618,
      'acc74f4afe7eeb1ca3751d5193ce9eb596e54d36579c9c6a278f42fa60ac0e13',
      480, 600, null, '0b0b0b0b-0000-4000-8000-000000002004'
    ),
    (
      '0c0c0c0c-0000-4000-8000-000000002002', '0c0c0c0c-0000-4000-8000-000000001001',
      'thumbnail', 0, 'image/jpeg', 5836,
      'ea2a41ec0e454ed31e43d2ad11cd083025e8a2c828ed862ae031a78bf92c923a',
      320, 137, null, null
    ),
    (
      '0c0c0c0c-0000-4000-8000-000000002001', '0c0c0c0c-0000-4000-8000-000000001001',
      'result_image', 0, 'image/jpeg', 32851,
      'a613208e1e42adb38b191e4f71a109602f402292e63363c7f1ad9663369d8e60',
      1120, 480, null, '0c0c0c0c-0000-4000-8000-000000002002'
    ),
    (
      '0c0c0c0c-0000-4000-8000-000000002003', '0c0c0c0c-0000-4000-8000-000000001002',
      'result_audio', 0, 'audio/mpeg', 18200,
      'c27504b77a8d84277e40dc2bc5f60eec4dc3e5d864543da8b7cb4a58845b8522',
      null, null, 2170, null
    )
  ) as file (
    id, job_id, role, position, mime_type, size_bytes, sha256, width, height, duration_ms,
    thumbnail_id
  )
  inner join public.generation_jobs as jobs on jobs.id = file.job_id;

  insert into public.job_assets (job_id, asset_id, role, user_id, position, created_at)
  select
    split_part(storage_path, '/', 2)::uuid, id,
    split_part(split_part(storage_path, '/', 3), '-', 1)::public.asset_role, user_id,
    split_part(split_part(storage_path, '/', 3), '-', 2)::integer, created_at
  from public.assets
  where user_id = any(v_people) and bucket not in ('raw-videos', 'reference-images');
  insert into public.job_assets (job_id, asset_id, role, user_id, created_at)
  values (
    '0a0a0a0a-0000-4000-8000-000000001018', '0a0a0a0a-0000-4000-8000-000000002001',
    'source_video', v_ada, v_now - interval '9 days' + interval '1 hour'
  );

  -- What Ada deleted: a job, and a project with what is in it. Both can be restored for a while.
  update public.generation_jobs set hidden_at = v_now - interval '6 days'
  where id = '0a0a0a0a-0000-4000-8000-000000001016';
  update public.projects set deleted_at = v_now - interval '12 days'
  where id = '0a0a0a0a-0000-4000-8000-000000000103';

  -- -------------------------------------------------------------------------------------------
  -- What generation yields, some of it by jobs, some of it written by hand.
  -- -------------------------------------------------------------------------------------------

  insert into public.characters (
    id, user_id, project_id, job_id, name, description, visual_prompt, art_style, model, success,
    final_image_id, created_at
  )
  values (
    '0b0b0b0b-0000-4000-8000-000000005601', v_bo, '0b0b0b0b-0000-4000-8000-000000000101',
    '0b0b0b0b-0000-4000-8000-000000001002', 'Nora', 'Runs the bar and knows your order.',
    'Nora pours coffee behind a copper counter.', 'cinematic', 'local-still', true,
    '0b0b0b0b-0000-4000-8000-000000002003', v_now - interval '16 days'
  );

  update public.characters
  set job_id = '0a0a0a0a-0000-4000-8000-000000001019', model = 'local-character', success = true,
      message = 'Composed of 2 reference images; nothing was drawn.',
      sprite_sheet_id = '0a0a0a0a-0000-4000-8000-000000002016',
      final_image_id = '0a0a0a0a-0000-4000-8000-000000002017'
  where id = '0a0a0a0a-0000-4000-8000-000000005601';

  insert into public.conversations (
    id, user_id, project_id, type, user_input, response, metadata, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005001', v_ada, v_harbour, 'concept_generation',
    'A film about the harbour, one minute, nobody speaks.',
    'Begin before there is light. Let the engines be the first voices.',
    '{"turn": 1}', v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005002', v_ada, v_harbour, 'video_segmentation',
    'Cut it into three.', 'Dark, grey, gold. One colour a segment.', '{"turn": 2}',
    v_now - interval '29 days' + interval '4 minutes'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005003', v_ada, null, 'general_chat',
    'Which aspect ratio for a menu card?', '4:5, if it is printed; 1:1, if it is posted.', '{}',
    v_now - interval '21 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000005001', v_bo, '0b0b0b0b-0000-4000-8000-000000000101',
    'video_generation', 'Slower.', 'Then let the steam do the moving.', '{}',
    v_now - interval '15 days'
  );

  insert into public.video_concepts (
    id, user_id, project_id, job_id, prompt, web_info, title, concept, tone, goal, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005101', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000001020', 'A minute about the harbour at dawn',
    'First boats leave at 4:40; high water is at 5:12.', 'Before the town wakes',
    'One morning, told by its sounds: ropes, engines, gulls, a kettle. The light comes last.',
    'calm', 'People come on Sunday.', v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005102', v_ada, '0a0a0a0a-0000-4000-8000-000000000101', null,
    'A tea house in winter', '', 'Warm inside',
    'Every picture is taken through a window, from the cold side.', 'quiet', '',
    v_now - interval '20 days'
  );

  insert into public.web_research_queries (
    id, user_id, project_id, job_id, prompt, response, created_at
  )
  values (
    '0a0a0a0a-0000-4000-8000-000000005201', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000001021',
    'When do small fishing boats leave port?',
    'Before high water, most of them; in summer often as early as four in the morning.',
    v_now - interval '29 days'
  );

  insert into public.content_summaries (
    id, user_id, project_id, job_id, original_content, user_input, summary, created_at
  )
  values (
    '0a0a0a0a-0000-4000-8000-000000005301', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000001022',
    'The Open Harbour Day takes place for the twelfth time. Eleven boats take visitors aboard, '
    'the net loft is open, the harbour master tells of the winter storms, and there is soup.',
    'One line, for a caption.', 'Eleven boats, one net loft, soup: come aboard.',
    v_now - interval '26 days'
  );

  insert into public.video_segmentations (
    id, user_id, project_id, job_id, prompt, concept, negative_prompt, art_style, model,
    is_selected, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005401', v_ada, v_harbour,
    '0a0a0a0a-0000-4000-8000-000000001023', 'Cut it into three.',
    'Dark, grey, gold: one colour a segment.', null, 'cinematic', 'local-text', true,
    v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005402', v_ada, v_harbour, null, 'Cut it into two.',
    'Before the light, and after it.', null, 'cinematic', '', false, v_now - interval '28 days'
  );
  insert into public.video_segments (
    id, user_id, segmentation_id, position, visual, narration, animation, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005501', v_ada, '0a0a0a0a-0000-4000-8000-000000005401', 0,
    'Black water, one lamp.', '', 'The lamp sways.', v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005502', v_ada, '0a0a0a0a-0000-4000-8000-000000005401', 1,
    'Grey: masts, ropes, breath.', 'Every morning, before the town wakes,', 'A slow pan.',
    v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005503', v_ada, '0a0a0a0a-0000-4000-8000-000000005401', 2,
    'Gold: the boats in line.', 'the boats go out.', 'They pass the pier light one by one.',
    v_now - interval '29 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005504', v_ada, '0a0a0a0a-0000-4000-8000-000000005402', 0,
    'The quay at night.', '', 'Static.', v_now - interval '28 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005505', v_ada, '0a0a0a0a-0000-4000-8000-000000005402', 1,
    'The same quay in the sun, empty.', 'They are out.', 'Static.', v_now - interval '28 days'
  );

  insert into public.feedback (id, user_id, job_id, rating, comment, created_at)
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005801', v_ada, '0a0a0a0a-0000-4000-8000-000000001001', 5,
    'Just as it is there.', v_now - interval '9 days' + interval '10 minutes'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005802', v_ada, '0a0a0a0a-0000-4000-8000-000000001002', 3,
    'Where is the lighthouse?', v_now - interval '8 days' + interval '5 minutes'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000005801', v_bo, '0b0b0b0b-0000-4000-8000-000000001001', 4, null,
    v_now - interval '14 days'
  );

  insert into public.performance_metrics (
    id, user_id, job_id, character_id, prompt, platform, predicted_score, quality_score,
    style_consistency, brand_compliance, actual_engagement, improvements, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000005701', v_ada, '0a0a0a0a-0000-4000-8000-000000001001',
    '0a0a0a0a-0000-4000-8000-000000005601', 'Dawn over a quiet harbour.', 'instagram',
    71.5, 84, 92.25, 88, '{"views": 4210, "likes": 391, "shares": 57}',
    '["Begin with the engine''s sound.", "Hold the last frame for a second."]',
    v_now - interval '7 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000005702', v_ada, '0a0a0a0a-0000-4000-8000-000000001005', null,
    'Night market in the rain, neon on wet stone.', 'youtube', 40, 66.5, null, null, '{}', '[]',
    v_now - interval '3 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000005701', v_bo, '0b0b0b0b-0000-4000-8000-000000001001', null,
    'Autumn. Coffee. Slowly.', 'tiktok', 83, 79, 90, 97.5, '{"views": 18802, "likes": 2304}',
    '["Longer."]', v_now - interval '10 days'
  );

  -- -------------------------------------------------------------------------------------------
  -- What is kept to be used again
  -- -------------------------------------------------------------------------------------------

  insert into public.prompt_templates (
    id, user_id, name, description, prompt, kind, mode, tags, is_active, is_favorite, sort_order,
    created_at
  )
  values
  (
    '00000000-0000-4000-8000-000000004001', null, 'Product on a pedestal', 'Replace the product.',
    'A {product} on a plain pedestal, soft light from the left.', 'text_to_image', null,
    array['product', 'studio'], true, false, 1, v_now - interval '80 days'
  ),
  (
    '00000000-0000-4000-8000-000000004002', null, 'Three beats', 'One sentence a beat.',
    '{What is}. {What happens}. {What is then}.', 'text_to_video', 'fast',
    array['story'], true, false, 2, v_now - interval '80 days'
  ),
  (
    '00000000-0000-4000-8000-000000004003', null, 'Radio spot', 'Fifteen seconds, spoken.',
    '{Name}. {What it is}. {Where and when}.', 'voiceover', 'standard',
    array['audio', 'spot'], true, false, 3, v_now - interval '80 days'
  ),
  (
    '00000000-0000-4000-8000-000000004004', null, 'Snow globe', 'Not offered any more.',
    'A {place} in a snow globe.', 'text_to_image', null, array['season'], false, false, 4,
    v_now - interval '80 days'
  )
  -- They belong to nobody, and so may outlive the people of the demo.
  on conflict (id) do nothing;
  insert into public.prompt_templates (
    id, user_id, name, description, prompt, kind, mode, tags, is_active, is_favorite, sort_order,
    created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000004001', v_ada, 'Harbour at an hour', null,
    'The harbour at {hour}, {weather}, nobody in it.', 'text_to_image', 'standard',
    array['harbour'], true, true, 1, v_now - interval '24 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000004002', v_ada, 'Menu card', 'For the tea house.',
    '{dish}, from above, on slate.', 'text_to_image', 'fast', array['tea', 'menu'], true, false, 2,
    v_now - interval '20 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000004001', v_bo, 'Slowly', null, '{Thing}. Coffee. Slowly.',
    'text_to_video', null, array['coffee'], true, true, 1, v_now - interval '17 days'
  );

  insert into public.style_presets (
    id, user_id, character_id, name, style_data, tags, is_favorite, usage_count, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000004101', v_ada, '0a0a0a0a-0000-4000-8000-000000005601',
    'Low sun', '{"art_style": "cinematic", "palette": ["#0b2545", "#f4a261"], "grain": 0.2}',
    array['harbour', 'warm'], true, 14, v_now - interval '27 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000004102', v_ada, null, 'Neon, wet',
    '{"art_style": "cinematic", "palette": ["#ff2e88", "#12002b"]}', array['night'], false, 3,
    v_now - interval '13 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000004103', v_ada, null, 'Plain', '{}', '{}', false, 0,
    v_now - interval '2 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000004101', v_bo, '0b0b0b0b-0000-4000-8000-000000005601',
    'Copper', '{"palette": ["#b87333", "#2b1d14"], "depth": "shallow"}', array['coffee'], true, 31,
    v_now - interval '47 days'
  );

  insert into public.tool_configurations (
    id, user_id, character_id, tool_name, configuration, is_favorite, usage_count, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000004201', v_ada, null, 'captions',
    '{"font": "Noto Sans", "size": 0.06, "position": "bottom"}', true, 9,
    v_now - interval '26 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000004202', v_ada, '0a0a0a0a-0000-4000-8000-000000005601',
    'voice', '{"voice": "en", "rate": 150}', false, 2, v_now - interval '12 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000004201', v_bo, null, 'loop', '{"crossfade_ms": 400}', false, 6,
    v_now - interval '40 days'
  );

  insert into public.tool_preset_chains (
    id, user_id, name, description, tools, is_favorite, usage_count, created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000004301', v_ada, 'Still, film, voice', 'From one sentence.',
    '[
      {"tool": "text_to_image", "settings": {"mode": "draft", "output_count": 3}},
      {"tool": "text_to_video", "settings": {"mode": "standard", "duration_seconds": 6}},
      {"tool": "voiceover"}
    ]',
    true, 5, v_now - interval '25 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000004301', v_bo, 'Window loop', null,
    '[{"tool": "text_to_video", "settings": {"aspect_ratio": "9:16"}}, {"tool": "loop"}]',
    false, 4, v_now - interval '40 days'
  );

  insert into public.platform_configurations (
    id, user_id, platform, aspect_ratio, preferred_style, prompt_templates, character_preferences,
    created_at
  )
  values
  (
    '0a0a0a0a-0000-4000-8000-000000004401', v_ada, 'instagram', '4:5',
    '{"preset": "0a0a0a0a-0000-4000-8000-000000004101"}', '["{hour} at the harbour"]',
    '{"default": "0a0a0a0a-0000-4000-8000-000000005601"}', v_now - interval '26 days'
  ),
  (
    '0a0a0a0a-0000-4000-8000-000000004402', v_ada, 'youtube', '16:9', '{}', '[]', '{}',
    v_now - interval '26 days'
  ),
  (
    '0b0b0b0b-0000-4000-8000-000000004401', v_bo, 'tiktok', '9:16',
    '{"preset": "0b0b0b0b-0000-4000-8000-000000004101"}', '[]', '{}', v_now - interval '46 days'
  );

  -- -------------------------------------------------------------------------------------------
  -- What only the services see, and the log of what happened
  -- -------------------------------------------------------------------------------------------

  insert into worker.webhook_events (
    id, provider, event_id, type, subject, is_of_payment, payload, status, attempts,
    next_attempt_at, payment_id, created_at, processed_at
  )
  select
    replace(payments.id::text, '-8000-', '-8001-')::uuid, 'sandbox',
    'evt_' || payments.provider_reference, 'payment.' || payments.status,
    payments.provider_reference, true,
    jsonb_build_object(
      'id', payments.provider_reference, 'status', payments.status,
      'amount', payments.amount_minor, 'currency', payments.currency
    ),
    'processed', 1, null, payments.id, payments.created_at + interval '20 seconds',
    payments.created_at + interval '21 seconds'
  from public.payments
  where payments.user_id = any(v_people) and payments.status in ('succeeded', 'failed');

  insert into worker.api_usage_logs (
    provider, model, operation, job_id, latency_ms, units, cost_usd, status_code, created_at
  )
  select
    attempts.provider, models.provider_model, 'submit', attempts.job_id,
    extract(milliseconds from attempts.finished_at - attempts.started_at),
    coalesce(jobs.duration_seconds, jobs.output_count), 0,
    case when attempts.outcome = 'succeeded' then 200 else 500 end, attempts.finished_at
  from worker.attempts
  inner join public.generation_jobs as jobs on jobs.id = attempts.job_id
  inner join public.models on models.id = jobs.model_id
  where jobs.user_id = any(v_people) and attempts.outcome in ('succeeded', 'failed')
  order by attempts.finished_at;

  update auth.users set last_sign_in_at = v_now - interval '3 hours' where id = any(v_people);
  update public.user_activity_logs as logs
  set created_at = coalesce(
    case logs.action
      when 'sign_up' then users.created_at
      when 'login' then users.last_sign_in_at
      when 'project_create' then projects.created_at
      when 'project_share' then projects.created_at + interval '1 day'
      when 'project_delete' then projects.deleted_at
    end,
    logs.created_at
  )
  from auth.users
  left join public.projects on projects.user_id = users.id
  where users.id = logs.user_id and users.id = any(v_people)
    and (logs.details ->> 'project_id' = projects.id::text or not logs.details ? 'project_id');
end;
$seed$;
