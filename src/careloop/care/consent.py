"""What a Consent permits and denies, to whom, for what and from when to when. Pure: any FHIR R4 Consent in, ours or
somebody else's; statements out, which `projections/consented.py` keeps and `store/conditions.py` asks.

The one rule of reading: what narrows a permit and can't be honored drops the permit; what narrows a denial and can't be
honored widens the denial. Either is told as a problem, so that a person looks.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from careloop.access import labels, purposes
from careloop.fhir import uris
from careloop.fhir.elements import codings, day, instant
from careloop.library.labels import LabelRules

ANYONE: Final = ""
SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
PRIVACY: Final = "patient-privacy"
# Consents to be treated, to take part in research, to an advance directive: they say nothing about who sees what.
_OTHER_SCOPES: Final = frozenset({"treatment", "research", "adr"})
# Roles of an actor who receives. Others hand out, or are only named.
_RECEIVES: Final = frozenset({"IRCP", "PRCP", "RCT", "TRC", "PRF", "ATND"})
_HANDS_OUT: Final = frozenset({"CST", "AUT", "INF", "DELEGATOR", "GRANTOR", "SELF", "SUBJ"})
_SEEING: Final = frozenset({"access", "use", "disclose"})
_NOT_SEEING: Final = frozenset({"collect", "correct"})
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEPTH: Final = 32


@dataclass(frozen=True)
class Statement:
    """grantee: a reference, or ANYONE. Exactly one of permits and denies is not 0: label bits, labels.WHOLE the whole
    record. purposes: bits of access/purposes.py, 0 any. until: None while no end is known."""

    grantee: str
    permits: int
    denies: int
    purposes: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Reading:
    """problems: what could not be understood or honored, as sentences for whoever looks after it."""

    statements: tuple[Statement, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def denies(self) -> bool:
        return any(each.denies for each in self.statements)


@dataclass(frozen=True)
class _Frame:
    """What the provisions above have narrowed. grantees, bits, purposes: None while nobody said. under: the denials, by
    number, to which this is an exception."""

    grantees: frozenset[str] | None = None
    bits: int | None = None
    purposes: int | None = None
    since: datetime = _ALWAYS
    until: datetime | None = None
    under: frozenset[int] = frozenset()


@dataclass
class _Found:
    known: LabelRules
    permits: list[tuple[Statement, frozenset[int]]] = field(default_factory=list)
    denials: list[tuple[Statement, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    counted: int = 0

    def statements(self) -> Iterator[Statement]:
        """A denial to everybody reaches those as well to whom something is permitted by name, unless that permit is an
        exception to it."""
        yield from (permit for permit, _ in self.permits)
        for denial, number in self.denials:
            yield denial
            if denial.grantee == ANYONE:
                named = {p.grantee for p, under in self.permits if p.grantee and number not in under}
                yield from (replace(denial, grantee=grantee) for grantee in sorted(named))


def is_privacy(consent: Mapping[str, Any]) -> bool:
    """Whether it is about who sees what, or can't be told not to be. Shares of the family's pages: `representation`."""
    if any(system == uris.PORTAL for c in consent.get("category") or () for system, _ in codings(c)):
        return False
    said = {code for system, code in codings(consent.get("scope")) if system in (SCOPE, "")}
    return PRIVACY in said or not said & _OTHER_SCOPES


def read(consent: Mapping[str, Any], known: LabelRules) -> Reading:
    """Nothing while it is not in force by its status; the dates are looked at when something is asked."""
    if consent.get("status") != "active" or not is_privacy(consent):
        return Reading()
    found = _Found(known)
    given = _first_moment(consent.get("dateTime")) or _ALWAYS
    if PRIVACY not in {code for _, code in codings(consent.get("scope"))}:
        return _withheld(given, "Its scope does not say that it is about privacy.")
    if consent.get("modifierExtension") or consent.get("implicitRules"):
        return _withheld(given, "It changes its meaning in a way that is not known here.")
    root = consent.get("provision") or {}
    kind = root.get("type") or _base(consent)
    if not kind and not root.get("provision"):
        return Reading((), ("It does not say what it permits or denies.",))
    if _depth(root) > _DEPTH:
        return _withheld(given, "It holds too many exceptions within exceptions.")
    _provision(root, _Frame(since=given), kind, found)
    return Reading(tuple(dict.fromkeys(found.statements())), tuple(dict.fromkeys(found.problems)))


def _withheld(since: datetime, problem: str) -> Reading:
    """Nobody by name may see anything, until a person has read it."""
    return Reading((Statement(ANYONE, 0, labels.WHOLE, 0, since, None),), (problem,) if problem else ())


def _base(consent: Mapping[str, Any]) -> str:
    """What holds but for its provisions. R4 has the outermost provision without a type of its own."""
    rules = {code for _, code in codings(consent.get("policyRule"))}
    if rules & {"OPTOUT", "OPTOUTE"}:
        return "deny"
    return "permit" if rules & {"OPTIN", "OPTINR"} else ""


def _depth(provision: Any, at: int = 0) -> int:
    if at > _DEPTH or not isinstance(provision, Mapping):
        return at
    return max((_depth(inner, at + 1) for inner in provision.get("provision") or ()), default=at + 1)


def _provision(said: Mapping[str, Any], above: _Frame, kind: str, found: _Found) -> None:
    """One provision and those inside it. kind: permit, deny, or nothing: then only what stands inside it speaks."""
    unread = sorted(_unread(said))
    frame = _narrowed(said, above, found, is_permit=kind != "deny")
    if frame is None:
        # Nothing is left of it. What stands inside may still deny.
        _inside(said, replace(above, bits=None), found, only_denials=True)
        return
    if kind == "deny":
        if unread:
            found.problems.append(f"A denial is narrowed by {', '.join(unread)}: all of it is denied.")
            frame = replace(frame, bits=None)
        found.counted += 1
        found.denials += [(each, found.counted) for each in _statements(frame, is_permit=False)]
        frame = replace(frame, under=frame.under | {found.counted})
    elif kind == "permit" and not unread:
        found.permits += [(each, frame.under) for each in _statements(frame, is_permit=True)]
    elif unread:
        found.problems.append(f"A permit is narrowed by {', '.join(unread)}: it is not used.")
    _inside(said, frame, found, only_denials=bool(unread) and kind != "deny")


def _inside(said: Mapping[str, Any], frame: _Frame, found: _Found, *, only_denials: bool) -> None:
    for inner in said.get("provision") or ():
        kind = inner.get("type")
        if not kind:
            found.problems.append(
                "An exception does not say whether it permits or denies: it counts as a denial."
            )
            kind = "deny"
        if kind == "deny" or not only_denials:
            _provision(inner, frame, kind, found)


def _unread(said: Mapping[str, Any]) -> Iterator[str]:
    """Elements that narrow it in ways which rows can't be judged by."""
    for name in ("class", "data", "dataPeriod", "modifierExtension"):
        if said.get(name):
            yield name


def _narrowed(said: Mapping[str, Any], above: _Frame, found: _Found, *, is_permit: bool) -> _Frame | None:
    """None where nothing is left of it."""
    if not _is_about_seeing(said, is_permit=is_permit):
        return None
    grantees = _grantees(said, above.grantees, found, is_permit=is_permit)
    bits = _bits(said, above.bits, found, is_permit=is_permit)
    asked = _purposes(said, above.purposes, is_permit=is_permit)
    lasts = _period(said, above, found, is_permit=is_permit)
    if lasts is None:
        return None
    since, until = lasts
    is_empty = grantees == frozenset() or bits == 0 or (until is not None and until <= since)
    if is_empty or (is_permit and asked == _NOTHING):
        return None
    return _Frame(grantees, bits, asked, since, until, above.under)


_NOTHING: Final = -1


def _is_about_seeing(said: Mapping[str, Any], *, is_permit: bool) -> bool:
    actions = {code for concept in said.get("action") or () for _, code in codings(concept)}
    if not said.get("action"):
        return True
    return bool(actions & _SEEING) if is_permit else not actions or bool(actions - _NOT_SEEING)


def _grantees(
    said: Mapping[str, Any], above: frozenset[str] | None, found: _Found, *, is_permit: bool
) -> frozenset[str] | None:
    """Who receives. A permit to somebody whom we can't tell is to nobody; a denial to such is to everybody."""
    actors = [actor for actor in said.get("actor") or () if not _roles(actor) & _HANDS_OUT]
    if not actors:
        return above
    named: set[str] = set()
    for actor in actors:
        reference = str((actor.get("reference") or {}).get("reference", ""))
        kind, _, id = reference.partition("/")
        is_known = bool(id) and kind in _GRANTEES and "/" not in id and ":" not in kind
        if is_known and (not is_permit or _roles(actor) & _RECEIVES):
            named.add(reference)
        elif not is_permit:
            found.problems.append("It denies something to somebody who is not known here: to everybody.")
            return None
        else:
            found.problems.append("It permits something to somebody who is not known here.")
    if is_permit and above is not None:
        return frozenset(named & above) if ANYONE not in above else frozenset(named)
    return frozenset(named)


_GRANTEES: Final = frozenset(
    {"Organization", "Practitioner", "PractitionerRole", "CareTeam", "RelatedPerson", "Patient", "Device"}
)


def _roles(actor: Mapping[str, Any]) -> set[str]:
    return {code for _, code in codings(actor.get("role"))}


def _bits(said: Mapping[str, Any], above: int | None, found: _Found, *, is_permit: bool) -> int | None:
    """Label bits that it names by label or by code; None where it names nothing. A code is part of what a label
    covers: enough to deny the label, not to permit it."""
    security = [(str(c.get("system", "")), str(c.get("code", ""))) for c in said.get("securityLabel") or ()]
    coded = [pair for concept in said.get("code") or () for pair in codings(concept)]
    if not security and not said.get("code"):
        return above
    bits = 0
    for pair in security:
        one = found.known.of_security([pair]) & labels.SENSITIVE
        if one & labels.UNKNOWN or (not one and not is_permit):
            if not is_permit and pair not in found.known.security:
                found.problems.append("It denies a label that is not known here: the whole record.")
                return None
            if is_permit:
                found.problems.append("It permits a label that is not known here: it is not used.")
            one = 0 if is_permit else one & ~labels.UNKNOWN
        bits |= one
    if said.get("code"):
        if is_permit:
            found.problems.append("A permit is narrowed by code: it is not used.")
            return 0
        by_code = [found.known.of_code(*pair) & labels.SENSITIVE for pair in coded]
        if not by_code or not all(by_code):
            found.problems.append("A denial is narrowed by code: the whole record is denied.")
            return None
        for one in by_code:
            bits |= one
    if not bits and not is_permit:
        return None
    return bits & above if is_permit and above is not None else bits


def _purposes(said: Mapping[str, Any], above: int | None, *, is_permit: bool) -> int | None:
    if not said.get("purpose"):
        return above
    asked = purposes.bits_of([str(coding.get("code", "")) for coding in said["purpose"]])
    if not is_permit:
        return asked
    if above is not None:
        asked &= above
    return asked & ~purposes.OTHER or _NOTHING


def _period(
    said: Mapping[str, Any], above: _Frame, found: _Found, *, is_permit: bool
) -> tuple[datetime, datetime | None] | None:
    """None for a permit whose dates can't be read. A denial is not held to such: it lasts."""
    period = said.get("period") or {}
    start, end = _first_moment(period.get("start")), _after(period.get("end"))
    if (period.get("start") and start is None) or (period.get("end") and end is None):
        if is_permit:
            found.problems.append("A permit has a date that can't be read: it is not used.")
            return None
        found.problems.append("A denial has a date that can't be read: it is not held to it.")
    since = max(above.since, start) if start else above.since
    ends = [each for each in (above.until, end) if each is not None]
    return since, min(ends) if ends else None


def _first_moment(text: Any) -> datetime | None:
    """Of the day, the month or the year that it says, in UTC, where it says no hour."""
    if not isinstance(text, str):
        return None
    return instant(text) or _midnight(text + _REST.get(len(text), ""))


def _after(text: Any) -> datetime | None:
    """An end that says only a day, a month or a year includes all of it, in UTC."""
    if not isinstance(text, str):
        return None
    if at := instant(text):
        return at
    first = _first_moment(text)
    try:
        if first is None:
            return None
        if len(text) == _YEAR:
            return first.replace(year=first.year + 1)
        days = monthrange(first.year, first.month)[1] if len(text) == _MONTH else 1
        return first + timedelta(days=days)
    except (ValueError, OverflowError):  # the end of all years, as some say for never
        return datetime.max.replace(tzinfo=UTC)


_YEAR: Final = len("2025")
_MONTH: Final = len("2025-06")
_REST: Final = {_YEAR: "-01-01", _MONTH: "-01"}


def _midnight(text: str) -> datetime | None:
    on = day(text)
    return datetime.combine(on, time(), tzinfo=UTC) if on else None


def _statements(frame: _Frame, *, is_permit: bool) -> Iterable[Statement]:
    """A permit without labels opens what carries none: a sensitive label is permitted by its name only."""
    bits = labels.WHOLE if frame.bits is None else frame.bits
    told = 0 if frame.purposes in (None, _NOTHING) else int(frame.purposes or 0)
    if not is_permit and told and not told & (purposes.CARE | purposes.PAYERS | purposes.OTHER):
        return  # of what nobody here uses it for: nothing to withhold
    for grantee in sorted(frame.grantees) if frame.grantees is not None else (ANYONE,):
        permits, denies = (bits, 0) if is_permit else (0, bits)
        yield Statement(grantee, permits, denies, told, frame.since, frame.until)
