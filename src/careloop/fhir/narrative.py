"""Narrative made safe to show (TRUST 17). The record keeps what was sent; pages show only what passes here.

First normalised, then allow-listed: a name that only becomes `script` after normalisation is caught as well. What FHIR
allows in a narrative is formatting; links stay as text, pictures only when they are inside the narrative itself.
"""

from __future__ import annotations

import re
import unicodedata
from functools import partial
from html import escape
from typing import Final

import nh3

_WORDS: Final = """
a abbr b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre q samp
small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
TAGS: Final = frozenset(_WORDS.split())
_ATTRIBUTES: Final = {
    "*": {"title", "lang", "dir"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "ol": {"start", "type"},
}
# These go with all that stands in them.
_WITH_CONTENT: Final = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "svg",
    "math",
    "template",
    "noscript",
    "form",
}
MOST_CHARACTERS: Final = 500_000


def shown(narrative: str) -> str:
    """HTML that can do nothing, from any text at all."""
    plain = unicodedata.normalize("NFKC", narrative[:MOST_CHARACTERS].replace("\0", ""))
    return nh3.clean(
        plain,
        tags=set(TAGS),
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        url_schemes=set(),
        strip_comments=True,
        link_rel=None,
    )


def as_text(narrative: str) -> str:
    """Its words alone."""
    return nh3.clean(shown(narrative), tags=set(), attributes={}).strip()


_INLINE: Final = (
    (re.compile(r"\*\*(.+?)\*\*|__(.+?)__"), "strong"),
    (re.compile(r"(?<!\w)\*(.+?)\*(?!\w)|(?<!\w)_(.+?)_(?!\w)"), "em"),
    (re.compile(r"`([^`]+)`"), "code"),
)
_LINK = re.compile(r"\[([^\]]{1,300})\]\([^)]{0,2000}\)")


def of_markdown(text: str) -> str:
    """The little of markdown that forms use. What it makes goes through `shown` before anybody sees it."""
    blocks = []
    for block in re.split(r"\n\s*\n", escape(text[:20_000], quote=False).strip()):
        lines = block.splitlines()
        if lines and all(re.match(r"\s*[-*+] ", line) for line in lines):
            blocks.append(
                "<ul>" + "".join(f"<li>{_marks(line.strip()[2:])}</li>" for line in lines) + "</ul>"
            )
        else:
            blocks.append(f"<p>{_marks('<br>'.join(lines))}</p>")
    return "".join(blocks)


def _marks(text: str) -> str:
    text = _LINK.sub(r"\1", text)
    for pattern, tag in _INLINE:
        text = pattern.sub(partial(_tagged, tag), text)
    return text


def _tagged(tag: str, found: re.Match[str]) -> str:
    return f"<{tag}>{next(filter(None, found.groups()), '')}</{tag}>"
