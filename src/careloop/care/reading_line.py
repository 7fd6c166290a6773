"""A reading as somebody types it while she listens: `82.4 kg`, `142/88`, `sugar 130`, `pulso 72`. Pure.

What was meant is never guessed: a number that could be several things is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from careloop.library import Kind

NUMBERS: Final = re.compile(
    r"\s*(?:[:=]\s*)?(?P<first>[0-9][0-9.,]*)"
    r"(?:\s*(?:/|\bover\b|\bsobre\b)\s*(?P<second>[0-9][0-9.,]*))?\s*(?P<unit>[^0-9].*)?"
)
DIGIT: Final = re.compile(r"[0-9]")
MOST: Final = 80


@dataclass(frozen=True, repr=False)
class Said:
    """kind: id. unit: a UCUM code of the kind."""

    kind: str
    first: str
    second: str
    unit: str

    def __repr__(self) -> str:
        return f"Said({self.kind})"


@dataclass(frozen=True)
class Unclear:
    """why: nothing (no number), kind (could be several, or none), unit (not one of that kind), pair (one number of
    two, or two of one). kinds: which it could be."""

    why: str
    kinds: tuple[str, ...] = ()


def understand(text: str, kinds: Mapping[str, Kind], only: str = "") -> Said | Unclear:
    """only: the kind that was chosen beside it, if any."""
    name, rest = _name(text[:MOST].strip(), kinds)
    found = NUMBERS.fullmatch(rest)
    if found is None:
        return Unclear("nothing" if not DIGIT.search(rest) else "kind")
    unit, second = (found["unit"] or "").strip(), found["second"]
    could = _could(name, unit, kinds, only, is_pair=second is not None)
    if len(could) != 1:
        return Unclear("kind", tuple(kind.id for kind in could))
    kind = could[0]
    if second is not None and not kind.is_pair and kind.measure(f"/{second}"):
        unit, second = f"/{second}", None  # “pain 7/10”
    if kind.is_pair != (second is not None):
        return Unclear("pair", (kind.id,))
    measure = kind.measure(unit) if unit else kind.typed_in[0] if len(kind.typed_in) == 1 else None
    if measure is None:
        return Unclear("unit", (kind.id,))
    return Said(kind.id, found["first"].rstrip(".,"), (second or "").rstrip(".,"), measure.code)


def _name(text: str, kinds: Mapping[str, Kind]) -> tuple[str, str]:
    """(what it is called, the rest): the longest name that the text begins with; an unknown word stays in the rest."""
    plain = " ".join(text.casefold().split())
    known = sorted((said for kind in kinds.values() for said in kind.called), key=len, reverse=True)
    for said in known:
        rest = plain[len(said) :]
        if (
            plain.startswith(said)
            and rest
            and not rest[0].isalpha()
            and not (DIGIT.match(rest[0]) and DIGIT.match(said[-1]))
        ):
            return said, rest.lstrip(".")
    return "", plain


def _could(name: str, unit: str, kinds: Mapping[str, Kind], only: str, *, is_pair: bool) -> list[Kind]:
    if only in kinds:
        return [kinds[only]]
    if name:
        return [kind for kind in kinds.values() if name in kind.called]
    if is_pair:
        return [kind for kind in kinds.values() if kind.is_pair]
    return [kind for kind in kinds.values() if unit and not kind.is_pair and kind.measure(unit)]
