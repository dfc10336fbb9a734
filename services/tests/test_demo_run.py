"""The demo, as a newcomer runs it: from nothing, with a stack of its own."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reelbase.local.binaries import find_project_root
from reelbase.local.pytest_plugin import RunningStack, free_port_block
from reelbase.local.stack import EmbeddedStack

DEMO = [sys.executable, "-c", "from reelbase.cli import app; app()", "demo"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A project folder of its own, so that nothing is written into the checkout."""
    root = find_project_root(Path(__file__).parent)
    shutil.copytree(root / "supabase", tmp_path / "supabase", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "node_modules").symlink_to(root / "node_modules")
    return tmp_path


def processes_of(state_dir: Path) -> list[str]:
    """Command lines of living processes that name a state folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(state_dir) in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def test_demo_does_one_real_job_and_one_refund_and_leaves_nothing_running(workspace: Path) -> None:
    state_dir = workspace / "state"
    with free_port_block() as port:
        done = subprocess.run(
            [*DEMO, "--state-dir", str(state_dir), "--port", str(port)],
            cwd=workspace,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    told = done.stdout
    assert done.returncode == 0, told + done.stderr
    assert "100 credits" in told
    for state in ("queued", "starting", "processing", "completed"):
        assert state in told
    assert "unknown_voice" in told
    assert re.search(r"credits: 94 before, 93 held, 94 after", told)
    assert "the event came 5 times, under 3 ids: payment succeeded" in told
    assert re.search(r"credits: 94 before, 194 after", told)
    assert re.search(r"purchase +completed +\+100 += 194", told)
    assert "private.reconcile_credits() finds nothing amiss" in told
    assert re.search(r"URL +http://127\.0\.0\.1:\d+/storage/v1/object/sign/final-videos/\S+", told)
    (film,) = (workspace / "out").glob("text_to_video-*.mp4")
    probed = subprocess.run(
        [sys.executable, "-c", PROBE, str(film)], capture_output=True, text=True, check=True
    )
    assert json.loads(probed.stdout) == [["aac", "h264"], [1280, 720], True]
    assert not EmbeddedStack(state_dir).status().running
    assert processes_of(state_dir) == []


PROBE = """
import av, json, sys
with av.open(sys.argv[1]) as film:
    codecs = sorted(stream.codec_context.name for stream in film.streams)
    size = [film.streams.video[0].width, film.streams.video[0].height]
    print(json.dumps([codecs, size, film.duration / av.time_base >= 3]))
"""


def test_demo_uses_a_stack_that_runs_and_leaves_it_running(
    stack: RunningStack, workspace: Path
) -> None:
    prompt = "Two 'quotes', 100 % and a\nnew line [bold]"
    done = subprocess.run(
        [*DEMO, "--state-dir", str(stack.state_dir), "--kind", "voiceover", "--prompt", prompt],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ran already" in done.stdout
    assert "“Two 'quotes', 100 % and a new line [bold]”" in done.stdout
    assert EmbeddedStack(stack.state_dir).status().running
    assert list((workspace / "out").glob("voiceover-*"))


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [(" ", "The prompt is empty."), ("Hi.", "out: File exists.")],
    ids=["no prompt", "no folder"],
)
def test_demo_that_cannot_do_its_job_says_why_and_fails(
    stack: RunningStack, workspace: Path, prompt: str, reason: str
) -> None:
    if "out" in reason:
        (workspace / "out").write_text("no folder")
    options = ["--state-dir", str(stack.state_dir), "--kind", "voiceover", "--prompt", prompt]
    done = subprocess.run(
        [*DEMO, *options],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"Error: {reason}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("is_impatient", [False, True])
def test_interrupted_demo_cleans_up(workspace: Path, is_impatient: bool) -> None:
    state_dir = workspace / "state"
    with (
        free_port_block() as port,
        subprocess.Popen(
            [*DEMO, "--state-dir", str(state_dir), "--port", str(port)],
            cwd=workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as demo,
    ):
        assert demo.stdout is not None
        try:
            for line in demo.stdout:
                if "credits held" in line:
                    break
            demo.send_signal(signal.SIGINT)
            assert any("Stopping" in line for line in demo.stdout)
            for _ in range(3 if is_impatient else 0):
                demo.send_signal(signal.SIGINT)
                # Two of a kind that wait together would arrive as one.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    demo.wait(timeout=0.02)
            # At most the state of the job that was on its way to the screen.
            rest, _ = demo.communicate(timeout=30)
            assert demo.returncode == 130
            assert [line for line in rest.splitlines() if not line.endswith("%")] == []
        finally:
            demo.kill()
    assert not EmbeddedStack(state_dir).status().running
    assert processes_of(state_dir) == []
