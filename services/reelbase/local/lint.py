"""Linters that look at a migrated database: `make lint-database`.

The database is a fresh one, on the distribution's PostgreSQL where that comes with plpgsql_check,
which nobody else packages; else on the embedded one, and function bodies are not looked into. Each
linter tells everything it finds before the program ends; a finding of warning or above fails it.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.errors import LocalError
from reelbase.local.postgres import run_cli
from reelbase.local.throwaway import Database, find_system_postgres, fresh_database, running_server

__all__ = ["main"]

_SCHEMAS = "public,private,worker"
_PGRLS_CONFIGS = ("pgrls.toml", "pgrls.internal.toml")

# Functions that have no search_path of their own, on purpose. The bodies of all but the last are
# resolved when they are created, so that no path matters to them, and a path would keep them from
# being inlined; the last asks for its caller's path, and names nothing outside pg_catalog.
_PATHLESS = (
    *("private.now", "private.current_actor", "private.users_window", "public.submit_generation"),
    "private.require_ledger",
)


def main() -> None:
    """Migrate a database and lint it."""
    parser = argparse.ArgumentParser(prog="python -m reelbase.local.lint")
    parser.add_argument(
        "--require-plpgsql-check",
        action="store_true",
        help="fail where plpgsql_check is not installed, instead of leaving it out",
    )
    asked = parser.parse_args()
    root = find_project_root()
    native = find_system_postgres(extension="plpgsql_check")
    if native is None and asked.require_plpgsql_check:
        sys.exit(
            "plpgsql_check is not installed: install postgresql-NN and postgresql-NN-plpgsql-check."
        )
    try:
        with (
            running_server(native or find_binaries(root).postgres) as server,
            fresh_database(server, root) as database,
        ):
            findings = list(_lint(database, root, bodies=native is not None))
    except LocalError as error:
        sys.exit(str(error))
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if findings:
        sys.exit(f"{len(findings)} findings.")


def _lint(database: Database, root: Path, *, bodies: bool) -> Iterator[str]:
    with psycopg.connect(database.admin_url) as connection:
        version = connection.info.parameter_status("server_version")
        if bodies:
            # The CLI would make it as role postgres, which may only on the platform.
            connection.execute("create extension plpgsql_check with schema extensions")
    sys.stdout.write(f"On PostgreSQL {version}:\n")
    if bodies:
        yield from _check_bodies(database, root)
    else:
        _tell("supabase db lint", "LEFT OUT: plpgsql_check is not installed on this machine")
    yield from _ask_advisors(database, root)
    for config in _PGRLS_CONFIGS:
        yield from _check_policies(database, root, config)


def _check_bodies(database: Database, root: Path) -> Iterator[str]:
    """Ask plpgsql_check about each function's body."""
    options = ["--schema", _SCHEMAS, "--level", "warning"]
    found = _results(["db", "lint", *options], database, root)
    issues = [(one["function"], issue) for one in found for issue in one["issues"]]
    _tell("supabase db lint", f"{len(issues)} warnings and errors")
    for function, issue in issues:
        place = f"{function}, line {issue.get('statement', {}).get('lineNumber', '?')}"
        more = "".join(f" ({issue[key]})" for key in ("detail", "context") if issue.get(key))
        yield f"{issue['level']}: {place}: {issue['message']}{more}"


def _ask_advisors(database: Database, root: Path) -> Iterator[str]:
    """Ask the platform's advisors, which see the database as its dashboard does."""
    found = _results(["db", "advisors", "--level", "info"], database, root)
    worse = [
        one
        for one in found
        if one["level"] != "INFO"
        and not (
            one["name"] == "function_search_path_mutable"
            and any(f"`{name}`" in one["detail"].replace("\\", "") for name in _PATHLESS)
        )
    ]
    _tell("supabase db advisors", f"{len(worse)} warnings and errors, {len(found)} in all")
    for one in worse:
        yield f"{one['level'].lower()}: {one['name']}: {one['detail']}"


def _check_policies(database: Database, root: Path, config: str) -> Iterator[str]:
    """Ask pgrls about grants, policies, views and functions."""
    done = subprocess.run(
        [
            *(Path(sysconfig.get_path("scripts")) / "pgrls", "lint"),
            *("--config", config, "--format", "json"),
        ],
        cwd=root,
        # Other users of the machine can read a command line, but not an environment.
        env=os.environ | {"DATABASE_URL": database.admin_url},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise LocalError("pgrls failed.")
    found = json.loads(done.stdout)["violations"]
    worse = [one for one in found if one["severity"] != "info"]
    _tell(f"pgrls ({config})", f"{len(worse)} warnings and errors, {len(found)} in all")
    for one in worse:
        yield f"{one['severity']}: {one['rule_id']}: {one['location']}: {one['message']}"


def _results(arguments: list[str], database: Database, root: Path) -> list[dict[str, Any]]:
    """Run a command of the CLI that tells findings, and return them."""
    told = run_cli([*arguments, "--output-format", "json"], database.url, root)
    try:
        results: list[dict[str, Any]] = json.loads(told)["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise LocalError(f"The CLI's answer is no list of findings: {told}") from error
    return results


def _tell(linter: str, result: str) -> None:
    sys.stdout.write(f"  {linter}: {result}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
