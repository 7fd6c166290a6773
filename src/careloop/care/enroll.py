"""How somebody joins a program: referred, found to fit, asked, consented, enrolled, paused, ended. Pure.

`where` says which step it is and what comes next; `refuse_unless` says why an act is not possible now. The program
itself (who may join, how often we ask, what consent has to say, how it ends) is content: library/programs.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, extension, fhir_instant, instant, ref
from careloop.kernel.errors import CareError, Conflict
from careloop.library.conditions import Lookup
from careloop.library.programs import Criterion, Program

Step = Literal["referred", "outreach", "consent", "enroll", "enrolled", "paused", "ended"]
Act = Literal["judge", "consent", "enroll", "pause", "resume", "end"]
Fit = Literal["yes", "no", "unknown"]
OUTREACH: Final = "call-outreach"
REFERRAL: Final = "referral"
OPEN: Final = ("planned", "waitlist", "active", "onhold")
ASKED: Final = ("planned", "waitlist")  # on the way in

POSSIBLE: Final[Mapping[Step, frozenset[Act]]] = {
    "referred": frozenset({"judge", "end"}),
    "outreach": frozenset({"judge", "consent", "end"}),
    "consent": frozenset({"judge", "consent", "end"}),
    "enroll": frozenset({"consent", "enroll", "end"}),
    "enrolled": frozenset({"pause", "end"}),
    "paused": frozenset({"resume", "end"}),
    "ended": frozenset(),
}


class NotYet(Conflict):
    """This step is not open yet, or no longer. Nothing was changed."""

    code = "not-yet"


class DoesNotFit(CareError):
    """The criteria do not say that this program fits. Say in a few words why you go on all the same."""

    code, status, issue_type = "does-not-fit", 422, "required"


class UnknownProgram(CareError):
    """There is no such program in the library."""

    code, status, issue_type = "unknown-program", 404, "not-found"


class UnknownReason(CareError):
    """Choose one of the program’s reasons."""

    code, status, issue_type = "unknown-reason", 422, "value"


class BadConsent(CareError):
    """Say who gave consent, how, and that everything was told."""

    code, status, issue_type = "bad-consent", 422, "required"


WHY_NOT: Final[Mapping[Act, str]] = {
    "judge": "She is in the program already, or it has ended.",
    "consent": "First decide whether the program fits; after it has ended, begin anew.",
    "enroll": "There is no consent yet.",
    "pause": "Only somebody who is in the program can pause.",
    "resume": "The program is not paused.",
    "end": "It has ended already.",
}


# Does it fit?


@dataclass(frozen=True)
class Answered:
    """is_met: None when what it reads is not known."""

    criterion: Criterion
    is_met: bool | None

    @property
    def fit(self) -> Fit:
        return "unknown" if self.is_met is None else "yes" if self.is_met else "no"


@dataclass(frozen=True)
class Eligibility:
    """Every criterion with its answer. fit: by those that are needed."""

    answers: tuple[Answered, ...]
    fit: Fit

    @property
    def because(self) -> str:
        """One sentence to keep with the decision, in English: what decided it."""
        needed = [each for each in self.answers if each.criterion.is_needed]
        unmet = [each.criterion.otherwise.en for each in needed if each.is_met is False]
        open_ones = [each.criterion.text.en for each in needed if each.is_met is None]
        if unmet:
            return " ".join(unmet)
        if open_ones:
            return f"Not known: {'; '.join(open_ones)}."
        return f"{'; '.join(each.criterion.text.en for each in needed)}."


def eligibility(program: Program, look: Lookup) -> Eligibility:
    answers = tuple(Answered(each, each.answer(look)) for each in program.eligibility)
    found = program.eligible(look)
    return Eligibility(answers, "unknown" if found is None else "yes" if found else "no")


@dataclass(frozen=True)
class Judgment:
    """What a person decided about it. because: the criteria's sentence, or hers when she decided otherwise."""

    fits: bool
    because: str
    at: datetime | None = None
    by: str | None = None


def judge(found: Eligibility, fits: bool, reason: str) -> Judgment:
    """A person may decide against the criteria, and where they can't say, with a reason. Raises DoesNotFit."""
    said = reason.strip()[:500]
    agrees = found.fit == ("yes" if fits else "no")
    if not agrees and not said:
        raise DoesNotFit
    if agrees and not said:
        return Judgment(fits, found.because)
    return Judgment(fits, said if agrees else f"{said} (The criteria: {found.because})")


# Where it stands


@dataclass(frozen=True)
class Standing:
    """Of one enrollment. status: EpisodeOfCare.status. attempts: tries that reached nobody. reached: she was spoken
    with since. last_try: the newest contact or try. consent: given or refused, empty when not asked."""

    status: str
    judgment: Judgment | None = None
    attempts: int = 0
    reached: bool = False
    last_try: datetime | None = None
    consent: Literal["", "given", "refused"] = ""


@dataclass(frozen=True)
class Where:
    """next_try: not before. is_exhausted: asked as often as the program says; a person decides whether to go on."""

    step: Step
    attempts: int = 0
    next_try: datetime | None = None
    is_exhausted: bool = False


def where(standing: Standing, program: Program) -> Where:
    match standing.status:
        case "active":
            return Where("enrolled")
        case "onhold":
            return Where("paused")
        case "finished" | "cancelled" | "entered-in-error":
            return Where("ended", standing.attempts)
    if standing.judgment is None or not standing.judgment.fits:
        return Where("referred", standing.attempts)
    if standing.consent == "given":
        return Where("enroll", standing.attempts)
    if standing.reached:
        return Where("consent", standing.attempts)
    tried = standing.last_try if standing.attempts else None
    return Where(
        "outreach",
        standing.attempts,
        tried + timedelta(days=program.outreach.every_days) if tried else None,
        standing.attempts >= program.outreach.attempts,
    )


def refuse_unless(found: Where, act: Act) -> None:
    """Raises NotYet with the sentence that says what is in the way."""
    if act not in POSSIBLE[found.step]:
        raise NotYet(WHY_NOT[act])


# Consent


@dataclass(frozen=True, repr=False)
class Consented:
    """who: person, agent or guardian. name: of an agent or guardian. how: verbal or written. told: how many of the
    program's points were told."""

    gives: bool
    who: str
    how: str
    name: str = ""
    told: int = 0

    def __repr__(self) -> str:
        return f"Consented({self.gives}, {self.who}, {self.how})"


def check_consent(program: Program, said: Consented) -> None:
    """Raises BadConsent. Saying no needs nothing but who said it."""
    if said.who not in program.consent.who:
        raise BadConsent("Choose who decided.")
    if said.who != "person" and not said.name.strip():
        raise BadConsent("Write the name of whoever decided for her.")
    if not said.gives:
        return
    if said.how not in program.consent.how:
        raise BadConsent("Choose how it was given.")
    if said.told < len(program.consent.tell):
        raise BadConsent("Every point has to be told first.")


# FHIR


def program_of(episode: Mapping[str, Any]) -> str | None:
    return next(
        (code for each in episode.get("type", ()) if (code := code_in(each, uris.PROGRAM))),
        None,
    )


def judgment_of(episode: Mapping[str, Any]) -> Judgment | None:
    found = next((e for e in episode.get("extension", ()) if e.get("url") == uris.ELIGIBILITY), None)
    if found is None:
        return None
    by = extension(found, "by")
    return Judgment(
        fits=extension(found, "answer") == "eligible",
        because=str(extension(found, "because") or ""),
        at=instant(extension(found, "at")),
        by=by.get("reference") if isinstance(by, Mapping) else None,
    )


def with_judgment(episode: Resource, judged: Judgment) -> Resource:
    """A copy that carries it."""
    parts: list[Resource] = [
        {"url": "answer", "valueCode": "eligible" if judged.fits else "ineligible"},
        {"url": "because", "valueString": judged.because},
    ]
    if judged.at:
        parts.append({"url": "at", "valueDateTime": fhir_instant(judged.at)})
    if judged.by:
        parts.append({"url": "by", "valueReference": ref(judged.by)})
    kept = [each for each in episode.get("extension", ()) if each.get("url") != uris.ELIGIBILITY]
    return {**episode, "extension": [*kept, {"url": uris.ELIGIBILITY, "extension": parts}]}


def with_status(episode: Resource, status: str, now: datetime) -> Resource:
    """A copy in that status, the history of statuses kept in it."""
    at = fhir_instant(now)
    history = [dict(each) for each in episode.get("statusHistory", ())]
    if history and "end" not in history[-1]["period"]:
        history[-1]["period"] = {**history[-1]["period"], "end": at}
    history.append({"status": status, "period": {"start": at}})
    return {**episode, "status": status, "statusHistory": history}


def standing_of(
    episode: Mapping[str, Any], consents: Iterable[Mapping[str, Any]], tries: Iterable[tuple[datetime, bool]]
) -> Standing:
    """consents: the person's, newest first. tries: (when, whether she was spoken with) of its outreach."""
    ordered = sorted(tries)
    return Standing(
        status=str(episode.get("status", "")),
        judgment=judgment_of(episode),
        attempts=sum(not spoke for _, spoke in ordered),
        reached=any(spoke for _, spoke in ordered),
        last_try=ordered[-1][0] if ordered else None,
        consent=_consent(program_of(episode), consents),
    )


def consent_covers(consent: Mapping[str, Any], program: str) -> bool:
    return any((uris.PROGRAM, program) in codings(each) for each in consent.get("category", ()))


def _consent(program: str | None, consents: Iterable[Mapping[str, Any]]) -> Literal["", "given", "refused"]:
    for each in consents:
        if program and consent_covers(each, program) and each.get("status") in ("active", "rejected"):
            return "given" if each["status"] == "active" else "refused"
    return ""
