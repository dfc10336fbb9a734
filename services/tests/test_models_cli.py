"""`reelbase models …`, as an operator calls it."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from reelbase.cli import app
from reelbase.local.throwaway import Database, fresh_database
from reelbase.providers import known_providers

WHY = ("--reason", "of a test")


@dataclass(frozen=True, slots=True)
class Desk:
    """A database whose catalogue is the test's own, and the command line beside it."""

    connection: "psycopg.Connection[Any]"
    url: str

    def call(self, line: str, *arguments: str) -> Result:
        """Call `reelbase`."""
        env = {"DATABASE_URL": self.url, "SUPABASE_URL": None, "LOGNAME": "tess"}
        return CliRunner().invoke(app, [*shlex.split(line), *arguments], env=env)

    def json(self, line: str) -> Any:
        """Call it for machines."""
        result = self.call(f"{line} --json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def offered(self, model: str) -> bool:
        """Whether a model is on offer."""
        row = self.connection.execute(
            "select is_active from public.models where id = %s", [model]
        ).fetchone()
        assert row is not None
        return bool(row[0])


@pytest.fixture(scope="module")
def desk(database: Database, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A database of this file's own."""
    with (
        fresh_database(database.admin_url, request.config.rootpath) as own,
        psycopg.connect(own.admin_url, autocommit=True) as connection,
    ):
        yield Desk(connection, own.url)


def one_sentence(result: Result, *parts: str) -> None:
    """See that a command ended with one plain sentence and nothing else."""
    assert result.exit_code == 1, result.output
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "Traceback" not in line
    for part in parts:
        assert part in line


def test_list_shows_what_is_offered_first_and_by_whom_it_is_made(desk: Desk) -> None:
    result = desk.call("models list")
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert re.split(r" {2,}", head) == [
        *("model", "offered", "provider", "which calls it", "kinds", "credits")
    ]
    rows = [re.split(r" {2,}", line) for line in lines]
    offered = [row[1] for row in rows]
    assert offered == sorted(offered, reverse=True)
    by_id = {row[0]: row for row in rows}
    assert by_id["local-animatic"][1:] == [
        *("yes", "local", "animatic-1", "text_to_video", "0 a job, 0.5 to 1 a second")
    ]
    # Every provider of the catalogue is one that there is, and the other way round.
    assert {row[2] for row in rows} == set(known_providers())


def test_list_is_narrowed_by_provider_and_kind(desk: Desk) -> None:
    found = desk.json("models list --provider runway --kind text_to_image")
    assert [model["id"] for model in found] == ["runway-gen4-image"]
    one_sentence(desk.call("models list --provider nobody"), "no such model")


def test_show_tells_limits_parameters_and_prices(desk: Desk) -> None:
    told = desk.call("models show local-slideshow")
    assert told.exit_code == 0, told.output
    for line in (
        "offered     yes",
        "default of  image_to_video",
        "length      1 to 300 s, usually 6",
        "at most     1 output, 20 reference images, 10,000 characters of prompt",
        "needs       reference_image for image_to_video",
        "costs       0.5 a second, at least 1 for image_to_video, standard",
        "durations   1 to 20 times a number, 0.5 to 60",
        "transition  one of fade, none",
    ):
        assert line in told.stdout
    assert "5, 10 s, usually 5" in desk.call("models show luma-ray-3.2").stdout
    assert "0.0404 USD for one image" in desk.call("models show luma-uni-1").stdout
    one_sentence(desk.call("models show nothing"), "There is no model nothing.")


def test_show_says_where_parameters_are_not_checked(desk: Desk) -> None:
    with desk.connection.transaction():
        desk.connection.execute(
            "update public.models set parameters = null where id = 'recraft-v3'"
        )
    assert "Parameters are not checked." in desk.call("models show recraft-v3").stdout


def test_enable_and_disable_switch_models_and_leave_a_name_and_a_reason(desk: Desk) -> None:
    dry = desk.call("models enable runway-gen4.5 runway-gen4-turbo --dry-run", *WHY)
    assert "runway-gen4.5 is offered." in dry.stdout
    assert "nothing was written" in dry.stdout
    assert not desk.offered("runway-gen4.5")

    done = desk.call("models enable runway-gen4.5 runway-gen4-turbo", *WHY)
    assert done.exit_code == 0, done.output
    assert "Dispatchers need runway in REELBASE_PROVIDERS" in done.stdout
    assert "RUNWAYML_API_SECRET" in done.stdout
    assert desk.offered("runway-gen4.5")
    assert desk.offered("runway-gen4-turbo")

    gone = desk.call("models disable runway-gen4-turbo --operator olga", *WHY)
    assert gone.stdout == "runway-gen4-turbo is not offered.\nDone.\n"
    assert not desk.offered("runway-gen4-turbo")
    assert desk.connection.execute(
        "select operator, action, reason from worker.operator_actions"
        " where details ->> 'model_id' = 'runway-gen4-turbo' order by created_at, action desc"
    ).fetchall() == [
        ("tess", "enable_model", "of a test"),
        ("olga", "disable_model", "of a test"),
    ]


def test_enable_makes_a_model_the_default_and_renames_it_for_its_provider(desk: Desk) -> None:
    done = desk.call("models enable text-model --default --provider-model llama-5", *WHY)
    assert "and the default of concept, web_research, content_summary, video_segmentation" in (
        done.stdout
    )
    shown = desk.json("models show text-model")
    assert (shown["provider_model"], shown["is_active"]) == ("llama-5", True)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("models enable nothing", "There is no model nothing. (model_not_found)"),
        ("models disable nothing", "model_not_found"),
        ("models enable local-still nothing", "model_not_found"),
        ("models enable a b --provider-model c", "one model at a time"),
        ("models enable local-still --provider-model ' '", "invalid_provider_model"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(desk: Desk, line: str, part: str) -> None:
    one_sentence(desk.call(line, *WHY), part)


def test_model_of_no_provider_that_there_is_says_so_when_it_is_offered(desk: Desk) -> None:
    with desk.connection.transaction():
        desk.connection.execute(
            "insert into public.models (id, provider, provider_model, display_name, kinds, modes,"
            " is_active) values ('own', 'home-made', 'x', 'Own', '{voiceover}', '{fast}', false)"
        )
        desk.connection.execute(
            "insert into public.model_prices (model_id, kind, mode, unit, credits)"
            " values ('own', 'voiceover', 'fast', 'job', 1)"
        )
    done = desk.call("models enable own", *WHY)
    assert "No module of this installation is named home-made" in done.stdout
    assert desk.offered("own")


# As docs/providers.md has it ----------------------------------------------------------------------


def test_docs_list_every_model_with_its_price_and_every_provider(
    database: Database, request: pytest.FixtureRequest
) -> None:
    text = (request.config.rootpath / "docs" / "providers.md").read_text()
    told = {
        (cells[0].strip(" `"), cells[1].strip(" `"), cells[3].split()[0])
        for cells in (line.strip("|").split("|") for line in text.splitlines())
        if len(cells) == 5 and cells[3].strip()[:1].isdigit()
    }
    with psycopg.connect(database.url) as connection:
        found = connection.execute(
            "select models.id, models.provider_model, min(trim_scale(prices.credits))::text"
            " from public.models inner join public.model_prices as prices"
            " on prices.model_id = models.id and prices.mode = 'standard'"
            " where models.provider = any(%s) group by models.id",
            [list(known_providers())],
        ).fetchall()
    assert told == set(found)
    assert {provider for provider in known_providers() if f"(`{provider}`)\n" not in text} == set()


def test_models_of_the_docs_can_be_added_as_printed(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    text = (request.config.rootpath / "docs" / "providers.md").read_text()
    blocks = re.findall(r"^( *)```sql\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for _, block in blocks:
        desk.connection.execute(block.encode())
    assert desk.json("models list --kind text_to_video --provider fal")[0]["id"] == "fal-wan"
    for line in re.findall(r"^ *reelbase (models .*)$", text, re.MULTILINE):
        done = desk.call(line)
        assert done.exit_code == 0, f"{line}: {done.output}"
