"""What becomes of webhooks, counted for the log.

Anybody may send anything to a public address, as often as they please. So there is not a line for
each but one now and then, for each provider: how many of what, and the latest reason of a refusal.
"""

from collections import Counter

import anyio
import structlog

__all__ = ["Tally"]

LINE_SECONDS = 10.0

MAX_REASON = 200

# What an operator should look at, if it goes on.
REFUSALS = frozenset(["not_genuine", "unusable", "unavailable", "busy", "too_large", "too_slow"])

log = structlog.stdlib.get_logger("reelbase.web")


class Tally:
    """Counts, and writes a line for each provider from time to time."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._reasons: dict[str, str] = {}

    def note(self, provider: str, outcome: str) -> None:
        """Count one. Providers are those of the settings; outcomes come from a small set."""
        counts = self._counts.get(provider)
        if counts is None:
            counts = self._counts[provider] = Counter()
        counts[outcome] += 1

    def explain(self, provider: str, reason: str) -> None:
        """Keep the latest reason of a refusal."""
        self._reasons[provider] = reason[:MAX_REASON]

    def write(self) -> None:
        """Write what was counted since the last time."""
        counts, self._counts = self._counts, {}
        reasons, self._reasons = self._reasons, {}
        for provider, counted in counts.items():
            more = {"reason": reasons[provider]} if provider in reasons else {}
            tell = log.warning if REFUSALS & counted.keys() else log.info
            tell("webhooks", provider=provider, **counted, **more)

    async def run(self) -> None:
        """Write until cancelled, and then the rest."""
        try:
            while True:
                await anyio.sleep(LINE_SECONDS)
                self.write()
        finally:
            self.write()
