"""The types in the tree are those of the migrated database."""

from pathlib import Path

import pytest

from reelbase.local.pytest_plugin import RunningStack
from reelbase.local.types import TYPES_FILES, generate_types


@pytest.fixture(scope="module")
def generated(stack: RunningStack, request: pytest.FixtureRequest) -> dict[str, str]:
    return generate_types(stack.database_url, request.config.rootpath)


@pytest.mark.parametrize("language", sorted(TYPES_FILES))
def test_types_in_the_tree_are_those_of_the_database(
    generated: dict[str, str], language: str, request: pytest.FixtureRequest
) -> None:
    written = Path(request.config.rootpath, TYPES_FILES[language]).read_text()
    assert written == generated[language], "The schema changed: run `make types`."
