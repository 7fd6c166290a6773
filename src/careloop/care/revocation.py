"""Whose consent has ended, and who is denied: from all of a person's Consents as they stand now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.care.consent import ANYONE, Reading, Statement, is_privacy, read
from careloop.library.labels import LabelRules

# What was in force once. A draft or a proposal never was; what was entered in error was acted on.
_ENDED: Final = frozenset({"inactive", "entered-in-error"})


@dataclass(frozen=True, repr=False)
class Limit:
    """What a Consent does not permit any more, or denies. consent: its reference; key: the same end is told once.
    grantees: references; everybody but those who are spared, when is_everybody."""

    consent: str
    key: str
    grantees: frozenset[str]
    is_everybody: bool = False
    spared: frozenset[str] = frozenset()
    is_denial: bool = False

    def reaches(self, reference: str) -> bool:
        if reference in self.grantees:
            return True
        return self.is_everybody and reference not in self.spared

    def __repr__(self) -> str:
        return f"Limit({self.consent})"


def lasts(said: Statement, now: datetime) -> bool:
    return said.since <= now and (said.until is None or now < said.until)


def limits(consents: Iterable[Mapping[str, Any]], known: LabelRules, now: datetime) -> tuple[Limit, ...]:
    """One for each Consent that ended or denies, without those to whom another permits the same."""
    all_of_them = [each for each in consents if is_privacy(each)]
    in_force = [(each, read(each, known)) for each in all_of_them if each.get("status") == "active"]
    found = [_denial(each, said, now) for each, said in in_force]
    for each in all_of_them:
        was = read({**each, "status": "active"}, known) if each.get("status") in _ENDED else None
        if was is None:
            was = next((said for one, said in in_force if one is each), None)
        if was is not None:
            found.append(_ended(each, was, [said for one, said in in_force if one is not each], now))
    return tuple(limit for limit in found if limit is not None)


def ends(consents: Iterable[Mapping[str, Any]], known: LabelRules, now: datetime) -> tuple[datetime, ...]:
    """When something that holds now, or will, ends by itself."""
    return tuple(
        sorted(
            {s.until for each in consents for s in read(each, known).statements if s.until and s.until > now}
        )
    )


def _denial(consent: Mapping[str, Any], said: Reading, now: datetime) -> Limit | None:
    denials = [s for s in said.statements if s.denies and lasts(s, now)]
    if not denials:
        return None
    spared = frozenset(s.grantee for s in said.statements if s.permits and s.grantee and lasts(s, now))
    named = frozenset(s.grantee for s in denials if s.grantee)
    is_everybody = any(s.grantee == ANYONE for s in denials)
    reference = f"Consent/{consent['id']}"
    return Limit(
        reference, f"{reference}:denies:{_version(consent)}", named, is_everybody, spared - named, True
    )


def _ended(consent: Mapping[str, Any], was: Reading, others: list[Reading], now: datetime) -> Limit | None:
    """Those to whom it permitted something that nothing permits now."""
    is_active = consent.get("status") == "active"
    gone: set[str] = set()
    for said in was.statements:
        has_ended = not is_active or (said.until is not None and said.until <= now)
        if said.permits and said.grantee and has_ended and not _permitted(said, others, now):
            gone.add(said.grantee)
    if not gone:
        return None
    reference = f"Consent/{consent['id']}"
    return Limit(reference, f"{reference}:ended:{_version(consent)}", frozenset(gone))


def _permitted(gone: Statement, others: list[Reading], now: datetime) -> bool:
    bits = 0
    for reading in others:
        for said in reading.statements:
            if lasts(said, now) and said.grantee in (gone.grantee, ANYONE):
                bits |= said.permits
    return not gone.permits & ~bits


def _version(consent: Mapping[str, Any]) -> str:
    return str((consent.get("meta") or {}).get("versionId", "1"))
