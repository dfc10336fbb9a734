-- What is left in a lot when it ends is written off: one `expiration` in the ledger a lot.
--
-- Spending never counts a lot that has ended, so that nothing depends on when this runs; the
-- balance does show it until then. It waits for nobody: an account that somebody works on has its
-- turn later.

create function private.expire_lots(p_user_id uuid)
returns bigint
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_lot record;
  v_transaction_id uuid;
  v_count bigint := 0;
begin
  for v_lot in
    select id, kind, remaining from public.credit_grants
    where user_id = p_user_id and not is_spent and expires_at <= private.now()
    order by expires_at, id
  loop
    v_transaction_id := gen_random_uuid();
    update public.credit_grants set remaining = 0 where id = v_lot.id;
    perform private.post_transaction(
      v_transaction_id, p_user_id, -v_lot.remaining, 'expiration', 'completed',
      p_description => case v_lot.kind
        when 'allowance' then 'Allowance ended' else 'Credits ended'
      end
    );
    insert into public.credit_allocations (transaction_id, grant_id, amount)
    values (v_transaction_id, v_lot.id, -v_lot.remaining);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function private.expire_lots is
'Writes off what is left in a user''s lots that have ended, and says how many they were. The '
'account is locked.';
revoke execute on function private.expire_lots from public;

create function worker.expire_credits(p_limit integer default 100)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_count bigint := 0;
begin
  for v_user_id in
    select user_id from public.credit_grants
    where not is_spent and expires_at <= private.now()
    group by user_id
    order by min(expires_at)
    limit greatest(p_limit, 0)
  loop
    -- One that goes wrong must not keep the others from being done.
    begin
      if private.try_lock_account(v_user_id) then
        v_count := v_count + private.expire_lots(v_user_id);
      end if;
    exception when others then
      raise warning 'expire_credits: user %: % %', v_user_id, sqlstate, sqlerrm;
    end;
  end loop;
  return v_count;
end;
$$;
comment on function worker.expire_credits is
'Writes off what is left in lots that have ended, of up to p_limit users, and says how many lots '
'they were. Whoever''s account is locked is left for the next time. Definer: the ledger''s '
'functions alone write it.';
revoke execute on function worker.expire_credits from public;
grant execute on function worker.expire_credits to service_role;
