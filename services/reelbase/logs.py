"""Structured logs: one event a line, JSON unless a person is watching, and no secret in them."""

import contextlib
import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

__all__ = ["configure_logs"]

PRIVATE_KEYS = frozenset(
    [
        "prompt",
        "negative_prompt",
        "audio_instructions",
        "password",
        "token",
        "apikey",
        "key",
        "authorization",
        "secret",
    ]
)


def censor(secrets: Iterable[str]) -> Processor:
    """Make a processor that blots out known secrets, and whatever goes by a private name."""
    known = tuple(secret for secret in secrets if secret)

    def clean(text: str) -> str:
        for secret in known:
            text = text.replace(secret, "[secret]")
        return text

    def process(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for key, value in event.items():
            if key in PRIVATE_KEYS:
                event[key] = "[private]"
            elif isinstance(value, str):
                event[key] = clean(value)
            elif isinstance(value, list | tuple | set):
                event[key] = [clean(str(each)) for each in value]
            elif not isinstance(value, bool | int | float | None):
                event[key] = clean(repr(value))
        return event

    return process


class Lines:
    """Writes lines to a stream. A full disk, or a reader that has left, must not end the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write one line, if that is possible."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = exception = critical = write


def configure_logs(
    level: str = "INFO", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send structlog's events, and the warnings of libraries, to one stream.

    Args:
        level: "DEBUG", "INFO", "WARNING" or "ERROR"; libraries speak from "WARNING" on.
        secrets: Texts that are blotted out wherever they turn up.
        stream: Standard error unless given. JSON lines unless it is a terminal.
    """
    stream = stream or sys.stderr
    # Tracebacks become text before the censor sees them, and never show local variables.
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer()
        if stream.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                censor(secrets),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    lines = Lines(stream)
    # Our own events go straight to the stream: by way of `logging` each would cost three times as
    # much, and a dispatcher writes one for every job.
    structlog.configure(
        processors=[*shared, censor(secrets), renderer],
        logger_factory=lambda *_names: lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
