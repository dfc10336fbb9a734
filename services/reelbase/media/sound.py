"""Sound under a film: the voice at a sane loudness over a quiet chord."""

import math
from array import array
from collections.abc import Sequence
from operator import add
from random import Random

from reelbase.media.speech import SAMPLE_RATE, Samples

__all__ = ["Cue", "gain_for", "mix_track"]

Cue = tuple[int, int, int]
"""Where speech goes: its first sample in the speech, their number, its first sample in the film."""

_VOICE_RMS = 0.16 * 32767  # about -16 dBFS while somebody speaks
_PEAK = 0.89 * 32767  # -1 dBFS
_BED = 0.016 * 32767  # a partial's amplitude under speech
_BED_ALONE = 0.035 * 32767
_LOOP_SECONDS = 4
_CHORDS = ((0, 7, 12, 16), (0, 7, 12, 15), (0, 5, 12, 17), (0, 7, 14, 19), (0, 4, 11, 16))


def gain_for(samples: Sequence[int]) -> float:
    """The factor that brings speech to its loudness without clipping it; pauses do not count."""
    step = max(1, len(samples) // 40_000)
    heard = [s for s in samples[::step] if abs(s) > 300]
    if not heard:
        return 1.0
    rms = math.sqrt(sum(s * s for s in heard) / len(heard))
    return min(_VOICE_RMS / rms, _PEAK / max(map(abs, samples)))


def _bed(random: Random, amplitude: float) -> Samples:
    """A few seconds of a slow chord that loop without a seam: whole periods of every wave."""
    root = 110.0 * 2 ** (random.randrange(0, 9) / 12)
    length = _LOOP_SECONDS * SAMPLE_RATE
    total = [0.0] * length
    for place, semitones in enumerate(random.choice(_CHORDS)):
        waves = round(root * 2 ** (semitones / 12) * _LOOP_SECONDS)
        swell = random.choice((1, 2, 3))
        phase = random.uniform(0, math.tau)
        level = amplitude / (1 + 0.35 * place)
        step = math.tau / length
        # One period of the swell is slow: computing it every 64 samples is enough.
        for start in range(0, length, 64):
            loud = level * (0.65 + 0.35 * math.sin(step * swell * start + phase))
            angle = step * waves
            for n in range(start, min(start + 64, length)):
                total[n] += loud * math.sin(angle * n)
    return array("h", [int(value) for value in total])


def mix_track(speech: Samples, cues: Sequence[Cue], length: int, seed: int) -> Samples:
    """The film's sound of `length` samples: each cue of the speech at its place, over the bed.

    A cue that would run into the next is faded out before it.
    """
    random = Random(seed)
    loop = _bed(random, _BED if cues else _BED_ALONE)
    track = array("h")
    while len(track) < length:
        track.extend(loop[: length - len(track)])
    gain = gain_for(speech)
    fade = SAMPLE_RATE // 12
    for number, (first, count, at) in enumerate(cues):
        limit = cues[number + 1][2] if number + 1 < len(cues) else length
        fits = min(count, limit - at)
        voice = [int(value * gain) for value in speech[first : first + fits]]
        if fits < count:
            for back in range(1, min(fade, fits) + 1):
                voice[-back] = voice[-back] * back // fade
        # No clipping: the voice's peak and the bed together stay below full scale.
        under = track[at : at + fits]
        track[at : at + fits] = array("h", map(add, under, voice))
    edge = min(SAMPLE_RATE // 2, length // 4)
    for n in range(edge):
        track[n] = track[n] * n // edge
        track[length - 1 - n] = track[length - 1 - n] * n // edge
    return track
