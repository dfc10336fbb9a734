"""`reelbase credits …`, as an operator calls it."""

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from reelbase.cli import app
from reelbase.local.pytest_plugin import RunningStack
from reelbase.local.throwaway import Database, fresh_database


@dataclass(frozen=True, slots=True)
class Books:
    """A database whose books are the tests' own, and the command line beside it."""

    connection: "psycopg.Connection[Any]"
    url: str

    def call(self, *arguments: str, **environment: str | None) -> Result:
        """Call `reelbase credits`."""
        env = {"DATABASE_URL": self.url, "SUPABASE_URL": None, **environment}
        return CliRunner().invoke(app, ["credits", *arguments], env=env)

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Ask the database, as superuser."""
        return self.connection.execute(query.encode(), arguments).fetchall()

    def person(self, email: str | None = None) -> tuple[str, str]:
        """Sign somebody up and return id and e-mail address."""
        user = str(uuid.uuid4())
        email = email or f"{user}@cli.example"
        self.connection.execute(
            "insert into auth.users (id, aud, role, email)"
            " values (%s, 'authenticated', 'authenticated', %s)",
            [user, email],
        )
        return user, email

    def job(self, user: str, status: str | None = "completed") -> tuple[str, Decimal]:
        """Make a job that has ended, unless told otherwise, and return id and cost."""
        self.connection.execute(
            "select set_config('request.jwt.claims', %s, false)",
            [json.dumps({"role": "authenticated", "sub": user})],
        )
        with self.connection.transaction():
            self.connection.execute("set local role authenticated")
            [(job, cost)] = self.rows(
                "select id, credit_cost from public.submit_generation('text_to_image', 'A harbour')"
            )
        for each in ("starting", "processing", "finalizing", status) if status else ():
            self.connection.execute(
                "update public.generation_jobs set status = %s where id = %s", [each, job]
            )
        return str(job), cost

    def balance(self, user: str) -> Decimal:
        """Read a balance."""
        [(balance,)] = self.rows(
            "select balance from public.credit_accounts where user_id = %s", user
        )
        return Decimal(balance)

    def actions(self, user: str) -> list[tuple[Any, ...]]:
        """Read what operators did to a user."""
        return self.rows(
            "select operator, action, reason from worker.operator_actions where user_id = %s"
            " order by created_at, id",
            user,
        )


@pytest.fixture(scope="module")
def books(database: Database, request: pytest.FixtureRequest) -> Iterator[Books]:
    """A database of this file's own: its audit is of what happens here."""
    with (
        fresh_database(database.admin_url, request.config.rootpath) as own,
        psycopg.connect(own.admin_url, autocommit=True) as connection,
    ):
        yield Books(connection, own.url)


WHY = ("--reason", "of a test", "--operator", "tess")


def one_sentence(result: Result, *parts: str) -> None:
    """See that a command ended with one plain sentence and nothing else."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "Traceback" not in line
    for part in parts:
        assert part in line


# Audit --------------------------------------------------------------------------------------------


def test_audit_tells_what_it_looked_at_and_that_all_is_well(books: Books) -> None:
    user, _ = books.person()
    books.job(user)
    result = books.call("audit")
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["promise", "checked", "broken"]
    *promises, empty, summary = lines
    assert empty == ""
    assert "all is well" in summary
    assert [line.rsplit(None, 2)[2] for line in promises] == ["0"] * len(promises)
    counted = {line.rsplit(None, 2)[0]: line.rsplit(None, 2)[1] for line in promises}
    [(accounts,)] = books.rows("select count(*) from public.credit_accounts")
    assert counted["balance is the sum of the ledger"] == f"{accounts:,}"


def test_audit_shows_what_is_broken_and_ends_with_one(books: Books) -> None:
    users = sorted(books.person()[0] for _ in range(3))
    change = (
        "update public.credit_accounts set balance = balance + %s where user_id = any(%s::uuid[])"
    )
    books.connection.execute("set search_path = reelbase_ledger")
    try:
        books.connection.execute(change, [1, users])
        result = books.call("audit")
        bounded = books.call("audit", "--limit", "1")
    finally:
        books.connection.execute(change, [-1, users])
        books.connection.execute("reset search_path")
    assert result.exit_code == bounded.exit_code == 1
    assert "6 broken" in result.stdout
    shown = [line for line in result.stdout.splitlines() if line.endswith("100.00  101.00")]
    assert [line.split()[-4] for line in shown] == [*users, *users]
    assert "and 5 more" in bounded.stdout
    assert sum(user in bounded.stdout for user in users) == 1


# Statement ----------------------------------------------------------------------------------------


def test_statement_shows_the_ledger_with_its_running_balance(books: Books) -> None:
    user, email = books.person()
    job, cost = books.job(user)
    result = books.call("statement", "--user", email.upper())
    assert result.exit_code == 0, result.output
    account, count, empty, _, *entries = result.stdout.splitlines()
    assert account == f"{email} ({user}): {100 - cost} credits"
    assert (count, empty) == ("2 of 2 entries", "")
    bonus, deduction = (line.split() for line in entries)
    assert bonus[0] == "1"
    assert bonus[3:7] == ["bonus", "completed", "+100.00", "100.00"]
    assert deduction[3:7] == ["deduction", "completed", f"-{cost}", f"{100 - cost}"]
    assert deduction[-1] == job
    newest = books.call("statement", "--user", user, "--limit", "1")
    assert "1 of 2 entries" in newest.stdout
    assert "deduction" in newest.stdout
    assert "bonus" not in newest.stdout


def test_statement_is_written_for_machines_too(books: Books) -> None:
    user, _ = books.person()
    books.job(user)
    written = books.call("statement", "--user", user, "--format", "json")
    entries = json.loads(written.stdout)
    assert [entry["version"] for entry in entries] == [1, 2]
    assert entries[0]["amount"] == "100.00"
    table = books.call("statement", "--user", user, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    assert [row["amount"] for row in rows] == [entry["amount"] for entry in entries]
    assert rows[0]["user_id"] == user


def test_statement_without_entries_has_a_head_all_the_same(books: Books) -> None:
    [(empty,)] = books.rows("select gen_random_uuid()")
    books.connection.execute(
        "insert into auth.users (id, aud, role, is_anonymous)"
        " values (%s, 'authenticated', 'authenticated', true)",
        [empty],
    )
    table = books.call("statement", "--user", str(empty), "--format", "csv")
    assert table.stdout.startswith("user_id,version,")
    assert len(table.stdout.splitlines()) == 1
    assert "0 of 0 entries" in books.call("statement", "--user", str(empty)).stdout


def test_embedded_stack_is_asked_when_nothing_else_is_named(
    books: Books, stack: RunningStack
) -> None:
    result = books.call(
        *("statement", "--user", "ada@example.com", "--state-dir", str(stack.state_dir)),
        DATABASE_URL=None,
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ada@example.com (")


def test_what_a_terminal_would_obey_is_not_printed(books: Books) -> None:
    user, _ = books.person()
    done = books.call("grant", "--user", user, "--amount", "1", "--reason", "a\x1b[2Jb")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout
    assert "a�[2Jb" in done.stdout


# Corrections --------------------------------------------------------------------------------------


def test_grant_gives_and_says_who_and_why(books: Books) -> None:
    user, email = books.person()
    result = books.call("grant", "--user", email, "--amount", "12.5", *WHY)
    assert result.exit_code == 0, result.output
    assert "100.00 → 112.50" in result.stdout
    assert result.stdout.endswith("Done.\n")
    assert books.balance(user) == Decimal("112.5")
    assert books.actions(user) == [("tess", "grant_credits", "of a test")]


def test_operator_is_who_is_logged_in_unless_said_otherwise(books: Books) -> None:
    user, _ = books.person()
    books.call("grant", "--user", user, "--amount", "1", "--reason", "x", LOGNAME="olga")
    assert [operator for operator, *_ in books.actions(user)] == ["olga"]


def test_grant_lapses_after_so_many_days(books: Books) -> None:
    user, _ = books.person()
    arguments = ("--user", user, "--amount", "5", "--expires-in-days", "7", *WHY)
    result = books.call("grant", *arguments, "--idempotency-key", "k")
    assert result.exit_code == 0, result.output
    [(ends, is_midnight, days)] = books.rows(
        "select to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD'),"
        " (expires_at at time zone 'UTC')::time = '00:00',"
        " extract(day from expires_at - private.now())"
        " from public.credit_grants where user_id = %s and expires_at is not null",
        user,
    )
    assert (is_midnight, days) == (True, 7)
    assert f"{ends}, 00:00 UTC" in result.stdout


@pytest.mark.parametrize("command", ["grant", "adjust", "refund"])
def test_dry_run_shows_what_would_happen_and_does_none_of_it(books: Books, command: str) -> None:
    user, _ = books.person()
    job, cost = books.job(user)
    before = books.balance(user)
    target = ["--job", job] if command == "refund" else ["--user", user, "--amount", "3"]
    after = before + (cost if command == "refund" else 3)
    dry = books.call(command, *target, *WHY, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert f"{before} → {after}" in dry.stdout
    assert dry.stdout.splitlines()[-1].startswith("Dry run: nothing was written.")
    assert books.balance(user) == before
    assert books.actions(user) == []
    # And that is just what happens then.
    real = books.call(command, *target, *WHY)
    assert real.stdout.splitlines()[:-1] == dry.stdout.splitlines()[:-1]
    assert books.balance(user) == after
    assert len(books.actions(user)) == 1


def test_adjust_takes_no_more_than_is_there(books: Books) -> None:
    user, _ = books.person()
    taken = books.call("adjust", "--user", user, "--amount", "-40.25", *WHY)
    assert "100.00 → 59.75" in taken.stdout
    one_sentence(
        books.call("adjust", "--user", user, "--amount", "-59.76", *WHY),
        "59.75",
        "adjustment_exceeds_balance",
    )
    assert books.balance(user) == Decimal("59.75")


def test_refund_returns_a_part_and_then_the_rest(books: Books) -> None:
    user, _ = books.person()
    job, cost = books.job(user)
    part = books.call("refund", "--job", job, "--amount", "0.50", *WHY)
    assert f"{100 - cost} → {100 - cost + Decimal('0.50')}" in part.stdout
    assert "→ 100.00" in books.call("refund", "--job", job, *WHY).stdout
    one_sentence(books.call("refund", "--job", job, *WHY), "refund_exceeds_charge")
    assert [action for _, action, _ in books.actions(user)] == ["refund_job"] * 2


def test_job_that_still_runs_is_not_refunded(books: Books) -> None:
    user, _ = books.person()
    job, _ = books.job(user, status=None)
    one_sentence(books.call("refund", "--job", job, *WHY), "job_not_ended")


def test_same_key_does_it_once_and_says_so(books: Books) -> None:
    user, _ = books.person()
    arguments = ("grant", "--user", user, "--amount", "5", *WHY, "--idempotency-key", "k")
    books.call(*arguments)
    again = books.call(*arguments)
    assert again.exit_code == 0, again.output
    assert "105.00, unchanged" in again.stdout
    assert books.balance(user) == 105
    other = books.call("grant", "--user", user, "--amount", "6", *WHY, "--idempotency-key", "k")
    one_sentence(other, "idempotency_key_reused")
    assert len(books.actions(user)) == 1


def test_what_comes_in_pays_debt_first_and_that_is_shown(books: Books) -> None:
    user, _ = books.person()
    [(payment,)] = books.rows(
        "select id from worker.open_payment(%s, 'sandbox', 'k', (select slug"
        " from public.credit_packages where credits = 50 and currency = 'THB'))",
        user,
    )
    of_payment = "(id, amount_minor, currency) from public.payments where id = %s"
    books.rows(f"select worker.settle_payment{of_payment}", payment)
    _, cost = books.job(user)
    while books.balance(user) >= cost:
        books.job(user)
    left = books.balance(user)
    books.rows(f"select worker.refund_payment{of_payment}", payment)
    debt = 50 - left
    result = books.call("grant", "--user", user, "--amount", str(debt + 1), *WHY)
    assert f"0.00 → 1.00\ndebt      {debt} → 0.00\n" in result.stdout


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount", ["1e3", "NaN", "Infinity", "1.005", "1,5", "five", "", "0x10", "١", "--5", "1_000"]
)
def test_amount_that_is_no_plain_number_is_refused(books: Books, amount: str) -> None:
    user, _ = books.person()
    for command in ("grant", "adjust"):
        result = books.call(command, "--user", user, f"--amount={amount}", *WHY)
        one_sentence(result, "is not an amount", amount)
    assert books.balance(user) == 100


@pytest.mark.parametrize("amount", ["0", "-5", "99999999999", "90000000"])
def test_amount_that_the_books_refuse_is_told_in_their_words(books: Books, amount: str) -> None:
    user, _ = books.person()
    result = books.call("grant", "--user", user, f"--amount={amount}", *WHY)
    one_sentence(result, "credit_limit_reached" if amount == "90000000" else "invalid_amount")
    assert books.balance(user) == 100


@pytest.mark.parametrize("user", ["nobody@cli.example", str(uuid.UUID(int=7)), "", "%", "a b"])
def test_user_who_is_not_there_is_one_sentence(books: Books, user: str) -> None:
    for command in (
        ["statement"],
        ["grant", "--amount", "1", *WHY],
        ["adjust", "--amount", "1", *WHY],
    ):
        one_sentence(books.call(*command, "--user", user), "There is no user", user)


def test_address_that_several_users_have_is_not_guessed(books: Books) -> None:
    email = f"{uuid.uuid4()}@cli.example"
    users = [books.person(email=f"{name}{email}")[0] for name in ("a", "b")]
    books.connection.execute(
        "update public.profiles set email = %s where user_id = any(%s::uuid[])", [email, users]
    )
    one_sentence(books.call("statement", "--user", email), *users)


@pytest.mark.parametrize("job", [str(uuid.UUID(int=7)), "job-1", ""])
def test_job_that_is_not_there_is_one_sentence(books: Books, job: str) -> None:
    one_sentence(books.call("refund", "--job", job, *WHY), "job", job)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_reason_is_required(books: Books, reason: str) -> None:
    user, _ = books.person()
    arguments = ["grant", "--user", user, "--amount", "1", "--operator", "tess"]
    one_sentence(books.call(*arguments, "--reason", reason), "reason_required")
    assert books.call(*arguments).exit_code == 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:a-secret@127.0.0.1:1/postgres",
        "postgresql://postgres:a-secret@[::1/postgres",
        "a-secret",
    ],
)
def test_database_that_does_not_answer_is_one_sentence_without_secrets(
    books: Books, url: str
) -> None:
    result = books.call("audit", DATABASE_URL=url)
    one_sentence(result)
    assert "a-secret" not in result.output


def test_role_that_may_not_do_it_is_one_sentence(books: Books) -> None:
    # Whoever is there, and not the books' owner.
    url = books.url.replace("://postgres:", "://authenticator:", 1)
    one_sentence(books.call("audit", DATABASE_URL=url), "role")


def test_other_peoples_project_is_not_mixed_with_the_embedded_stack(
    books: Books, tmp_path: Path
) -> None:
    for there in ("https://a-project.example", None):
        result = books.call(
            "audit", "--state-dir", str(tmp_path), DATABASE_URL=None, SUPABASE_URL=there
        )
        one_sentence(result, "DATABASE_URL is not set")


# As the README has it -----------------------------------------------------------------------------


def test_commands_of_the_readme_run_as_printed(
    books: Books, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    readme = (request.config.rootpath / "README.md").read_text()
    lines = re.findall(r"^reelbase (credits .*)$", readme, re.MULTILINE)
    assert {line.split()[1] for line in lines} == {
        "audit",
        "statement",
        "grant",
        "adjust",
        "refund",
    }
    user, _ = books.person(email="ada@customer.example")
    job, _ = books.job(user)
    for line in lines:
        arguments = shlex.split(line.replace("<job>", job), comments=True)
        done = subprocess.run(
            [sys.executable, "-P", "-c", "from reelbase.cli import app; app()", *arguments],
            env={**os.environ, "DATABASE_URL": books.url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
