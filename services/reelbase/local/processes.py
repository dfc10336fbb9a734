"""Processes and ports: telling ours from others', ending them, and having them end with us."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ProcessRecord",
    "end_processes",
    "end_with_parent",
    "is_running",
    "port_is_free",
    "processes_in",
    "record_of",
    "wait_until",
]

LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_INTERVAL = 0.02


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process, told apart from a later one that was given the same number.

    Attributes:
        pid: The process id.
        started: When it started, in a form that only serves to be compared; it names the boot of
            the machine as well.
    """

    pid: int
    started: str


def record_of(pid: int) -> ProcessRecord | None:
    """Return the record of a living process, or None if there is none (or a zombie)."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        # The command's name, in brackets, may itself hold spaces and brackets.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else ProcessRecord(pid, f"{boot}:{fields[19]}")
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    if len(listed) != 2 or listed[0].startswith("Z"):
        return None
    return ProcessRecord(pid, listed[1].strip())


def is_running(record: ProcessRecord) -> bool:
    """Tell whether exactly this process still runs."""
    return record_of(record.pid) == record


def processes_in(folder: Path, program: str) -> list[ProcessRecord]:
    """List processes of a program whose working directory is a folder.

    A PostgreSQL server and its backends all work in their data folder, so that this finds what a
    killed server has left. Only Linux tells; elsewhere the list is empty.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        try:
            at_home = (entry / "cwd").readlink() == folder
            named = at_home and (entry / "exe").readlink().name == program
        except OSError:
            continue
        if named and (record := record_of(int(entry.name))):
            found.append(record)
    return found


def end_processes(
    records: Iterable[ProcessRecord], signals: Iterable[tuple[signal.Signals, float]]
) -> list[ProcessRecord]:
    """Send signals, each with its patience in seconds, until the processes are gone.

    Returns:
        What outlived all of it.
    """
    alive = [record for record in records if is_running(record)]
    for number, patience in signals:
        if not alive:
            break
        for record in alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(record.pid, number)
        deadline = time.monotonic() + patience
        while any(map(is_running, alive)) and time.monotonic() < deadline:
            time.sleep(_INTERVAL)
        alive = [record for record in alive if is_running(record)]
    return alive


def wait_until(condition: Callable[[], bool], patience: float, interval: float = _INTERVAL) -> bool:
    """Ask again and again, for so many seconds, whether something has come true."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True


def end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` after which the child gets a signal when its parent's thread ends.

    None where the system offers no such thing (everything but Linux).
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the request was in
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that lingers from the last run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
