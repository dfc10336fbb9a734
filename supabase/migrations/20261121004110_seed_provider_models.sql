-- Models of providers who are paid: ready to be offered, and switched off until an operator has set
-- a provider's keys and runs it (`reelbase models enable`, docs/providers.md).
--
-- A row has one price a unit. Where a provider asks more for a higher resolution, that is a row of
-- its own or is not offered here; where it makes films of certain lengths alone, only these can be
-- ordered. So nobody gets more than was paid for. Prices in credits follow the providers' list
-- prices at 25 credits a dollar, rounded up to a quarter: with the smallest package a credit costs
-- ten cents, with the largest six. They are a beginning, like the rates: check both before selling.

insert into public.models (
  id, provider, provider_model, display_name, description, kinds, modes, aspect_ratios, resolutions,
  min_seconds, max_seconds, default_seconds, allowed_seconds, max_outputs, max_reference_images,
  max_prompt_characters, required_inputs, parameters, sort_order, is_active
)
values
(
  'google-omni-flash', 'google', 'gemini-omni-1.2-flash', 'Gemini Omni Flash',
  'Film with sound, from words or from pictures.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16}', '{720p,360p}',
  3, 10, 8, '{3,4,5,6,7,8,9,10}', 1, 10, 10000, '{"image_to_video": ["reference_image"]}',
  '{"seed": {"type": "integer", "min": 0, "max": 2147483647}}', 101, false
),
(
  'google-omni-flash-1080p', 'google', 'gemini-omni-1.2-flash', 'Gemini Omni Flash, 1080p',
  'Film with sound, from words or from pictures.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16}', '{1080p}',
  3, 10, 8, '{3,4,5,6,7,8,9,10}', 1, 10, 10000, '{"image_to_video": ["reference_image"]}',
  '{"seed": {"type": "integer", "min": 0, "max": 2147483647}}', 102, false
),
(
  'google-flash-image', 'google', 'gemini-3.1-flash-image', 'Gemini 3.1 Flash Image',
  'Pictures, also after others that you give it.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,21:9,4:5,5:4}', '{1k}',
  null, null, null, '{}', 1, 10, 10000, '{}',
  '{"seed": {"type": "integer", "min": 0, "max": 2147483647}}', 103, false
),
(
  'google-pro-image', 'google', 'gemini-3-pro-image', 'Gemini 3 Pro Image',
  'Pictures that hold to long descriptions, with legible writing.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,21:9,4:5,5:4}', '{1k,2k}',
  null, null, null, '{}', 1, 10, 10000, '{}',
  '{"seed": {"type": "integer", "min": 0, "max": 2147483647}}', 104, false
),
(
  'runway-gen4.5', 'runway', 'gen4.5', 'Runway Gen-4.5', 'Film from words or from a first picture.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16}', '{720p}',
  2, 10, 5, '{2,3,4,5,6,7,8,9,10}', 1, 1, 1000, '{"image_to_video": ["reference_image"]}',
  '{"seed": {"type": "integer", "min": 0, "max": 4294967295}}', 111, false
),
(
  'runway-gen4-turbo', 'runway', 'gen4_turbo', 'Runway Gen-4 Turbo',
  'Film from a first picture, quickly.',
  '{image_to_video}', '{standard}', '{16:9,9:16,4:3,1:1,3:4,21:9}', '{720p}',
  5, 10, 5, '{5,10}', 1, 1, 1000, '{"image_to_video": ["reference_image"]}',
  '{"seed": {"type": "integer", "min": 0, "max": 4294967295}}', 112, false
),
(
  'runway-veo3.1', 'runway', 'veo3.1', 'Veo 3.1 by Runway',
  'Film with sound, from words or between a first and a last picture.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16}', '{720p,1080p}',
  4, 8, 8, '{4,6,8}', 1, 2, 1000, '{"image_to_video": ["reference_image"]}',
  '{
    "seed": {"type": "integer", "min": 0, "max": 4294967295},
    "audio": {"type": "boolean", "description": "Whether it is to have sound."}
  }', 113, false
),
(
  'runway-veo3.1-fast', 'runway', 'veo3.1_fast', 'Veo 3.1 Fast by Runway',
  'The same, quicker and plainer.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16}', '{720p,1080p}',
  4, 8, 8, '{4,6,8}', 1, 2, 1000, '{"image_to_video": ["reference_image"]}',
  '{
    "seed": {"type": "integer", "min": 0, "max": 4294967295},
    "audio": {"type": "boolean", "description": "Whether it is to have sound."}
  }', 114, false
),
(
  'runway-gen4-image', 'runway', 'gen4_image', 'Runway Gen-4 Image',
  'Pictures, also after others that you give it.',
  '{text_to_image}', '{standard}', '{16:9,9:16,1:1,4:3,3:4,21:9}', '{1080p,720p}',
  null, null, null, '{}', 1, 3, 1000, '{}',
  '{"seed": {"type": "integer", "min": 0, "max": 4294967295}}', 115, false
),
(
  'luma-ray-3.2', 'luma', 'ray-3.2', 'Luma Ray 3.2', 'Film from words or through key pictures.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16,1:1,4:3,3:4,21:9}',
  '{720p,540p,360p}',
  5, 10, 5, '{5,10}', 1, 16, 10000, '{"image_to_video": ["reference_image"]}',
  '{
    "loop": {"type": "boolean", "kinds": ["text_to_video"],
      "description": "Whether its end leads into its beginning; of films of 5 seconds."}
  }', 121, false
),
(
  'luma-uni-1', 'luma', 'uni-1', 'Luma Uni-1', 'Pictures, also after others that you give it.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,2:1,1:2,3:1,1:3,21:9}', '{}',
  null, null, null, '{}', 1, 9, 10000, '{}', '{}', 122, false
),
(
  'luma-uni-1-max', 'luma', 'uni-1-max', 'Luma Uni-1 Max',
  'Pictures, also after others that you give it, with more thought.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,2:1,1:2,3:1,1:3,21:9}', '{}',
  null, null, null, '{}', 1, 9, 10000, '{}', '{}', 123, false
),
(
  'recraft-v4.1', 'recraft', 'recraftv4_1', 'Recraft V4.1', 'Pictures and designs.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,2:1,1:2,5:4,4:5}', '{}',
  null, null, null, '{}', 6, 0, 10000, '{}', '{}', 131, false
),
(
  'recraft-v4.1-pro', 'recraft', 'recraftv4_1_pro', 'Recraft V4.1 Pro',
  'Pictures and designs, larger and finer.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,2:1,1:2,5:4,4:5}', '{}',
  null, null, null, '{}', 6, 0, 10000, '{}', '{}', 132, false
),
(
  'recraft-v3', 'recraft', 'recraftv3', 'Recraft V3', 'Pictures and designs in a named style.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,2:1,1:2,5:4,4:5}', '{}',
  null, null, null, '{}', 6, 0, 1000, '{}',
  '{"style": {"type": "text", "min": 1, "max": 100}}', 133, false
),
(
  'elevenlabs-multilingual-v2', 'elevenlabs', 'eleven_multilingual_v2',
  'ElevenLabs Multilingual v2', 'The prompt, spoken by a lifelike voice, in 29 languages.',
  '{voiceover}', '{standard}', '{}', '{}', null, null, null, '{}', 1, 0, 10000, '{}',
  null, 141, false
),
(
  'elevenlabs-flash-v2.5', 'elevenlabs', 'eleven_flash_v2_5',
  'ElevenLabs Flash v2.5', 'The prompt, spoken quickly and cheaply, in 32 languages.',
  '{voiceover}', '{standard}', '{}', '{}', null, null, null, '{}', 1, 0, 10000, '{}',
  null, 142, false
),
(
  'elevenlabs-v3', 'elevenlabs', 'eleven_v3',
  'ElevenLabs v3', 'The prompt, spoken with expression; directions stand in [brackets].',
  '{voiceover}', '{standard}', '{}', '{}', null, null, null, '{}', 1, 0, 5000, '{}',
  null, 143, false
),
(
  'replicate-seedance-1-pro', 'replicate', 'bytedance/seedance-1-pro', 'Seedance 1 Pro',
  'Film from words, or between a first and a last picture.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16,1:1,4:3,3:4,21:9}', '{720p,480p}',
  2, 12, 5, '{2,3,4,5,6,7,8,9,10,11,12}', 1, 2, 10000, '{"image_to_video": ["reference_image"]}',
  '{
    "seed": {"type": "integer", "min": 0, "max": 2147483647},
    "camera_fixed": {"type": "boolean", "description": "Whether the camera stands still."}
  }', 151, false
),
(
  'replicate-veo-3.1-fast', 'replicate', 'google/veo-3.1-fast', 'Veo 3.1 Fast by Replicate',
  'Film with sound, from words or from a first picture.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16}', '{720p,1080p}',
  4, 8, 8, '{4,6,8}', 1, 1, 10000, '{"image_to_video": ["reference_image"]}',
  '{
    "seed": {"type": "integer", "min": 0, "max": 4294967295},
    "generate_audio": {"type": "boolean", "description": "Whether it is to have sound."}
  }', 152, false
),
(
  'replicate-kling-2.5-turbo', 'replicate', 'kwaivgi/kling-v2.5-turbo-pro',
  'Kling 2.5 Turbo Pro by Replicate', 'Film from words or from a first picture.',
  '{text_to_video,image_to_video}', '{standard}', '{16:9,9:16,1:1}', '{}',
  5, 10, 5, '{5,10}', 1, 1, 2500, '{"image_to_video": ["reference_image"]}', '{}', 153, false
),
(
  'replicate-flux-1.1-pro', 'replicate', 'black-forest-labs/flux-1.1-pro', 'FLUX 1.1 Pro',
  'Pictures.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,4:5,5:4}', '{}',
  null, null, null, '{}', 1, 0, 10000, '{}',
  '{"seed": {"type": "integer", "min": 0, "max": 2147483647}}', 154, false
),
(
  'replicate-nano-banana', 'replicate', 'google/nano-banana', 'Nano Banana by Replicate',
  'Pictures, also after others that you give it.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,4:5,5:4}', '{}',
  null, null, null, '{}', 1, 10, 10000, '{}', '{}', 155, false
),
(
  'fal-kling-2.5-turbo', 'fal', 'fal-ai/kling-video/v2.5-turbo/pro/text-to-video',
  'Kling 2.5 Turbo Pro by fal', 'Film from words.',
  '{text_to_video}', '{standard}', '{16:9,9:16,1:1}', '{}',
  5, 10, 5, '{5,10}', 1, 0, 2500, '{}', '{}', 161, false
),
(
  'fal-kling-2.5-turbo-image', 'fal', 'fal-ai/kling-video/v2.5-turbo/pro/image-to-video',
  'Kling 2.5 Turbo Pro by fal, from a picture', 'Film from a first picture.',
  '{image_to_video}', '{standard}', '{}', '{}',
  5, 10, 5, '{5,10}', 1, 1, 2500, '{"image_to_video": ["reference_image"]}', '{}', 162, false
),
(
  'fal-veo-3.1-fast', 'fal', 'fal-ai/veo3.1/fast', 'Veo 3.1 Fast by fal',
  'Film with sound, from words.',
  '{text_to_video}', '{standard}', '{16:9,9:16}', '{720p,1080p}',
  4, 8, 8, '{4,6,8}', 1, 0, 10000, '{}',
  '{
    "seed": {"type": "integer", "min": 0, "max": 4294967295},
    "generate_audio": {"type": "boolean", "description": "Whether it is to have sound."}
  }', 163, false
),
(
  'fal-veo-3.1-fast-image', 'fal', 'fal-ai/veo3.1/fast/image-to-video',
  'Veo 3.1 Fast by fal, from a picture', 'Film with sound, from a first picture.',
  '{image_to_video}', '{standard}', '{16:9,9:16}', '{720p,1080p}',
  4, 8, 8, '{4,6,8}', 1, 1, 10000, '{"image_to_video": ["reference_image"]}',
  '{
    "seed": {"type": "integer", "min": 0, "max": 4294967295},
    "generate_audio": {"type": "boolean", "description": "Whether it is to have sound."}
  }', 164, false
),
(
  'fal-flux-dev', 'fal', 'fal-ai/flux/dev', 'FLUX.1 dev by fal', 'Pictures.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4}', '{}',
  null, null, null, '{}', 4, 0, 10000, '{}',
  '{"seed": {"type": "integer", "min": 0, "max": 4294967295}}', 165, false
),
(
  'fal-nano-banana', 'fal', 'fal-ai/nano-banana', 'Nano Banana by fal', 'Pictures.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,21:9,4:5,5:4}', '{}',
  null, null, null, '{}', 4, 0, 10000, '{}', '{}', 166, false
),
(
  'fal-nano-banana-edit', 'fal', 'fal-ai/nano-banana/edit', 'Nano Banana by fal, after pictures',
  'Pictures after others that you give it.',
  '{text_to_image}', '{standard}', '{1:1,16:9,9:16,4:3,3:4,3:2,2:3,21:9,4:5,5:4}', '{}',
  null, null, null, '{}', 4, 10, 10000, '{"text_to_image": ["reference_image"]}', '{}',
  167, false
),
(
  'text-model', 'text', 'gpt-5-mini', 'Text by a language model',
  'Concepts, research, summaries and segments by whatever model the endpoint offers.',
  '{concept,web_research,content_summary,video_segmentation}', '{standard}', '{}', '{}',
  1, 3600, null, '{}', 1, 0, 10000, '{}', null, 171, false
);

update public.models
set parameters = '{
  "voice": {"type": "text", "min": 1, "max": 64, "description": "The id of an ElevenLabs voice."},
  "seed": {"type": "integer", "min": 0, "max": 4294967295},
  "stability": {"type": "number", "min": 0, "max": 1},
  "similarity_boost": {"type": "number", "min": 0, "max": 1},
  "style": {"type": "number", "min": 0, "max": 1},
  "speed": {"type": "number", "min": 0.7, "max": 1.2},
  "language": {"type": "text", "min": 2, "max": 2, "description": "ISO 639-1, like en or th."}
}'
where provider = 'elevenlabs';

-- As the local rules take them, so that one may stand in for the other.
update public.models
set
  parameters
  = local.parameters || '{"seed": {"type": "integer", "min": 0, "max": 2147483647}}'::jsonb
from public.models as local
where local.id = 'local-text' and models.id = 'text-model';

insert into public.model_prices (model_id, kind, mode, unit, credits)
select
  models.id,
  kinds.kind,
  'standard' as mode,
  offers.unit,
  offers.credits
from (
  values
  ('google-omni-flash', 'second'::public.price_unit, 2.75),
  ('google-omni-flash-1080p', 'second', 4),
  ('google-flash-image', 'output', 1.75),
  ('google-pro-image', 'output', 3.5),
  ('runway-gen4.5', 'second', 3),
  ('runway-gen4-turbo', 'second', 1.25),
  ('runway-veo3.1', 'second', 10),
  ('runway-veo3.1-fast', 'second', 3.75),
  ('runway-gen4-image', 'output', 2),
  ('luma-ray-3.2', 'second', 2.5),
  ('luma-uni-1', 'output', 1.75),
  ('luma-uni-1-max', 'output', 3.25),
  ('recraft-v4.1', 'output', 1),
  ('recraft-v4.1-pro', 'output', 5.25),
  ('recraft-v3', 'output', 1),
  ('elevenlabs-multilingual-v2', '1k_characters', 2.5),
  ('elevenlabs-flash-v2.5', '1k_characters', 1.25),
  ('elevenlabs-v3', '1k_characters', 2.5),
  ('replicate-seedance-1-pro', 'second', 1.5),
  ('replicate-veo-3.1-fast', 'second', 3.75),
  ('replicate-kling-2.5-turbo', 'second', 1.75),
  ('replicate-flux-1.1-pro', 'output', 1),
  ('replicate-nano-banana', 'output', 1),
  ('fal-kling-2.5-turbo', 'second', 1.75),
  ('fal-kling-2.5-turbo-image', 'second', 1.75),
  ('fal-veo-3.1-fast', 'second', 3.75),
  ('fal-veo-3.1-fast-image', 'second', 3.75),
  ('fal-flux-dev', 'output', 0.75),
  ('fal-nano-banana', 'output', 1),
  ('fal-nano-banana-edit', 'output', 1),
  ('text-model', 'job', 1)
) as offers (model_id, unit, credits)
inner join public.models on offers.model_id = models.id
cross join unnest(models.kinds) as kinds (kind);

-- What is not here tells what a call cost (Runway, Recraft), or is the operator's to know (text).
insert into worker.provider_rates (provider, provider_model, unit, usd_per_unit)
values
('local', 'animatic-1', 'second', 0),
('local', 'still-1', 'image', 0),
('local', 'voice-1', 'character', 0),
('local', 'slideshow-1', 'second', 0),
('local', 'autocut-1', 'second', 0),
('local', 'character-1', 'image', 0),
('local', 'text-1', 'character', 0),
('google', 'gemini-omni-1.2-flash', 'token', 0.0000175),
('google', 'gemini-3.1-flash-image', 'token', 0.00006),
('google', 'gemini-3-pro-image', 'token', 0.00012),
('luma', 'ray-3.2', 'second', 0.1),
('luma', 'uni-1', 'image', 0.0404),
('luma', 'uni-1-max', 'image', 0.1),
('elevenlabs', 'eleven_multilingual_v2', 'character', 0.0001),
('elevenlabs', 'eleven_flash_v2_5', 'character', 0.00005),
('elevenlabs', 'eleven_v3', 'character', 0.0001),
('replicate', 'bytedance/seedance-1-pro', 'second', 0.06),
('replicate', 'google/veo-3.1-fast', 'second', 0.15),
('replicate', 'kwaivgi/kling-v2.5-turbo-pro', 'second', 0.07),
('replicate', 'black-forest-labs/flux-1.1-pro', 'image', 0.04),
('replicate', 'google/nano-banana', 'image', 0.039),
('fal', 'fal-ai/kling-video/v2.5-turbo/pro/text-to-video', 'second', 0.07),
('fal', 'fal-ai/kling-video/v2.5-turbo/pro/image-to-video', 'second', 0.07),
('fal', 'fal-ai/veo3.1/fast', 'second', 0.15),
('fal', 'fal-ai/veo3.1/fast/image-to-video', 'second', 0.15),
('fal', 'fal-ai/flux/dev', 'megapixel', 0.025),
('fal', 'fal-ai/nano-banana', 'image', 0.039),
('fal', 'fal-ai/nano-banana/edit', 'image', 0.039);
