"""The long form: `make chaos`, or `python -m chaos --jobs 2000 --kills 200 --seed 1`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from reelbase.local.binaries import find_project_root
from reelbase.local.pytest_plugin import running_stack

from .driver import Script, play

__all__ = ["main"]


def main() -> None:
    """Play; end with 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="default: the time")
    parser.add_argument("--dispatchers", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="where to leave journal and logs")
    asked = parser.parse_args()
    seed = int(time.time()) if asked.seed is None else asked.seed
    script = Script(asked.jobs, asked.kills, seed, dispatchers=asked.dispatchers)
    print(f"Chaos: {asked.jobs} jobs, {asked.kills} kills, seed {seed}.", flush=True)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    with tempfile.TemporaryDirectory(prefix="reelbase-chaos-") as name:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        project = find_project_root(Path(__file__).parent)
        with running_stack(folder / "stack", project) as stack:
            report = play(script, stack, folder, say)
    print("\n".join(report.lines()), flush=True)
    sys.exit(bool(report.verdict.violations))


if __name__ == "__main__":
    main()
