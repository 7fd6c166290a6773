"""What leaves the house: composed line by line, judged for its recipient, and written into the accounting in the commit
that lets it go. What was shown is judged again when it is sent: a consent may have ended in between."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.access import Scope, labels
from careloop.access.acts import DISCLOSE, may
from careloop.access.conditions import LabelsAllowed
from careloop.actions import record
from careloop.actions.apply_proposal import apply_in
from careloop.actions.disclosure_lines import lines_of, sees_all_types
from careloop.actions.share_changes import SinceSent, since_sent
from careloop.care.disclosure import (
    BASES,
    METHODS,
    Basis,
    Known,
    Line,
    Verdict,
    judge,
    lets,
    must_go_along,
    uses,
)
from careloop.care.work import Proposal, Work, WorkClass
from careloop.fhir.elements import Resource, name_of
from careloop.kernel.errors import CareError, Forbidden
from careloop.library import Library
from careloop.projections import disclosures
from careloop.projections.disclosures import Content, Item
from careloop.projections.people import names
from careloop.store import Stored, Unit

KIND: Final = "disclosure"  # of the outbox
WORK: Final = "send-disclosure"
NOTICE: Final = "part2-notice"
HELD: Final = timedelta(seconds=30)
_JOINED: Final = {
    "ServiceRequest": "referral",
    "Task": "referral",
    "CareTeam": "team",
    "Encounter": "stay",
    "EpisodeOfCare": "program",
}


# Whoever is asked now, or was there. What was called off, or never was, joins nobody to her.
_LIVE: Final = {
    "ServiceRequest": frozenset({"active"}),
    "Task": frozenset({"requested", "received", "accepted", "ready", "in-progress"}),
    "CareTeam": frozenset({"active"}),
    "Encounter": frozenset({"planned", "arrived", "triaged", "in-progress", "onleave", "finished"}),
    "EpisodeOfCare": frozenset({"waitlist", "active", "onhold"}),
}


class NothingChosen(CareError):
    """Choose at least one line to send."""

    code, status, issue_type = "nothing-chosen", 422, "required"


class MayNotGo(CareError):
    """Something that you chose may not go, or not any more. Nothing was sent. Look at the lines again."""

    code, status = "may-not-go", 409


class BadDisclosure(CareError):
    """Say who gets it, why it may go, and how it reaches them."""

    code, status, issue_type = "bad-disclosure", 422, "required"


@dataclass(frozen=True, repr=False)
class Recipient:
    """organization: id of one of the directory, empty for a name alone. address: where it goes: street, fax, phone."""

    name: str
    organization: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return f"Recipient({self.organization or 'a name'})"


@dataclass(frozen=True, repr=False)
class Composition:
    """relation: what joins the recipient to the person; empty for nothing. is_incomplete: the sender herself does not
    see all of the record, and nobody is told why. since: what changed since the plan went there before."""

    patient: Stored
    recipient: Recipient
    basis: Basis
    relation: str
    verdicts: tuple[Verdict, ...]
    is_incomplete: bool
    since: SinceSent | None = None

    def __repr__(self) -> str:
        return f"Composition({self.patient!r}, {len(self.verdicts)} lines)"

    @property
    def going(self) -> tuple[Verdict, ...]:
        return tuple(each for each in self.verdicts if each.is_allowed)


def check_may_send(scope: Scope) -> None:
    """Raises Forbidden."""
    if not may(scope.actor, DISCLOSE):
        raise Forbidden(DISCLOSE.refusal)


def scoped(scope: Scope) -> Scope:
    return replace(scope, purpose="disclosure")


def compose(
    unit: Unit, person: str, recipient: Recipient, basis: str, content: Library, purpose: str = ""
) -> Composition:
    """Every line that could go, each with whether it may. Raises Forbidden, NotFound, BadDisclosure."""
    check_may_send(unit.scope)
    if basis not in BASES or not recipient.name.strip():
        raise BadDisclosure
    patient = unit.read("Patient", person)
    unit.saw([patient.rid], "disclosure composed")
    lines = lines_of(unit, patient, content)
    organization = unit.rid_of(f"Organization/{recipient.organization}") if recipient.organization else None
    relation = _relation(unit, patient, recipient.organization, purpose if basis == "treatment" else "")
    known = _known(unit, patient.rid, lines, organization, basis)
    verdicts = tuple(judge(line, known[line.reference], basis, relation) for line in lines)
    is_incomplete = unit.withholds(patient.rid) or not sees_all_types(unit)
    going = tuple(each for each in verdicts if each.is_allowed)
    since = since_sent(unit, patient, recipient.organization, recipient.name, going)
    return Composition(patient, recipient, basis, relation, verdicts, is_incomplete, since)


def disclose(
    scope: Scope,
    person: str,
    recipient: Recipient,
    basis: str,
    method: str,
    chosen: Collection[str],
    now: datetime,
    content: Library,
    *,
    key: str,
    purpose: str = "",
    note: str = "",
    language: str = "",
) -> int:
    """chosen: references that are to go. key: of the form, so that sending twice is once. language: to tell in it what
    changed in the plan since it went there before; empty for not at all. Returns the number of the disclosure. Raises
    NothingChosen, MayNotGo, BadDisclosure, Forbidden, NotFound."""
    if method not in METHODS or (basis in ("law", "emergency") and not purpose.strip()):
        raise BadDisclosure
    if not chosen:
        raise NothingChosen
    with record.begin(scoped(scope), now) as unit:
        made = compose(unit, person, recipient, basis, content, purpose)
        going = [each for each in made.going if each.line.reference in chosen]
        if {each.line.reference for each in going} != set(chosen):
            raise MayNotGo
        recipient = made.recipient
        since = (
            since_sent(unit, made.patient, recipient.organization, recipient.name, going)
            if language
            else None
        )
        told = tuple(each.says.get(language) for each in since.changes) if since else ()
        return _send(unit, made, going, method, purpose, note, key, content, told)


def _send(
    unit: Unit,
    made: Composition,
    going: Sequence[Verdict],
    method: str,
    purpose: str,
    note: str,
    key: str,
    content: Library,
    changed: tuple[str, ...],
) -> int:
    needs_notice, consents = must_go_along(going)
    rule = content.rule(NOTICE, unit.now.date())
    told = Content(
        items=tuple(_item(each) for each in going),
        note=note.strip()[:5_000],
        notice=f"{rule.text('short')}\n\n{rule.text('long')}" if needs_notice else "",
        consents=tuple(_said(unit, reference) for reference in consents),
        is_incomplete=len(going) < len(made.verdicts) or made.is_incomplete,
        changes=changed,
    )
    organization = made.recipient.organization
    consent = next((each.consent for each in going if each.consent), None)
    number = disclosures.record(
        unit,
        key,
        made.patient.rid,
        name=" ".join(made.recipient.name.split())[:200],
        address=made.recipient.address.strip()[:500],
        recipient=unit.rid_of(f"Organization/{organization}") if organization else None,
        method=method,
        basis=made.basis,
        purpose=purpose.strip()[:500],
        content=told,
        consent=unit.rid_of(consent) if consent else None,
        is_part2=needs_notice,
    )
    if number is None:
        return disclosures.number_of(unit, key)
    if method in ("mail", "fax"):
        payload = {
            "disclosure": number,
            "person": made.patient.id,
            "to": made.recipient.name,
            "how": method,
            "recipient": _address_of(made),
        }
        unit.send(
            f"disclosure:{number}", KIND, made.recipient.name, payload, made.patient.rid, unit.now + HELD
        )
    return number


def _address_of(made: Composition) -> str:
    """Reference of whom it reaches; empty for a name alone."""
    if made.basis == "self":
        return made.patient.reference
    return f"Organization/{made.recipient.organization}" if made.recipient.organization else ""


def ask_to_carry(scope: Scope, payload: Mapping[str, Any], key: str, person: int, now: datetime) -> None:
    """In a house that is connected to nothing, a person prints and mails or faxes it."""
    by_fax = payload["how"] == "fax"
    work = Work(
        kind=WORK,
        title=f"{'Fax' if by_fax else 'Print and mail'} what goes to {payload['to']}",
        because="It was decided what goes; nothing here is connected that could carry it",
        klass=WorkClass.ROUTINE,
        dedupe=f"carry:{key}",
        target=now,
        details=f"/people/{payload['person']}/disclosures/{payload['disclosure']}",
    )
    with record.begin(scope, now) as unit:
        apply_in(unit, Proposal((work,)), unit.reference_of(person))


# --- the recipient


def _relation(unit: Unit, patient: Stored, organization: str, said: str) -> str:
    """Our directory's organization: as the record tells. A name alone: as the sender says, in words that are kept."""
    if not organization:
        return "said" if said.strip() else ""
    reference = f"Organization/{organization}"
    if (patient.resource.get("managingOrganization") or {}).get("reference") == reference:
        return "site"
    for stored in unit.of_person(patient.rid, list(_JOINED)):
        is_live = stored.resource.get("status") in _LIVE[stored.type]
        if is_live and reference in _mentioned(stored.resource):
            return _JOINED[stored.type]
    return ""


def _mentioned(node: Any) -> Iterator[str]:
    """Every reference anywhere inside, without the version it may name."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            yield from _mentioned(value)
        elif key == "reference" and isinstance(value, str):
            yield value.split("/_history/")[0]


def _known(
    unit: Unit, person: int, lines: Sequence[Line], organization: int | None, basis: Basis
) -> dict[str, Known]:
    """By the same algebra that decides on every reading: the labels, and her Consents as they stand now."""
    grantees = frozenset([organization] if organization is not None else [])
    let = disclosures.let_go(
        unit, [line.rid for line in lines], LabelsAllowed(lets(basis), grantees, purposes=uses(basis))
    )
    permits = list(disclosures.consents_of(unit, person, sorted(grantees)))
    return {line.reference: Known(line.rid in let, _consent(unit, line, permits)) for line in lines}


def _consent(unit: Unit, line: Line, permits: Sequence[tuple[int, int]]) -> str | None:
    """The Consent that lets this line go: one that names its labels, else one for the whole record."""
    needed = line.labels & labels.SENSITIVE
    for consent, bits in permits:
        if (needed and not needed & ~bits) or (not needed and bits & labels.WHOLE):
            return unit.reference_of(consent)
    return next((unit.reference_of(consent) for consent, bits in permits if bits & labels.WHOLE), None)


def _item(verdict: Verdict) -> Item:
    line = verdict.line
    bits = line.labels & labels.SENSITIVE
    return Item(line.reference, line.version, line.section, line.words, verdict.why, verdict.consent, bits)


def _said(unit: Unit, reference: str) -> str:
    """The scope of a Consent in words (42 CFR 2.32(b)): when, by whom, to whom, until when."""
    consent = unit.get([reference])[reference].resource
    provision = consent.get("provision") or {}
    period = provision.get("period") or {}
    actors = [actor.get("reference") or {} for actor in _actors(provision)]
    whom, by = _called(unit, actors), _called(unit, consent.get("performer", ()))
    parts = (
        f"Consent of {str(consent.get('dateTime', ''))[:10]}",
        f"given by {', '.join(by)}" if by else "",
        f"names {', '.join(dict.fromkeys(whom))}" if whom else "",
        f"ends {str(period['end'])[:10]}" if period.get("end") else "no end named",
        str((consent.get("policyRule") or {}).get("text", "")),
    )
    return "; ".join(part for part in parts if part)


def _called(unit: Unit, mentioned: Sequence[Resource]) -> list[str]:
    """By what the consent calls them, else as we do; a person by her name."""
    references = [str(each.get("reference", "")) for each in mentioned]
    known = names(unit, [reference for reference in references if "/" in reference])
    people = unit.get([reference for reference in references if reference.startswith("Patient/")])
    called = known | {reference: name_of(stored.resource) for reference, stored in people.items()}
    return [
        str(each.get("display") or called.get(reference, reference))
        for each, reference in zip(mentioned, references, strict=True)
    ]


def _actors(provision: Resource) -> Iterable[Resource]:
    yield from provision.get("actor", ())
    for inner in provision.get("provision", ()):
        yield from _actors(inner)
