"""What the end of a consent reaches. What is read is judged at each request, so that nothing has to be called back
there; what is on its way is stopped here. One list names every door: a door that is added later is added to it.

By whichever way a consent ends (our page, the family's page, a FHIR client, its own last day), what follows is worked
out from all Consents as they stand: asked again, nothing happens twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from careloop.actions import working
from careloop.actions.answer_referrer import HELD, LETTER, MEDIUM
from careloop.actions.apply_proposal import apply_in
from careloop.actions.disclose import KIND as DISCLOSURE
from careloop.actions.end_share import end_in
from careloop.care.consent import is_privacy, read
from careloop.care.representation import is_portal
from careloop.care.revocation import Limit, ends, limits
from careloop.care.work import Proposal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.library.labels import rules
from careloop.projections.by_type import searchable
from careloop.projections.people import names
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit, outbox
from careloop.store.bodies import decode

TIMER: Final = "consent-ends"
KIND: Final = "consent-ended"
UNREAD: Final = "review-consent"
HELD_BECAUSE: Final = "The person’s consent to share with them has ended"
# Kinds of letters that reach somebody else than the person.
_TO_OTHERS: Final = frozenset({LETTER, DISCLOSURE})
_OPEN_REQUESTS: Final = frozenset({"active", "draft"})
WAITING: Final = "select key, kind, payload from outbox where person = %s and state = 'waiting' order by id"

Reach = Callable[[Unit, int, Limit], tuple[str, ...]]


@dataclass(frozen=True)
class Door:
    """name: for the test that lists them. how: what the end of a consent does there, a sentence. reach: what is done;
    None where every request is judged by itself."""

    name: str
    how: str
    reach: Reach | None = None


def hold_referrals(unit: Unit, person: int, limit: Limit) -> tuple[str, ...]:
    """Open referrals to them wait; the partner is told once to stop. Returns what was put on hold."""
    held: list[Stored] = []
    told: dict[str, Stored] = {}
    for found in reached_by(unit, person, limit):
        held.append(_held(unit, found))
        theirs = [one for one in _asked(found.resource) if limit.reaches(one)]
        told.update({one: found for one in theirs if one.startswith("Organization/")})
    for organization, about in sorted(told.items()):
        _tell(unit, person, limit, organization, about)
    return tuple(each.reference for each in held)


def reached_by(unit: Unit, person: int, limit: Limit) -> tuple[Stored, ...]:
    """Open referrals and to-dos that are with them, as far as the unit's actor may look for such things."""
    return tuple(
        found
        for found in unit.of_person(person, searchable(unit, ("ServiceRequest", "Task")))
        if _is_open(found) and any(limit.reaches(reference) for reference in _asked(found.resource))
    )


def stop_letters(unit: Unit, person: int, limit: Limit) -> tuple[str, ...]:
    """Whatever waits to leave for them stays. Returns the keys."""
    stopped = []
    called = {name: each for each, name in names(unit, limit.grantees | limit.spared).items() if name}
    for key, kind, payload in unit.cursor().execute(WAITING, [person]).fetchall():
        said = decode(bytes(payload))
        if key.startswith(KIND) or kind not in _TO_OTHERS or _is_hers(unit, said, person):
            continue  # the notice that it has ended, or what reaches the person herself
        # A name alone is somebody we know when it is the same name, whole.
        to = str(said.get("recipient") or called.get(str(said["to"])) or called.get(_name_in(said), ""))
        if limit.reaches(to) and outbox.withdraw(unit, key):
            stopped.append(key)
    return tuple(stopped)


def _is_hers(unit: Unit, said: Mapping[str, Any], person: int) -> bool:
    if not said.get("to") or said.get("reaches"):
        return True
    return bool(said.get("recipient")) and said["recipient"] == unit.reference_of(person)


def _name_in(said: Mapping[str, Any]) -> str:
    """What stands before the number or the address."""
    return str(said["to"]).split(",")[0].split("\n")[0].strip()


def end_shares(unit: Unit, person: int, limit: Limit) -> tuple[str, ...]:
    """Whom she denies something by name sees her pages no longer: what she shared with them ends."""
    ended = []
    for found in unit.of_person(person, ["Consent"]):
        if not limit.is_denial or not is_portal(found.resource) or found.resource.get("status") != "active":
            continue
        actors = (found.resource.get("provision") or {}).get("actor", ())
        named = {str((actor.get("reference") or {}).get("reference", "")) for actor in actors}
        if named & limit.grantees:
            ended.append(end_in(unit, found, "Denied by the person").reference)
    return tuple(ended)


_JUDGED: Final = "Judged at each request, with the hour of that request."
REVOCATION_DOORS: Final[tuple[Door, ...]] = (
    Door("pages", _JUDGED),
    Door("fragments", _JUDGED),
    Door("fhir-read", _JUDGED),
    Door("fhir-search", _JUDGED),
    Door("fhir-history", _JUDGED),
    Door("counts", _JUDGED),
    Door("finder", _JUDGED),
    Door("prints", _JUDGED),
    Door("registry", _JUDGED),
    Door("readings-and-scores", _JUDGED),
    Door("case-reviews", _JUDGED),
    Door("dry-runs", _JUDGED),
    Door("fhir-operations", _JUDGED),
    Door("acts-on-many", "Whom it is about is judged again in each part, before anything is written."),
    Door("exports", "Nothing that carries a label goes into a file, with a consent or without."),
    Door("protocols", "What they found stays written; who reads it is judged by what they found it in."),
    Door(
        "taken-along", "Holds nothing of the record; who sends it in is judged again; gone after seven days."
    ),
    Door("app-tokens", _JUDGED),
    Door("disclosures", "Judged when it is composed and again when it is sent."),
    Door("referrals", "Put on hold; the partner is told to stop.", hold_referrals),
    Door("letters", "What waits to leave for them is withdrawn.", stop_letters),
    Door("shares", "Somebody who is denied by name loses what was shared with them.", end_shares),
)


def follow_consents(unit: Unit, person: int) -> tuple[str, ...]:
    """All that follows from a person's Consents as they stand now, in the caller's unit. Returns what was reached."""
    found = [stored for stored in unit.of_person(person, ["Consent"]) if is_privacy(stored.resource)]
    if not found:
        return ()
    told = [stored.resource for stored in found]
    reached: list[str] = []
    for limit in limits(told, rules(), unit.now):
        if unit.claim("revocation", limit.key, person):
            reached += _reach(unit, person, limit)
    for stored in found:
        _ask_to_read(unit, person, stored)
    if following := ends(told, rules(), unit.now):
        unit.set_timer(person, TIMER, unit.reference_of(person), following[0])
    return tuple(reached)


def _reach(unit: Unit, person: int, limit: Limit) -> list[str]:
    reached = [each for door in REVOCATION_DOORS if door.reach for each in door.reach(unit, person, limit)]
    has_held = any(each.startswith(("ServiceRequest/", "Task/")) for each in reached)
    what = (
        "The person asked that something is not shown" if limit.is_denial else "A consent to share has ended"
    )
    # How many, is not said: whoever reads this may not see all of them.
    because = f"{what}; what was open with partners is on hold" if has_held else what
    work = Work(
        kind=KIND,
        title="Talk about what is shared: a consent has changed",
        because=because,
        klass=WorkClass.ROUTINE,
        dedupe=limit.key,
        target=unit.now,
        reasons=(limit.consent,),
        details=_stopped(unit, reached),
    )
    apply_in(unit, Proposal((work,)), unit.reference_of(person))
    return reached


def _stopped(unit: Unit, reached: Sequence[str]) -> str:
    """Each letter that was held back, by whom it was for: somebody decides whether it goes after all."""
    rows = unit.cursor().execute(
        "select dest from outbox where key = any(%s::text[]) and state = 'withdrawn' order by id", [reached]
    )
    told = ", ".join(row[0] for row in rows.fetchall())
    return f"Letters that did not leave: {told}." if told else ""


def _ask_to_read(unit: Unit, person: int, stored: Stored) -> None:
    """A Consent that could not be understood withholds, and a person looks."""
    problems = read(stored.resource, rules()).problems
    if not problems:
        return
    work = Work(
        kind=UNREAD,
        title="Read a consent that could not be understood",
        because="Until somebody has, what it could mean is withheld",
        klass=WorkClass.ROUTINE,
        dedupe=f"{UNREAD}:{stored.id}:{stored.version}",
        target=unit.now,
        reasons=(stored.reference,),
        details=" ".join(problems),
    )
    apply_in(unit, Proposal((work,)), unit.reference_of(person))


def _asked(resource: Resource) -> tuple[str, ...]:
    given = (
        resource.get("performer", ())
        if resource["resourceType"] == "ServiceRequest"
        else [resource.get("owner")]
    )
    found = (str((each or {}).get("reference", "")) for each in given)
    # Our own people's to-dos are not a partner's.
    return tuple(r for r in found if r.startswith(("Organization/", "HealthcareService/")))


def _is_open(stored: Stored) -> bool:
    status = stored.resource.get("status")
    if stored.type == "Task":
        return status in OPEN and status != "on-hold"
    return status in _OPEN_REQUESTS


def _held(unit: Unit, found: Stored) -> Stored:
    resource = {**found.resource, "status": "on-hold"}
    note = {"text": f"{HELD_BECAUSE}.", "time": fhir_instant(unit.now)}
    resource["note"] = [*resource.get("note", ()), note]
    if found.type == "Task":
        resource["statusReason"] = {
            **codeable(uris.REASON, KIND, "Consent ended"),
            "text": f"{HELD_BECAUSE}.",
        }
        return working.save(unit, resource, found)
    return unit.update(resource, if_match=found.version)


def _tell(unit: Unit, person: int, limit: Limit, organization: str, about: Stored) -> None:
    """In words that say nothing about what it is for."""
    name = names(unit, [organization]).get(organization, "the partner")
    day = fhir_instant(unit.now)[:10]
    text = (
        f"To {name}: the consent behind an open referral of ours has ended on {day}. Please stop work on it, and do not"
        " use or share what you received any further, except as the law allows. We will write if that changes."
    )
    letter = unit.create(
        {
            "resourceType": "Communication",
            "status": "in-progress",
            "basedOn": [ref(about.reference)],
            "topic": {"text": "An open referral is on hold"},
            "medium": [codeable(MEDIUM, "WRITTEN", "letter")],
            "subject": ref(unit.reference_of(person)),
            "recipient": [ref(organization)],
            "payload": [{"contentString": text}],
        }
    )
    payload = {"communication": letter.reference, "to": name, "text": text, "recipient": organization}
    unit.send(f"{KIND}:{limit.key}:{organization}", LETTER, name, payload, person, unit.now + HELD)
