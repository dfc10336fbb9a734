"""Speech by espeak-ng, in a process of its own: `python -m reelbase.media.speech`.

The library is C and takes any text that a user can type; should it ever crash, only this process
ends. One line of JSON comes in on stdin (:class:`Script`), raw samples go to a file (signed 16 bit,
mono, :data:`SAMPLE_RATE`), and one line of JSON with the samples of each part goes to stdout.
"""

import ctypes
import json
import os
import subprocess
import sys
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TypeAlias

import espeakng_loader

from reelbase.media.children import end_with_parent

__all__ = ["SAMPLE_RATE", "Samples", "Script", "Speaking", "SpeechFailed", "start_speaking"]

SAMPLE_RATE = 22050
"""Samples a second, as espeak-ng makes them."""

Samples: TypeAlias = "array[int]"
"""Signed 16-bit samples; quoted, because `array` takes no parameters at run time before 3.12."""

_WORDS_A_MINUTE = 160
_FASTEST = 320
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT, speak_lib.h
_RATE = 1  # espeak_PARAMETER
_UTF8 = 1  # espeakCHARS_UTF8; no SSML, no phonemes: the text is only text


class SpeechFailed(Exception):  # noqa: N818 - reads as a sentence
    """No speech came. `code` is `unknown_voice` when the voice was at fault, else `failed`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Script:
    """`parts` are (text, voice); a voice of None leaves the part silent.

    `budget` is the time in seconds into which all of it should fit: the speech gets quicker for it,
    up to twice the usual rate. `path` is where the samples go.
    """

    parts: tuple[tuple[str, str | None], ...]
    budget: float | None
    path: str


class Speaking:
    """A speech that is being made."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def samples(self) -> list[int]:
        """Wait for the end, and return how many samples each part has.

        Raises:
            SpeechFailed: an unknown voice, or espeak-ng itself failed.
        """
        answer, _ = self._process.communicate()
        try:
            result = json.loads(answer)
        except ValueError:
            raise SpeechFailed("failed") from None
        if "error" in result:
            raise SpeechFailed(result["error"])
        return [int(count) for count in result["samples"]]


def start_speaking(script: Script) -> Speaking:
    """Start a process that speaks the script, and do not wait for it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "reelbase.media.speech", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(script)).encode() + b"\n")
    process.stdin.flush()
    return Speaking(process)


class _Espeak:
    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        if self._library.espeak_Initialize(_SYNCHRONOUS, 200, data, 0) != SAMPLE_RATE:
            raise SpeechFailed("failed")
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._target: IO[bytes] | None = None
        self._count = 0
        self._callback = kind(self._take)  # kept: the library holds only a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: int) -> int:
        if samples and count > 0 and self._target is not None:
            self._target.write(ctypes.string_at(samples, 2 * count))
            self._count += count
        return 0

    def speak(self, text: str, voice: str, rate: int, target: IO[bytes]) -> int:
        """Write the samples of the text; return their number."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechFailed("unknown_voice")
        self._library.espeak_SetParameter(_RATE, rate, 0)
        self._target, self._count = target, 0
        data = text.encode("utf-8", "replace").replace(b"\0", b" ") + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
        return self._count


def _speak(script: Script) -> list[int]:
    espeak = _Espeak()

    def all_at(rate: int) -> list[int]:
        with Path(script.path).open("wb") as file:
            return [
                espeak.speak(text, voice, rate, file) if voice else 0
                for text, voice in script.parts
            ]

    counts = all_at(_WORDS_A_MINUTE)
    seconds = sum(counts) / SAMPLE_RATE
    if script.budget is not None and seconds > script.budget:
        quicker = _WORDS_A_MINUTE * seconds / max(script.budget, 0.1) * 1.06
        counts = all_at(min(_FASTEST, round(quicker)))
    return counts


def _main(arguments: Sequence[str], source: IO[bytes], target: IO[str]) -> None:
    end_with_parent(int(arguments[0]))
    fields = json.loads(source.readline())
    parts = tuple((text, voice) for text, voice in fields["parts"])
    try:
        result: dict[str, object] = {
            "samples": _speak(Script(parts, fields["budget"], fields["path"]))
        }
    except SpeechFailed as error:
        result = {"error": error.code}
    print(json.dumps(result), file=target, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1:], sys.stdin.buffer, sys.stdout)
