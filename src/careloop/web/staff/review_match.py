"""Two records side by side: what the hospital says, and whom it could be; where they agree and where they don't."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext, pgettext

from careloop.care.identify import Facts, compare, facts_of
from careloop.fhir.elements import Resource, identifiers, name_of, text_of
from careloop.projections.finder import find
from careloop.projections.people import PersonBrief, briefs
from careloop.store import Stored, Unit
from careloop.web import formats

MOST = 4


@dataclass(frozen=True, repr=False)
class Cell:
    """mark: agrees, differs, or empty where one of the two is not told."""

    text: str
    mark: str = ""

    @property
    def word(self) -> str:
        return {"agrees": gettext("the same"), "differs": gettext("differs")}.get(self.mark, "")

    @property
    def sign(self) -> str:
        return {"agrees": "=", "differs": "≠"}.get(self.mark, "")


@dataclass(frozen=True, repr=False)
class Candidate:
    """because: sentences for and against, in the reader's language."""

    person: PersonBrief
    because: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Candidate({self.person!r})"


@dataclass(frozen=True, repr=False)
class Comparison:
    """rows: (what, as told, one cell a candidate). unseen: how many look alike whom the reader may not see."""

    name: str
    candidates: tuple[Candidate, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]
    unseen: int = 0

    def __repr__(self) -> str:
        return f"Comparison({len(self.candidates)})"


def in_parts(text: str) -> str:
    """A stored explanation in the reader's language, sentence by sentence; what nobody translated stays as it is."""
    return " ".join(gettext(part) for part in re.split(r"(?<=[.:]) ", text) if part)


def incoming_of(task: Resource) -> Resource | None:
    """The Patient as the message says her, kept inside the to-do."""
    return next((each for each in task.get("contained", ()) if each.get("resourceType") == "Patient"), None)


def compared(unit: Unit, told: Resource, references: Sequence[str], search: str = "") -> Comparison:
    """references: the candidates. search: somebody else whom the reader looks for; they come behind."""
    found = unit.get(references)
    others = [f"Patient/{one.id}" for one in find(unit, search, MOST)] if search else []
    more = unit.get([each for each in others if each not in found])
    people = [found[r] for r in references if r in found][:MOST] + list(more.values())[:MOST]
    known = briefs(unit, [each.rid for each in people])
    people = [each for each in people if each.rid in known]
    facts = facts_of(told)
    return Comparison(
        name=name_of(told),
        candidates=tuple(Candidate(known[each.rid], _because(facts, each)) for each in people),
        rows=tuple(_rows(told, people)),
        unseen=sum(each.startswith("Patient/") for each in set(references)) - len(found),
    )


def _because(facts: Facts, known: Stored) -> tuple[str, ...]:
    return tuple(gettext(reason.text) for reason in compare(facts, facts_of(known.resource)))


def _rows(told: Resource, people: Sequence[Stored]) -> list[tuple[str, str, tuple[Cell, ...]]]:
    mine = _said(told)
    theirs = [_said(each.resource) for each in people]
    words = {
        "name": gettext("Name"),
        "born": gettext("Birth date"),
        "sex": gettext("Sex"),
        "number": gettext("Record number"),
        "phone": gettext("Phone"),
        "address": gettext("Address"),
        "language": gettext("Language"),
    }
    return [
        (said, mine[key], tuple(_cell(mine[key], other[key]) for other in theirs))
        for key, said in words.items()
        if mine[key] or any(other[key] for other in theirs)
    ]


def _cell(mine: str, other: str) -> Cell:
    if not mine or not other:
        return Cell(other)
    agrees = set(_plain(mine)) & set(_plain(other)) if "; " in mine + other else _plain(mine) == _plain(other)
    return Cell(other, "agrees" if agrees else "differs")


def _plain(text: str) -> list[str]:
    return [" ".join(part.casefold().split()) for part in text.split("; ")]


def _said(patient: Mapping[str, Any]) -> dict[str, str]:
    born = str(patient.get("birthDate", ""))
    return {
        "name": _name(patient),
        "born": formats.full_date(date.fromisoformat(born)) if len(born) == 10 else born,
        "sex": _sex(str(patient.get("gender", ""))),
        "number": "; ".join(str(each["value"]) for each in identifiers(patient) if _is_number(each)),
        "phone": "; ".join(
            formats.phone_words(str(each["value"]))
            for each in patient.get("telecom", ())
            if each.get("system") == "phone" and each.get("value")
        ),
        "address": "; ".join(
            _address(each) for each in patient.get("address", ()) if each.get("use") != "old"
        ),
        "language": next((text_of(each.get("language")) for each in patient.get("communication", ())), ""),
    }


def _name(patient: Mapping[str, Any]) -> str:
    """Given and family as written, the current one."""
    found = [each for each in patient.get("name", ()) if each.get("use") != "old"]
    first = next((each for each in found if each.get("family")), found[0] if found else {})
    return " ".join((*first.get("given", ()), str(first.get("family", "")), *first.get("suffix", ()))).strip()


def _sex(code: str) -> str:
    return {
        "female": pgettext("sex", "female"),
        "male": pgettext("sex", "male"),
        "other": pgettext("sex", "other"),
    }.get(code, "")


def _is_number(identifier: Mapping[str, Any]) -> bool:
    """Record numbers; the keys of our own and old ones tell nobody anything."""
    return (
        bool(identifier.get("value"))
        and identifier.get("use") not in ("secondary", "old")
        and not str(identifier.get("system", "")).startswith("urn:careloop:id:dedupe")
    )


def _address(address: Mapping[str, Any]) -> str:
    parts = (
        *address.get("line", ())[:1],
        address.get("city", ""),
        address.get("state", ""),
        address.get("postalCode", ""),
    )
    return ", ".join(str(part) for part in parts if part)
