-- What a fresh installation sells. A product edits these rows afterwards; this file only begins
-- them, so that `supabase db push` alone gives a working catalogue. Demo data lies in seed.sql.

insert into public.subscription_plans (
  tier, name, price_minor, currency, monthly_allowance, max_active_jobs, max_running_jobs,
  max_jobs_per_day, max_rows, max_storage_bytes, job_priority, sort_order
)
values
('free', 'Free', 0, 'USD', 0, 50, 2, 500, 500, 2147483648, 0, 1),
('starter', 'Starter', 999, 'USD', 100, 100, 3, 2000, 1000, 10737418240, 10, 2),
('creator', 'Creator', 2999, 'USD', 400, 250, 5, null, 2000, 53687091200, 20, 3),
('pro', 'Pro', 7999, 'USD', 1200, 1000, 10, null, 5000, 214748364800, 30, 4),
('business', 'Business', 19999, 'USD', 3500, 5000, 25, null, 20000, 1099511627776, 40, 5),
(
  'enterprise', 'Enterprise', 49999, 'USD', 10000, 20000, 100, null, 50000, 10995116277760, 50, 6
);

insert into public.credit_packages (
  slug, name, credits, price_minor, currency, discount_percent, sort_order
)
values
('usd-starter', 'Starter', 100, 999, 'USD', 0, 1),
('usd-creator', 'Creator', 500, 3999, 'USD', 0, 2),
('usd-pro', 'Pro', 1500, 9999, 'USD', 0, 3),
('usd-enterprise', 'Enterprise', 5000, 29999, 'USD', 0, 4),
('thb-trial', 'Trial Pack', 1, 0, 'THB', 0, 11),
('thb-starter', 'Starter Pack', 3, 9900, 'THB', 0, 12),
('thb-popular', 'Popular Pack', 10, 29900, 'THB', 10, 13),
('thb-pro', 'Pro Pack', 25, 69900, 'THB', 15, 14),
('thb-business', 'Business Pack', 50, 129900, 'THB', 20, 15),
('thb-enterprise', 'Enterprise Pack', 100, 239900, 'THB', 25, 16);

insert into public.models (
  id, provider, provider_model, display_name, description, kinds, modes, aspect_ratios, resolutions,
  min_seconds, max_seconds, default_seconds, max_outputs, sort_order
)
values
(
  'local-animatic', 'local', 'animatic-1', 'Animatic',
  'Captioned stills with camera moves and a spoken voice-over: a film before the film.',
  '{text_to_video}', '{draft,fast,standard}', '{16:9,9:16,1:1,4:5,4:3,21:9}', '{720p,480p,1080p}',
  3, 60, 6, 1, 1
),
(
  'local-still', 'local', 'still-1', 'Typographic still',
  'A composed still picture that sets the prompt in type.',
  '{text_to_image}', '{draft,fast,standard}', '{16:9,9:16,1:1,4:5,4:3,21:9}', '{720p,480p,1080p}',
  null, null, null, 4, 2
),
(
  'local-voice', 'local', 'voice-1', 'Plain voice',
  'The prompt, spoken.',
  '{voiceover}', '{draft,fast,standard}', '{}', '{}', null, null, null, 1, 3
);

insert into public.model_prices (model_id, kind, mode, unit, credits, minimum)
values
('local-animatic', 'text_to_video', 'draft', 'job', 0, 0),
('local-animatic', 'text_to_video', 'fast', 'second', 0.5, 1),
('local-animatic', 'text_to_video', 'standard', 'second', 1, 3),
('local-still', 'text_to_image', 'draft', 'job', 0, 0),
('local-still', 'text_to_image', 'fast', 'output', 0.5, 0.5),
('local-still', 'text_to_image', 'standard', 'output', 1, 1),
('local-voice', 'voiceover', 'draft', 'job', 0, 0),
('local-voice', 'voiceover', 'fast', '1k_characters', 0.5, 0.5),
('local-voice', 'voiceover', 'standard', '1k_characters', 1, 1);
