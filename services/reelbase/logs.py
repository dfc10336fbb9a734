"""Structured logs: one event a line, JSON unless a person is watching, and no secret in them."""

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
        structlog.stdlib.add_log_level,
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
    logging.getLogger("reelbase").setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
