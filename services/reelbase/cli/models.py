"""`reelbase models list`, `show`, `enable` and `disable`: what is offered, and by whom it is made.

They speak to the database itself, as `reelbase credits` does. With `--dry-run` everything happens,
checks and all, and is rolled back.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelbase.cli.credits import (
    CreditsError,
    DryRun,
    Operator,
    Reason,
    StateDir,
    login_name,
    one_sentence,
    opened,
    say_end,
    show_table,
    shown,
)
from reelbase.cli.jobs import to_json
from reelbase.cli.worker import DEFAULT_STATE_DIR
from reelbase.providers import known_providers

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

__all__ = ["register"]

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
ToModels = Annotated[list[str], typer.Argument(help="Which models, by id.")]

FIND = """
select models.id, models.provider, models.provider_model, models.display_name, models.description,
  models.kinds::text[], models.modes::text[], models.aspect_ratios, models.resolutions,
  models.min_seconds, models.max_seconds, models.default_seconds, models.allowed_seconds,
  models.max_outputs, models.max_reference_images, models.max_prompt_characters,
  models.required_inputs, models.parameters, models.is_active,
  array(
    select kinds.kind::text from unnest(models.kinds) as kinds (kind)
    where models.is_active and models.id = (
      select others.id from public.models as others
      where others.is_active and kinds.kind = any(others.kinds)
      order by others.sort_order, others.id limit 1
    )
  ) as default_of,
  (
    select coalesce(jsonb_agg(to_jsonb(prices) - '{model_id,created_at,updated_at}'::text[]
      order by prices.kind, prices.mode), '[]')
    from public.model_prices as prices where prices.model_id = models.id
  ) as prices,
  rates.unit as rate_unit, rates.usd_per_unit
from public.models
left join worker.provider_rates as rates
  on rates.provider = models.provider and rates.provider_model = models.provider_model
where (%(ids)s::text[] is null or models.id = any(%(ids)s))
  and (%(provider)s::text is null or models.provider = %(provider)s)
  and (%(kind)s::text is null or %(kind)s = any(models.kinds::text[]))
order by models.is_active desc, models.sort_order, models.id
"""

UNITS = {
    "job": "a job",
    "second": "a second",
    "output": "an output",
    "segment": "a segment",
    "1k_characters": "per 1,000 characters",
}
"""The units of prices, for people."""


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    group = typer.Typer(
        name="models",
        help="See the models of the catalogue, and switch them on and off.",
        no_args_is_help=True,
    )
    group.command("list")(list_models)
    for command in (show, enable, disable):
        group.command()(command)
    app.add_typer(group)


# Seeing -------------------------------------------------------------------------------------------


def list_models(
    *,
    provider: Annotated[str | None, typer.Option(help="Only its models.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only these, like text_to_video.")] = None,
    as_json: AsJson = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """List the models: those on offer first, in the order in which they are chosen."""
    with one_sentence(), opened(state_dir) as connection:
        connection.execute("set transaction read only")
        rows = find_models(connection, provider=provider, kind=kind)
    if as_json:
        typer.echo(to_json(rows))
        return
    show_table(
        ("model", "offered", "provider", "which calls it", "kinds", "credits"),
        [
            (
                row["id"],
                "yes" if row["is_active"] else "no",
                row["provider"],
                row["provider_model"],
                ", ".join(row["kinds"]),
                prices_of(row["prices"]),
            )
            for row in rows
        ],
        right=set(),
    )


def show(
    model: Annotated[str, typer.Argument(help="The id of a model.")],
    as_json: AsJson = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Show one model: its limits, the parameters that it takes, and what it costs."""
    with one_sentence(), opened(state_dir) as connection:
        connection.execute("set transaction read only")
        [row] = find_models(connection, [model])
    if as_json:
        typer.echo(to_json(row))
        return
    rate = row["usd_per_unit"]
    facts: list[tuple[str, str | None]] = [
        ("model", f"{row['id']}: {row['display_name']}"),
        ("offered", "yes" if row["is_active"] else "no"),
        ("default of", ", ".join(row["default_of"])),
        ("provider", f"{row['provider']}, which calls it {row['provider_model']}"),
        ("kinds", ", ".join(row["kinds"])),
        ("modes", ", ".join(row["modes"])),
        ("ratios", ", ".join(row["aspect_ratios"])),
        ("resolutions", ", ".join(row["resolutions"])),
        ("length", lengths_of(row)),
        ("at most", limits_of(row)),
        *(
            ("needs", f"{', '.join(roles)} for {kind}")
            for kind, roles in row["required_inputs"].items()
        ),
        *(
            ("costs", f"{price_of(price)} for {price['kind']}, {price['mode']}")
            for price in row["prices"]
        ),
        (
            "we pay",
            None if rate is None else f"{rate.normalize():f} USD for one {row['rate_unit']}",
        ),
    ]
    for name, fact in facts:
        if fact:
            typer.echo(f"{name:<12}{shown(fact)}")
    if row["parameters"] is None:
        typer.echo("Parameters are not checked.")
    elif row["parameters"]:
        typer.echo("\nParameters")
        show_table(
            ("name", "is", "of", "what"),
            [
                (
                    name,
                    rule_of(rule),
                    ", ".join(rule.get("kinds", [])) or "all",
                    rule.get("description"),
                )
                for name, rule in sorted(row["parameters"].items())
            ],
            right=set(),
        )


def find_models(
    connection: "psycopg.Connection[DictRow]",
    ids: Sequence[str] | None = None,
    *,
    provider: str | None = None,
    kind: str | None = None,
) -> "list[DictRow]":
    """Return models with their prices.

    Raises:
        CreditsError: One that was named does not exist, or none fits.
    """
    rows = connection.execute(
        FIND.encode(),
        {"ids": None if ids is None else list(ids), "provider": provider, "kind": kind},
    ).fetchall()
    if lacking := set(ids or ()) - {row["id"] for row in rows}:
        raise CreditsError(f"There is no model {', '.join(map(shown, sorted(lacking)))}.")
    if not rows:
        raise CreditsError("There is no such model.")
    return rows


def prices_of(prices: Sequence[Mapping[str, Any]]) -> str:
    """Say what one costs, by unit, over kinds and modes: "0 to 1 a second"."""
    by_unit: dict[str, list[float]] = {}
    for price in prices:
        by_unit.setdefault(price["unit"], []).append(float(price["credits"]))
    return ", ".join(
        f"{min(found):g} to {max(found):g} {UNITS[unit]}"
        if min(found) < max(found)
        else f"{found[0]:g} {UNITS[unit]}"
        for unit, found in by_unit.items()
    )


def price_of(price: Mapping[str, Any]) -> str:
    """Say what one kind and mode costs."""
    edits = price["edit_credits"]
    least = float(price["minimum"])
    return (
        f"{float(price['credits']):g} {UNITS[price['unit']]}"
        + (f", edits {float(edits):g}" if edits is not None else "")
        + (f", at least {least:g}" if least else "")
    )


def lengths_of(row: Mapping[str, Any]) -> str | None:
    """Say how long what it makes may be."""
    if row["max_seconds"] is None:
        return None
    low, high = float(row["min_seconds"]), float(row["max_seconds"])
    allowed = ", ".join(f"{float(each):g}" for each in row["allowed_seconds"])
    usual = row["default_seconds"]
    return f"{allowed or f'{low:g} to {high:g}'} s" + (
        f", usually {float(usual):g}" if usual is not None else ""
    )


def limits_of(row: Mapping[str, Any]) -> str:
    """Say how much of everything a job may have."""
    counts = (
        (row["max_outputs"], "output", "outputs"),
        (row["max_reference_images"], "reference image", "reference images"),
        (row["max_prompt_characters"], "character of prompt", "characters of prompt"),
    )
    return ", ".join(
        f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count
    )


def rule_of(rule: Mapping[str, Any]) -> str:
    """Say what a parameter must be."""
    if "choices" in rule:
        return "one of " + ", ".join(rule["choices"])
    low, high = rule.get("min", 0), rule.get("max")
    match rule["type"]:
        case "text":
            return f"a text of {low} to {high} characters"
        case "array":
            return f"{low} to {high} times {rule_of(rule['items'])}"
        case "integer":
            return f"a whole number, {low} to {high}"
        case "number":
            return f"a number, {low} to {high}"
        case _:
            return "true or false"


# Switching ----------------------------------------------------------------------------------------


def enable(
    models: ToModels,
    *,
    reason: Reason,
    provider_model: Annotated[
        str | None,
        typer.Option(help="What the provider calls it from now on.", show_default="as it is"),
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Make it what is chosen when a job names none.")
    ] = False,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Offer models to users: when their provider has its keys and a dispatcher runs it."""
    settings: dict[str, Any] = {}
    if provider_model is not None:
        settings["provider_model"] = provider_model
    if default:
        settings["is_default"] = True
    with one_sentence():
        if provider_model is not None and len(models) > 1:
            raise CreditsError("--provider-model is for one model at a time.")
        with opened(state_dir, undo=dry_run) as connection:
            for model in models:
                operate(
                    connection, model, "enable", reason=reason, operator=operator, settings=settings
                )
            rows = find_models(connection, models)
    for row in rows:
        chosen = f", and the default of {', '.join(row['default_of'])}" if row["default_of"] else ""
        typer.echo(f"{row['id']} is offered{chosen}.")
    for provider in sorted({row["provider"] for row in rows}):
        typer.echo(need_of(provider))
    say_end(dry_run=dry_run)


def disable(
    models: ToModels,
    *,
    reason: Reason,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Offer models no longer; jobs that were submitted go on."""
    with one_sentence(), opened(state_dir, undo=dry_run) as connection:
        for model in models:
            operate(connection, model, "disable", reason=reason, operator=operator)
            typer.echo(f"{shown(model)} is not offered.")
    say_end(dry_run=dry_run)


def operate(
    connection: "psycopg.Connection[DictRow]",
    model: str,
    action: str,
    *,
    reason: str,
    operator: str | None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Do something to a model, in an operator's name."""
    connection.execute(
        "select worker.operate_model(%s, %s, %s, %s, %s)",
        [model, action, reason, operator or login_name(), json.dumps(settings or {})],
    )


def need_of(provider: str) -> str:
    """Say what a dispatcher needs to run a provider."""
    if provider not in known_providers():
        return f"No module of this installation is named {shown(provider)}: nothing can run it."
    keys = importlib.import_module(f"reelbase.providers.{provider}").SECRETS
    told = f", and its keys in the environment ({', '.join(keys)})" if keys else ""
    return f"Dispatchers need {provider} in REELBASE_PROVIDERS{told}; see docs/providers.md."
