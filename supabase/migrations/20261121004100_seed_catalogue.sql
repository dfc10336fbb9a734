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
  min_seconds, max_seconds, default_seconds, max_outputs, max_reference_images, required_inputs,
  parameters, sort_order
)
values
(
  'local-animatic', 'local', 'animatic-1', 'Animatic',
  'Captioned stills with camera moves and a spoken voice-over: a film before the film.',
  '{text_to_video}', '{draft,fast,standard}', '{16:9,9:16,1:1,4:5,4:3,21:9}', '{720p,480p,1080p}',
  3, 60, 6, 1, 0, '{}',
  '{
    "voice": {"type": "text", "min": 1, "max": 40,
      "description": "A voice like en-gb or th; none: nothing is spoken."},
    "seed": {"type": "integer", "min": 0, "max": 9007199254740991}
  }', 1
),
(
  'local-still', 'local', 'still-1', 'Typographic still',
  'A composed still picture that sets the prompt in type.',
  '{text_to_image}', '{draft,fast,standard}', '{16:9,9:16,1:1,4:5,4:3,21:9}', '{720p,480p,1080p}',
  null, null, null, 4, 0, '{}',
  '{"seed": {"type": "integer", "min": 0, "max": 9007199254740991}}', 2
),
(
  'local-voice', 'local', 'voice-1', 'Plain voice',
  'The prompt, spoken.',
  '{voiceover}', '{draft,fast,standard}', '{}', '{}', null, null, null, 1, 0, '{}',
  '{"voice": {"type": "text", "min": 1, "max": 40, "description": "A voice like en-gb or th."}}', 3
),
(
  'local-slideshow', 'local', 'slideshow-1', 'Slideshow',
  'Your pictures in their order, with slow moves and cross-fades.',
  '{image_to_video}', '{draft,fast,standard}', '{16:9,9:16,1:1,4:5,4:3,21:9}', '{720p,480p,1080p}',
  1, 300, 6, 1, 20, '{"image_to_video": ["reference_image"]}',
  '{
    "durations": {"type": "array", "min": 1, "max": 20,
      "items": {"type": "number", "min": 0.5, "max": 60},
      "description": "Seconds for each picture; they add up to the length of the film."},
    "transition": {"type": "text", "choices": ["fade", "none"]},
    "caption": {"type": "boolean", "description": "Whether the prompt is written on it."},
    "voice": {"type": "text", "min": 1, "max": 40,
      "description": "A voice like en-gb or th; none: nothing is spoken."},
    "seed": {"type": "integer", "min": 0, "max": 9007199254740991}
  }', 4
),
(
  'local-autocut', 'local', 'autocut-1', 'Cut silences',
  'Your film without its silences.',
  '{video_edit}', '{draft,fast,standard}', '{}', '{}', null, null, null, 1, 0,
  '{"video_edit": ["source_video"]}',
  '{
    "min_silence_seconds": {"type": "number", "min": 0.1, "max": 10,
      "description": "Silences from this length are cut."},
    "threshold_db": {"type": "number", "min": -80, "max": -10,
      "description": "What is quieter is silence."},
    "keep_seconds": {"type": "number", "min": 0, "max": 2,
      "description": "How much of a silence stays at either end."}
  }', 5
),
(
  'local-character', 'local', 'character-1', 'Character sheet',
  'A figure drawn from your words or pictures: views, a sprite sheet and a final picture.',
  '{character}', '{draft,fast,standard}', '{}', '{720p,480p,1080p}', null, null, null, 1, 6, '{}',
  '{
    "name": {"type": "text", "min": 1, "max": 200},
    "views": {"type": "integer", "min": 2, "max": 8},
    "character_id": {"type": "text", "min": 36, "max": 36,
      "description": "One of yours, which is to be drawn."},
    "seed": {"type": "integer", "min": 0, "max": 9007199254740991}
  }', 6
),
(
  'local-text', 'local', 'text-1', 'Text by rule',
  'Concepts, notes, summaries and segments by plain rules, without a language model.',
  '{concept,web_research,content_summary,video_segmentation}', '{draft,fast,standard}', '{}', '{}',
  1, 3600, null, 1, 0, '{}',
  '{
    "segments": {"type": "integer", "min": 1, "max": 50, "kinds": ["video_segmentation"],
      "description": "How many; left out, the length decides."},
    "concept": {"type": "text", "min": 1, "max": 8000, "kinds": ["video_segmentation"],
      "description": "What the film is about, where the prompt does not say it."},
    "content": {"type": "text", "min": 1, "max": 15000, "kinds": ["content_summary"],
      "description": "What is to be summed up; the prompt then says how."},
    "sentences": {"type": "integer", "min": 1, "max": 20, "kinds": ["content_summary"]},
    "tone": {"type": "text", "min": 1, "max": 200, "kinds": ["concept"]},
    "goal": {"type": "text", "min": 1, "max": 1000, "kinds": ["concept"]},
    "language": {"type": "text", "min": 2, "max": 20}
  }', 7
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
('local-voice', 'voiceover', 'standard', '1k_characters', 1, 1),
('local-slideshow', 'image_to_video', 'draft', 'job', 0, 0),
('local-slideshow', 'image_to_video', 'fast', 'second', 0.25, 0.5),
('local-slideshow', 'image_to_video', 'standard', 'second', 0.5, 1),
('local-autocut', 'video_edit', 'draft', 'job', 0, 0),
('local-autocut', 'video_edit', 'fast', 'job', 1, 1),
('local-autocut', 'video_edit', 'standard', 'job', 2, 2),
('local-character', 'character', 'draft', 'job', 0, 0),
('local-character', 'character', 'fast', 'job', 2, 2),
('local-character', 'character', 'standard', 'job', 4, 4);

insert into public.model_prices (model_id, kind, mode, unit, credits)
select
  models.id,
  kinds.kind,
  modes.mode,
  modes.unit,
  modes.credits
from public.models
cross join unnest(models.kinds) as kinds (kind)
cross join (
  values
  ('draft'::public.generation_mode, 'job'::public.price_unit, 0),
  ('fast', 'job', 0.25),
  ('standard', 'job', 0.5)
) as modes (mode, unit, credits)
where models.id = 'local-text';
