"""What a webhook is, to those who verify them and to the service that takes them in.

A source belongs to one provider, of media or of payments. It sees headers and the raw body, and
answers with an :class:`Event` or refuses. What it lets through has been proven to come from the
provider; nothing else may change any state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Event", "NotGenuine", "SourceUnavailable", "WebhookSource"]


class NotGenuine(Exception):  # noqa: N818 - a verdict
    """The delivery cannot be shown to come from the provider. The message is for the log only."""


class SourceUnavailable(Exception):  # noqa: N818 - a state
    """Whether a delivery is genuine cannot be told now (no keys); the provider may try again."""


@dataclass(frozen=True, slots=True)
class Event:
    """A genuine event.

    Attributes:
        event_id: The provider's own id of the event, 1 to 255 characters; repetitions have it too.
        type: What the provider calls it; empty where it has no name.
        subject: The provider's own id of what it is about (a job or a payment), if it says so.
        headers: Those worth keeping: ids and times, never signatures or secrets.
    """

    event_id: str
    type: str = ""
    subject: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class WebhookSource(Protocol):
    """Verifies what one provider delivers."""

    @property
    def name(self) -> str: ...

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See that a delivery is genuine, and what it is about.

        Args:
            headers: By lower-case name.
            body: The raw body, up to 1 MB.
            now: Seconds since 1970, by which a signature may be too old or too new.

        Raises:
            NotGenuine: and nothing else, whatever is delivered; but for
            SourceUnavailable: the provider's keys cannot be had at this moment.
        """
        ...
