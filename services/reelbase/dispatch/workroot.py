"""Folders for files in the making: one a process, held by a lock, gone when the process is.

A process that was killed leaves its folder behind. Whoever starts next removes it: a folder whose
lock nobody holds belongs to nobody, however young it is.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from reelbase.errors import SettingsError

__all__ = ["Folder", "WorkRoot", "make_private"]


class Folder:
    """A fresh folder for one attempt, made when it is asked for: many jobs need none."""

    def __init__(self, parent: Path, name: str) -> None:
        self._parent = parent
        self._name = name
        self._path: Path | None = None

    def __call__(self) -> Path:
        """Return the folder, which the first call makes."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix=f"{self._name}-", dir=self._parent))
        return self._path

    async def remove(self) -> None:
        """Remove it with all in it, if it was made; not to be interrupted."""
        if (path := self._path) is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(lambda: shutil.rmtree(path, ignore_errors=True))


class WorkRoot:
    """This process's folder, inside the root that all processes of a user share.

    Use as a context manager. Locks go with the process, so a kill frees them as well.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = contextlib.ExitStack()
        self._own: Path | None = None

    def __enter__(self) -> "WorkRoot":
        """Make the folder, and remove what killed processes left.

        Raises:
            SettingsError: the root is not a folder of ours alone.
        """
        make_private(self._root)
        # Nobody may see a new folder before it is locked.
        with locked(self._root / ".lock"):
            for entry in self._root.iterdir():
                if entry.is_dir() and not is_held(entry):
                    shutil.rmtree(entry, ignore_errors=True)
            self._own = Path(tempfile.mkdtemp(prefix="worker-", dir=self._root))
            self._stack.enter_context(locked(self._own / ".lock"))
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._own is not None
        shutil.rmtree(self._own, ignore_errors=True)
        self._stack.close()

    def folder(self, name: str) -> Folder:
        """A folder that does not exist yet; whoever asks for one removes it."""
        assert self._own is not None
        return Folder(self._own, name)


def make_private(root: Path) -> None:
    """Make a folder for us alone, or make sure that it is one."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"REELBASE_WORK_DIR: {root} cannot be made ({reason}).") from error
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SettingsError(f"REELBASE_WORK_DIR: {root} is not a folder of this user.")
    root.chmod(0o700)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file, waiting for it if need be."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a living process holds a folder's lock."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
