"""How deep JSON from clients may go.

Python reads JSON to about a thousand levels and writes a little less, depending on where it stands.
What was stored at that edge could then not be shown, to its owner or to an administrator.
"""

from typing import Any

__all__ = ["JSON_DEPTH", "check_depth"]

JSON_DEPTH = 200
"""Levels of arrays and objects."""


def check_depth(content: Any) -> None:
    """See that a JSON value is not nested too deeply; needs no recursion itself.

    Raises:
        ValueError: It is.
    """
    pending = [(content, 1)]
    while pending:
        value, depth = pending.pop()
        if not isinstance(value, dict | list):
            continue
        if depth > JSON_DEPTH:
            raise ValueError("nested too deeply")
        inner = value.values() if isinstance(value, dict) else value
        pending.extend((each, depth + 1) for each in inner)
