-- Demo data for a development database; never part of `supabase db push` unless asked for with
-- --include-seed. Fixed ids and `on conflict`: applying it twice changes nothing.
--
-- Sign in as ada@example.com with the password `reelbase-demo`.

insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
  raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token,
  email_change, email_change_token_new
)
values (
  '00000000-0000-0000-0000-000000000000', '0a0a0a0a-0000-4000-8000-000000000001',
  'authenticated', 'authenticated', 'ada@example.com',
  extensions.crypt('reelbase-demo', extensions.gen_salt('bf')), now(),
  '{"provider": "email", "providers": ["email"]}',
  '{"username": "ada", "full_name": "Ada Example"}', now(), now(), '', '', '', ''
)
on conflict (id) do nothing;

insert into auth.identities (
  id, user_id, provider, provider_id, identity_data, created_at, updated_at
)
values (
  '0a0a0a0a-0000-4000-8000-000000000002', '0a0a0a0a-0000-4000-8000-000000000001', 'email',
  '0a0a0a0a-0000-4000-8000-000000000001',
  '{"sub": "0a0a0a0a-0000-4000-8000-000000000001", "email": "ada@example.com"}', now(), now()
)
on conflict (id) do nothing;

insert into public.projects (id, user_id, name, description)
values (
  '0a0a0a0a-0000-4000-8000-000000000003', '0a0a0a0a-0000-4000-8000-000000000001',
  'Harbour film', 'A minute about the harbour at dawn.'
)
on conflict (id) do nothing;
