"""The files of the demo data: from `supabase/` into the stack's storage.

`supabase/config.toml` names the folder of each bucket (`[storage.buckets.<id>] objects_path`), and
a file's path in its folder is its path in the bucket. The Supabase CLI stores the same files by
`supabase start` and `supabase seed buckets`, but only in stacks of its own.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from reelbase.local.errors import LocalError
from reelbase.local.postgres import read_project_config
from reelbase.local.processes import LOOPBACK

__all__ = ["digest_of", "find_seed_files", "store_seed_files"]


def find_seed_files(project_root: Path) -> dict[str, Path]:
    """Find the files that belong into storage.

    Returns:
        The files by bucket and path, `bucket/path/in/it`.

    Raises:
        LocalError: The project's configuration cannot be read.
    """
    buckets = read_project_config(project_root).get("storage", {}).get("buckets", {})
    found = {}
    for bucket, settings in buckets.items():
        if not (given := settings.get("objects_path")):
            continue
        folder = project_root / "supabase" / given
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                found[f"{bucket}/{relative.as_posix()}"] = path
    return found


def digest_of(files: Mapping[str, Path]) -> str:
    """Return what tells one set of files from another: their names and sizes."""
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
    return digest.hexdigest()


def store_seed_files(files: Mapping[str, Path], port: int, secret_key: str) -> None:
    """Upload files through the stack's storage API; what is there already is left alone.

    Args:
        files: As `find_seed_files` returns them.
        port: The gateway's.
        secret_key: The stack's key of the services.

    Raises:
        LocalError: Storage refuses one, or does not answer.
    """
    import http.client  # noqa: PLC0415  # only the first start stores anything
    import mimetypes  # noqa: PLC0415

    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    try:
        for name, path in files.items():
            mime_type, _ = mimetypes.guess_type(name, strict=False)
            headers = {
                "apikey": secret_key,
                "authorization": f"Bearer {secret_key}",
                "cache-control": "max-age=3600",
                "content-type": mime_type or "application/octet-stream",
                "x-upsert": "false",
            }
            address = f"/storage/v1/object/{quote(name)}"
            connection.request("POST", address, path.read_bytes(), headers)
            answer = connection.getresponse()
            told = answer.read().decode("utf-8", "replace")
            if answer.status != 200 and '"Duplicate"' not in told:
                raise LocalError(f"Storage did not take {path} as {name}: {told}")
    except (OSError, http.client.HTTPException) as error:
        raise LocalError(
            f"The files of the demo data could not be stored ({type(error).__name__}: {error})."
        ) from error
    finally:
        connection.close()
