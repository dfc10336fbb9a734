"""What a process does first when it exists only for its parent: it ends with it, and takes no more
of the machine than it was told."""

import ctypes
import os
import resource
import signal
import sys

__all__ = ["end_with_parent", "environment", "limit_resources"]

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 256


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the process `parent`, which started it, has ended.

    Linux only; elsewhere this does nothing, and the parent has to see to it.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before we had asked
        os._exit(1)


def environment() -> dict[str, str]:
    """What such a process may know of ours: how to find Python's modules, and no secrets."""
    kept = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")
    return {name: os.environ[name] for name in kept if name in os.environ}


def limit_resources(*, memory: int, file_bytes: int, processor_seconds: int) -> None:
    """Bound what this process and its children may take: more is refused, or ends it.

    Args:
        memory: Bytes of data in memory, each process by itself. More is a `MemoryError`.
        file_bytes: The size of a file that is written. More is an `OSError`.
        processor_seconds: The time of all processors together, each process by itself; then the
            kernel sends SIGXCPU.
    """
    for kind, most in (
        # Not the address space: libraries reserve gigabytes that they never touch.
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CPU, processor_seconds),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))
