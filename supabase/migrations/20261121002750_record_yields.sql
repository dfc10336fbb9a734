-- What the services report of a job that yields text or characters becomes rows of its owner's.
--
-- complete_jobs calls private.record_yields for its whole batch: one statement for each kind that
-- is there, none for the others. What was asked for comes from the job, what was answered from the
-- provider. That is a stranger's text: its shape is checked here, its lengths here and by the
-- tables, and one yield that does not fit refuses the call as a whole, so that complete_jobs can
-- tell whose it was by trying each by itself.
--
-- The yields, by kind of job; further keys are ignored:
--   concept              {title, concept, tone?, goal?, web_info?}
--   web_research         {response}
--   content_summary      {summary}
--   video_segmentation   {segments: [{visual, narration?, animation?}], concept?}
--   character            {name?, description?, visual_prompt?, message?}
--
-- A content_summary sums up parameters.content as its prompt says, or, without that, its prompt. A
-- character that its owner has described already is drawn if parameters.character_id names it; its
-- description stays the owner's. The pictures are those that the job made, by their roles.

create function private.check_yields(p_kind public.generation_kind, p_yields jsonb)
returns void
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_count integer := jsonb_array_length(p_yields);
  v_yield jsonb;
begin
  perform private.check_elements(p_yields, 'yields', v_count, (case p_kind
    when 'concept' then '{
      "title": {"type": "text", "required": true, "min": 1, "max": 300},
      "concept": {"type": "text", "required": true, "min": 1, "max": 20000},
      "tone": {"type": "text", "max": 1000},
      "goal": {"type": "text", "max": 5000},
      "web_info": {"type": "text", "max": 49152}
    }'
    when 'web_research' then '{
      "response": {"type": "text", "required": true, "min": 1, "max": 100000}
    }'
    when 'content_summary' then '{
      "summary": {"type": "text", "required": true, "min": 1, "max": 100000}
    }'
    when 'video_segmentation' then '{
      "segments": {"type": "array", "required": true},
      "concept": {"type": "text", "max": 20000}
    }'
    else '{
      "name": {"type": "text", "max": 200},
      "description": {"type": "text", "max": 5000},
      "visual_prompt": {"type": "text", "max": 10000},
      "message": {"type": "text", "max": 5000}
    }'
  end)::jsonb);
  if p_kind = 'video_segmentation' then
    for v_yield in select elements.value from jsonb_array_elements(p_yields) as elements loop
      perform private.check_elements(v_yield -> 'segments', 'segments', 1000, '{
        "visual": {"type": "text", "required": true, "min": 1, "max": 8192},
        "narration": {"type": "text", "max": 8192},
        "animation": {"type": "text", "max": 8192}
      }');
      if jsonb_array_length(v_yield -> 'segments') = 0 then
        raise exception 'segments: there must be at least one.'
          using errcode = 'PT400', hint = 'invalid_element';
      end if;
    end loop;
  end if;
end;
$$;
comment on function private.check_yields is
'Sees that what a provider answered to jobs of one kind has the shape that it must have. Raises '
'PT400 invalid_element.';

create function private.record_yields(p_yields jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_given record;
  v_kinds public.generation_kind[] := array[]::public.generation_kind[];
  -- The jobs once more as an array: plans are made once a session, perhaps while there were few
  -- jobs, and must look them up by key even so.
  v_ids uuid[] := array(
    select (elements.value ->> 'job_id')::uuid from jsonb_array_elements(p_yields) as elements
  );
begin
  for v_given in
    select jobs.kind, jsonb_agg(given.yields) as yields
    from jsonb_to_recordset(p_yields) as given (job_id uuid, yields jsonb)
    inner join public.generation_jobs as jobs on jobs.id = given.job_id
    where jobs.id = any(v_ids) and jobs.kind in (
      'concept', 'web_research', 'content_summary', 'video_segmentation', 'character'
    )
      and given.yields <> 'null'
    group by jobs.kind
  loop
    perform private.check_yields(v_given.kind, v_given.yields);
    v_kinds := v_kinds || v_given.kind;
  end loop;

  if 'concept' = any(v_kinds) then
    insert into public.video_concepts (
      user_id, project_id, job_id, prompt, web_info, title, concept, tone, goal
    )
    select
      jobs.user_id, jobs.project_id, jobs.id, jobs.prompt,
      coalesce(given.yields ->> 'web_info', ''), given.yields ->> 'title',
      given.yields ->> 'concept', coalesce(given.yields ->> 'tone', ''),
      coalesce(given.yields ->> 'goal', '')
    from jsonb_to_recordset(p_yields) as given (job_id uuid, yields jsonb)
    inner join public.generation_jobs as jobs on jobs.id = given.job_id
    where jobs.id = any(v_ids) and jobs.kind = 'concept' and given.yields <> 'null';
  end if;

  if 'web_research' = any(v_kinds) then
    insert into public.web_research_queries (user_id, project_id, job_id, prompt, response)
    select jobs.user_id, jobs.project_id, jobs.id, jobs.prompt, given.yields ->> 'response'
    from jsonb_to_recordset(p_yields) as given (job_id uuid, yields jsonb)
    inner join public.generation_jobs as jobs on jobs.id = given.job_id
    where jobs.id = any(v_ids) and jobs.kind = 'web_research' and given.yields <> 'null';
  end if;

  if 'content_summary' = any(v_kinds) then
    insert into public.content_summaries (
      user_id, project_id, job_id, original_content, user_input, summary
    )
    select
      jobs.user_id, jobs.project_id, jobs.id, coalesce(content.text, jobs.prompt),
      case when content.text is null then '' else jobs.prompt end, given.yields ->> 'summary'
    from jsonb_to_recordset(p_yields) as given (job_id uuid, yields jsonb)
    inner join public.generation_jobs as jobs on jobs.id = given.job_id
    cross join lateral (
      select
        case
          when jsonb_typeof(jobs.parameters -> 'content') = 'string'
            then nullif(jobs.parameters ->> 'content', '')
        end as text
    ) as content
    where jobs.id = any(v_ids) and jobs.kind = 'content_summary' and given.yields <> 'null';
  end if;

  if 'video_segmentation' = any(v_kinds) then
    with segmentations as materialized (
      select gen_random_uuid() as id, jobs.id as job_id, given.yields
      from jsonb_to_recordset(p_yields) as given (job_id uuid, yields jsonb)
      inner join public.generation_jobs as jobs on jobs.id = given.job_id
      where jobs.id = any(v_ids) and jobs.kind = 'video_segmentation' and given.yields <> 'null'
    ),
    made as (
      insert into public.video_segmentations (
        id, user_id, project_id, job_id, prompt, concept, negative_prompt, art_style, model
      )
      select
        segmentations.id, jobs.user_id, jobs.project_id, jobs.id, jobs.prompt,
        coalesce(
          segmentations.yields ->> 'concept',
          -- What the user wrote is cut rather than that the answer is lost.
          case
            when octet_length(wishes.concept) <= wishes.room then wishes.concept
            else left(wishes.concept, wishes.room / 4)
          end
        ),
        jobs.negative_prompt, coalesce(jobs.art_style, ''), jobs.model_id
      from segmentations
      inner join public.generation_jobs as jobs on jobs.id = segmentations.job_id
      cross join lateral (
        select
          coalesce(
            case
              when jsonb_typeof(jobs.parameters -> 'concept') = 'string'
                then jobs.parameters ->> 'concept'
            end,
            jobs.prompt
          ) as concept,
          32768 - octet_length(concat(jobs.prompt, jobs.negative_prompt)) as room
      ) as wishes
      returning id, user_id
    )
    insert into public.video_segments (
      user_id, segmentation_id, position, visual, narration, animation
    )
    select
      made.user_id, made.id, segments.place - 1, segments.value ->> 'visual',
      coalesce(segments.value ->> 'narration', ''), coalesce(segments.value ->> 'animation', '')
    from made
    inner join segmentations on segmentations.id = made.id
    cross join lateral jsonb_array_elements(segmentations.yields -> 'segments')
      with ordinality as segments (value, place);
  end if;

  if 'character' = any(v_kinds) then
    perform private.record_characters(p_yields);
  end if;
end;
$$;
comment on function private.record_yields is
'Writes down what jobs yielded ([{job_id, yields}]; see the head of the file), each for its job''s '
'owner and project. Kinds whose results are files alone are passed over. Called by complete_jobs, '
'after the assets are there, and not safe to repeat by itself. Raises PT400 invalid_element, and '
'whatever a table''s constraints say.';

create function private.record_characters(p_yields jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  with drawn as materialized (
    select
      jobs.id as job_id, jobs.user_id, jobs.project_id, jobs.prompt, jobs.parameters,
      jobs.art_style, jobs.model_id, given.yields,
      (
        select characters.id from public.characters
        where characters.user_id = jobs.user_id
          and characters.id::text = lower(jobs.parameters ->> 'character_id')
      ) as character_id,
      (
        select made.asset_id from public.job_assets as made
        where made.job_id = jobs.id and made.role = 'sprite_sheet'
        order by made.position, made.asset_id
        limit 1
      ) as sprite_sheet_id,
      (
        select made.asset_id from public.job_assets as made
        where made.job_id = jobs.id and made.role in ('final_character', 'result_image')
        order by made.role = 'final_character' desc, made.position, made.asset_id
        limit 1
      ) as final_image_id
    from jsonb_to_recordset(p_yields) as given (job_id uuid, yields jsonb)
    inner join public.generation_jobs as jobs on jobs.id = given.job_id
    where jobs.kind = 'character' and given.yields <> 'null'
  ),
  known as (
    update public.characters
    set job_id = drawn.job_id, model = drawn.model_id, success = true,
        name = coalesce(characters.name, drawn.yields ->> 'name'),
        description = coalesce(characters.description, drawn.yields ->> 'description'),
        message = drawn.yields ->> 'message',
        sprite_sheet_id = drawn.sprite_sheet_id, final_image_id = drawn.final_image_id
    from drawn
    where characters.id = drawn.character_id
    returning characters.id, characters.user_id, drawn.job_id
  ),
  new as (
    insert into public.characters (
      user_id, project_id, job_id, name, description, visual_prompt, art_style, model, success,
      message, sprite_sheet_id, final_image_id
    )
    select
      drawn.user_id, drawn.project_id, drawn.job_id, drawn.yields ->> 'name',
      drawn.yields ->> 'description',
      coalesce(nullif(btrim(drawn.yields ->> 'visual_prompt'), ''), drawn.prompt),
      coalesce(drawn.art_style, ''), drawn.model_id, true, drawn.yields ->> 'message',
      drawn.sprite_sheet_id, drawn.final_image_id
    from drawn
    where drawn.character_id is null
    returning id, user_id, job_id
  )
  insert into public.character_reference_images (character_id, user_id, asset_id, position)
  select recorded.id, recorded.user_id, pictures.asset_id, pictures.place
  from (
    select new.id, new.user_id, new.job_id from new
    union all
    -- Pictures that its owner gave it stay the only ones.
    select known.id, known.user_id, known.job_id from known
    where not exists (
      select from public.character_reference_images as given where given.character_id = known.id
    )
  ) as recorded
  cross join lateral (
    select
      linked.asset_id,
      row_number() over (
        order by linked.role = 'reference_image' desc, linked.position, linked.asset_id
      ) - 1 as place
    from public.job_assets as linked
    inner join public.assets on assets.id = linked.asset_id and assets.kind = 'image'
    where linked.job_id = recorded.job_id and linked.role in ('reference_image', 'result_image')
    order by linked.role = 'reference_image' desc, linked.position, linked.asset_id
    limit 6
  ) as pictures;
end;
$$;
comment on function private.record_characters is
'Writes down the characters that jobs drew, as private.record_yields says: the finished picture is '
'the final_character or the first result, and the first six pictures that went in or came out are '
'what it is known by.';

revoke execute on function
private.check_yields, private.record_yields, private.record_characters
from public;
