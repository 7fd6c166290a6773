"""Is this the person we know? Answers match, none or ambiguous, always with its reasons, and never guesses.

The medical record number of the same authority decides first. Without one, a score over name, birth date, phone and
address; a match needs the exact birth date, the same given name (or a nickname of it) and one more thing that agrees.
Whatever falls short of that but looks alike is a person's to decide. Sources: docs/subsystems/identity.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from careloop.care.nicknames import same_person_name
from careloop.fhir.elements import Resource, code_in, identifiers, name_of
from careloop.fhir.uris import IDENTIFIER_TYPE

KEY_TYPES = frozenset({"MR", "PI", "PT", "EPI", "MRN"})
NOT_KEYS = frozenset({"SS", "DL", "AN", "VN", "MC", "MA", "NPI", "PPN"})
_TITLES = frozenset({"jr", "sr", "ii", "iii", "iv"})
SURE, LIKE, NAMED = 9, 6, 3  # points: a match, a likeness, and what the name alone must bring to a match


@dataclass(frozen=True, repr=False)
class Facts:
    """What tells people apart. numbers: (authority, record number). names: (family, given, suffix), normalized.
    birth_date: ISO text of day precision, or None. is_twin: known to be of a multiple birth."""

    reference: str = ""
    numbers: frozenset[tuple[str, str]] = frozenset()
    names: tuple[tuple[str, str, str], ...] = ()
    birth_date: str | None = None
    phones: frozenset[str] = frozenset()
    places: frozenset[tuple[str, str]] = frozenset()
    gender: str | None = None
    is_twin: bool = False

    def __repr__(self) -> str:
        return f"Facts({self.reference})"


@dataclass(frozen=True)
class Reason:
    """One thing that was compared: its points and the sentence about it."""

    points: int
    text: str


@dataclass(frozen=True)
class Match:
    person: str
    because: str


@dataclass(frozen=True)
class NoMatch:
    because: str = "Nobody we know looks like this person."


@dataclass(frozen=True)
class Ambiguous:
    """candidates: references, likeliest first, never more than ten."""

    candidates: tuple[str, ...]
    because: str


Answer = Match | NoMatch | Ambiguous


def plain(text: str) -> str:
    """Lower case, without accents, marks and double blanks."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9 ]", "", bare.lower().replace("-", " ")).split())


def phone_digits(text: str) -> str:
    """The last ten digits without an extension; '' for anything shorter."""
    digits = re.sub(r"\D", "", re.split(r"(?i)\s*(?:x|ext)\.?\s*\d", text)[0])
    return digits[-10:] if len(digits) >= 10 and len(set(digits[-7:])) > 1 else ""


def facts_of(patient: Resource) -> Facts:
    """Of any Patient. Secondary and old identifiers and old names don't tell who somebody is."""
    return Facts(
        reference=f"Patient/{patient['id']}" if patient.get("id") else "",
        numbers=frozenset(_numbers(patient)),
        names=tuple(_names(patient.get("name", ()))),
        birth_date=born if len(born := str(patient.get("birthDate") or "")) == 10 else None,
        phones=frozenset(
            digits
            for said in patient.get("telecom", ())
            if said.get("system") in ("phone", "sms") and (digits := phone_digits(str(said.get("value", ""))))
        ),
        places=frozenset(_places(patient.get("address", ()))),
        gender=patient.get("gender") if patient.get("gender") in ("male", "female") else None,
        is_twin=bool(patient.get("multipleBirthBoolean") or patient.get("multipleBirthInteger")),
    )


def _numbers(patient: Resource) -> Iterable[tuple[str, str]]:
    for found in identifiers(patient):
        kind = code_in(found.get("type"), IDENTIFIER_TYPE)
        if found.get("use") in ("secondary", "old") or not found.get("system") or not found.get("value"):
            continue
        if kind in KEY_TYPES or (kind is None and ":us-ssn" not in found["system"]):
            yield str(found["system"]), str(found["value"]).strip().lstrip("0").upper()


def _names(names: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str]]:
    for name in names:
        family, given = plain(str(name.get("family", ""))), plain(" ".join(name.get("given", ())[:1]))
        words = [plain(str(suffix)) for suffix in name.get("suffix", ())]
        suffix = next((word for word in words if word in _TITLES), "")
        if (parts := family.split()) and parts[-1] in _TITLES:
            family, suffix = " ".join(parts[:-1]), parts[-1]
        if family or given:
            yield family, given, suffix


def _places(addresses: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for address in addresses:
        street, zip_code = (
            plain(" ".join(address.get("line", ())[:1])),
            str(address.get("postalCode", ""))[:5],
        )
        if street and zip_code and address.get("use") != "old":
            yield street, zip_code


def identify(new: Facts, known: Sequence[Facts]) -> Answer:
    """known: whoever a look-up found that might be this person."""
    numbered = [facts for facts in known if new.numbers & facts.numbers]
    if numbered:
        return _by_number(new, numbered)
    scored = sorted(((compare(new, facts), facts) for facts in known), key=lambda pair: -_sum(pair[0]))
    alike = [(reasons, facts) for reasons, facts in scored if _sum(reasons) >= LIKE]
    if not alike:
        return NoMatch()
    reasons, best = alike[0]
    if len(alike) == 1 and _is_sure(new, best, reasons):
        return Match(best.reference, _said(reasons))
    if other := next((facts for _, facts in alike if _other_number(new, facts)), None):
        note = "The same hospital gave another record number" + (
            " to one of them." if len(alike) > 1 else "."
        )
        reasons = (*reasons, Reason(0, note)) if other else reasons
    return Ambiguous(_references(facts for _, facts in alike), _said(reasons))


def _by_number(new: Facts, numbered: list[Facts]) -> Answer:
    if len(numbered) > 1:
        return Ambiguous(_references(numbered), "The same record number stands on more than one person.")
    reasons = compare(new, numbered[0])
    against = [reason for reason in reasons if reason.points < 0]
    if against:
        return Ambiguous(_references(numbered), f"The record number is the same, but: {_said(against)}")
    if _other_number(new, numbered[0]):
        return Ambiguous(
            _references(numbered), "One record number is the same, another of the same hospital differs."
        )
    return Match(
        numbered[0].reference, "Same record number of the same hospital, and nothing speaks against it."
    )


def _references(people: Iterable[Facts]) -> tuple[str, ...]:
    return tuple(facts.reference for facts in people)[:10]


def _is_sure(new: Facts, best: Facts, reasons: Sequence[Reason]) -> bool:
    given_is_same = any(
        one[1] and (one[1] in (other[1], other[0]) or same_person_name(one[1], other[1]))
        for one in new.names
        for other in best.names
    )
    return (
        _sum(reasons) >= SURE
        and given_is_same
        and (named := _name(new, best)) is not None
        and named.points >= NAMED
        and new.birth_date is not None
        and new.birth_date == best.birth_date
        and not any(reason.points < 0 for reason in reasons)
        and not _other_number(new, best)
        and not ((new.is_twin or best.is_twin) and not set(new.names) & set(best.names))
    )


def _other_number(new: Facts, known: Facts) -> bool:
    """The same authority numbers the two differently: to that authority they are two people."""
    mine, theirs = _by_authority(new), _by_authority(known)
    return any(not mine[system] & theirs[system] for system in mine.keys() & theirs.keys())


def _by_authority(facts: Facts) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for system, value in facts.numbers:
        found.setdefault(system, set()).add(value)
    return found


def compare(new: Facts, known: Facts) -> tuple[Reason, ...]:
    """What speaks for and against, each with its points."""
    reasons = [_name(new, known), _birth(new, known), _phone(new, known), _place(new, known)]
    if new.gender and known.gender and new.gender != known.gender:
        reasons.append(Reason(-2, "The recorded sex differs."))
    return tuple(reason for reason in reasons if reason is not None)


def _name(new: Facts, known: Facts) -> Reason | None:
    pairs = [_names_alike(one, other) for one in new.names for other in known.names]
    return max(pairs, key=lambda reason: reason.points, default=None)


def _names_alike(one: tuple[str, str, str], other: tuple[str, str, str]) -> Reason:
    (family, given, suffix), (family2, given2, suffix2) = one, other
    if suffix and suffix2 and suffix != suffix2:
        return Reason(-4, f"One is {suffix.title()}, the other {suffix2.title()}.")
    if (family, given) == (family2, given2):
        return Reason(4, "Same name.")
    if family and (family, given) == (given2, family2):
        return Reason(3, "Same names, first and last swapped.")
    same_given = bool(given) and (given == given2 or same_person_name(given, given2))
    how = _families(family, family2)
    if same_given and how:
        return Reason(
            3, f"{'Same first name' if given == given2 else 'First names that go together'}, {how}."
        )
    if same_given:
        return Reason(1, "Same first name, another last name.")
    if how and given and given2 and _is_typo(given, given2):
        return Reason(2, "Same last name, first names almost alike.")
    return Reason(-4, "Another first name." if how else "Another name.")


def _families(one: str, other: str) -> str:
    if one == other:
        return "same last name"
    first, second = one.split(), other.split()
    if first and second and first[0] == second[0] and (len(first) == 1 or len(second) == 1):
        return "one of two last names left out"
    return "last names almost alike" if _is_typo(one, other) else ""


def _is_typo(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    return shorter >= 4 and OSA.distance(one, other) <= (1 if shorter < 8 else 2)


def _birth(new: Facts, known: Facts) -> Reason | None:
    one, other = new.birth_date, known.birth_date
    if one is None or other is None:
        return None
    if one == other:
        return Reason(4, "Same birth date.")
    year, month, day = one.split("-")
    if other == f"{year}-{day}-{month}":
        return Reason(2, "Birth dates alike, day and month swapped.")
    if OSA.distance(one.replace("-", ""), other.replace("-", "")) == 1:
        return Reason(1, "Birth dates differ in one digit.")
    return Reason(-4, "Another birth date.")


def _phone(new: Facts, known: Facts) -> Reason | None:
    return Reason(2, "Same phone number.") if new.phones & known.phones else None


def _place(new: Facts, known: Facts) -> Reason | None:
    for street, zip_code in new.places:
        for street2, zip2 in known.places:
            if zip_code == zip2 and _house(street) == _house(street2) and fuzz.ratio(street, street2) >= 85:
                return Reason(2, "Same address.")
    return None


def _house(street: str) -> str:
    return street.split()[0]


def _sum(reasons: Iterable[Reason]) -> int:
    return sum(reason.points for reason in reasons)


def _said(reasons: Iterable[Reason]) -> str:
    return " ".join(reason.text for reason in reasons)


def shown(patient: Resource) -> str:
    """For a list of candidates: name and birth date."""
    return ", ".join(part for part in (name_of(patient), str(patient.get("birthDate", ""))) if part)
