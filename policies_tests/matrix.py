"""Who may do what: every table, view and function, and what each actor may do with it.

This file is data; cells.py makes statements of it and test_matrix.py runs each of them. What is not
named here, or is named and gone, fails the suite.

Actors: `anon` has no token. `owner` is somebody whose rows are looked at, `stranger` somebody else.
`nobody` has a valid token of a user that has no profile. `guest` signed in anonymously; such a user
has rows of their own like everybody, and is a stranger to the owner. `service` has the services'
key.

Samples are SQL expressions. `$projects` in one is the key of the row of that table which belongs to
whoever acts, `$me` is who that is; worlds.py says what else there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

__all__ = [
    "ACTORS",
    "CHECKED",
    "DENIED",
    "FOREIGN",
    "GENERATED",
    "HIDDEN",
    "LEDGER_FUNCTIONS",
    "ONE_ROW",
    "PEOPLE",
    "RELATIONS",
    "ROUTINES",
    "SOME_ROWS",
    "UNWRITABLE",
    "Actor",
    "Column",
    "Relation",
    "Routine",
]

Actor = Literal["anon", "owner", "stranger", "nobody", "guest", "service"]
ACTORS: Final[tuple[Actor, ...]] = get_args(Actor)
PEOPLE: Final[tuple[Actor, ...]] = ("owner", "stranger", "guest")
"""Those who have rows."""

# Outcomes; a PostgREST state is told with its hint, any other error by its SQLSTATE.
DENIED: Final = "denied"
"""42501: no grant."""
CHECKED: Final = "refused by policy"
"""42501: a policy's check."""
HIDDEN: Final = "0 rows"
ONE_ROW: Final = "1 rows"
SOME_ROWS: Final = "some rows"
FOREIGN: Final = "23503"
"""A foreign key: what is another's cannot be referred to."""
GENERATED: Final = "428C9"
"""A column that is computed; nobody is asked for a grant before that is said."""
UNWRITABLE: Final = "55000|0A000"
"""A view, or a column of one, that cannot be written at all; said before anybody asks, too."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that users may write.

    Attributes:
        sample: A legal value.
        insert: Whether it may be given at insert.
        update: Whether it may be changed.
        needed: Whether no row is made without it.
    """

    sample: str
    insert: bool = True
    update: bool = True
    needed: bool = False


def needed(sample: str, *, once: bool = False) -> Column:
    """A column that every new row needs; with `once` it cannot be changed later."""
    return Column(sample, needed=True, update=not once)


def free(sample: str, *, once: bool = False) -> Column:
    """A column that a new row may have; with `once` it cannot be changed later."""
    return Column(sample, update=not once)


def edited(sample: str) -> Column:
    """A column that can be changed in a row that the server makes."""
    return Column(sample, insert=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or view.

    Attributes:
        name: With its schema, unless that is `public`.
        columns: Those that users may write.
        server: The others, in one string.
        generated: Those that nobody can write, the services neither.
        owner: Expression for the user whom a row belongs to; None where rows are nobody's.
        shared: Which rows everybody may read.
        hidden: Which rows their owner does not see, because they were deleted in the app.
        deletes: Whether owners may delete their rows.
        keeps: Whether what they delete may stay, out of their sight.
        writable: Which of their rows owners may change.
        deletable: Which of their rows owners may delete.
        service: What the services may do: letters of select, insert, update, delete.
        service_updates: Columns that they may change where they may not change all.
        row: What a row needs when it is not a user that makes it; default: what users give.
        first: What is otherwise in the first row of a person, so that samples make another.
        find: Which row of a user to take; then none is made.
        samples: Legal values for columns of `server`, where the type's default is none.
        outcomes: What comes of a command that is granted but fails all the same, by
            `actor command column`; either may be `*`, and the column of a whole row is `-`. To
            `plant` is to insert for another, were it granted.
        foreign: What comes of another's id in a column, where it is neither a foreign key nor, for
            projects, a policy that refuses.
        lost: What comes of the id of something deleted of one's own, by `column` at insert and
            `update column`, where it is no policy that refuses.
        blind: Which column is written when an update has no condition.
        view: Whether it is a view.
        key: A view's columns that tell its rows apart.
    """

    name: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    server: str = ""
    generated: str = ""
    owner: str | None = "user_id"
    shared: str | None = None
    hidden: str | None = None
    deletes: bool = False
    keeps: bool = False
    writable: str = "true"
    deletable: str = "true"
    service: str = ""
    service_updates: str = ""
    row: Mapping[str, str] | None = None
    first: Mapping[str, str] = field(default_factory=dict)
    find: str | None = None
    samples: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    blind: str | None = None
    view: bool = False
    key: str = ""

    @property
    def schema(self) -> str:
        """The schema."""
        return self.full_name.partition(".")[0]

    @property
    def full_name(self) -> str:
        """The name with its schema."""
        return self.name if "." in self.name else f"public.{self.name}"

    @property
    def all_columns(self) -> list[str]:
        """Every column that it has."""
        return [*self.columns, *self.server.split(), *self.generated.split()]

    @property
    def user_row(self) -> dict[str, str]:
        """The least that a user gives for a new row."""
        return {name: column.sample for name, column in self.columns.items() if column.needed}

    @property
    def service_row(self) -> Mapping[str, str]:
        """The least that anybody else gives."""
        if self.row is not None:
            return self.row
        return (
            {"user_id": "'$me'", **self.user_row}
            if "user_id" in self.all_columns
            else self.user_row
        )

    def foreign_outcome(self, column: str) -> str:
        """Return what comes of another's id in a column."""
        return self.foreign.get(column, CHECKED if column == "project_id" else FOREIGN)

    def outcome(self, actor: str, command: str, column: str, usual: str) -> str:
        """Return what comes of a command, where something else than usual was said."""
        for key in (
            f"{actor} {command} {column}",
            f"{actor} {command} *",
            f"* {command} {column}",
        ):
            if key in self.outcomes:
                return self.outcomes[key]
        return usual


@dataclass(frozen=True, slots=True)
class Routine:
    """A function.

    Attributes:
        name: With its schema, and the types of its arguments where several share a name.
        call: Arguments, about the owner's things; None: null for each, as nobody may call it.
        outcomes: What comes of it for whoever can enter its schema; denied if not named.
    """

    name: str
    call: str | None = None
    outcomes: Mapping[Actor, str] = field(default_factory=dict)

    @property
    def schema(self) -> str:
        """The schema."""
        return self.name.partition(".")[0]


# Tables and views ---------------------------------------------------------------------------------

TIMES: Final = " created_at updated_at"
IN_PROJECT: Final = "project_id = '$lost_projects'"
OF_JOB: Final = "job_id = '$lost_job'"
OF_EITHER: Final = "job_id in ('$lost_job', '$swept_job', '$lost_film', '$lost_voice')"
JUST_NOW: Final = {"created_at": "now()"}
"""For tables whose own clock nobody may read."""
OWN_TEXT: Final = "left(md5(random()::text), 20)"


def look(name: str, columns: str, **more: Any) -> Relation:
    """A table or view that users and services only read."""
    return Relation(name=name, server=columns, service="s", **more)


def view(name: str, columns: str, **more: Any) -> Relation:
    """A view that users and services read."""
    return Relation(name=name, server=columns, service="s", view=True, find="true", **more)


def report(name: str, columns: str, key: str, find: str) -> Relation:
    """A view of the services' own."""
    return Relation(
        name=f"worker.{name}",
        server=columns,
        owner=None,
        service="s",
        view=True,
        key=key,
        find=find,
    )


def kept(name: str, columns: str, find: str) -> Relation:
    """A table of the services' own that only functions write."""
    return Relation(name=f"worker.{name}", server=columns, owner=None, service="s", find=find)


def closed(name: str, columns: str, **more: Any) -> Relation:
    """A table or view that nobody enters."""
    return Relation(name=name, server=columns, owner=None, **more)


RELATIONS: Final[tuple[Relation, ...]] = (
    # Accounts
    Relation(
        name="profiles",
        columns={
            "username": edited(f"'u' || {OWN_TEXT}"),
            "full_name": edited("'Ada Lovelace'"),
            "first_name": edited("'Ada'"),
            "last_name": edited("'Lovelace'"),
            "avatar_url": edited("'https://x.example/a.png'"),
        },
        server="user_id email subscription_tier last_login_at deleted_at" + TIMES,
        service="siud",
        row={"user_id": "'$bare'", "username": f"'u' || {OWN_TEXT}"},
        find="true",
        blind="full_name",
        # The books go with the user at the platform, and in no other way.
        outcomes={
            "service delete -": "PT403 ledger_is_append_only|PT403 payments_are_kept"
            "|PT403 ledger_is_kept_by_functions"
        },
    ),
    Relation(
        name="user_preferences",
        columns={
            "default_kind": edited("'text_to_video'"),
            "default_model_id": edited("'x'"),
            "default_mode": edited("'fast'"),
            "default_aspect_ratio": edited("'16:9'"),
            "default_resolution": edited("'720p'"),
            "default_duration_seconds": edited("6"),
            "notification_settings": edited("'{}'"),
            "ui_settings": edited("'{}'"),
        },
        server="user_id" + TIMES,
        service="siud",
        row={"user_id": "'$spare'"},
        find="true",
    ),
    look(
        "user_activity_logs",
        "id user_id action details ip_address user_agent by_server created_at",
        find="true",
    ),
    # Catalogue
    Relation(
        name="models",
        server="id provider provider_model display_name description kinds modes aspect_ratios"
        " resolutions min_seconds max_seconds default_seconds allowed_seconds max_reference_images"
        " max_outputs max_prompt_characters required_inputs parameters version sort_order is_active"
        + TIMES,
        owner=None,
        shared="is_active",
        service="siud",
        row={
            "id": f"'m-' || {OWN_TEXT}",
            "provider": "'x'",
            "provider_model": "'x'",
            "display_name": "'X'",
            "kinds": "'{voiceover}'",
            "modes": "'{fast}'",
        },
        find="id = '$model'",
        # Bounds are given together or not at all.
        samples=dict.fromkeys(("min_seconds", "max_seconds", "default_seconds"), "null"),
        # Jobs name it.
        outcomes={"service delete -": FOREIGN},
    ),
    Relation(
        name="model_prices",
        server="model_id kind mode unit credits edit_credits minimum" + TIMES,
        owner=None,
        shared="model_id in (select id from public.models where is_active)",
        service="siud",
        row={
            "model_id": "'$model'",
            "kind": "'text_to_image'",
            "mode": "'ultra'",
            "unit": "'job'",
            "credits": "1",
        },
        find="model_id = '$model'",
    ),
    Relation(
        name="subscription_plans",
        server="tier name description price_minor currency monthly_allowance rollover_periods"
        " max_active_jobs max_running_jobs max_jobs_per_day max_rows max_storage_bytes job_priority"
        " sort_order is_active" + TIMES,
        owner=None,
        shared="is_active",
        service="siud",
        row={
            "tier": "'pro'",
            "name": "'X'",
            "price_minor": "1",
            "currency": "'USD'",
            "monthly_allowance": "1",
            "max_active_jobs": "1",
            "max_running_jobs": "1",
            "max_rows": "1",
            "max_storage_bytes": "1",
        },
        find="tier = 'creator'",
        # Every tier has its plan, and somebody may be on this one.
        outcomes={"service insert *": "23505", "service delete -": f"{ONE_ROW}|{FOREIGN}"},
    ),
    Relation(
        name="credit_packages",
        server="id slug name credits price_minor currency discount_percent sort_order is_active"
        + TIMES,
        generated="price",
        owner=None,
        shared="is_active",
        service="siud",
        row={
            "slug": OWN_TEXT,
            "name": "'X'",
            "credits": "1",
            "price_minor": "1",
            "currency": "'USD'",
        },
        find="slug = 'usd-pro'",
    ),
    Relation(
        name="prompt_templates",
        columns={
            "name": needed("'Harbour'"),
            "description": free("'Boats'"),
            "prompt": needed("'A harbour at dawn'"),
            "kind": free("'text_to_image'"),
            "mode": free("'draft'"),
            "tags": free("'{sea}'"),
            "is_active": free("true"),
            "is_favorite": free("true"),
            "sort_order": free("7"),
        },
        server="id user_id" + TIMES,
        shared="user_id is null and is_active",
        deletes=True,
        service="siud",
    ),
    # Billing
    look(
        "subscriptions",
        "id user_id tier provider provider_reference status current_period_started_at"
        " current_period_ends_at cancel_at_period_end cancelled_at ended_at is_final follow_at"
        + TIMES,
        row={
            "user_id": "'$me'",
            "tier": "'pro'",
            "current_period_started_at": "now()",
            "current_period_ends_at": "now() + interval '30 days'",
        },
    ),
    look(
        "payments",
        "id user_id package_id tier subscription_id provider method amount_minor currency credits"
        " refunded_minor charged_back_minor credits_owed status provider_reference receipt_url"
        " failure_reason idempotency_key transaction_id succeeded_at expires_at" + TIMES,
        row={
            "user_id": "'$me'",
            "subscription_id": "'$subscriptions'",
            "provider": "'sandbox'",
            "amount_minor": "100",
            "currency": "'USD'",
            "credits": "10",
        },
    ),
    # Projects and credits
    Relation(
        name="projects",
        columns={
            "name": needed("'Harbour film'"),
            "description": free("'A minute about the harbour'"),
            "is_public": free("true"),
            "show_prompts": free("true"),
        },
        server="id user_id share_token deleted_at" + TIMES,
        hidden="deleted_at is not null",
        deletes=True,
        keeps=True,
        service="siud",
        find="id = '$projects'",
        samples={"share_token": f"{OWN_TEXT} || {OWN_TEXT}"},
    ),
    look(
        "credit_accounts",
        "user_id balance debt version lifetime_earned lifetime_spent monthly_allowance"
        " period_started_at period_ends_at last_transaction_at realtime_id" + TIMES,
        row={"user_id": "'$me'", **JUST_NOW},
        find="true",
    ),
    look(
        "credit_transactions",
        "id user_id version amount balance_after type status operation_type model_id job_id"
        " payment_id reverses_id is_edit_call description metadata idempotency_key created_at"
        " processed_at",
        row={"user_id": "'$me'", **JUST_NOW},
        find="true",
    ),
    look(
        "credit_grants",
        "id user_id kind amount remaining priority expires_at source_key replaces_id created_at",
        generated="is_spent",
        row={"user_id": "'$me'", **JUST_NOW},
        find="true",
    ),
    look(
        "credit_allocations",
        "transaction_id grant_id amount",
        owner="select user_id from public.credit_transactions as t where t.id = transaction_id",
        find="true",
    ),
    view(
        "credit_statement",
        "user_id version created_at type status amount balance_after operation_type model_id"
        " job_id payment_id reverses_id description transaction_id",
        key="transaction_id",
    ),
    # Studio
    Relation(
        name="brand_guidelines",
        columns={
            "brand_name": needed("'Harbour'"),
            "values": free("'{calm}'"),
            "tone_of_voice": free("'{plain}'"),
            "visual_style": free("'Blue'"),
            "do_list": free("'{boats}'"),
            "dont_list": free("'{storms}'"),
            "color_palette": free("'{#0000ff}'"),
            "fonts": free("'Sans'"),
        },
        server="id user_id" + TIMES,
        deletes=True,
        service="siud",
    ),
    Relation(
        name="campaigns",
        columns={
            "brand_guidelines_id": free("'$brand_guidelines'"),
            "name": needed("'Summer'"),
            "description": free("'Boats'"),
            "target_audience": free("'Sailors'"),
            "platform": free("'{web}'"),
            "status": free("'active'"),
            "total_videos": free("3"),
            "concepts": free("""'[{"title": "Dawn"}]'"""),
        },
        server="id user_id completed_videos completed_at" + TIMES,
        deletes=True,
        service="siud",
        samples={"completed_at": "null"},
    ),
    Relation(
        name="storyboard_sequences",
        columns={
            "campaign_id": free("'$campaigns'"),
            "character_id": free("'$characters'"),
            "name": needed("'Dawn'"),
            "frames": free("""'[{"description": "Boats", "duration": 2}]'"""),
        },
        server="id user_id" + TIMES,
        generated="total_duration",
        lost={"character_id": ONE_ROW, "update character_id": ONE_ROW},
        deletes=True,
        service="siud",
    ),
    # Jobs
    Relation(
        name="generation_jobs",
        columns={
            "project_id": free("'$projects'"),
            "campaign_id": free("'$campaigns'"),
            "storyboard_id": free("'$storyboard_sequences'"),
            "parent_job_id": free("'$done'"),
            "kind": needed("'text_to_image'"),
            "mode": free("'draft'"),
            "model_id": needed("'$model'"),
            "prompt": needed("'A harbour'"),
            "negative_prompt": free("'Storms'"),
            "audio_instructions": free("'Gulls'"),
            "art_style": free("'Ink'"),
            "aspect_ratio": free("'16:9'"),
            "resolution": free("null"),
            "duration_seconds": free("null"),
            "output_count": free("2"),
            "parameters": free("""'{"seed": 7}'"""),
            "status": free("'pending'", once=True),
            "idempotency_key": free(OWN_TEXT, once=True),
        },
        server="id user_id progress priority credit_cost credit_transaction_id is_edit_call"
        " is_refunded attempt_count max_attempts provider provider_job_id error_code error_message"
        " queued_at started_at finished_at hidden_at purged_at has_lost_inputs" + TIMES,
        hidden="hidden_at is not null or project_id = '$lost_projects'",
        deletes=True,
        keeps=True,
        writable="status = 'pending'",
        service="s",
        find="id = '$draft'",
        blind="negative_prompt",
        lost={"parent_job_id": ONE_ROW, "update parent_job_id": ONE_ROW},
        # Refused when the job is priced; a draft is priced for anybody.
        outcomes={"nobody insert *": "42501", "nobody insert status": FOREIGN},
    ),
    look(
        "job_events",
        "job_id user_id from_status to_status actor note created_at",
        generated="id",
        hidden=OF_EITHER,
        find="true",
    ),
    look(
        "job_dependencies",
        "job_id depends_on_job_id user_id position",
        find="job_id = '$waiting'",
        hidden=OF_EITHER,
    ),
    Relation(
        name="assets",
        columns={
            "project_id": free("'$projects'", once=True),
            "kind": needed("'image'", once=True),
            "bucket": needed("'reference-images'", once=True),
            "storage_path": needed("'$fresh_path'", once=True),
            "style": free("'Ink'", once=True),
        },
        server="id user_id mime_type size_bytes sha256 width height duration_ms thumbnail_id"
        " hidden_at" + TIMES,
        hidden="id in ('$lost_job_result', '$swept_job_result', '$lost_film_result',"
        " '$lost_voice_result', '$lost_upload')",
        deletes=True,
        deletable="bucket in ('raw-videos', 'reference-images')",
        service="siud",
        row={
            "user_id": "'$me'",
            "kind": "'image'",
            "bucket": "'final-images'",
            "storage_path": f"'$me/' || {OWN_TEXT}",
            "mime_type": "'image/png'",
            "size_bytes": "1",
        },
        find="id = '$upload'",
        samples={"sha256": "repeat('a', 64)", "thumbnail_id": "'$second_upload'"},
        foreign={"storage_path": "PT404 upload_not_found"},
        outcomes={"nobody insert *": "PT404 upload_not_found"},
    ),
    Relation(
        name="job_assets",
        columns={
            "job_id": needed("'$draft'", once=True),
            "asset_id": needed("'$second_upload'", once=True),
            "role": needed("'reference_image'", once=True),
            "position": free("1", once=True),
        },
        server="user_id created_at",
        # Ids alone; what they lead to is hidden by its own policy.
        deletes=True,
        deletable="job_id = '$draft'",
        service="siud",
        find="job_id = '$draft'",
        foreign={"job_id": CHECKED, "asset_id": "PT404 reference_asset_not_found"},
        outcomes={
            "nobody insert *": "PT404 reference_asset_not_found",
            "* plant -": f"{CHECKED}|PT404 reference_asset_not_found",
        },
    ),
    Relation(
        name="user_prompts",
        columns={
            "prompt": needed("'A harbour'", once=True),
            "audio_input": free("'Gulls'", once=True),
            "reference_asset_id": free("'$upload'", once=True),
            "mode": free("'fast'", once=True),
            "job_id": free("'$draft'", once=True),
        },
        server="id user_id created_at",
        hidden=OF_EITHER,
        deletes=True,
        service="siud",
        find="job_id = '$done'",
        # It has its prompt already.
        lost={"job_id": "23505", "reference_asset_id": ONE_ROW},
    ),
    # What generation yields
    Relation(
        name="conversations",
        columns={
            "project_id": free("'$projects'", once=True),
            "type": needed("'general_chat'", once=True),
            "user_input": needed("'Hello'", once=True),
            "response": needed("'Hello'", once=True),
            "metadata": free("'{}'", once=True),
        },
        server="id user_id created_at",
        hidden=IN_PROJECT,
        deletes=True,
        service="siud",
    ),
    Relation(
        name="video_concepts",
        columns={
            "project_id": free("'$projects'", once=True),
            "prompt": needed("'A harbour'", once=True),
            "web_info": free("'x'", once=True),
            "title": needed("'Dawn'", once=True),
            "concept": needed("'Boats'", once=True),
            "tone": free("'Calm'", once=True),
            "goal": free("'Rest'", once=True),
        },
        server="id user_id job_id" + TIMES,
        hidden=f"{IN_PROJECT} or {OF_JOB}",
        deletes=True,
        service="siud",
        samples={"job_id": "'$done'"},
    ),
    Relation(
        name="web_research_queries",
        server="id user_id project_id job_id prompt response" + TIMES,
        hidden=f"{IN_PROJECT} or {OF_JOB}",
        deletes=True,
        service="siud",
        row={"user_id": "'$me'", "prompt": "'Boats'", "response": "'Float'"},
        samples={"project_id": "'$projects'", "job_id": "'$done'"},
    ),
    Relation(
        name="content_summaries",
        server="id user_id project_id job_id original_content user_input summary" + TIMES,
        hidden=f"{IN_PROJECT} or {OF_JOB}",
        deletes=True,
        service="siud",
        row={"user_id": "'$me'", "original_content": "'Boats float'", "summary": "'Boats'"},
        samples={"project_id": "'$projects'", "job_id": "'$done'"},
    ),
    Relation(
        name="video_segmentations",
        columns={
            "project_id": free("'$projects'", once=True),
            "prompt": needed("'A harbour'", once=True),
            "concept": needed("'Boats'", once=True),
            "negative_prompt": free("'Storms'", once=True),
            "art_style": free("'Ink'", once=True),
            "model": free("'x'", once=True),
            "is_selected": free("true"),
        },
        server="id user_id job_id" + TIMES,
        hidden=f"{IN_PROJECT} or {OF_JOB}",
        deletes=True,
        service="siud",
        samples={"job_id": "'$done'"},
    ),
    Relation(
        name="video_segments",
        columns={
            "segmentation_id": needed("'$video_segmentations'", once=True),
            "position": needed("1", once=True),
            "visual": needed("'Boats'", once=True),
            "narration": free("'Gulls'", once=True),
            "animation": free("'Slow'", once=True),
        },
        server="id user_id created_at",
        hidden="segmentation_id = '$lost_video_segmentations'",
        deletes=True,
        service="siud",
        first={"position": "0"},
        foreign={"segmentation_id": CHECKED},
        outcomes={"nobody insert *": CHECKED},
    ),
    Relation(
        name="characters",
        columns={
            "project_id": free("'$projects'", once=True),
            "name": free("'Ada'"),
            "description": free("'A sailor'"),
            "visual_prompt": needed("'A sailor'", once=True),
            "art_style": free("'Ink'", once=True),
        },
        server="id user_id job_id model success message sprite_sheet_id final_image_id" + TIMES,
        hidden=f"{IN_PROJECT} or {OF_JOB}",
        deletes=True,
        service="siud",
        samples={
            "job_id": "'$done'",
            "sprite_sheet_id": "'$done_result'",
            "final_image_id": "'$done_result'",
        },
    ),
    Relation(
        name="character_reference_images",
        columns={
            "character_id": needed("'$characters'", once=True),
            "asset_id": needed("'$second_upload'", once=True),
            "position": needed("1", once=True),
        },
        server="user_id created_at",
        hidden="character_id = '$lost_characters'",
        deletes=True,
        service="siud",
        first={"asset_id": "'$upload'", "position": "0"},
        foreign={"character_id": CHECKED, "asset_id": "PT404 reference_asset_not_found"},
        outcomes={
            "nobody insert *": "PT404 reference_asset_not_found",
            "* plant -": "PT404 reference_asset_not_found",
        },
    ),
    Relation(
        name="video_source_images",
        server="video_id position image_id user_id duration_ms created_at",
        hidden="video_id = '$lost_film_result'",
        service="siud",
        row={
            "user_id": "'$me'",
            "video_id": "'$film_result'",
            "image_id": "'$upload'",
            "position": "1",
        },
        first={"position": "0"},
    ),
    view(
        "images",
        "id user_id project_id job_id bucket storage_path thumbnail_bucket thumbnail_path width"
        " height format style aspect_ratio size_bytes" + TIMES,
        key="id",
        hidden="id in ('$lost_job_result', '$swept_job_result', '$lost_upload')",
    ),
    view(
        "videos",
        "id user_id project_id job_id bucket storage_path thumbnail_bucket thumbnail_path duration"
        " width height format style aspect_ratio size_bytes" + TIMES,
        key="id",
        hidden="id = '$lost_film_result'",
    ),
    view(
        "generated_images",
        "id job_id asset_id position user_id project_id visual_prompt art_style success status"
        " bucket storage_path thumbnail_bucket thumbnail_path model message image_size_bytes"
        " credits_used credit_transaction_id is_refunded created_at",
        key="id",
        hidden="job_id in ('$lost_job', '$swept_job')",
    ),
    view(
        "generated_videos",
        "id user_id project_id animation_prompt art_style image_bucket image_storage_path"
        " success status model message total_videos credits_used credit_transaction_id is_refunded"
        " created_at",
        key="id",
        hidden="id = '$lost_film'",
    ),
    view(
        "generated_video_files",
        "id generated_video_id user_id position project_id bucket storage_path thumbnail_bucket"
        " thumbnail_path duration size_bytes created_at",
        key="id",
        hidden="id = '$lost_film_result'",
    ),
    view(
        "generated_voiceovers",
        "id job_id asset_id position user_id project_id narration_prompt success status bucket"
        " storage_path duration model message credits_used credit_transaction_id is_refunded"
        " created_at",
        key="id",
        hidden="job_id = '$lost_voice'",
    ),
    Relation(
        name="style_presets",
        columns={
            "character_id": free("'$characters'"),
            "name": needed("'Ink'"),
            "style_data": free("'{}'"),
            "thumbnail_url": free("'https://x.example/a.png'"),
            "tags": free("'{ink}'"),
            "is_favorite": free("true"),
        },
        server="id user_id usage_count" + TIMES,
        lost={"character_id": ONE_ROW, "update character_id": ONE_ROW},
        deletes=True,
        service="siud",
    ),
    Relation(
        name="tool_configurations",
        columns={
            "character_id": free("'$characters'"),
            "tool_name": needed("'crop'"),
            "configuration": free("'{}'"),
            "is_favorite": free("true"),
        },
        server="id user_id usage_count" + TIMES,
        lost={"character_id": ONE_ROW, "update character_id": ONE_ROW},
        deletes=True,
        service="siud",
    ),
    Relation(
        name="tool_preset_chains",
        columns={
            "name": needed("'Crop and ink'"),
            "description": free("'Both'"),
            "tools": free("""'[{"tool": "crop"}]'"""),
            "is_favorite": free("true"),
        },
        server="id user_id usage_count" + TIMES,
        deletes=True,
        service="siud",
    ),
    Relation(
        name="platform_configurations",
        columns={
            "platform": needed(OWN_TEXT),
            "aspect_ratio": free("'16:9'"),
            "preferred_style": free("'{}'"),
            "prompt_templates": free("'[]'"),
            "character_preferences": free("'{}'"),
        },
        server="id user_id" + TIMES,
        deletes=True,
        service="siud",
    ),
    Relation(
        name="performance_metrics",
        columns={
            "job_id": free("'$done'"),
            "character_id": free("'$characters'"),
            "prompt": free("'A harbour'"),
            "platform": needed("'web'"),
            "predicted_score": free("7"),
            "quality_score": free("7"),
            "style_consistency": free("7"),
            "brand_compliance": free("7"),
            "actual_engagement": free("'{}'"),
            "improvements": free("'[]'"),
        },
        server="id user_id created_at",
        hidden=OF_JOB,
        deletes=True,
        service="siud",
        foreign={"job_id": CHECKED},
        lost={"character_id": ONE_ROW, "update character_id": ONE_ROW},
    ),
    Relation(
        name="feedback",
        columns={
            "job_id": needed("'$done'", once=True),
            "rating": needed("5"),
            "comment": free("'Good'"),
        },
        server="id user_id" + TIMES,
        hidden=OF_JOB,
        deletes=True,
        service="siud",
        first={"job_id": "'$rated'"},
        foreign={"job_id": CHECKED},
        outcomes={"nobody insert *": CHECKED},
    ),
    # Sums
    view(
        "user_stats",
        "user_id total_jobs completed_jobs failed_jobs credits_spent last_login_at",
        key="user_id",
    ),
    view(
        "credit_usage_by_model",
        "user_id operation_type model_id day jobs credits",
        key="user_id operation_type model_id day",
    ),
    # The services' own
    kept(
        "tasks",
        "job_id user_id provider kind step priority created_at is_admitted waits_for ready_at"
        " due_at deadline_at tries failures provider_job_id provider_state is_woken is_uncertain"
        " lease worker lease_expires_at",
        find="job_id = '$queued'",
    ),
    kept(
        "attempts",
        "job_id attempt lease worker provider provider_job_id outcome error_class error_code"
        " error_message latency_ms units cost_usd started_at finished_at",
        find="job_id = '$done'",
    ),
    kept(
        "lanes", "provider kind priority oldest_at", find="provider = '$model' and priority = 101"
    ),
    kept("claims", "lease worker tasks claimed_at", find="tasks > 0"),
    kept(
        "providers",
        "name max_running starts_per_minute tokens tokens_at failures failed_at paused_until"
        " pause_reason is_drained",
        find="name = '$model'",
    ),
    kept(
        "cancellations",
        "job_id provider_job_id provider provider_state tries available_at created_at",
        find="job_id = '$stopped'",
    ),
    kept("upload_checks", "job_id user_id due_at", find="job_id = '$failed'"),
    report(
        "queue_depths",
        "provider kind jobs in_line held blocked parked running underway begun oldest_wait_seconds",
        key="provider kind",
        find="provider = '$model'",
    ),
    report(
        "queue_users",
        "user_id jobs in_line held blocked parked running underway begun oldest_wait_seconds",
        key="user_id",
        find="user_id = '$me'",
    ),
    report(
        "queue_jobs",
        "job_id user_id provider kind status place step created_at ready_at due_at deadline_at"
        " worker lease_expires_at",
        key="job_id",
        find="job_id = '$queued'",
    ),
    report(
        "queue_rates",
        "provider kind started_1m ended_1m started_5m completed_5m failed_5m cancelled_5m"
        " expired_5m",
        key="provider kind",
        find="provider = '$model'",
    ),
    Relation(
        name="worker.file_removals",
        server="bucket storage_path available_at created_at",
        owner=None,
        service="siud",
        row={"bucket": "'final-images'", "storage_path": OWN_TEXT},
    ),
    kept(
        "webhook_events",
        "id provider event_id type subject is_of_payment headers payload status attempts forgiven"
        " next_attempt_at error job_id payment_id created_at processed_at",
        find="id = '$dead_event'",
    ),
    kept(
        "api_usage_logs",
        "call_id provider model operation job_id request_id latency_ms units cost_usd status_code"
        " created_at",
        find="call_id = '$call'",
    ),
    kept(
        "payment_checks", "payment_id provider due_at checks", find="payment_id = '$open_payment'"
    ),
    Relation(
        name="worker.payment_customers",
        server="user_id provider provider_reference created_at",
        owner=None,
        service="s",
        row={"user_id": "'$me'", **JUST_NOW},
        find="user_id = '$debtor'",
    ),
    Relation(
        name="worker.provider_rates",
        server="provider provider_model unit usd_per_unit" + TIMES,
        owner=None,
        service="siud",
        row={
            "provider": OWN_TEXT,
            "provider_model": "'x'",
            "unit": "'second'",
            "usd_per_unit": "0.07",
        },
        find="provider = 'local' and provider_model = 'still-1'",
    ),
    Relation(
        name="worker.provider_costs",
        server="provider model operation day calls failures units cost_usd average_latency_ms",
        owner=None,
        service="s",
        view=True,
        key="provider model operation day",
        find="true",
    ),
    Relation(
        name="worker.job_queue_status",
        server="status kind provider jobs average_wait_seconds longest_wait_seconds",
        owner=None,
        service="s",
        view=True,
        key="status kind provider",
        find="provider = '$model'",
    ),
    Relation(
        name="worker.payment_disputes",
        server="payment_id user_id provider_reference amount_minor outcome reason opened_at"
        " closed_at",
        owner=None,
        service="s",
        row={"user_id": "'$me'", "opened_at": "now()"},
        find="payment_id = '$lost_payment'",
    ),
    Relation(
        name="worker.operator_actions",
        server="id operator action reason user_id transaction_id details created_at",
        owner=None,
        service="s",
        row={"user_id": "'$me'", **JUST_NOW},
        find="user_id = '$debtor'",
    ),
    Relation(
        name="worker.debt_changes",
        server="payment_id amount created_at",
        generated="id",
        owner=None,
        service="s",
        row=JUST_NOW,
        find="payment_id = '$lost_payment'",
    ),
    report(
        "sold_lots",
        "grant_id payment_id currency price_minor average_price_minor",
        key="grant_id",
        find="payment_id = '$lost_payment'",
    ),
    report(
        "revenue_entries",
        "occurred_at payment_id transaction_id effect currency credits amount_minor",
        key="payment_id transaction_id effect",
        find="payment_id = '$lost_payment' and effect = 'sold'",
    ),
    report(
        "revenue_by_month",
        "month currency sold_credits sold_minor recognised_credits recognised_minor"
        " returned_credits returned_minor expired_credits expired_minor withdrawn_credits"
        " withdrawn_minor liability_credits liability_minor",
        key="month currency",
        find="currency = 'USD'",
    ),
    report(
        "credit_liability",
        "currency unspent_credits held_credits liability_credits liability_minor owed_credits"
        " owed_minor",
        key="currency",
        find="currency = 'USD'",
    ),
    report(
        "credits_by_month",
        "month type credits entries",
        key="month type",
        find="type = 'purchase'",
    ),
    # Nobody's
    closed(
        "private.settings",
        "only_row signup_bonus refund_grace subscription_grace retry_backoff retry_backoff_limit"
        " look_up_failures breaker_failures breaker_pause breaker_pause_limit upload_grace"
        " identity_pepper purge_after address_header activity_log_retention webhook_retention"
        " usage_retention max_open_payments",
    ),
    closed("private.job_transitions", "from_status to_status reason"),
    closed("private.kind_deadlines", "kind lasts"),
    closed("private.payment_transitions", "from_status to_status reason"),
    closed(
        "private.subscription_facts",
        "subscription_id kind occurred_at tier ends_at payment_id created_at",
        generated="id",
        row=JUST_NOW,
    ),
    closed(
        "private.allowance_months",
        "user_id source_key reckoned entitled granted grants",
    ),
    closed(
        "private.counting_facts",
        "subscription_id kind occurred_at tier ends_at payment_id paid_at",
        view=True,
    ),
    closed("private.free_claims", "identity_hash claimed_at"),
    closed("private.row_limits", "table_name counted factor"),
)


# Functions ----------------------------------------------------------------------------------------


def users(outcome: str, nobody: str | None = None) -> dict[Actor, str]:
    """The same for all that are signed in, but, if said, for who has no profile."""
    return {
        "owner": outcome,
        "stranger": outcome,
        "guest": outcome,
        "nobody": outcome if nobody is None else nobody,
    }


def owner_only(missing: str) -> dict[Actor, str]:
    """One row for the owner, and for other users an answer as if there were nothing."""
    return {**users(f"PT404 {missing}"), "owner": ONE_ROW}


def everybody(outcome: str) -> dict[Actor, str]:
    """The same for all but the services."""
    return {**users(outcome), "anon": outcome}


def pair(name: str, inner: str, call: str, outcomes: dict[Actor, str]) -> tuple[Routine, Routine]:
    """A function of the browser's, and the definer function behind it."""
    return Routine(f"public.{name}", call, outcomes), Routine(f"private.{inner}", call, outcomes)


def service(name: str, call: str, outcome: str) -> Routine:
    """A function for the services alone."""
    return Routine(f"worker.{name}", call, {"service": outcome})


def check(name: str, call: str) -> Routine:
    """A function in a check constraint, which whoever writes the table must be able to execute."""
    return Routine(f"private.{name}", call, {**users(ONE_ROW), "service": ONE_ROW})


INNER_FUNCTIONS: Final = (
    "add_months",
    "admit_forgotten_tasks",
    "admit_tasks",
    "begin_action",
    "cancel_at_provider",
    "cancel_hidden_jobs",
    "check_amount",
    "check_parameters",
    "check_payment_currency",
    "check_yields",
    "claim_once",
    "claim_ready_tasks",
    "clean_text",
    "clear_tasks",
    "collect_debt",
    "complete_held_jobs",
    "count_campaign_videos",
    "count_rows",
    "current_actor",
    "deduct_credits",
    "end_action",
    "expire_lots",
    "fail_held_job",
    "find_shown_project",
    "find_past_work",
    "find_stray_uploads",
    "find_subscription",
    "follow_allowance",
    "follow_month",
    "follow_parents",
    "follow_payment",
    "follow_plan",
    "follow_purchase",
    "follow_subscription",
    "give_back",
    "grant_credits",
    "grant_signup_bonus",
    "hold_row_limit",
    "inputs_of_parents",
    "is_input_of_active_job",
    "is_sound_entry",
    "is_sound_lot",
    "is_used_up",
    "is_worn_out",
    "later",
    "lock_account",
    "lock_job",
    "lock_own_job",
    "lock_owners",
    "lock_parents",
    "lock_payment",
    "lots_of_payment",
    "measure_or_null",
    "month_of",
    "move_lanes_on",
    "needs_check",
    "note_dispute",
    "note_failure",
    "note_payment",
    "note_subscription",
    "note_successes",
    "now",
    "parameter_rule_fault",
    "parse_address",
    "pick_username",
    "post_transaction",
    "publish_changes",
    "reckon_month",
    "reconcile_credits",
    "record_characters",
    "record_yields",
    "refund_deduction",
    "refund_deductions",
    "require_inputs",
    "require_operator",
    "retry_for_owner",
    "return_to_lots",
    "room_at_provider",
    "schedule_work",
    "settle_deduction",
    "settle_deductions",
    "show_project",
    "shown_results",
    "spend_starts",
    "store_webhooks",
    "take_credits",
    "take_over_tasks",
    "time_or_null",
    "tokens_of",
    "try_lock_account",
    "unfinished_descendants",
    "users_window",
    "uuid_or_null",
    "verdict_on",
    "wait_for_jobs",
    "wake_tasks",
    "write_activity",
)
"""In `private`, called by other functions alone."""

LEDGER_FUNCTIONS: Final = (
    "collect_debt",
    "deduct_credits",
    "expire_lots",
    "follow_allowance",
    "follow_month",
    "follow_payment",
    "give_back",
    "grant_credits",
    "handle_new_user",
    "post_transaction",
    "refund_deduction",
    "refund_deductions",
    "return_to_lots",
    "settle_deduction",
    "settle_deductions",
    "take_credits",
)
"""In `private`, the only ones for which the ledger is open: none is a client's to call."""

TRIGGER_FUNCTIONS: Final = (
    "accept_job",
    "cancel_jobs_of_hidden_projects",
    "check_character_image",
    "check_job_input",
    "describe_upload",
    "follow_auth_user",
    "follow_jobs",
    "guard_campaign_status",
    "guard_payment",
    "guard_subscription",
    "handle_identified_user",
    "handle_new_user",
    "hide_job",
    "hide_project",
    "keep_inputs",
    "keep_ledger",
    "keep_with_user",
    "limit_loose_prompts",
    "limit_rows",
    "limit_uploads",
    "lock_before_hiding",
    "lock_selection",
    "log_profile_activity",
    "log_project_activity",
    "mark_job_refunded",
    "mark_lost_inputs",
    "note_debt",
    "price_job",
    "refuse_by_hand",
    "refuse_removed_upload",
    "request_file_removal",
    "request_removal_of_users_files",
    "require_ledger",
    "set_updated_at",
    "stamp_job",
    "unselect_other_segmentations",
)
"""In `private`, called by triggers alone."""

NO_LEASE: Final = (
    "jsonb_build_array(jsonb_build_object('job_id', '$queued', 'lease', gen_random_uuid(),"
    " 'status', 'processing'))"
)
"""One job, under a lease that nobody holds: the answer says so."""

EVENT: Final = (
    """'[{"provider": "sandbox", "event_id": "' || gen_random_uuid() || '", "payload": "{}"}]'"""
)
"""A webhook."""

ROUTINES: Final[tuple[Routine, ...]] = (
    # The browser's
    Routine(
        "public.quote_generation",
        "'text_to_image', p_model_id => '$model'",
        {**everybody(ONE_ROW), "service": ONE_ROW},
    ),
    Routine(
        "private.quote_job",
        "'text_to_image', null, '$model', 'standard', null, null, null, 1, false, '{}'",
        {**everybody(ONE_ROW), "service": ONE_ROW},
    ),
    Routine("public.submit_generation", "'text_to_image', 'x', '$model'", users(ONE_ROW, "42501")),
    Routine(
        "private.submit_own_generation",
        "'text_to_image', 'x', '$model', 'standard', null, null, null, null, null, null, null, 1,"
        " '{}', '{}', null, null, null, null, null, '{}'",
        users(ONE_ROW, "42501"),
    ),
    *pair("queue_generation", "queue_own_job", "'$draft'", owner_only("job_not_found")),
    *pair("cancel_generation", "cancel_own_job", "'$queued'", owner_only("job_not_found")),
    *pair("restore_generation", "restore_own_job", "'$lost_job'", owner_only("job_not_found")),
    Routine("public.retry_generation", "'$failed'", owner_only("job_not_found")),
    Routine("public.rate_generation", "'$done', 5", owner_only("job_not_found")),
    *pair(
        "restore_project",
        "restore_own_project",
        "'$lost_projects'",
        owner_only("project_not_found"),
    ),
    *pair(
        "share_project",
        "share_own_project",
        "'$projects'",
        {**owner_only("project_not_found"), "nobody": "PT403 account_closed"},
    ),
    *pair("unshare_project", "unshare_own_project", "'$projects'", owner_only("project_not_found")),
    *pair("get_shared_project", "open_shared_project", "'$token', 7", everybody(ONE_ROW)),
    *pair(
        "get_shared_project",
        "open_shared_project",
        "'$shown_project', 7",
        everybody("PT404 project_not_found"),
    ),
    *pair("get_public_project", "open_public_project", "'$shown_project', 7", everybody(ONE_ROW)),
    *pair(
        "get_public_project",
        "open_public_project",
        "'$projects', 7",
        everybody("PT404 project_not_found"),
    ),
    *pair("list_public_projects", "public_projects", "7, null, null", everybody(SOME_ROWS)),
    Routine(
        "public.select_segmentation",
        "'$video_segmentations'",
        owner_only("segmentation_not_found"),
    ),
    *pair(
        "use_style_preset",
        "use_own_style_preset",
        "'$style_presets'",
        owner_only("preset_not_found"),
    ),
    *pair(
        "use_tool_configuration",
        "use_own_tool_configuration",
        "'$tool_configurations'",
        owner_only("configuration_not_found"),
    ),
    *pair(
        "use_preset_chain",
        "use_own_preset_chain",
        "'$tool_preset_chains'",
        owner_only("chain_not_found"),
    ),
    *pair("my_credits", "own_credits", "", users(ONE_ROW, "PT404 account_not_found")),
    *pair("my_limits", "own_limits", "", users(SOME_ROWS, HIDDEN)),
    *pair(
        "log_activity",
        "log_own_activity",
        "'opened', '{}'",
        users(ONE_ROW, "PT403 account_closed"),
    ),
    # Computed columns
    *(
        Routine(
            f"public.{name}({table})",
            f"null::public.{table}",
            {**users(ONE_ROW), "service": ONE_ROW},
        )
        for name in ("credits_used", "credit_transaction_id", "is_refunded")
        for table in (
            "video_concepts",
            "web_research_queries",
            "content_summaries",
            "video_segmentations",
            "characters",
        )
    ),
    # The services'
    service(
        "claim_tasks",
        "gen_random_uuid(), 'x', jsonb_build_array(jsonb_build_object('provider', '$model')), 10",
        SOME_ROWS,
    ),
    service("extend_leases", "'[]'", HIDDEN),
    service("advance_jobs", NO_LEASE, ONE_ROW),
    service("complete_jobs", NO_LEASE, ONE_ROW),
    service("fail_jobs", NO_LEASE, ONE_ROW),
    service("release_tasks", "'[]'", HIDDEN),
    service("wake_jobs", "'$model', '{x}'", HIDDEN),
    service("tend_queue", "7", ONE_ROW),
    service("end_overdue_jobs", "7", HIDDEN),
    service("claim_cancellations", "array['$model']", SOME_ROWS),
    service("confirm_cancellations", "'[]'", ONE_ROW),
    service("limit_provider", "'$model', 7, 7", ONE_ROW),
    service("pause_provider", "'$model', 'x'", ONE_ROW),
    service("resume_provider", "'$model'", ONE_ROW),
    service("drain_provider", "'$model'", ONE_ROW),
    service("operate_provider", "'$model', 'drain', 'x', 'x'", ONE_ROW),
    service("operate_model", "'$model', 'enable', 'x', 'x'", ONE_ROW),
    service("cancel_job", "'$queued', 'x', 'x'", ONE_ROW),
    service("retry_job", "'$failed', 'x', 'x'", ONE_ROW),
    service("find_shown_file", "'$shown_result', '$token'", ONE_ROW),
    service("find_shown_file", "'$done_result', '$token'", HIDDEN),
    service("purge_hidden", "7", ONE_ROW),
    service("claim_file_removals", "7", SOME_ROWS),
    service("confirm_file_removals", "'[]'", ONE_ROW),
    service("housekeep", "7", ONE_ROW),
    service("claim_open_payments", "'{sandbox}'", SOME_ROWS),
    service("keep_payment_customer", "'$me', 'stripe', '$me'", ONE_ROW),
    service("receive_webhooks", f"({EVENT})::jsonb", ONE_ROW),
    service("follow_webhooks", "7", ONE_ROW),
    service("claim_webhooks", "'{sandbox}'", SOME_ROWS),
    service("finish_webhook", "'$dead_event', 1, 'processed'", ONE_ROW),
    service("replay_webhook", "'$dead_event', 'x', 'x'", ONE_ROW),
    service("log_api_usage", "'[]'", ONE_ROW),
    service("open_payment", "'$me', 'sandbox', 'fresh', p_package_slug => 'usd-pro'", ONE_ROW),
    service("advance_payment", "'$payments', p_method => 'card'", ONE_ROW),
    service("settle_payment", "'$payments', 100, 'USD'", ONE_ROW),
    service("fail_payment", "'$payments', 'x'", ONE_ROW),
    service("refund_payment", "'$payments', 7, 'USD'", ONE_ROW),
    service("open_dispute", "'$payments', 'another', 7, 'x'", ONE_ROW),
    service("close_dispute", "'$payments', 'another', 'lost'", ONE_ROW),
    service("start_subscription", "'$me', 'pro', now(), now() + interval '1 month'", ONE_ROW),
    service("renew_subscription", "'$subscriptions', now(), now() + interval '1 month'", ONE_ROW),
    service("change_subscription", "'$subscriptions', 'creator', now()", ONE_ROW),
    service("cancel_subscription", "'$subscriptions', now()", ONE_ROW),
    service("lapse_subscription", "'$subscriptions', now()", ONE_ROW),
    service("end_subscription", "'$subscriptions', now()", ONE_ROW),
    service("follow_subscriptions", "7", ONE_ROW),
    service("expire_credits", "7", ONE_ROW),
    service("grant_credits", "'$me', 7, 'x', 'x'", ONE_ROW),
    service("adjust_credits", "'$me', -7, 'x', 'x'", ONE_ROW),
    service("refund_job", "'$done', 'x', 'x', 1", ONE_ROW),
    service("audit_credits", "", SOME_ROWS),
    # What policies and check constraints call
    Routine("private.has_room_for_uploads", "", users(ONE_ROW)),
    Routine("private.is_hidden_upload", "'reference-images', '$fresh_path'", users(ONE_ROW)),
    Routine("private.months_paid", "'$payments'", {"service": ONE_ROW}),
    check("is_small_json", "'{}', 7"),
    check("is_small_object", "'{}', 7"),
    check("is_text_list", "'{}', 7, 7"),
    check("are_sound_texts", "'x', null, null, null, null, null, null, null"),
    check(
        "is_sound_state",
        "'queued', 0::smallint, 1, 0::smallint, 3::smallint, null, null, null, null, null, null",
    ),
    check("is_sound_prompt", "'x', null"),
    check("check_elements", "'[]', 'x', 7, '{}'"),
    check("total_duration", "'[]'"),
    Routine("private.are_parameter_rules", "'{}'", {"service": ONE_ROW}),
    Routine("private.are_required_inputs", "'{}'", {"service": ONE_ROW}),
    # Nobody's
    *(Routine(f"private.{name}") for name in INNER_FUNCTIONS + TRIGGER_FUNCTIONS),
)
