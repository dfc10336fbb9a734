"""Holes to make in the schema, one at a time, to see that the suite finds each.

This file is data; mutate.py runs it. A hole is SQL that a superuser runs on a migrated database
before the tests: a grant too many, a condition that was forgotten, a trigger that is not there. It
must fail where what it changes is not there any more, so that it cannot rot into one that changes
nothing.

Add one for each new kind of promise: the sentence says what somebody could do then that nobody
should, or what would not be true any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A hole.

    Attributes:
        area: The group of objects that it is in.
        name: What is wrong then, as a sentence; unique.
        sql: Statements that make it.
        killers: Where the suite likely finds it, the likeliest first: the name of a test module, or
            with `:word|word` only its tests whose names have one of the words in them.
    """

    area: str
    name: str
    sql: str
    killers: tuple[str, ...]


# How holes are made -------------------------------------------------------------------------------

OWN: Final = "user_id = (select auth.uid())"
IN_LIVE_PROJECT: Final = (
    "(project_id is null or project_id in (select projects.id from public.projects"
    " where projects.user_id = (select auth.uid()) and projects.deleted_at is null))"
)
OWN_UPLOADS: Final = "bucket_id in ('raw-videos', 'reference-images')"
OWN_FOLDER: Final = "(storage.foldername(name))[1] = (select auth.uid())::text"


def using(policy: str, condition: str) -> str:
    """Let a policy, named after its table and schema (`public` if none), look at less."""
    return f"alter policy {_policy(policy)} using ({condition})"


def checking(policy: str, condition: str) -> str:
    """Let a policy's check ask for less."""
    return f"alter policy {_policy(policy)} with check ({condition})"


def _policy(name: str) -> str:
    if name.startswith("reelbase_objects_"):
        return f"{name} on storage.objects"
    for verb in ("_select_", "_insert_", "_update_", "_delete_"):
        table, found, _ = name.partition(verb)
        if found:
            return f"{name} on public.{table}"
    raise ValueError(f"{name} does not say what it is for")


def rewritten(function: str, old: str, new: str) -> str:
    """Replace a piece of a function's body, which must be in it just once."""
    return (
        "do $mutate$ declare v_was text := pg_get_functiondef("
        f"'{function}'::regproc); begin"
        f" if cardinality(string_to_array(v_was, $old${old}$old$)) <> 2 then"
        f" raise 'the piece is not once in {function}'; end if;"
        f" execute replace(v_was, $old${old}$old$, $new${new}$new$); end $mutate$"
    )


def untied(table: str, constraint: str, column: str, target: str) -> str:
    """Replace a foreign key that names the owner, too, by one that does not."""
    return (
        "do $mutate$ declare v_action text; begin"
        " select case confdeltype when 'c' then 'cascade' when 'n' then 'set null'"
        " else 'no action' end into strict v_action from pg_constraint"
        f" where conrelid = 'public.{table}'::regclass and conname = '{constraint}';"
        f" execute 'alter table public.{table} drop constraint {constraint},"
        f" add foreign key ({column}) references public.{target} (id) on delete ' || v_action;"
        " end $mutate$"
    )


def dropped(table: str, constraint: str) -> str:
    """Drop a constraint."""
    return f"alter table {table} drop constraint {constraint}"


def as_owner(view: str) -> str:
    """Let a view ask as whoever made it."""
    return f"alter view {view} reset (security_invoker)"


def group(area: str, killers: str, holes: Mapping[str, str]) -> tuple[Mutant, ...]:
    """Make mutants of one area."""
    return tuple(Mutant(area, name, sql, tuple(killers.split())) for name, sql in holes.items())


# The holes ----------------------------------------------------------------------------------------

ACCOUNTS: Final = (
    *group(
        "accounts",
        "matrix:profiles",
        {
            "Users read one another's profiles": using(
                "profiles_select_owner", "deleted_at is null"
            ),
            "Users edit one another's profiles": using(
                "profiles_update_owner", "deleted_at is null"
            ),
            "Users choose their own tier": (
                "grant update (subscription_tier) on public.profiles to authenticated"
            ),
            "Users write the times of their logins": (
                "grant update (last_login_at) on public.profiles to authenticated"
            ),
            "Profiles are open where no policy is asked": (
                "alter table public.profiles disable row level security"
            ),
            "Usernames are listed for everybody": (
                "create policy profiles_select_anon on public.profiles for select to anon"
                " using (username is not null); grant select (username) on public.profiles to anon"
            ),
        },
    ),
    *group(
        "accounts",
        "matrix:user_preferences",
        {
            "Users edit one another's preferences": using(
                "user_preferences_update_owner", "user_id is not null"
            ),
            "Guests do not see what their preferences are": (
                "create policy user_preferences_no_guests on public.user_preferences"
                " as restrictive for select to authenticated"
                " using (not coalesce((auth.jwt() -> 'is_anonymous')::boolean, false))"
            ),
        },
    ),
    *group(
        "accounts",
        "accounts sign_up",
        {
            "A closed account still edits its profile": (
                f"alter policy profiles_update_owner on public.profiles using ({OWN})"
                f" with check ({OWN})"
            ),
            "Two users may share a username": "drop index public.profiles_username_key",
            "A picture's address may be a script": dropped(
                "public.profiles", "profiles_avatar_url_is_a_web_address"
            ),
            "A picture's address is taken from a stranger as it is": rewritten(
                "private.handle_new_user",
                "case\n          when v_avatar ~ '^https?://[^[:space:]<>\"]+$'"
                " and char_length(v_avatar) <= 2048\n            then v_avatar\n        end",
                "v_avatar",
            ),
            "Names are taken from a stranger as they are": rewritten(
                "private.clean_text",
                "regexp_replace(p_value, '[[:cntrl:]]+'::text, ' '::text, 'g'::text)",
                "p_value",
            ),
            "An address gets the bonus each time it signs up": rewritten(
                "private.grant_signup_bonus", "private.claim_once(p_email, 'signup-bonus')", "true"
            ),
            "An address with a plus is another mailbox": rewritten(
                "private.claim_once",
                r"regexp_replace(lower(btrim(p_email)), '\+[^@]*@', '@')",
                "lower(btrim(p_email))",
            ),
            "A changed e-mail address is not told to the profile": (
                "drop trigger reelbase_follow_auth_user on auth.users"
            ),
            "Somebody who gives an address later gets no bonus": (
                "drop trigger reelbase_credit_identified_user on auth.users"
            ),
        },
    ),
)

CATALOGUE: Final = (
    *group(
        "catalogue",
        "matrix:models|prices|packages|plans",
        {
            "Models that were taken off are offered": using(
                "models_select_everybody", "id is not null"
            ),
            "Prices of models that were taken off are shown": using(
                "model_prices_select_everybody", "model_id is not null"
            ),
            "Packages that were taken off are for sale": using(
                "credit_packages_select_everybody", "price_minor >= 0"
            ),
            "Users change prices": (
                "grant update (credits) on public.model_prices to authenticated;"
                " create policy model_prices_update_user on public.model_prices for update"
                " to authenticated using (model_id is not null) with check (model_id is not null)"
            ),
            "Visitors do not see the plans": (
                "revoke select on public.subscription_plans from anon"
            ),
        },
    ),
    *group(
        "catalogue",
        "credits limits owners",
        {
            "An edit is cheap though what it edits was never paid for": rewritten(
                "private.price_job", "and credit_cost > 0 and not is_refunded", ""
            ),
            "An edited draft keeps its old price": (
                "drop trigger generation_jobs_price_update on public.generation_jobs"
            ),
            "Many outputs cost as much as one": rewritten(
                "private.quote_job",
                "when 'output' then p_output_count",
                "when 'output' then 1",
            ),
            "A model makes more outputs than it can": rewritten(
                "private.quote_job",
                "p_output_count is null or not p_output_count between 1 and v_offer.max_outputs",
                "p_output_count is null",
            ),
            "The free plan has no limit of jobs": (
                "update public.subscription_plans"
                " set max_active_jobs = 1000000000, max_jobs_per_day = null where tier = 'free'"
            ),
            "The free plan has no limit of files and rows": (
                "update public.subscription_plans set max_rows = 1000000000,"
                " max_storage_bytes = 1000000000000000 where tier = 'free'"
            ),
        },
    ),
    *group(
        "catalogue",
        "parameters",
        {
            "A model is asked for what it does not know": rewritten(
                "private.quote_job",
                "perform private.check_parameters(p_parameters, v_offer.rules, p_kind);",
                "",
            ),
            "A parameter of one kind serves another": rewritten(
                "private.check_parameters",
                "if v_rule is null or (v_rule ? 'kinds' and not v_rule -> 'kinds' ? p_kind::text)",
                "if v_rule is null",
            ),
            "A number is any number": rewritten(
                "private.check_parameters",
                "or v_number < (v_rule -> 'min')::numeric or v_number > (v_rule -> 'max')::numeric",
                "",
            ),
            "A whole number has decimals": rewritten(
                "private.check_parameters", "case v_type when 'integer' then 0 else 20 end", "20"
            ),
            "A list holds anything": rewritten(
                "private.check_parameters",
                "v_last := jsonb_array_length(v_value) - 1;",
                "v_last := -1;",
            ),
            "Parameters are looked into however large they are": rewritten(
                "private.check_parameters",
                "elsif pg_column_size(p_parameters) > 16384"
                " or octet_length(p_parameters::text) > 16384 then",
                "elsif false then",
            ),
            "A long film of many pieces costs as much as a short one": rewritten(
                "private.quote_job",
                "if v_seconds <> round(p_duration_seconds, 2) then",
                "if false then",
            ),
            "A model makes films of lengths that it does not have": rewritten(
                "private.quote_job",
                "and v_quote.duration_seconds <> all(v_offer.allowed_seconds)",
                "and false",
            ),
            "A job without its file is charged": rewritten(
                "private.submit_own_generation",
                "perform private.require_inputs(v_job.id, p_kind, v_job.model_id);",
                "",
            ),
            "A draft without its file is charged": rewritten(
                "private.price_job",
                "perform private.require_inputs(new.id, new.kind, v_quote.model_id);",
                "",
            ),
            "A job that waits for its files is refused": rewritten(
                "private.require_inputs",
                "select from public.job_dependencies as dependencies"
                " where dependencies.job_id = p_job_id",
                "select where false",
            ),
            "A model's rules may say nothing of use": dropped(
                "public.models", "models_parameters_are_rules"
            ),
            "A model's lengths contradict one another": dropped(
                "public.models", "models_allowed_seconds_are_within"
            ),
            "A model without a price is offered": rewritten(
                "worker.operate_model",
                "if not exists (select from public.model_prices where model_id = p_model_id) then",
                "if false then",
            ),
            "A model is offered by nobody for no reason": rewritten(
                "worker.operate_model",
                "perform private.require_operator(p_operator, p_reason);",
                "",
            ),
        },
    ),
)

BILLING: Final = (
    *group(
        "billing",
        "matrix:payments|subscriptions payments",
        {
            "Users read one another's payments": using("payments_select_owner", "credits >= 0"),
            "Users read one another's subscriptions": using(
                "subscriptions_select_owner", "id is not null"
            ),
            "Visitors read payments": (
                "alter policy payments_select_owner on public.payments to public"
                " using (credits >= 0); grant select on public.payments to anon"
            ),
            "Services write payments by hand": (
                "grant insert, update on public.payments to service_role"
            ),
            "Users take out subscriptions by hand": (
                "grant insert (tier, current_period_started_at, current_period_ends_at)"
                " on public.subscriptions to authenticated;"
                " alter table public.subscriptions alter user_id set default auth.uid();"
                " create policy subscriptions_insert_owner on public.subscriptions for insert"
                f" to authenticated with check ({OWN})"
            ),
        },
    ),
    *group(
        "billing",
        "payments",
        {
            "A payment may become anything": "drop trigger payments_guard on public.payments",
            "The books of payments can be emptied": (
                "drop trigger payments_guard_whole on public.payments"
            ),
            "A payment's guard sleeps while rows are replicated": (
                "alter table public.payments enable trigger payments_guard"
            ),
            "A payment that was returned is open again": (
                "insert into private.payment_transitions (from_status, to_status, reason)"
                " values ('refunded', 'pending', 'x')"
            ),
            "A payment that failed begins again": (
                "insert into private.payment_transitions (from_status, to_status, reason)"
                " values ('failed', 'pending', 'x')"
            ),
            "The price of a payment can be changed afterwards": rewritten(
                "private.guard_payment", "'updated_at'\n", "'updated_at', 'amount_minor'\n"
            ),
            "What was returned of a payment may shrink": rewritten(
                "private.guard_payment",
                "new.refunded_minor < old.refunded_minor",
                "new.refunded_minor < 0",
            ),
            "More is returned than was paid": dropped(
                "public.payments", "payments_refund_is_within_amount"
            ),
            "Credits are owed for what was never paid": dropped(
                "public.payments", "payments_owes_only_what_was_paid"
            ),
            "A bank takes back more than was paid": dropped(
                "public.payments", "payments_charged_back_is_within_amount"
            ),
            "A payment is for another's subscription": untied(
                "payments",
                "payments_subscription_is_the_payers",
                "subscription_id",
                "subscriptions",
            ),
            "One event of a provider pays twice": dropped(
                "public.payments", "payments_provider_provider_reference_key"
            ),
            "One key opens two payments": dropped(
                "public.payments", "payments_user_id_idempotency_key_key"
            ),
            "A user has two subscriptions at once": (
                "drop index public.subscriptions_one_alive_per_user_key"
            ),
            "A subscription that ended comes back": rewritten(
                "private.guard_subscription", "old.is_final and", "false and"
            ),
            "A subscription changes hands": rewritten(
                "private.guard_subscription",
                "(new.id, new.user_id, new.provider, new.provider_reference, new.created_at)",
                "(new.id, old.user_id, new.provider, new.provider_reference, new.created_at)",
            ),
        },
    ),
)

PROJECTS: Final = (
    *group(
        "projects",
        "matrix:projects hiding",
        {
            "Owners see projects that they deleted": using("projects_select_owner", OWN),
            "Users read one another's projects": using(
                "projects_select_owner", "deleted_at is null"
            ),
            "Users read one another's public projects, tokens and all": (
                "create policy projects_select_public on public.projects for select"
                " to authenticated using (is_public and deleted_at is null)"
            ),
            "Visitors read public projects, tokens and all": (
                "create policy projects_select_anon on public.projects for select to anon"
                " using (is_public and deleted_at is null);"
                " grant select on public.projects to anon"
            ),
            "Owners change projects that they deleted": using("projects_update_owner", OWN),
            "Users change one another's projects": using(
                "projects_update_owner", "deleted_at is null"
            ),
            "Users delete one another's projects": using(
                "projects_delete_owner", "deleted_at is null"
            ),
            "Users choose the links of their projects": (
                "grant update (share_token) on public.projects to authenticated"
            ),
            "Users write when a project was deleted": (
                "grant update (deleted_at) on public.projects to authenticated"
            ),
            "Users say whose project it is": (
                "grant insert (user_id) on public.projects to authenticated"
            ),
            "Users set every column of a project": (
                "grant insert, update on public.projects to authenticated"
            ),
            "Projects are open where no policy is asked": (
                "alter table public.projects disable row level security"
            ),
        },
    ),
    *group(
        "projects",
        "hiding sharing",
        {
            "Deleting a project removes it at once": (
                "drop trigger projects_hide on public.projects"
            ),
            "What runs in a deleted project goes on": (
                "drop trigger projects_cancel_jobs on public.projects"
            ),
            "A project that is brought back is public again": rewritten(
                "private.hide_project",
                "deleted_at = now(), is_public = false,",
                "deleted_at = now(),",
            ),
            "A project that is brought back has its old link": rewritten(
                "private.hide_project", ", share_token = null", ""
            ),
            "Deleting a job removes it and its books": (
                "drop trigger generation_jobs_hide on public.generation_jobs"
            ),
            "A deleted job goes on": rewritten(
                "private.cancel_hidden_jobs",
                "status in ('queued', 'starting', 'processing', 'finalizing')",
                "status = 'pending'",
            ),
            "The files of a deleted job stay in sight": rewritten(
                "private.hide_job",
                "update public.assets set hidden_at = now()",
                "update public.assets set updated_at = now()",
            ),
            "Anybody brings a deleted project back": rewritten(
                "private.restore_own_project",
                "where id = p_project_id and user_id = (select auth.uid())",
                "where id = p_project_id",
            ),
            "Anybody brings a deleted job back": rewritten(
                "private.restore_own_job", " and jobs.user_id = (select auth.uid())", ""
            ),
            "A job that is about to be purged is brought back": rewritten(
                "private.restore_own_job",
                "or jobs.hidden_at > now() - (select purge_after from private.settings)",
                "or true",
            ),
            "A project that is half purged is brought back": rewritten(
                "private.restore_own_project",
                "or deleted_at > now() - (select purge_after from private.settings)",
                "or true",
            ),
            "A job that is brought back brings what another one made": rewritten(
                "private.restore_own_job",
                " and role not in ('reference_image', 'source_video', 'source_audio')",
                "",
            ),
            "A job is brought back out of a deleted project": rewritten(
                "private.restore_own_job",
                "projects.id = jobs.project_id and projects.deleted_at is not null",
                "false",
            ),
            "The prompt of a deleted draft stays": rewritten(
                "private.hide_job", "delete from public.user_prompts where job_id = old.id;", ""
            ),
            "The purge takes away what a running job works from": rewritten(
                "private.is_input_of_active_job", "jobs.finished_at is null and", "false and"
            ),
            "Users take away what a running job works from, by its file": (
                "drop trigger assets_keep_inputs on public.assets"
            ),
            "A job is queued into a project that is being deleted": rewritten(
                "private.accept_job", "if new.project_id is not null then", "if false then"
            ),
            "The purge does not wait": rewritten(
                "worker.purge_hidden", "now() - (select purge_after from private.settings)", "now()"
            ),
            "The purge leaves the prompt": rewritten("worker.purge_hidden", "prompt = '', ", ""),
            "The purge leaves the ratings": rewritten(
                "worker.purge_hidden",
                "delete from public.feedback where job_id = any(v_jobs);",
                "",
            ),
            "The files of what is removed stay in storage": (
                "drop trigger assets_request_file_removal on public.assets"
            ),
            "The files of a user who is removed stay in storage": (
                "drop trigger profiles_request_removal_of_files on public.profiles"
            ),
            "Two services remove the same file": rewritten(
                "worker.claim_file_removals", "where due.available_at <= private.now()", ""
            ),
        },
    ),
)

SHARING: Final = group(
    "sharing",
    "sharing matrix:functions hiding",
    {
        "Anybody makes a link to any project": rewritten(
            "private.share_own_project",
            "and user_id = (select auth.uid()) and deleted_at is null",
            "and deleted_at is null",
        ),
        "Owners make links to projects that they deleted": rewritten(
            "private.share_own_project",
            "p_project_id and user_id = (select auth.uid()) and deleted_at is null",
            "p_project_id and user_id = (select auth.uid())",
        ),
        "Closed accounts make links": rewritten(
            "private.share_own_project", "if not exists (", "if false and not exists ("
        ),
        "Anybody drops the link of any project": rewritten(
            "private.unshare_own_project", "and user_id = (select auth.uid()) ", ""
        ),
        "A link works on after it was dropped": rewritten(
            "private.unshare_own_project", "set share_token = null", "set share_token = share_token"
        ),
        "Links can be guessed": rewritten(
            "private.share_own_project",
            "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')",
            "md5(p_project_id::text) || md5(p_project_id::text)",
        ),
        "A private project opens by its id": rewritten(
            "private.find_shown_project", " and projects.is_public", ""
        ),
        "A deleted project opens by its link": rewritten(
            "private.find_shown_project", "projects.deleted_at is null and ", ""
        ),
        "The projects of a closed account open": rewritten(
            "private.find_shown_project", " and profiles.deleted_at is null", ""
        ),
        "Projects that are shared by link alone are listed": rewritten(
            "private.public_projects",
            "where projects.is_public and",
            "where (projects.is_public or projects.share_token is not null) and",
        ),
        "Projects of closed accounts are listed": rewritten(
            "private.public_projects", "and profiles.deleted_at is null", ""
        ),
        "Results are shown before they are paid for": rewritten(
            "private.shown_results", " and jobs.status = 'completed'", ""
        ),
        "Results of deleted jobs are shown": (
            rewritten("private.shown_results", " and jobs.hidden_at is null", "")
            + "; "
            + rewritten("private.show_project", " and assets.hidden_at is null", "")
        ),
        "What went into a job is shown": rewritten(
            "private.shown_results", "'subtitle', 'thumbnail'", "'reference_image', 'thumbnail'"
        ),
        "Prompts are shown unasked": rewritten(
            "private.show_project",
            "case when projects.show_prompts then jobs.prompt end",
            "jobs.prompt",
        ),
        "Paths in storage, with the owner's id in them, are shown": rewritten(
            "private.show_project",
            "'path', p_folder || '/' || assets.id",
            "'path', assets.storage_path",
        ),
        "The service hands out files of other projects": rewritten(
            "worker.find_shown_file",
            "on shown.asset_id = assets.id",
            "on shown.asset_id is not null",
        ),
        "Visitors make links": (
            "grant execute on function public.share_project, private.share_own_project to anon"
        ),
        "Services open what is shared, which is not theirs to do": (
            "grant execute on function private.open_shared_project to service_role"
        ),
    },
)

CREDITS: Final = (
    *group(
        "credits",
        "matrix:credit",
        {
            "Users read one another's balances": using(
                "credit_accounts_select_owner", "balance >= 0"
            ),
            "Users read one another's movements": using(
                "credit_transactions_select_owner", "amount <> 0"
            ),
            "Users read which lots others spend": using(
                "credit_allocations_select_owner", "amount <> 0"
            ),
            "Users write their balance": (
                "grant update (balance) on public.credit_accounts to authenticated;"
                " create policy credit_accounts_update_owner on public.credit_accounts for update"
                f" to authenticated using ({OWN}) with check ({OWN})"
            ),
            "Users give themselves credits": (
                "grant insert on public.credit_transactions to authenticated;"
                " create policy credit_transactions_insert_owner on public.credit_transactions"
                f" for insert to authenticated with check ({OWN})"
            ),
            "Services write balances by hand": (
                "grant update (balance) on public.credit_accounts to service_role"
            ),
            "Services remove movements": (
                "grant delete on public.credit_transactions to service_role"
            ),
            "The statement shows everybody's movements": as_owner("public.credit_statement"),
            "The sums by model are of everybody": as_owner("public.credit_usage_by_model"),
            "Lots are open where no policy is asked": (
                "alter table public.credit_grants disable row level security"
            ),
        },
    ),
    *group(
        "credits",
        "matrix:functions credits",
        {
            "Users call what gives credits": (
                "grant execute on function private.grant_credits to authenticated"
            ),
            "Everybody calls what returns a charge": (
                "grant execute on function private.refund_deduction to public"
            ),
            "Services give credits by hand": (
                "grant execute on function private.grant_credits to service_role;"
                " grant usage on schema private to service_role"
            ),
        },
    ),
    *group(
        "credits",
        "credits",
        {
            "Jobs cost nothing": rewritten(
                "private.accept_job", "if new.credit_cost > 0 then", "if false then"
            ),
            "Drafts that are queued cost nothing": rewritten(
                "private.accept_job",
                "if new.credit_cost > 0 then",
                "if new.credit_cost > 0 and tg_op = 'INSERT' then",
            ),
            "What came to nothing is not returned": rewritten(
                "private.follow_jobs",
                "v_count := private.refund_deductions(v_changed.fruitless);",
                "null;",
            ),
            "What is done stays a hold": rewritten(
                "private.follow_jobs",
                "v_count := private.settle_deductions(v_changed.completed);",
                "null;",
            ),
            "What was returned in part is returned whole": rewritten(
                "private.refund_deductions", "and charges.job_id <> all(v_partly)", ""
            ),
            "Jobs that end together share one place in the ledger": rewritten(
                "private.refund_deductions",
                "accounts.balance + charges.running,",
                "accounts.balance + charges.amount,",
            ),
            "A job is charged twice": (
                "drop index public.credit_transactions_one_deduction_per_job_key"
            ),
            "A balance is below zero": (
                "alter domain public.credit_balance drop constraint credit_balance_is_not_negative"
            ),
            "A lot holds more than was given": dropped(
                "public.credit_grants", "credit_grants_remaining_is_within_amount"
            ),
            "Credits may be no number": (
                "alter domain public.credit_amount drop constraint credit_amount_is_a_number"
            ),
            "A movement is rewritten": (
                "drop trigger credit_transactions_keep_ledger on public.credit_transactions"
            ),
            # Each keeps the other from being emptied along with it.
            "The books can be emptied": (
                "drop trigger credit_transactions_keep_ledger_whole on public.credit_transactions;"
                " drop trigger payments_guard_whole on public.payments"
            ),
            "The ledger's guard sleeps while rows are replicated": (
                "alter table public.credit_transactions"
                " enable trigger credit_transactions_keep_ledger"
            ),
            "A charge that was returned becomes one again": rewritten(
                "private.keep_ledger",
                "('pending', 'completed'),",
                "('pending', 'completed'), ('refunded', 'completed'),",
            ),
            "Credits that have ended are spent": rewritten(
                "private.deduct_credits",
                "and (expires_at is null or expires_at > private.now())"
                "\n      order by priority desc, expires_at, id\n      limit 1",
                "order by priority desc, expires_at, id limit 1",
            ),
            "Lasting credits are spent before those that end": rewritten(
                "private.deduct_credits",
                "order by priority desc, expires_at, id\n      limit 1",
                "order by priority desc, expires_at desc, id limit 1",
            ),
            "Whoever owes credits goes on spending": rewritten(
                "private.deduct_credits", "debt = 0 and ", ""
            ),
            "More is returned than was taken": rewritten(
                "private.refund_deduction", "if v_refund > v_left then", "if false then"
            ),
            "A key gives another sum without a word": rewritten(
                "private.grant_credits", "and kind = p_kind and amount = p_amount", ""
            ),
            "A key serves another wish": rewritten(
                "private.submit_own_generation",
                "(v_job.kind, v_job.prompt, v_job.mode, v_job.output_count) is distinct from"
                "\n      (p_kind, p_prompt, p_mode, p_output_count)",
                "false",
            ),
            "The books' check sees no debt": rewritten(
                "private.reconcile_credits",
                "where accounts.debt <> coalesce(owed.credits, 0)",
                "where false",
            ),
            "The books' check sees no tier that nobody pays for": rewritten(
                "private.reconcile_credits",
                "where subscriptions.status <> 'ended' and profiles.subscription_tier",
                "where false and profiles.subscription_tier",
            ),
            "The audit leaves a promise out": rewritten(
                "worker.audit_credits", "('debt is what payments owe', 'account'),", ""
            ),
            "Sums are rounded as it comes": rewritten(
                "private.check_amount", " or scale(trim_scale(p_amount)) > 2", ""
            ),
            "An account holds more than can be counted": rewritten(
                "private.grant_credits",
                "v_account.balance + v_held + p_amount > 90000000",
                "false",
            ),
            "What jobs hold is not thought of": rewritten(
                "private.grant_credits",
                "v_account.balance + v_held + p_amount > 90000000",
                "v_account.balance + p_amount > 90000000",
            ),
            "All that ever came in overflows": rewritten(
                "private.grant_credits",
                "v_account.lifetime_earned + p_amount > 9999999999.99",
                "false",
            ),
            "What is returned to a lot that ended is lost": rewritten(
                "private.return_to_lots", "v_lot.has_ended and v_lot.kind <> 'refund'", "false"
            ),
            "Grace is given again and again": rewritten(
                "private.return_to_lots", " and v_lot.kind <> 'refund'", ""
            ),
            "Lasting credits come back as ones that end": rewritten(
                "private.return_to_lots", "has_ended, grants.id =", "has_ended desc, grants.id ="
            ),
            "The books' check sees no wrong balance": rewritten(
                "private.reconcile_credits",
                "where accounts.balance <> coalesce(ledger.total, 0)",
                "where false",
            ),
        },
    ),
    *group(
        "credits",
        "operations",
        {
            "Credits of a whole account count as spendable in debt": rewritten(
                "private.own_credits", "if v_account.debt > 0 then", "if false then"
            ),
            "Ended credits count as spendable": rewritten(
                "private.own_credits",
                "and (expires_at is null or expires_at > private.now())",
                "",
            ),
        },
    ),
)

# What providers of payments tell, what time brings, and what operators do.
MONEY: Final = (
    *group(
        "money",
        "take_payments payment_orders ledger_races",
        {
            "A payment credits each time it is heard of": (
                rewritten(
                    "private.follow_payment", " and v_payment.transaction_id is null then", " then"
                )
                + "; "
                + rewritten(
                    "private.follow_payment",
                    "'payment:' || p_payment_id,",
                    "'payment:' || gen_random_uuid(),",
                )
            ),
            "The amount that was paid is not compared": rewritten(
                "worker.settle_payment",
                "p_currency is null or p_amount_minor is distinct from v_payment.amount_minor",
                "false",
            ),
            "The currency that was paid is not compared": rewritten(
                "private.check_payment_currency",
                "upper(p_currency) <> p_payment.currency",
                "false",
            ),
            "Another id of the provider's is taken for the same": rewritten(
                "private.note_payment",
                "if p_provider_reference <> p_payment.provider_reference then",
                "if false then",
            ),
            "A payment that failed is never paid": rewritten(
                "worker.settle_payment",
                "if v_payment.succeeded_at is null then",
                "if v_payment.status in ('pending', 'processing') then",
            ),
            "A payment that was paid fails": rewritten(
                "worker.fail_payment", "status in ('pending', 'processing')", "true"
            ),
            "The total of refunds is taken for one more refund": rewritten(
                "worker.refund_payment",
                "set refunded_minor = p_refunded_minor\n",
                "set refunded_minor = least(refunded_minor + p_refunded_minor, amount_minor)\n",
            ),
            "The last total of refunds counts, not the greatest": rewritten(
                "worker.refund_payment", " and refunded_minor < p_refunded_minor", ""
            ),
            "A refund that is heard of before its payment is forgotten": rewritten(
                "worker.refund_payment",
                " and refunded_minor < p_refunded_minor",
                " and refunded_minor < p_refunded_minor and succeeded_at is not null",
            ),
            "More is refunded than was paid, without a word": rewritten(
                "worker.refund_payment",
                "elsif p_refunded_minor > v_payment.amount_minor then",
                "elsif false then",
            ),
            "A dispute takes before it is decided": rewritten(
                "private.follow_payment",
                "filter (where outcome = 'lost')",
                "filter (where outcome <> 'won')",
            ),
            "A dispute that was lost takes nothing": rewritten(
                "private.follow_payment", "filter (where outcome = 'lost')", "filter (where false)"
            ),
            "An older word loses a dispute that was won": rewritten(
                "private.note_dispute",
                "when 'won' in (disputes.outcome, excluded.outcome)",
                "when excluded.outcome = 'won'",
            ),
            "An older word opens a dispute that was lost": rewritten(
                "private.note_dispute",
                "when 'lost' in (disputes.outcome, excluded.outcome)",
                "when excluded.outcome = 'lost'",
            ),
            "What was spent of a payment that is returned is forgiven": rewritten(
                "private.follow_payment", "if v_part < v_due then", "if false then"
            ),
            "Debt stays when the payment is not returned after all": rewritten(
                "private.give_back",
                "v_part := least(v_payment.credits_owed, v_due);",
                "v_part := 0;",
            ),
            "What a dispute took does not come back when it is won": rewritten(
                "private.follow_payment", "elsif v_due < 0 then", "elsif false then"
            ),
            "A payment's return takes others' credits before its own": rewritten(
                "private.follow_payment",
                "v_due, 'chargeback', v_lots, p_payment_id",
                "v_due, 'chargeback', '{}', p_payment_id",
            ),
            "Debt is not collected from what comes in": rewritten(
                "private.collect_debt", "if not exists (", "if true or not exists ("
            ),
        },
    ),
    *group(
        "money",
        "take_payments",
        {
            "What costs nothing is given each time": rewritten(
                "worker.open_payment", "or not private.claim_once(", "or null and not ("
            ),
            "What costs nothing is given again to another address": rewritten(
                "worker.open_payment",
                "package_id = v_package.id and succeeded_at",
                "false and succeeded_at",
            ),
            "A payment pays for two periods": rewritten(
                "private.note_subscription",
                "p_occurred_at := coalesce(v_known.occurred_at, p_occurred_at);",
                "",
            ),
            "A payment pays for two subscriptions": rewritten(
                "private.note_subscription",
                "if v_known.subscription_id <> p_subscription_id then",
                "if false then",
            ),
            "A payment for one plan begins another": rewritten(
                "worker.start_subscription", "and tier <> p_tier", "and false"
            ),
            "Anonymous users take what costs nothing": rewritten(
                "worker.open_payment", "if v_profile.email is null then", "if false then"
            ),
            "Closed accounts buy": rewritten(
                "worker.open_payment",
                "elsif v_profile.deleted_at is not null then",
                "elsif false then",
            ),
            "A key serves another purchase": rewritten(
                "worker.open_payment",
                "(p_provider, p_package_slug, p_subscription_id)",
                "(p_provider, v_package.slug, v_payment.subscription_id)",
            ),
            "A buyer says what a package costs": rewritten(
                "worker.open_payment",
                "or (p_amount_minor is not null and p_subscription_id is null)",
                "",
            ),
            "Packages that were taken off are sold": rewritten(
                "worker.open_payment",
                "where slug = p_package_slug and is_active",
                "where slug = p_package_slug",
            ),
            "One pays for another's subscription": rewritten(
                "worker.open_payment",
                "where id = p_subscription_id and user_id = p_user_id",
                "where id = p_subscription_id",
            ),
        },
    ),
    *group(
        "money",
        "allowance subscription_orders expiry ledger_races",
        {
            "A plan begins before it is paid for": (
                "create or replace view private.counting_facts with (security_invoker = true) as"
                " select facts.subscription_id, facts.kind, facts.occurred_at, facts.tier,"
                " facts.ends_at, facts.payment_id, payments.succeeded_at as paid_at"
                " from private.subscription_facts as facts"
                " left join public.payments on payments.id = facts.payment_id"
            ),
            "A month of allowance is granted again and again": rewritten(
                "private.follow_month",
                "v_due := least(v_row.entitled - v_row.granted, v_room);",
                "v_due := v_row.entitled;",
            ),
            "Going up and down between plans gains credits": rewritten(
                "private.follow_month",
                "least(v_row.entitled - v_row.granted, v_room)",
                "v_row.entitled - v_row.granted",
            ),
            "A smaller plan leaves what the greater one gave": rewritten(
                "private.follow_month", "continue when v_due <= 0;", "continue;"
            ),
            "A day of a plan is worth its month": rewritten(
                "private.reckon_month",
                "extract(epoch from coalesce(segments.until, p_ends_at) - segments.since)",
                "extract(epoch from p_ends_at - p_started_at)",
            ),
            "Allowance never ends": rewritten(
                "private.follow_month", "v_expires_at, 10::smallint", "null, 10::smallint"
            ),
            "No allowance rolls over": rewritten(
                "private.follow_month",
                "private.add_months(p_ends_at, rollover_periods)",
                "p_ends_at",
            ),
            "Allowance is spent after what was bought": rewritten(
                "private.follow_month", "10::smallint", "'-1'::smallint"
            ),
            "Closed accounts are granted allowances": rewritten(
                "private.follow_allowance",
                "if v_profile.deleted_at is null then",
                "if true then",
            ),
            "A renewal that is a day late ends the plan": rewritten(
                "private.follow_subscription",
                "else (select subscription_grace from private.settings)",
                "else interval '0'",
            ),
            "A plan that is not to be renewed goes on after its end": rewritten(
                "private.follow_subscription",
                "when v_is_cancelled then interval '0'",
                "when false then interval '0'",
            ),
            "Whoever does not renew loses what was paid for": rewritten(
                "private.follow_subscription",
                "when v_is_cancelled then 'cancelled'",
                "when v_is_cancelled then 'ended'",
            ),
            "A plan goes on after its end was told": rewritten(
                "private.follow_subscription",
                "or v_kept_until <= v_now or v_end <= v_now then",
                "or v_kept_until <= v_now then",
            ),
            "A change for next month counts at once": rewritten(
                "private.follow_subscription",
                "occurred_at <= v_now desc,"
                " case when occurred_at <= v_now then occurred_at end desc,\n"
                "    occurred_at, tier desc",
                "occurred_at desc, tier desc",
            ),
            "The tier stays when the plan is over": rewritten(
                "private.follow_plan",
                "set subscription_tier = coalesce(v_tier, 'free')",
                "set subscription_tier = coalesce(v_tier, subscription_tier)",
            ),
            "A plan that is heard of late goes on beside its successor": rewritten(
                "private.note_subscription",
                "where earlier.id <> later.id",
                "where earlier.id <> later.id and later.id = p_subscription_id",
            ),
            "Another's plan is taken over by its reference": rewritten(
                "worker.start_subscription",
                "if v_subscription.user_id <> p_user_id then",
                "if false then",
            ),
            "Another's payment begins a plan": rewritten(
                "private.note_subscription",
                "where id = p_payment_id and user_id = v_user_id and package_id is null",
                "where id = p_payment_id",
            ),
            "A free plan's allowance is given with each sign-up": rewritten(
                "private.follow_allowance",
                "v_profile.email is not null and private.claim_once(",
                "true or private.claim_once(",
            ),
        },
    ),
    *group(
        "money",
        "expiry operations ledger_races credits",
        {
            "The sweep takes credits that have not ended": rewritten(
                "private.expire_lots", " and expires_at <= private.now()", ""
            ),
            "What has ended is never written off": rewritten(
                "worker.expire_credits", "expires_at <= private.now()", "false"
            ),
            "One user with whom something is wrong stops the sweep": rewritten(
                "worker.expire_credits", "raise warning", "raise exception"
            ),
            "One user with whom something is wrong keeps all others from following": rewritten(
                "worker.follow_subscriptions", "raise warning", "raise exception"
            ),
            "The sweep waits for whoever works on an account": rewritten(
                "private.try_lock_account",
                "for no key update skip locked",
                "for no key update",
            ),
        },
    ),
    *group(
        "money",
        "operators",
        {
            "What has ended is taken when something is to be taken back": rewritten(
                "private.take_credits",
                "and (expires_at is null or expires_at > private.now())",
                "",
            ),
            "Operators need no name": rewritten(
                "private.begin_action",
                "(char_length(btrim(p_operator)) between 1 and 100) is not true",
                "false",
            ),
            "Operators need no reason": rewritten(
                "private.begin_action",
                "(char_length(btrim(p_reason)) between 1 and 500) is not true",
                "false",
            ),
            "What an operator does is written down nowhere": rewritten(
                "private.end_action",
                "insert into worker.operator_actions (operator, action, reason, user_id,"
                " transaction_id, details)\n  values (btrim(p_operator), p_action, btrim(p_reason),"
                " p_user_id, p_transaction_id, p_details);",
                "",
            ),
            "Users are told why an operator did something": rewritten(
                "worker.grant_credits",
                "p_description => 'Credits given'",
                "p_description => p_reason",
            ),
            "An operator's key does it twice": rewritten(
                "private.begin_action",
                "idempotency_key = 'operator:' || p_idempotency_key",
                "false",
            ),
            "An operator's key serves another wish": rewritten(
                "private.begin_action",
                "(v_action.action, v_action.details) is distinct from (p_action, p_details)",
                "false",
            ),
            "An operator takes what is not there": rewritten(
                "worker.adjust_credits", "if v_there < -p_amount then", "if false then"
            ),
            "An operator takes what has ended": rewritten(
                "worker.adjust_credits",
                "and (expires_at is null or expires_at > private.now())",
                "",
            ),
            "What a running job holds is refunded": rewritten(
                "worker.refund_job", "elsif v_job.finished_at is null then", "elsif false then"
            ),
            "Credits are given that have ended already": rewritten(
                "worker.grant_credits", "elsif p_expires_at <= private.now() or", "elsif"
            ),
        },
    ),
    *group(
        "money",
        "books_by_hand",
        {
            **{
                f"{name} are written by hand": (
                    f"drop trigger {table}_refuse_by_hand on public.{table}"
                )
                for name, table in (
                    ("Balances", "credit_accounts"),
                    ("Movements", "credit_transactions"),
                    ("Lots", "credit_grants"),
                    ("Allocations", "credit_allocations"),
                )
            },
            **{
                f"{name} are removed by hand": (
                    f"drop trigger {table}_keep_with_user on public.{table}"
                )
                for name, table in (
                    ("Accounts", "credit_accounts"),
                    ("Lots", "credit_grants"),
                    ("Allocations", "credit_allocations"),
                )
            },
            "Accounts are emptied": (
                "drop trigger credit_accounts_keep_whole on public.credit_accounts"
            ),
            "Lots are emptied with what they were spent on": (
                "drop trigger credit_grants_keep_whole on public.credit_grants;"
                " drop trigger credit_allocations_keep_whole on public.credit_allocations"
            ),
            "The latch sleeps while rows are replicated": (
                "alter table public.credit_grants enable trigger credit_grants_refuse_by_hand"
            ),
            "Accounts are removed while rows are replicated": (
                "alter table public.credit_accounts enable trigger credit_accounts_keep_with_user"
            ),
            "The latch is open for a function that is not the ledger's": (
                "alter function private.lock_account set search_path = reelbase_ledger"
            ),
            "The latch is open for everybody": (
                "create or replace function private.refuse_by_hand() returns trigger"
                " language plpgsql set search_path = '' as 'begin return null; end'"
            ),
            "A user cannot be removed": rewritten(
                "private.keep_with_user",
                "not exists (select from auth.users where id = old.user_id)",
                "false",
            ),
            "What operators did is rewritten": (
                "drop trigger operator_actions_keep on worker.operator_actions"
            ),
            "What operators did is emptied": (
                "drop trigger operator_actions_keep_whole on worker.operator_actions"
            ),
            "What operators did may be rewritten while rows are replicated": (
                "alter table worker.operator_actions enable trigger operator_actions_keep"
            ),
        },
    ),
    *group(
        "money",
        "matrix:functions|worker|private",
        {
            "Services call what writes the ledger": (
                "grant execute on function private.take_credits to service_role;"
                " grant usage on schema private to service_role"
            ),
            "Users settle their payments": (
                "grant execute on function worker.settle_payment to authenticated"
            ),
            "Everybody grants credits as an operator": (
                "grant execute on function worker.grant_credits to public"
            ),
            "Users begin subscriptions": (
                "grant execute on function worker.start_subscription to authenticated"
            ),
            "Users read what operators did": (
                "grant select on worker.operator_actions to authenticated"
            ),
            "Services write disputes by hand": (
                "grant insert, update on worker.payment_disputes to service_role"
            ),
            "Services remove what operators did": (
                "grant delete on worker.operator_actions to service_role"
            ),
            "Services note facts of subscriptions by hand": (
                "grant insert on private.subscription_facts to service_role"
            ),
        },
    ),
    *group(
        "money",
        "revenue usage",
        {
            "Nobody notes when debt came": "drop trigger payments_note_debt on public.payments",
        },
    ),
)

STUDIO: Final = (
    *group(
        "studio",
        "matrix:prompt_templates studio",
        {
            "Visitors read everybody's templates": using(
                "prompt_templates_select_anon", "is_active"
            ),
            "Users read one another's templates": using(
                "prompt_templates_select_shared_or_owner", "is_active"
            ),
            "Users see shared templates that were taken off": using(
                "prompt_templates_select_shared_or_owner", f"user_id is null or {OWN}"
            ),
            "Users delete shared templates": using(
                "prompt_templates_delete_owner", f"{OWN} or user_id is null"
            ),
            "Users edit shared templates": using(
                "prompt_templates_update_owner", f"{OWN} or user_id is null"
            ),
            "Users share templates": (
                "grant insert (user_id) on public.prompt_templates to authenticated; "
                + checking("prompt_templates_insert_owner", f"{OWN} or user_id is null")
            ),
        },
    ),
    *group(
        "studio",
        "matrix:campaigns|brand|storyboard studio",
        {
            "Users edit one another's brands": using(
                "brand_guidelines_update_owner", "brand_name is not null"
            ),
            "Users delete one another's storyboards": using(
                "storyboard_sequences_delete_owner", "name is not null"
            ),
            "A campaign speaks for another's brand": untied(
                "campaigns",
                "campaigns_brand_is_the_owners",
                "brand_guidelines_id",
                "brand_guidelines",
            ),
            "A storyboard is part of another's campaign": untied(
                "storyboard_sequences",
                "storyboard_sequences_campaign_is_the_owners",
                "campaign_id",
                "campaigns",
            ),
            "Another's character plays in a storyboard": untied(
                "storyboard_sequences",
                "storyboard_sequences_character_is_the_owners",
                "character_id",
                "characters",
            ),
            "Users count the finished videos": (
                "grant update (completed_videos) on public.campaigns to authenticated"
            ),
            "Users say when a campaign was completed": (
                "grant insert (completed_at) on public.campaigns to authenticated"
            ),
        },
    ),
    *group(
        "studio",
        "studio bounds yields",
        {
            "A campaign goes back": "drop trigger campaigns_guard_status on public.campaigns",
            "A campaign is begun again after it was archived": rewritten(
                "private.guard_campaign_status",
                "new.status < old.status",
                "new.status < old.status and old.status <> 'archived'",
            ),
            "A concept needs no title": dropped(
                "public.campaigns", "campaigns_concepts_are_described"
            ),
            "A storyboard may be as large as one likes": dropped(
                "public.storyboard_sequences", "storyboard_sequences_frames_are_small"
            ),
            "A frame may last for ever": rewritten(
                "private.check_elements",
                "not between (rules.value -> 'min')::numeric and (rules.value -> 'max')::numeric",
                "< (rules.value -> 'min')::numeric",
            ),
            "A list may hold what is no text": rewritten(
                "private.is_text_list", "v_item is null or ", ""
            ),
            "A document may be nested without end": rewritten(
                "private.is_small_object", "'strict $.**{9 to last}'", "'strict $.**{90 to last}'"
            ),
            "A few bytes are written out as a hundred thousand": rewritten(
                "private.is_small_object",
                "abs(numbers.value::numeric) > 1000000000000000 or ",
                "",
            ),
            "A number may be short only as it is sent": rewritten(
                "private.is_small_json", " or scale(numbers.value::numeric) > 20", ""
            ),
            "A score may be no number": (
                "alter table public.performance_metrics"
                " drop constraint performance_metrics_quality_score_is_a_percentage,"
                " add check (quality_score >= 0)"
            ),
            "A plan of videos has no bound": dropped(
                "public.campaigns", "campaigns_total_videos_is_bounded"
            ),
            "Finished videos are not counted": rewritten(
                "private.follow_jobs",
                "perform private.count_campaign_videos(v_changed.completed);",
                "null;",
            ),
            "A preset's picture may be a script": dropped(
                "public.style_presets", "style_presets_thumbnail_url_is_a_web_address"
            ),
            "A platform is configured twice": dropped(
                "public.platform_configurations", "platform_configurations_user_id_platform_key"
            ),
            "Anybody counts uses of another's preset and reads it": rewritten(
                "private.use_own_style_preset", " and user_id = (select auth.uid())", ""
            ),
            "Anybody counts uses of another's configuration and reads it": rewritten(
                "private.use_own_tool_configuration", " and user_id = (select auth.uid())", ""
            ),
            "Anybody counts uses of another's chain and reads it": rewritten(
                "private.use_own_preset_chain", " and user_id = (select auth.uid())", ""
            ),
        },
    ),
    *group(
        "studio",
        "matrix:presets|tool|metrics studio",
        {
            "Users write how often a preset was used": (
                "grant update (usage_count) on public.style_presets to authenticated"
            ),
            "Users read one another's configurations": using(
                "tool_configurations_select_owner", "usage_count >= 0"
            ),
            "Users edit one another's chains": using(
                "tool_preset_chains_update_owner", "usage_count >= 0"
            ),
            "A preset shows another's character": untied(
                "style_presets",
                "style_presets_character_is_the_owners",
                "character_id",
                "characters",
            ),
            "A metric names another's character": untied(
                "performance_metrics",
                "performance_metrics_character_is_the_owners",
                "character_id",
                "characters",
            ),
            "A metric is tied to a job that was deleted": checking(
                "performance_metrics_insert_owner", OWN
            ),
            "Metrics of deleted jobs are shown": using("performance_metrics_select_owner", OWN),
            "Metrics of deleted jobs are changed": (
                "alter policy performance_metrics_update_owner on public.performance_metrics"
                f" using ({OWN}) with check ({OWN})"
            ),
        },
    ),
)

JOBS: Final = (
    *group(
        "jobs",
        "matrix:jobs|events owners hiding",
        {
            "Owners see jobs that they deleted": using(
                "generation_jobs_select_owner", f"{OWN} and {IN_LIVE_PROJECT}"
            ),
            "Owners see jobs of projects that they deleted": using(
                "generation_jobs_select_owner", f"{OWN} and hidden_at is null"
            ),
            "Users read one another's jobs": using(
                "generation_jobs_select_owner", "hidden_at is null"
            ),
            "A job goes into a deleted project": checking(
                "generation_jobs_insert_owner", f"{OWN} and status in ('pending', 'queued')"
            ),
            "A draft is moved into a deleted project": checking(
                "generation_jobs_update_draft_owner", f"{OWN} and status = 'pending'"
            ),
            "Users edit jobs that wait and are paid for": (
                "alter policy generation_jobs_update_draft_owner on public.generation_jobs"
                f" using ({OWN} and hidden_at is null and {IN_LIVE_PROJECT}) with check ({OWN})"
            ),
            "Users delete one another's jobs": using(
                "generation_jobs_delete_owner", f"hidden_at is null and {IN_LIVE_PROJECT}"
            ),
            "Owners delete the jobs of projects that they deleted": using(
                "generation_jobs_delete_owner", f"{OWN} and hidden_at is null"
            ),
            "Owners take drafts out of projects that they deleted": using(
                "generation_jobs_update_draft_owner",
                f"{OWN} and status = 'pending' and hidden_at is null",
            ),
            "Users move their jobs": (
                "grant update (status) on public.generation_jobs to authenticated"
            ),
            "Users say what a job costs": (
                "grant insert (credit_cost) on public.generation_jobs to authenticated"
            ),
            "Users say which job comes first": (
                "grant update (priority) on public.generation_jobs to authenticated"
            ),
            "Users set every column of a job": (
                "grant insert on public.generation_jobs to authenticated"
            ),
            "Services move jobs by hand": (
                "grant update (status, progress) on public.generation_jobs to service_role"
            ),
            "A job is put into another's project, whoever makes it": untied(
                "generation_jobs",
                "generation_jobs_project_is_the_owners",
                "project_id",
                "projects",
            ),
            "A job is a video of another's campaign": untied(
                "generation_jobs",
                "generation_jobs_campaign_is_the_owners",
                "campaign_id",
                "campaigns",
            ),
            "A job follows another's storyboard": untied(
                "generation_jobs",
                "generation_jobs_storyboard_is_the_owners",
                "storyboard_id",
                "storyboard_sequences",
            ),
            "A job follows another's job": untied(
                "generation_jobs",
                "generation_jobs_parent_is_the_owners",
                "parent_job_id",
                "generation_jobs",
            ),
            "The life of a deleted job can be read": using("job_events_select_owner", OWN),
            "Users write the lives of their jobs": (
                "grant insert (job_id, user_id, to_status, actor) on public.job_events"
                " to authenticated; create policy job_events_insert_owner on public.job_events"
                f" for insert to authenticated with check ({OWN})"
            ),
        },
    ),
    *group(
        "jobs",
        "job_machine job_states credits owners hiding limits matrix:functions",
        {
            "A client begins a job in the middle of its life": checking(
                "generation_jobs_insert_owner", f"{OWN} and {IN_LIVE_PROJECT}"
            ),
            "A job that is done is queued again": (
                "insert into private.job_transitions (from_status, to_status, reason)"
                " values ('completed', 'queued', 'x')"
            ),
            "A job that failed is completed": (
                "insert into private.job_transitions (from_status, to_status, reason)"
                " values ('failed', 'completed', 'x')"
            ),
            "One key makes two jobs": (
                "drop index public.generation_jobs_user_id_idempotency_key_key;"
                " create index on public.generation_jobs (user_id, idempotency_key); "
                + rewritten(
                    "private.submit_own_generation",
                    "on conflict (user_id, idempotency_key)"
                    " where idempotency_key is not null do nothing",
                    "",
                )
            ),
            "A file goes into a job as what comes out of one": rewritten(
                "private.submit_own_generation",
                "where wanted.role not in ('reference_image', 'source_video', 'source_audio')",
                "where false",
            ),
            "Drafts that were cancelled count nowhere": (
                "update private.row_limits"
                " set counted = 'queued_at is null and finished_at is null'"
                " where table_name = 'generation_jobs'"
            ),
            "A job becomes anything": rewritten(
                "private.follow_jobs", "if v_changed.forbidden is not null then", "if false then"
            ),
            "The life of a job is not recorded": rewritten(
                "private.follow_jobs",
                "where changed.from_status <> 'pending' or changed.status <> 'queued'",
                "where false",
            ),
            "A queued draft is given to nobody": (
                "drop trigger generation_jobs_accept_update on public.generation_jobs"
            ),
            "An ended job stays in the queue": rewritten(
                "private.clear_tasks",
                "delete from worker.tasks where job_id = any(p_ended)",
                "delete from worker.tasks where job_id = any(p_ended) and false",
            ),
            "A job is its own parent": dropped(
                "public.generation_jobs", "generation_jobs_is_not_its_own_parent"
            ),
            "A prompt may be as long as a book": (
                "alter table public.generation_jobs"
                " drop constraint generation_jobs_texts_are_given_and_short; "
                + rewritten(
                    "private.quote_job",
                    "char_length(p_prompt) > v_offer.max_prompt_characters",
                    "false",
                )
            ),
            "Anybody cancels any job": rewritten(
                "private.lock_own_job",
                "where id = p_job_id and user_id = (select auth.uid())",
                "where id = p_job_id",
            ),
            "Owners act on jobs that they deleted": rewritten(
                "private.lock_own_job", "v_job.hidden_at is not null or ", ""
            ),
            "Drafts of deleted projects are queued": rewritten(
                "private.lock_own_job", "and deleted_at is not null", "and false"
            ),
            "Nobody has too many jobs at once": rewritten(
                "private.accept_job",
                "if v_now.active_jobs > v_now.max_active_jobs then",
                "if false then",
            ),
            "Nobody has too many jobs a day": rewritten(
                "private.accept_job",
                "if v_now.max_jobs_per_day is not null then",
                "if false then",
            ),
            "Drafts of days ago are jobs of no day": rewritten(
                "private.accept_job",
                "queued_at > private.now() - interval '24 hours'",
                "created_at > private.now() - interval '24 hours' and queued_at is not null",
            ),
            "Closed accounts start jobs": rewritten(
                "private.price_job", "if v_owner.deleted_at is not null then", "if false then"
            ),
            "Jobs are submitted into projects that were deleted": rewritten(
                "private.submit_own_generation",
                "where id = p_project_id and user_id = v_user_id and deleted_at is null",
                "where id = p_project_id and user_id = v_user_id",
            ),
            "A deleted job answers to its key": rewritten(
                "private.submit_own_generation",
                "and idempotency_key = p_idempotency_key and hidden_at is null;\n    v_is_known",
                "and idempotency_key = p_idempotency_key;\n    v_is_known",
            ),
            "A worker without a lease says how far it is": rewritten(
                "worker.advance_jobs", "and tasks.lease = given.lease and tasks", "and tasks"
            ),
            "A worker whose lease ran out says how far it is": rewritten(
                "worker.advance_jobs", "and tasks.lease_expires_at > v_now", ""
            ),
            "A worker without a lease ends a job well": rewritten(
                "private.complete_held_jobs", "and tasks.lease = given.lease and tasks", "and tasks"
            ),
            "A worker whose lease ran out ends a job well": rewritten(
                "private.complete_held_jobs", "and tasks.lease_expires_at > private.now()", ""
            ),
            "A worker without a lease ends a job badly": rewritten(
                "private.fail_held_job", "and lease = p_lease and", "and lease is not null and"
            ),
            "A worker whose lease ran out ends a job badly": rewritten(
                "private.fail_held_job", " and lease_expires_at > private.now()", ""
            ),
            "A worker without a lease hands a job back": rewritten(
                "worker.release_tasks",
                "on tasks.job_id = held.job_id and tasks.lease = held.lease",
                "on tasks.job_id = held.job_id",
            ),
            "A lease that ran out is extended": rewritten(
                "worker.extend_leases", "where tasks.lease_expires_at > v_now", ""
            ),
            "Two workers have one task": rewritten(
                "private.claim_ready_tasks", "ready_at = null, is_woken", "is_woken"
            ),
            "A claim that is sent twice claims twice": rewritten(
                "worker.claim_tasks",
                "if exists (select from worker.claims where lease = p_lease) then",
                "if false then",
            ),
            "A claim that arrives after its repetition claims": rewritten(
                "worker.claim_tasks", "if v_jobs is null and p_is_repeat then", "if false then"
            ),
            "A result that is told twice is lost the second time": rewritten(
                "worker.complete_jobs", "when 'succeeded' then 'done'", ""
            ),
            "A failure that is told twice is lost the second time": rewritten(
                "worker.fail_jobs",
                "when v_verdict in ('given_up', 'failed', 'unknown') then 'done'",
                "",
            ),
            "A job that is put aside twice is lost the second time": rewritten(
                "worker.advance_jobs",
                "case when v_given.is_parked then 'done' else 'lease_lost' end",
                "'lease_lost'",
            ),
            "One wrong job spoils the others of its batch": rewritten(
                "worker.complete_jobs",
                "v_done := v_done || private.complete_held_jobs(jsonb_build_array(v_given));",
                "null;",
            ),
            "A worker writes results where users could replace them": rewritten(
                "private.complete_held_jobs",
                "or coalesce(outputs.bucket, '')\n"
                "        not in ('final-videos', 'final-images', 'thumbnails', 'voiceovers')",
                "or outputs.bucket is null",
            ),
            "A worker writes results into another's folder": rewritten(
                "private.complete_held_jobs",
                "not starts_with(outputs.storage_path, jobs.user_id || '/' || jobs.id || '/')",
                "false",
            ),
            "A job is done without a result": rewritten(
                "private.complete_held_jobs",
                "then coalesce(jsonb_typeof(given.yields), '') <> 'object'\n",
                "then false and coalesce(jsonb_typeof(given.yields), '') <> 'object'\n",
            ),
            "A job is tried for ever": rewritten(
                "private.fail_held_job",
                "v_is_over := v_job.attempt_count >= v_job.max_attempts;",
                "v_is_over := false;",
            ),
            "What can never succeed is tried again": rewritten(
                "private.fail_held_job", "if p_class = 'permanent' or p_is_final", "if p_is_final"
            ),
            "What its provider has is begun again": rewritten(
                "private.fail_held_job",
                "v_is_known := v_task.provider_job_id is not null and not p_anew;",
                "v_is_known := false;",
            ),
            "What its provider gave up is never begun again": rewritten(
                "private.fail_held_job", " and not p_anew;", ";"
            ),
            "An attempt that is handed back counts": rewritten(
                "worker.release_tasks", ", attempt_count = attempt_count - 1", ""
            ),
            "What was lost for the last time runs for ever": rewritten(
                "worker.end_overdue_jobs", "where id = any(v_lost);", "where false;"
            ),
            "A job has no deadline": rewritten(
                "worker.end_overdue_jobs",
                "filter (where overdue.deadline_at <= v_now)",
                "filter (where false)",
            ),
        },
    ),
    *group(
        "queue",
        "queue job_machine job_states",
        {
            "One user's thousand jobs stand before another's first": rewritten(
                "private.users_window", "16", "1000000"
            ),
            "More of a user's jobs run at once than the plan allows": rewritten(
                "private.admit_tasks", "plans.max_running_jobs - counts.admitted", "1000000"
            ),
            "The first jobs of a user run whatever the plan allows": rewritten(
                "private.accept_job",
                "least(plans.max_running_jobs, private.users_window()) as room",
                "private.users_window() as room",
            ),
            "A place that is free again is given to nobody": rewritten(
                "private.clear_tasks", "perform private.admit_tasks(v_gone.users);", ""
            ),
            "A place that nobody noticed is never given away": rewritten(
                "worker.tend_queue", "private.admit_forgotten_tasks(p_limit)", "0"
            ),
            "What was begun waits behind what was not": rewritten(
                "private.claim_ready_tasks",
                "is_woken = false, priority = 101,",
                "is_woken = false,",
            ),
            "A task that was committed late is never found": rewritten(
                "worker.claim_tasks", "p_lease_seconds, true)", "p_lease_seconds, false)"
            ),
            "Nobody takes over what was lost": rewritten(
                "worker.tend_queue", "private.take_over_tasks(p_limit)", "0"
            ),
            "What was lost is submitted again as if it never had been": rewritten(
                "private.take_over_tasks", "tasks.is_uncertain or lost.step = 'submit'", "false"
            ),
            "What nobody heard of is submitted again as if it never had been": rewritten(
                "private.fail_held_job",
                "is_uncertain = p_class = 'unknown' and not v_is_known,",
                "is_uncertain = false,",
            ),
            "A provider has no limit of jobs at once": rewritten(
                "private.room_at_provider",
                "if v_provider.max_running is not null then",
                "if false then",
            ),
            "A provider has no limit of jobs a minute": rewritten(
                "private.room_at_provider",
                "if v_provider.starts_per_minute is not null then",
                "if false then",
            ),
            "A drained provider begins jobs": rewritten(
                "private.room_at_provider", "elsif v_provider.is_drained then", "elsif false then"
            ),
            "A provider that fails goes on being asked": rewritten(
                "private.note_failure",
                "elsif v_failures >= v_settings.breaker_failures then",
                "elsif false then",
            ),
            "A provider that was paused is asked by all at once": rewritten(
                "private.room_at_provider", "else 1\n", "else p_limit\n"
            ),
            "A paused provider is asked": rewritten(
                "private.room_at_provider",
                "elsif v_provider.paused_until > private.now() then",
                "elsif false then",
            )
            + "; "
            + rewritten(
                "private.room_at_provider",
                "when v_provider.paused_until > private.now() or exists (",
                "when exists (",
            ),
            "A provider that works again stays paused": rewritten(
                "private.note_successes",
                "paused_until = case when paused_until = 'infinity' then paused_until end,",
                "paused_until = paused_until,",
            ),
            "A job pays for its provider's throttling": rewritten(
                "private.note_failure",
                "return p_class in ('throttled', 'configuration') or",
                "return",
            ),
            "A wrong job speaks against its provider": rewritten(
                "private.note_failure",
                "if p_class = 'permanent' then",
                "if false then",
            ),
            "An operator's pause ends by itself": rewritten(
                "private.note_successes",
                "paused_until = case when paused_until = 'infinity' then paused_until end,",
                "paused_until = null,",
            ),
            "News that come while a job is looked up are lost": rewritten(
                "worker.wake_jobs", "is_woken = tasks.lease is not null", "is_woken = false"
            ),
            "A provider is not told to stop what was cancelled": rewritten(
                "private.clear_tasks",
                "where jobs.status in ('cancelled', 'expired')",
                "where false",
            ),
            "A provider that accepts too late is not told to stop": rewritten(
                "worker.advance_jobs",
                "if result = 'lease_lost' and v_given.provider_job_id is not null then",
                "if false then",
            ),
            "Whoever dies keeps a provider from being told to stop": rewritten(
                "worker.claim_cancellations",
                "make_interval(secs => p_lease_seconds)",
                "interval '1 y'",
            ),
            "Files that nobody registered stay": rewritten(
                "worker.tend_queue", "private.find_stray_uploads(p_limit)", "0"
            ),
            "Files of results are taken for files that nobody registered": rewritten(
                "private.find_stray_uploads",
                "where assets.bucket = objects.bucket_id and assets.storage_path = objects.name",
                "where false",
            ),
            "Dispatchers sleep on when there is work": rewritten(
                "private.accept_job", "elsif not v_now.others_wait then", "elsif false then"
            ),
        },
    ),
    *group(
        "queue",
        "matrix:worker",
        {
            "Services write the queue by hand": (
                "grant insert, update, delete on worker.tasks to service_role"
            ),
        },
    ),
    *group(
        "queue",
        "chains",
        {
            "A job does not wait for what it is made from": rewritten(
                "private.accept_job",
                "perform private.wait_for_jobs(new.id, array[new.parent_job_id]);",
                "null;",
            ),
            "A job waits for ever for what came to nothing": rewritten(
                "private.follow_jobs",
                "perform private.follow_parents(v_changed.completed, v_changed.fruitless);",
                "null;",
            ),
        },
    ),
    *group(
        "jobs",
        "matrix:user_prompts|feedback yields",
        {
            "Prompts of deleted jobs are shown": using("user_prompts_select_owner", OWN),
            "A prompt names another's file": untied(
                "user_prompts",
                "user_prompts_reference_is_the_owners",
                "reference_asset_id",
                "assets",
            ),
            "A prompt names another's job": untied(
                "user_prompts", "user_prompts_job_is_the_owners", "job_id", "generation_jobs"
            ),
            "A job has any number of prompts": "drop index public.user_prompts_job_id_user_id_key",
            "Users rate jobs that are not done": checking(
                "feedback_insert_owner",
                f"{OWN} and exists (select from public.generation_jobs as jobs"
                " where jobs.id = feedback.job_id)",
            ),
            "Ratings of deleted jobs are shown": using("feedback_select_owner", OWN),
            "Ratings of deleted jobs are removed by who sees none": using(
                "feedback_delete_owner", OWN
            ),
            "A result comes out of two jobs": "drop index public.job_assets_one_maker_key",
            "A rating has no bounds": dropped(
                "public.feedback", "feedback_rating_is_from_one_to_five"
            ),
            "Users move a rating to another job": (
                "grant update (job_id) on public.feedback to authenticated"
            ),
            "Jobs are rated past the policies": (
                "alter function public.rate_generation security definer"
            ),
            "Jobs are retried past the policies": (
                "alter function public.retry_generation security definer"
            ),
            "A job is retried without the files that it had": (
                "drop trigger job_assets_mark_lost_inputs on public.job_assets"
            ),
        },
    ),
)

FILES: Final = (
    *group(
        "files",
        "matrix:assets owners hiding limits storage_paths",
        {
            "Files of deleted jobs are shown": using(
                "assets_select_owner", f"{OWN} and {IN_LIVE_PROJECT}"
            ),
            "Files of deleted projects are shown": using(
                "assets_select_owner", f"{OWN} and hidden_at is null"
            ),
            "A file is put into a deleted project": checking(
                "assets_insert_owner", f"{OWN} and bucket in ('raw-videos', 'reference-images')"
            ),
            "Users register files as results": checking(
                "assets_insert_owner", f"{OWN} and {IN_LIVE_PROJECT}"
            ),
            "Users delete results": using("assets_delete_owner", OWN),
            "Users say what type and size a file has": (
                "grant insert (mime_type, size_bytes) on public.assets to authenticated"
            ),
            "Users hide and show files": (
                "grant update (hidden_at) on public.assets to authenticated;"
                " create policy assets_update_owner on public.assets for update"
                f" to authenticated using ({OWN}) with check ({OWN})"
            ),
            "Users register another's upload": (
                dropped("public.assets", "assets_storage_path_is_the_owners")
                + "; "
                + rewritten(
                    "private.describe_upload",
                    " or not starts_with(new.storage_path, new.user_id::text || '/')",
                    "",
                )
            ),
            "Users find out whether another's upload is there": rewritten(
                "private.describe_upload",
                " or not starts_with(new.storage_path, new.user_id::text || '/')",
                "",
            ),
            "A path may climb": (
                "alter table public.assets drop constraint assets_storage_path_is_the_owners,"
                " add check (starts_with(storage_path, user_id::text || '/'))"
            ),
            "A picture is registered as a film": rewritten(
                "private.describe_upload",
                "if new.kind::text <> (",
                "if new.kind is null and '' <> (",
            ),
            "A file that is hidden goes into a job": rewritten(
                "private.check_job_input", " and hidden_at is null", ""
            ),
            "A file that is being removed is registered": (
                "drop trigger assets_refuse_removed_upload on public.assets"
            ),
            "Another's file goes into a job": untied(
                "job_assets", "job_assets_asset_is_the_owners", "asset_id", "assets"
            ),
            "Users add results to their jobs": checking(
                "job_assets_insert_owner",
                f"{OWN} and job_id in (select generation_jobs.id from public.generation_jobs"
                " where generation_jobs.user_id = (select auth.uid())"
                " and generation_jobs.status in ('pending', 'queued'))",
            ),
            "Users change what went into a job that is done": checking(
                "job_assets_insert_owner",
                f"{OWN} and role in ('reference_image', 'source_video', 'source_audio')",
            ),
            "Users take away what a running job works from": using(
                "job_assets_delete_owner",
                f"{OWN} and role in ('reference_image', 'source_video', 'source_audio')",
            ),
            "Users read what went into another's job": using(
                "job_assets_select_owner", "position >= 0"
            ),
            "A model gets more pictures than it takes": (
                "drop trigger job_assets_check_input on public.job_assets"
            ),
        },
    ),
    *group(
        "files",
        "storage_policies owners limits bounds hiding storage_paths",
        {
            "Users read one another's files": using("reelbase_objects_select_owner", OWN_UPLOADS),
            "Users read results before they are paid for": using(
                "reelbase_objects_select_owner", OWN_FOLDER
            ),
            "Users read whatever bucket is added": using(
                "reelbase_objects_select_owner",
                f"{OWN_FOLDER} and (bucket_id not in"
                " ('final-videos', 'final-images', 'thumbnails', 'voiceovers')"
                " or exists (select from public.assets where assets.bucket = objects.bucket_id"
                " and assets.storage_path = objects.name))",
            ),
            "Users upload into the buckets of results": checking(
                "reelbase_objects_insert_owner",
                f"{OWN_FOLDER} and (select private.has_room_for_uploads())",
            ),
            "Users upload into another's folder": checking(
                "reelbase_objects_insert_owner",
                f"{OWN_UPLOADS} and (select private.has_room_for_uploads())",
            ),
            "Users upload without end": checking(
                "reelbase_objects_insert_owner", f"{OWN_UPLOADS} and {OWN_FOLDER}"
            ),
            "Users write over files without end": checking(
                "reelbase_objects_update_owner", f"{OWN_UPLOADS} and {OWN_FOLDER}"
            ),
            "Users move files into another's folder": checking(
                "reelbase_objects_update_owner", OWN_UPLOADS
            ),
            "Users write over one another's files": using(
                "reelbase_objects_update_owner", OWN_UPLOADS
            ),
            "Users move files into the buckets of results": checking(
                "reelbase_objects_update_owner", OWN_FOLDER
            ),
            "Users write over results": using("reelbase_objects_update_owner", OWN_FOLDER),
            "Users remove results from storage": using("reelbase_objects_delete_owner", OWN_FOLDER),
            "Users remove one another's files": using("reelbase_objects_delete_owner", OWN_UPLOADS),
            "A folder is found anywhere in a path": using(
                "reelbase_objects_select_owner",
                "(select auth.uid())::text = any(storage.foldername(name))",
            ),
            "Visitors list uploads": (
                "create policy reelbase_objects_select_anon on storage.objects for select to anon"
                f" using ({OWN_UPLOADS})"
            ),
            "Files are open where no policy is asked": (
                "alter table storage.objects disable row level security"
            ),
            "Users list the buckets": (
                "create policy buckets_select_user on storage.buckets for select to authenticated"
                " using (id <> '')"
            ),
            "Thumbnails are for everybody": (
                "update storage.buckets set public = true where id = 'thumbnails'"
            ),
            "Uploads may be of any type": (
                "update storage.buckets set allowed_mime_types = null where id = 'raw-videos'"
            ),
            "Files are counted but not weighed": rewritten(
                "private.has_room_for_uploads", "uploads.bytes < plans.max_storage_bytes and ", ""
            ),
            "Addresses that were signed before pass the plan": (
                "drop trigger reelbase_limit_uploads on storage.objects"
            ),
            "Uploads of deleted projects are read": rewritten(
                "private.is_hidden_upload", " or projects.deleted_at is not null", ""
            ),
            "Files are weighed but not counted": rewritten(
                "private.has_room_for_uploads", " and uploads.files < plans.max_rows", ""
            ),
            "Closed accounts upload": rewritten(
                "private.has_room_for_uploads", " and profiles.deleted_at is null", ""
            ),
            "A user's uploads fill the room of others": rewritten(
                "private.has_room_for_uploads",
                "        and objects.name collate \"C\" >= profiles.user_id || '/'\n"
                "        and objects.name collate \"C\" < profiles.user_id || '0'\n",
                "",
            ),
        },
    ),
)

YIELDS: Final = (
    *group(
        "yields",
        "matrix:conversations|concepts|research|summaries|segment|character|video|image|voice"
        " yields",
        {
            "Conversations of deleted projects are shown": using("conversations_select_owner", OWN),
            "A conversation goes into another's project, if it is known": checking(
                "conversations_insert_owner", OWN
            ),
            "A conversation is edited afterwards": (
                "grant update (response) on public.conversations to authenticated;"
                " create policy conversations_update_owner on public.conversations for update"
                f" to authenticated using ({OWN}) with check ({OWN})"
            ),
            "Users say which job made a concept": (
                "grant insert (job_id) on public.video_concepts to authenticated"
            ),
            "Concepts of deleted jobs are shown": using(
                "video_concepts_select_owner", f"{OWN} and {IN_LIVE_PROJECT}"
            ),
            "Summaries of deleted projects are shown": using(
                "content_summaries_select_owner",
                f"{OWN} and (job_id is null or exists (select from public.generation_jobs as jobs"
                " where jobs.id = content_summaries.job_id))",
            ),
            "Users write answers from the web themselves": (
                "grant insert (prompt, response) on public.web_research_queries to authenticated;"
                " create policy web_research_queries_insert_owner on public.web_research_queries"
                f" for insert to authenticated with check ({OWN})"
            ),
            "What a job yields is put into another's hands": untied(
                "web_research_queries",
                "web_research_queries_job_is_the_owners",
                "job_id",
                "generation_jobs",
            ),
            "Segments of deleted segmentations are shown": using(
                "video_segments_select_owner", OWN
            ),
            "Segments are added to another's segmentation": (
                untied(
                    "video_segments",
                    "video_segments_segmentation_is_the_owners",
                    "segmentation_id",
                    "video_segmentations",
                )
                + "; "
                + checking("video_segments_insert_owner", OWN)
            ),
            "A segmentation of a deleted job is selected": using(
                "video_segmentations_update_owner", OWN
            ),
            "Users say that a character is drawn": (
                "grant update (success, final_image_id) on public.characters to authenticated"
            ),
            "Characters of deleted projects are edited": using("characters_update_owner", OWN),
            "Another's picture is a character's": untied(
                "characters", "characters_final_image_is_the_owners", "final_image_id", "assets"
            ),
            "A character is drawn from another's picture": (
                untied(
                    "character_reference_images",
                    "character_reference_images_asset_is_the_owners",
                    "asset_id",
                    "assets",
                )
                + "; drop trigger character_reference_images_check_image"
                " on public.character_reference_images"
            ),
            "Pictures of hidden characters are shown": using(
                "character_reference_images_select_owner", OWN
            ),
            "A character has seven pictures": dropped(
                "public.character_reference_images", "character_reference_images_are_at_most_six"
            ),
            "A film is drawn as a character's picture": (
                "drop trigger character_reference_images_check_image"
                " on public.character_reference_images"
            ),
            "Users say what a film is made of": (
                "grant insert on public.video_source_images to authenticated;"
                " create policy video_source_images_insert_owner on public.video_source_images"
                f" for insert to authenticated with check ({OWN})"
            ),
            "What a deleted film is made of is shown": using(
                "video_source_images_select_owner", OWN
            ),
            "The view of images shows everybody's": as_owner("public.images"),
            "The view of videos shows everybody's": as_owner("public.videos"),
            "The view of generated images shows everybody's": as_owner("public.generated_images"),
            "The view of generated videos shows everybody's": as_owner("public.generated_videos"),
            "The view of video files shows everybody's": as_owner("public.generated_video_files"),
            "The view of voice-overs shows everybody's": as_owner("public.generated_voiceovers"),
        },
    ),
    *group(
        "yields",
        "yields",
        {
            "Two segmentations are selected": (
                "alter table public.video_segmentations"
                " drop constraint video_segmentations_one_selected_key"
            ),
            "Selections at once meet in a deadlock": (
                "drop trigger video_segmentations_lock_selection_update"
                " on public.video_segmentations"
            ),
            "Selecting one segmentation leaves the others selected": (
                "drop trigger video_segmentations_unselect_others_update"
                " on public.video_segmentations"
            ),
            "Selecting a segmentation unselects those of other projects": rewritten(
                "private.unselect_other_segmentations",
                "and project_id is not distinct from new.project_id\n    ",
                "",
            ),
            "Selecting a segmentation unselects those of other users": rewritten(
                "private.unselect_other_segmentations", "user_id = new.user_id and ", ""
            ),
            "Segmentations are selected past the policies": (
                "alter function public.select_segmentation security definer"
            ),
            "What a stranger's job cost can be asked": (
                "alter function public.credits_used(public.video_concepts) security definer"
            ),
            "Whether a stranger's job was refunded can be asked": (
                "alter function public.is_refunded(public.characters) security definer"
            ),
        },
    ),
)

OPERATIONS: Final = (
    *group(
        "operations",
        "matrix:user_ operations",
        {
            "Users read one another's activity": using(
                "user_activity_logs_select_owner", "action <> ''"
            ),
            "Users remove their activity": (
                "grant delete on public.user_activity_logs to authenticated;"
                " create policy user_activity_logs_delete_owner on public.user_activity_logs"
                f" for delete to authenticated using ({OWN})"
            ),
            "The numbers about users are everybody's": as_owner("public.user_stats"),
        },
    ),
    *group(
        "operations",
        "operations",
        {
            "Clients say where they come from": rewritten(
                "private.parse_address",
                "split_part(p_entries, ',', -1)",
                "split_part(p_entries, ',', 1)",
            ),
            "The activity of a day has no bound": rewritten(
                "private.write_activity", "elsif v_limit <= (", "elsif 2147483647 <= ("
            ),
            "Activity is whatever a client writes": rewritten(
                "private.log_own_activity",
                "elsif not private.is_small_object(v_details, 1024) then",
                "elsif false then",
            ),
            "Clients log what the server alone can say": (
                rewritten(
                    "private.log_own_activity",
                    "elsif p_action in ('sign_up',",
                    "elsif p_action in (",
                )
                + "; "
                + dropped(
                    "public.user_activity_logs", "user_activity_logs_servers_words_are_its_own"
                )
            ),
            "Noise keeps a login from being written down": rewritten(
                "private.write_activity",
                "and by_server = p_by_server and (action = p_action or not p_by_server)",
                "",
            ),
            "Closed accounts write into the log": rewritten(
                "private.log_own_activity", " and deleted_at is null", ""
            ),
            "Logins are not logged": "drop trigger profiles_log_login on public.profiles",
            "Nobody is told that a project was shared": (
                "drop trigger projects_log_change on public.projects"
            ),
            "What a service does seems to come from the user": rewritten(
                "private.write_activity", "if p_user_id = (select auth.uid()) then", "if true then"
            ),
            "Housekeeping removes what is not old": rewritten(
                "worker.housekeep",
                "private.now() - v_settings.activity_log_retention",
                "private.now()",
            ),
            "Housekeeping forgets events that may be repeated": rewritten(
                "worker.housekeep",
                "private.now() - v_settings.webhook_retention",
                "private.now()",
            ),
            "Housekeeping forgets what this month's calls cost": rewritten(
                "worker.housekeep",
                "private.now() - v_settings.usage_retention",
                "private.now() + interval '2 days'",
            ),
            "A deleted account tells its user's id to who listens": (
                "alter table public.credit_accounts replica identity full"
            ),
            "A deleted job tells all that it was to who listens": (
                "alter table public.generation_jobs replica identity full"
            ),
            "Browsers follow what becomes of files": (
                "alter publication supabase_realtime add table public.assets"
            ),
        },
    ),
    *group(
        "operations",
        "limits matrix:functions bounds",
        {
            "Presets have no limit": (
                "drop trigger style_presets_limit_rows on public.style_presets"
            ),
            "Drafts have no limit": rewritten(
                "private.accept_job", "perform private.hold_row_limit('generation_jobs');", "null;"
            ),
            "Loose prompts have no limit": (
                "drop trigger user_prompts_limit_rows on public.user_prompts"
            ),
            "Projects have no limit": "drop trigger projects_limit_rows on public.projects",
            "Limits hold only once they are passed by far": rewritten(
                "private.hold_row_limit", "> v_limit then", "> v_limit * 2 then"
            ),
            "Limits do not hold in bulk": (
                "drop trigger style_presets_limit_rows on public.style_presets;"
                " create trigger style_presets_limit_rows before insert on public.style_presets"
                " for each statement when (current_user = 'authenticated')"
                " execute function private.limit_rows()"
            ),
            "A user's limits are shown beside everybody's": rewritten(
                "private.own_limits", "where profiles.user_id = (select auth.uid())", ""
            ),
            "Closed accounts write": rewritten(
                "private.hold_row_limit", " and profiles.deleted_at is null", ""
            ),
            "What is counted is what others have, too": rewritten(
                "private.count_rows", "where user_id = $1 and (%s)", "where (%s) and $1 is not null"
            ),
            "Uploads count as no rows": (
                "update private.row_limits set counted = 'false' where table_name = 'assets'"
            ),
        },
    ),
)

WEBHOOKS: Final = (
    *group(
        "webhooks",
        "provider_state",
        {
            "What a provider wants to be reminded of is lost on the way": rewritten(
                "worker.advance_jobs", "then held.provider_state\n", "then null\n"
            ),
            "One piece of work is asked after with what belongs to another": rewritten(
                "worker.advance_jobs",
                "when held.provider_job_id = tasks.provider_job_id then tasks.provider_state",
                "when true then tasks.provider_state",
            ),
            "What belongs to work that was given up is told with its successor": rewritten(
                "private.fail_held_job",
                "provider_state = case when v_is_known then provider_state end,",
                "",
            ),
            "A provider is told to stop without what it needs for that": rewritten(
                "private.clear_tasks", "gone.provider, gone.provider_state,", "gone.provider, null,"
            ),
        },
    ),
    *group(
        "webhooks",
        "webhooks",
        {
            "An event is stored as often as it comes": (
                dropped("worker.webhook_events", "webhook_events_provider_event_id_key")
                + "; "
                + rewritten(
                    "private.store_webhooks",
                    "on conflict on constraint webhook_events_provider_event_id_key do nothing",
                    "on conflict do nothing",
                )
            ),
            "A repeated event wakes its job again": rewritten(
                "private.store_webhooks", "and known.is_known is null;", ";"
            ),
            "One event that is not JSON loses its whole batch": rewritten(
                "worker.receive_webhooks",
                "for v_event in",
                "return; for v_event in",
            ),
            "Two batches wait for one another": rewritten(
                "private.store_webhooks",
                '    order by given.provider collate "C", given.event_id collate "C"\n'
                "    on conflict",
                "    order by random()\n    on conflict",
            ),
            "A payment's event wakes the job of that name": rewritten(
                "private.store_webhooks", "and given.provider <> all(v_of_payments)", ""
            ),
            "An event wakes another provider's job": rewritten(
                "private.wake_tasks",
                "where asked.provider = tasks.provider and asked.subject = tasks.provider_job_id",
                "where asked.subject = tasks.provider_job_id",
            ),
            "News that come by webhook while a job is looked up are lost": rewritten(
                "private.wake_tasks", "is_woken = tasks.lease is not null", "is_woken = false"
            ),
            "A job that is woken waits until somebody looks": rewritten(
                "private.wake_tasks",
                "pg_catalog.pg_notify('reelbase_tasks', woken.provider)",
                "woken.provider",
            ),
            "A delivery waits for whoever works on the job": rewritten(
                "private.wake_tasks",
                "for key share of jobs skip locked\n    for no key update of tasks skip locked",
                "for key share of jobs\n    for no key update of tasks",
            ),
            "An event of work that is over is looked after for ten minutes": rewritten(
                "private.find_past_work", "attempts.provider_job_id = any(p_subjects)", "false"
            ),
            "What was just accepted counts as over": rewritten(
                "private.find_past_work",
                "and tasks.provider_job_id = attempts.provider_job_id",
                "and false",
            ),
            "An event that comes too early is forgotten": rewritten(
                "worker.tend_queue", "worker.follow_webhooks(p_limit * 5)", "0"
            ),
            "An event about nothing is looked after for ever": rewritten(
                "worker.follow_webhooks", "due.attempts - due.forgiven >= 5", "false"
            ),
            "An event about nothing is looked after every second": rewritten(
                "worker.follow_webhooks",
                "least(4 ^ (due.attempts - due.forgiven + 1), 256)",
                "1",
            ),
            "A late word ends an event that somebody else acts on": rewritten(
                "worker.finish_webhook", "events.attempts = p_attempt and", ""
            ),
            "A late word ends an event that is to be tried again": rewritten(
                "worker.finish_webhook", "and events.attempts > events.forgiven", ""
            ),
            "What is done with can be undone": rewritten(
                "worker.finish_webhook", "and events.next_attempt_at is not null", ""
            ),
            "An event fails for ever": rewritten(
                "worker.finish_webhook",
                "private.is_worn_out(v_event.attempts, v_event.forgiven)",
                "false",
            ),
            "An event kills one service after another": rewritten(
                "worker.claim_webhooks",
                "and private.is_worn_out(events.attempts, events.forgiven)",
                "and false",
            ),
            "An event whose claimer died is dead": rewritten(
                "worker.claim_webhooks",
                "v_now + make_interval(secs => p_lease_seconds)",
                "'infinity'",
            ),
            "One event is acted on by two at once": rewritten(
                "worker.claim_webhooks",
                "v_now + make_interval(secs => p_lease_seconds)",
                "v_now",
            ),
            "Events of jobs are claimed as payments are": rewritten(
                "worker.claim_webhooks",
                "where events.is_of_payment and events.next_attempt_at <= v_now\n"
                "      and events.provider = any(p_providers)",
                "where events.next_attempt_at <= v_now",
            ),
            "An event is tried again with no attempt left": rewritten(
                "worker.replay_webhook", "forgiven = attempts", "forgiven = forgiven"
            ),
            "An event is tried again by nobody": rewritten(
                "worker.replay_webhook",
                "perform private.require_operator(p_operator, p_reason);",
                "",
            ),
        },
    ),
    *group(
        "webhooks",
        "payment_checks",
        {
            "A payment whose event is lost is never asked about": rewritten(
                "worker.open_payment",
                "private.now() + interval '2 minutes'",
                "'infinity'",
            ),
            "A provider is asked about a payment again and again": rewritten(
                "worker.claim_open_payments",
                "least(checks.checks, 100) + 1",
                "0",
            ),
            "A payment that expired is asked about no more": rewritten(
                "private.needs_check", "'1 day'::interval", "'0'::interval"
            ),
            "A payment that was paid is asked about for ever": rewritten(
                "private.needs_check", "ELSE false", "ELSE true"
            ),
            "A payment is asked about by two at once": rewritten(
                "worker.claim_open_payments", "for update skip locked", ""
            ),
            "A user opens payments without end": rewritten(
                "worker.open_payment", ") >= v_limit then", ") >= 1000000 then"
            ),
            "A user tries one card after the other": rewritten(
                "worker.open_payment",
                "status in ('pending', 'processing', 'failed')",
                "status in ('pending', 'processing')",
            ),
            "A subscription's payment is one too many": rewritten(
                "worker.open_payment",
                "  if p_subscription_id is null then\n    select max_open_payments",
                "  if true then\n    select max_open_payments",
            ),
            "One customer of the provider's is two users": dropped(
                "worker.payment_customers", "payment_customers_provider_provider_reference_key"
            ),
            "The last word of what a provider calls a user counts": rewritten(
                "worker.keep_payment_customer",
                "do nothing",
                "do update set provider_reference = excluded.provider_reference",
            ),
        },
    ),
    *group(
        "webhooks",
        "api_usage",
        {
            "A call counts as often as it is told": rewritten(
                "worker.log_api_usage",
                "calls.call_id, calls.provider,",
                "gen_random_uuid(), calls.provider,",
            ),
            "A deleted job keeps its call from being written down": rewritten(
                "worker.log_api_usage",
                "case when calls.job_id = any(v_jobs) then calls.job_id end",
                "calls.job_id",
            ),
            "Whoever writes calls down waits for a job": rewritten(
                "worker.log_api_usage", "for key share skip locked", "for key share"
            ),
            "A provider's bytes cost what its work costs": rewritten(
                "worker.log_api_usage",
                "and calls.operation in ('submit', 'look_up', 'recover')",
                "",
            ),
            "What a provider says that it cost is not believed": rewritten(
                "worker.log_api_usage", "      calls.cost_usd,\n", ""
            ),
        },
    ),
)

WALLS: Final = (
    *group(
        "walls",
        "matrix:functions|worker|private|every",
        {
            "Clients enter the schema private": "grant usage on schema private to authenticated",
            "Clients enter the schema worker": "grant usage on schema worker to authenticated",
            "Users read the key of the bonus's hashes": (
                "grant select on private.settings to authenticated"
            ),
            "Services read the key of the bonus's hashes": (
                "grant usage on schema private to service_role;"
                " grant select on private.settings to service_role"
            ),
            "Users claim tasks": (
                "grant usage on schema worker to authenticated;"
                " grant execute on function worker.claim_tasks to authenticated"
            ),
            "Everybody fails jobs": "grant execute on function worker.fail_jobs to public",
            "Users purge what is hidden": (
                "grant execute on function worker.purge_hidden to authenticated"
            ),
            "Users read the queue": (
                "grant usage on schema worker to authenticated;"
                " grant select on worker.tasks to authenticated;"
                " create policy tasks_select_owner on worker.tasks for select to authenticated"
                f" using ({OWN})"
            ),
            "Users read what calls to providers cost": (
                "grant select on worker.provider_costs, worker.api_usage_logs to authenticated;"
                " grant usage on schema worker to authenticated"
            ),
            "Services rewrite what a provider delivered": (
                "grant update (payload) on worker.webhook_events to service_role"
            ),
            "Users have webhooks tried again": (
                "grant usage on schema worker to authenticated;"
                " grant execute on function worker.replay_webhook to authenticated"
            ),
            "Services remove what calls to providers cost": (
                "grant delete on worker.api_usage_logs to service_role"
            ),
            "Visitors submit jobs": ("grant execute on function public.submit_generation to anon"),
            "Users call a trigger's function": (
                "grant execute on function private.keep_ledger to authenticated"
            ),
            "A definer function takes the user from its caller": (
                "create function public.balance_of(p_user_id uuid) returns numeric"
                " language sql stable security definer set search_path = '' as"
                " $$ select balance from public.credit_accounts where user_id = p_user_id $$;"
                " grant execute on function public.balance_of to authenticated"
            ),
            "A new table is forgotten": (
                "create table public.notes (id uuid primary key default gen_random_uuid(),"
                " user_id uuid, body text); grant select, insert on public.notes to authenticated"
            ),
            "A new view shows what is everybody's": (
                "create view public.latest as select id, user_id, prompt"
                " from public.generation_jobs; grant select on public.latest to authenticated"
            ),
        },
    ),
    *group(
        "walls",
        "walls",
        {
            "A definer function looks its names up where its caller says": (
                "alter function private.cancel_own_job reset search_path"
            ),
            "A definer function finds what a caller puts into public": (
                "alter function worker.complete_jobs set search_path = public"
            ),
            "Tables to come are everybody's to read": (
                "set role postgres; alter default privileges in schema public"
                " grant select on tables to anon, authenticated; reset role"
            ),
            "Functions to come are everybody's to call": (
                "set role postgres; alter default privileges grant execute on functions to public;"
                " reset role"
            ),
            "Users empty tables": "grant truncate on public.user_prompts to authenticated",
            "Users put triggers on tables": "grant trigger on public.projects to authenticated",
            "Users make tables in public": "grant create on schema public to authenticated",
            "A table of the services' has no policies to ask": (
                "alter table worker.tasks disable row level security"
            ),
            "A policy is asked once a row": (
                "alter policy projects_select_owner on public.projects"
                " using (user_id = auth.uid() and deleted_at is null)"
            ),
        },
    ),
)

CHAINS: Final = (
    *group(
        "chains",
        "chains",
        {
            "Anybody reads what waits for what": using("job_dependencies_select_owner", "true"),
            "Owners see what their deleted jobs waited for": using(
                "job_dependencies_select_owner", OWN
            ),
            "A job waits for a stranger's": untied(
                "job_dependencies",
                "job_dependencies_parent_is_the_owners",
                "depends_on_job_id",
                "generation_jobs",
            ),
            "A job waits for one that its owner deleted": rewritten(
                "private.wait_for_jobs",
                "and parents.hidden_at is null and not exists",
                "and not exists",
            ),
            "A job waits for one of a deleted project": rewritten(
                "private.wait_for_jobs", "and projects.deleted_at is not null", "and false"
            ),
            "A job waits for what came to nothing": rewritten(
                "private.wait_for_jobs", "elsif v_status is not null then", "elsif false then"
            ),
            "A job waits for a draft": rewritten(
                "private.wait_for_jobs", "if v_status = 'pending' then", "if false then"
            ),
            "A job starts before its parents": rewritten(
                "private.wait_for_jobs", "if v_count > 0 then", "if false then"
            ),
            "A parent ends while its child is submitted": rewritten(
                "private.wait_for_jobs", "order by id for share", "order by id"
            )
            + "; "
            + rewritten("private.lock_parents", "order by id for share", "order by id"),
            "A job waits for a thousand others": rewritten(
                "private.lock_parents", "p_parent_job_id)) > 20", "p_parent_job_id)) > 1000000"
            ),
            "The key of a chain serves another": rewritten(
                "private.submit_own_generation",
                "where job_id = v_job.id and position > 0",
                "where false",
            ),
            "A job starts when the first of its parents is done": rewritten(
                "private.follow_parents",
                "on tasks.job_id = ended.job_id and tasks.waits_for = ended.parents",
                "on tasks.job_id = ended.job_id",
            )
            + "; "
            + rewritten("private.follow_parents", "tasks.waits_for - ended.parents", "0"),
            "Two parents that end at once count as one": rewritten(
                "private.follow_parents",
                "  perform 1 from worker.tasks\n"
                "  where job_id = any(v_children || v_doomed || coalesce(p_fruitless, '{}'))\n"
                "  order by job_id for update;",
                "",
            ),
            "Who waited is let in whatever the plan says": rewritten(
                "private.follow_parents", "where freed.place + line.held <= rooms.room", ""
            )
            + "; "
            + rewritten("private.follow_parents", " and freed.place <= rooms.room", ""),
            "What depends on a job that failed waits for ever": rewritten(
                "private.follow_parents",
                "v_doomed := private.unfinished_descendants(p_fruitless);",
                "v_doomed := array[]::uuid[];",
            ),
            "Only children are cancelled with their parents": rewritten(
                "private.unfinished_descendants",
                "on dependencies.depends_on_job_id = descendants.job_id",
                "on false",
            ),
            "A job works from more than its model takes": rewritten(
                "private.inputs_of_parents",
                "results.place_in_role + coalesce(own.inputs, 0) <=",
                "0 <=",
            ),
            "The purge takes away what a job waits to work from": rewritten(
                "private.is_input_of_active_job", "and children.finished_at is null", "and false"
            ),
            "A retry goes on from nothing": rewritten(
                "public.retry_generation", "coalesce(v_chain.job_ids, '{}')", "'{}'"
            ),
        },
    ),
    *group(
        "chains",
        "record_yields",
        {
            "A provider's answer may have any shape": rewritten(
                "private.record_yields",
                "perform private.check_yields(v_given.kind, v_given.yields);",
                "",
            ),
            "A job draws a stranger's character": rewritten(
                "private.record_characters", "characters.user_id = jobs.user_id\n          and ", ""
            ),
            "A character takes the place of its owner's words": rewritten(
                "private.record_characters",
                "coalesce(characters.name, drawn.yields ->> 'name')",
                "drawn.yields ->> 'name'",
            ),
            "Segments have no order": rewritten(
                "private.record_yields", "segments.place - 1", "1000 - segments.place"
            ),
        },
    ),
)

MUTANTS: Final[tuple[Mutant, ...]] = (
    *ACCOUNTS,
    *CATALOGUE,
    *BILLING,
    *PROJECTS,
    *SHARING,
    *CREDITS,
    *MONEY,
    *STUDIO,
    *JOBS,
    *FILES,
    *YIELDS,
    *CHAINS,
    *OPERATIONS,
    *WEBHOOKS,
    *WALLS,
)
