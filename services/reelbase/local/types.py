"""Types of the migrated database, written by the Supabase CLI for Python and TypeScript.

Run as a program (`make types`) it migrates a database of its own, in a temporary folder, and writes
the files that `TYPES_FILES` names.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from reelbase.local.binaries import find_project_root
from reelbase.local.postgres import run_cli

__all__ = ["TYPES_FILES", "generate_types", "main"]

TYPES_FILES: Mapping[str, str] = {
    "python": "services/reelbase/database_types.py",
    "typescript": "supabase/database.types.ts",
}
_SCHEMAS = "public,worker"


def generate_types(database_url: str, project_root: Path) -> dict[str, str]:
    """Return the text of each file in `TYPES_FILES`, by language.

    Args:
        database_url: A migrated database as role `postgres`, with its password.
        project_root: The folder that holds `supabase/`.

    Raises:
        MigrationFailedError: The CLI failed; the message holds what it said.
    """
    return {
        language: run_cli(
            ["gen", "types", "--lang", language, "--schema", _SCHEMAS], database_url, project_root
        )
        for language in TYPES_FILES
    }


def main() -> None:
    """Write the types from a database that holds all migrations and nothing else."""
    from reelbase.local.pytest_plugin import running_stack  # noqa: PLC0415

    project_root = find_project_root()
    with (
        tempfile.TemporaryDirectory(prefix="reelbase-types-") as folder,
        running_stack(Path(folder)) as stack,
    ):
        for language, text in generate_types(stack.database_url, project_root).items():
            (project_root / TYPES_FILES[language]).write_text(text)


if __name__ == "__main__":
    main()
