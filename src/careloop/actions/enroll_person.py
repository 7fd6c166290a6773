"""The way into a program and out of it: judged, asked, consented, enrolled, paused, ended with a reason.

Each step is a version of the EpisodeOfCare, with its history of statuses in it; whoever referred is told at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.consenting import end_consent, write_consent
from careloop.actions.enroll_facts import look_of
from careloop.actions.leading import lead_by
from careloop.actions.outreach import outreach_of, start_outreach, stop_outreach, tries_of
from careloop.actions.referral_loop import ask_for_answer, wait_for_outreach
from careloop.care import enroll as care
from careloop.care.enroll import Consented, Eligibility, Standing, UnknownProgram, UnknownReason, Where
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, instant, ref, set_extension
from careloop.kernel.errors import StaleVersion
from careloop.library import Library, Program
from careloop.store import Stored, Unit

DOES_NOT_FIT: Final = "does-not-fit"
DECLINED: Final = "declined"


@dataclass(frozen=True, repr=False)
class Enrollment:
    """An EpisodeOfCare with what its page and its acts need. outreach: the open or ended Task, if any."""

    episode: Stored
    patient: Stored
    program: Program
    standing: Standing
    where: Where
    outreach: Stored | None
    consent: Stored | None

    def __repr__(self) -> str:
        return f"Enrollment({self.episode.reference})"


def program_named(library: Library, code: str) -> Program:
    if code not in library.programs:
        raise UnknownProgram(f"“{code}”.")
    return library.programs[code]


def newest_enrollment(unit: Unit, patient: Stored, program: Program) -> Enrollment | None:
    """The open one, else the one that ended last."""
    found = [
        s
        for s in unit.of_person(patient.rid, ["EpisodeOfCare"])
        if care.program_of(s.resource) == program.code
    ]
    ordered = [s for s in found if s.resource.get("status") in care.OPEN] or found
    return enrollment_of(unit, ordered[0], patient, program) if ordered else None


def enrollment_of(unit: Unit, episode: Stored, patient: Stored, program: Program) -> Enrollment:
    outreach = outreach_of(unit, episode)
    consents = _consents_since(unit, patient, episode)
    standing = care.standing_of(
        episode.resource, [each.resource for each in consents], tries_of(unit, outreach)
    )
    covering = (each for each in consents if care.consent_covers(each.resource, program.code))
    return Enrollment(
        episode, patient, program, standing, care.where(standing, program), outreach, next(covering, None)
    )


def _consents_since(unit: Unit, patient: Stored, episode: Stored) -> list[Stored]:
    """Newest first; what was said about an earlier enrollment is over."""
    history = episode.resource.get("statusHistory", ())
    began = instant(history[0]["period"].get("start")) if history else None
    found = unit.of_person(patient.rid, ["Consent"])
    dated = [(instant(each.resource.get("dateTime")), each) for each in found]
    return [each for at, each in dated if began is None or at is None or at >= began]


def fit_of(unit: Unit, patient: Stored, program: Program, library: Library) -> Eligibility:
    return care.eligibility(program, look_of(unit, patient, program.code, library))


def begin_enrollment(unit: Unit, patient: Stored, program: Program, referral: str | None = None) -> Stored:
    """The open enrollment of this program, made when there is none. referral: "ServiceRequest/…"."""
    site = patient.resource.get("managingOrganization")
    episode: Resource = {
        "resourceType": "EpisodeOfCare",
        "type": [codeable(uris.PROGRAM, program.code, program.title.en)],
        "patient": ref(patient.reference),
        **({"managingOrganization": site} if site else {}),
        **({"referralRequest": [ref(referral)]} if referral else {}),
    }
    found = unit.create(
        care.with_status(episode, "planned", unit.now),
        if_none_exist=[
            ("patient", patient.reference),
            ("type", f"{uris.PROGRAM}|{program.code}"),
            ("status", ",".join(care.OPEN)),
        ],
    )
    known = [each.get("reference") for each in found.resource.get("referralRequest", ())]
    if referral and referral not in known:
        more = [*found.resource.get("referralRequest", ()), ref(referral)]
        found = unit.update({**found.resource, "referralRequest": more}, if_match=found.version)
    return found


# --- acts; each answers with the enrollment as it stands then


def start_enrollment(scope: Scope, person: str, program: str, library: Library, now: datetime) -> Stored:
    """Without a referral: somebody here thinks that it fits. person: Patient id."""
    with record.begin(scope, now) as unit:
        return begin_enrollment(unit, unit.read("Patient", person), program_named(library, program))


def judge_fit(
    scope: Scope,
    episode: str,
    fits: bool,
    reason: str,
    library: Library,
    now: datetime,
    *,
    version: int | None = None,
) -> Stored:
    """A person decides on the criteria; against them, or where they can't say, with a reason. When it fits, the call to
    ask her becomes work. Raises DoesNotFit, NotYet, StaleVersion."""
    with record.begin(scope, now) as unit:
        found = _opened(unit, episode, library, "judge", version)
        judged = care.judge(fit_of(unit, found.patient, found.program, library), fits, reason)
        judged = replace(judged, at=now, by=scope.actor.practitioner)
        changed = care.with_judgment(found.episode.resource, judged)
        if not fits:
            return _end(
                unit, found, changed, "cancelled", _reason(DOES_NOT_FIT, "Does not fit"), judged.because
            )
        saved = _save(unit, found, care.with_status(changed, "waitlist", now))
        start_outreach(unit, found.patient, saved, found.program, library)
        wait_for_outreach(unit, saved)
        return saved


def record_consent(
    scope: Scope,
    episode: str,
    said: Consented,
    library: Library,
    now: datetime,
    *,
    version: int | None = None,
) -> Stored:
    """Yes opens the way in; no ends it, and is kept so that nobody asks again. Raises BadConsent, NotYet."""
    with record.begin(scope, now) as unit:
        found = _opened(unit, episode, library, "consent", version)
        care.check_consent(found.program, said)
        write_consent(unit, found.patient, found.program, said)
        if said.gives:
            stop_outreach(unit, found.outreach, "She agreed to join.")
            return found.episode
        changed = dict(found.episode.resource)
        words = found.program.exit_reason(DECLINED)
        return _end(
            unit, found, changed, "cancelled", _reason(DECLINED, words.text.en if words else "Declined"), ""
        )


def enroll(
    scope: Scope,
    episode: str,
    manager: tuple[str, str],
    library: Library,
    now: datetime,
    *,
    version: int | None = None,
) -> Stored:
    """manager: ("Practitioner/…", name): who leads this program with her, and her care when nobody does."""
    with record.begin(scope, now) as unit:
        found = _opened(unit, episode, library, "enroll", version)
        changed = care.with_status(found.episode.resource, "active", now)
        changed |= {"careManager": ref(*manager), "period": {"start": fhir_instant(now)}}
        saved = _save(unit, found, changed)
        lead_by(unit, found.patient, *manager)
        stop_outreach(unit, found.outreach, "She joined.")
        ask_for_answer(unit, saved, f"joined {found.program.title.en}")
        return saved


def pause(
    scope: Scope, episode: str, reason: str, library: Library, now: datetime, *, version: int | None = None
) -> Stored:
    """reason: code of the program. While it is paused silence asks for nobody."""
    with record.begin(scope, now) as unit:
        found = _opened(unit, episode, library, "pause", version)
        why = found.program.pause_reason(reason)
        if why is None:
            raise UnknownReason
        changed = care.with_status(found.episode.resource, "onhold", now)
        return _save(unit, found, _with_reason(changed, _reason(why.code, why.text.en)))


def resume(
    scope: Scope, episode: str, library: Library, now: datetime, *, version: int | None = None
) -> Stored:
    with record.begin(scope, now) as unit:
        found = _opened(unit, episode, library, "resume", version)
        changed = care.with_status(found.episode.resource, "active", now)
        return _save(unit, found, _with_reason(changed, None))


def end(
    scope: Scope,
    episode: str,
    reason: str,
    library: Library,
    now: datetime,
    *,
    words: str = "",
    version: int | None = None,
) -> Stored:
    """reason: code of the program; it says whether the work is done or was broken off. words: what else to know."""
    with record.begin(scope, now) as unit:
        found = _opened(unit, episode, library, "end", version)
        why = found.program.exit_reason(reason)
        if why is None:
            raise UnknownReason
        was_in = found.where.step in ("enrolled", "paused")
        status = why.ends if was_in else "cancelled"
        return _end(
            unit,
            found,
            dict(found.episode.resource),
            status,
            _reason(why.code, why.text.en),
            words.strip()[:500],
        )


# --- parts


def _opened(unit: Unit, episode: str, library: Library, act: care.Act, version: int | None) -> Enrollment:
    seen = unit.read("EpisodeOfCare", episode)
    if version is not None and version != seen.version:
        raise StaleVersion(version=seen.version)
    program = program_named(library, care.program_of(seen.resource) or "")
    person = str(seen.resource["patient"]["reference"]).removeprefix("Patient/")
    found = enrollment_of(unit, seen, unit.read("Patient", person), program)
    care.refuse_unless(found.where, act)
    return found


def _reason(code: str, text: str) -> Resource:
    return codeable(uris.REASON, code, text)


def _with_reason(episode: Resource, reason: Any) -> Resource:
    made = {**episode, "extension": list(episode.get("extension", ()))}
    set_extension(made, uris.REASON, "CodeableConcept", reason)
    return made


def _save(unit: Unit, found: Enrollment, changed: Resource) -> Stored:
    return unit.update(changed, if_match=found.episode.version)


def _end(
    unit: Unit, found: Enrollment, changed: Resource, status: str, reason: Resource, words: str
) -> Stored:
    now = unit.now
    changed = _with_reason(care.with_status(changed, status, now), reason)
    set_extension(changed, uris.BECAUSE, "String", words or None)
    changed["period"] = {**changed.get("period", {}), "end": fhir_instant(now)}
    saved = _save(unit, found, changed)
    stop_outreach(unit, found.outreach, reason["text"])
    end_consent(unit, found.patient, found.program)
    said = f"{reason['text']}. {words}".strip() if words else reason["text"]
    verb = "left" if found.where.step in ("enrolled", "paused") else "did not join"
    ask_for_answer(unit, saved, f"{verb} {found.program.title.en}: {said}")
    return saved
