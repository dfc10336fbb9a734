"""SQL as PostgreSQL prints it, made as short as somebody would write it.

For people to read: what comes out means the same, but is not meant to be run.
"""

import re

__all__ = ["shorten", "shorten_index", "shorten_type"]

_TYPE_NAMES = (
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("character varying", "varchar"),
    ("double precision", "float8"),
)
_CAST = re.compile(r'::(?:"?\w+"?\.)?"?\w+"?(?:\(\d+(?:,\d+)?\))?(?:\[\])*')
_LITERAL = re.compile(r"('(?:[^']|'')*')")
_ANY_OF = re.compile(r"(=|<>) (any|all) \((?:array)?\[([^\[\]]*)\]\)")
# A literal, or one name, literal or call in parentheses.
_ATOM = re.compile(r"'(?:[^']|'')*'|\(('(?:[^']|'')*'|[\w.]+|\w+\.\w+\(\))\)")
_WRAPPED_CALL = re.compile(r"\( select (\w+\.\w+\(\)) as \w+\)")


def shorten_type(text: str) -> str:
    """Return a type's name as one would write it: short names, no schema `public`."""
    for long, short in _TYPE_NAMES:
        text = text.replace(long, short)
    return re.sub(r"\bpublic\.", "", text)


def shorten(expression: str) -> str:
    """Return an expression of the catalogue as one would write it.

    Lowercase, without casts and parentheses that change nothing for a reader, and with the
    wrapping taken off `(select auth.uid())`.
    """
    pieces = _LITERAL.split(re.sub(r"\s+", " ", expression.strip()))
    for place in range(0, len(pieces), 2):
        piece = pieces[place]
        for long, short in _TYPE_NAMES:
            piece = piece.replace(f"::{long}", f"::{short}")
        pieces[place] = re.sub(r"\b[A-Z_]{2,}\b", lambda m: m[0].lower(), _CAST.sub("", piece))
    text = "".join(pieces)
    text = _WRAPPED_CALL.sub(r"\1", text)
    text = _ATOM.sub(_unwrap_atom, text)
    text = _ANY_OF.sub(
        lambda m: f"{'in' if m[1] == '=' else 'not in'} ({m[3]})",
        text,
    )
    return _tidy(text)


def shorten_index(definition: str) -> str:
    """Return what an index is on, from its definition: columns in parentheses, and a condition."""
    target, *condition = definition.split(" USING ", 1)[1].split(" WHERE ", 1)
    method, columns = target.removesuffix(" NULLS NOT DISTINCT").split(" ", 1)
    text = ("" if method == "btree" else f"{method} ") + f"({shorten(columns)})"
    text += " nulls not distinct" if target.endswith(" NULLS NOT DISTINCT") else ""
    return " where ".join([text, *map(shorten, condition)])


def _unwrap_atom(match: re.Match[str]) -> str:
    before = match.string[: match.start()]
    is_argument = re.search(r"\w$|\b(?:any|all|in|exists) $", before)
    return match[0] if match[1] is None or is_argument else match[1]


def _tidy(text: str) -> str:
    """Drop the parentheses round a whole expression and round the parts of `and` and `or`."""
    text = text.strip()
    while re.match(r"\((?! ?select )", text) and _closing(text, 0) == len(text) - 1:
        text = text[1:-1].strip()
    for word in (" or ", " and "):
        parts = _split(text, word)
        if len(parts) > 1:
            tidied = [_tidy(part) for part in parts]
            other = " and " if word == " or " else " or "
            return word.join(
                f"({part})" if len(_split(part, other)) > 1 else part for part in tidied
            )
    if text.startswith("select "):
        head, *condition = _split(text, " where ")
        return " where ".join([head, *(_tidy(part) for part in condition)])
    return _tidy_groups(text)


def _tidy_groups(text: str) -> str:
    """Tidy what stands in parentheses and keep these."""
    done, place = "", 0
    for found in re.finditer(r"'(?:[^']|'')*'|\(", text):
        if found.start() < place or found[0] != "(":
            continue
        end = _closing(text, found.start())
        inner = ", ".join(_tidy(part) for part in _split(text[found.end() : end], ", "))
        done += f"{text[place : found.start()]}({inner})"
        place = end + 1
    return done + text[place:]


def _closing(text: str, start: int) -> int:
    """Return where the parenthesis that opens at `start` closes."""
    depth = 0
    for found in re.finditer(r"'(?:[^']|'')*'|[()]", text[start:]):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return start + found.start()
    return len(text)


def _split(text: str, word: str) -> list[str]:
    """Split at a word where it stands in no parentheses and in no literal."""
    parts, place, depth = [], 0, 0
    for found in re.finditer(rf"'(?:[^']|'')*'|[()]|{re.escape(word)}", text):
        if found[0] == word and depth == 0:
            parts.append(text[place : found.start()])
            place = found.end()
        depth += {"(": 1, ")": -1}.get(found[0], 0)
    return [*parts, text[place:]]
