"""Everything that one page of questions shows, read in one unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from careloop.accounts.models import Principal
from careloop.actions.adopted import QuestionsRefused, instrument_in
from careloop.actions.complete_assessment import asks_safety, finished_by_another
from careloop.actions.drafting import DraftState, OpenDraft, opened
from careloop.actions.start_assessment import previous_answers
from careloop.care.assess import NOBODY, Score, Who, score, who_is
from careloop.fhir.elements import instant
from careloop.fhir.questionnaire import Answer, check, only_asked, progress
from careloop.fhir.responses import answers_of
from careloop.kernel.errors import NotFound
from careloop.library import Instrument, Library
from careloop.projections.card import card
from careloop.projections.people import briefs
from careloop.store import Stored, Unit, drafts
from careloop.web import formats
from careloop.web.interpreter_words import way_choices
from careloop.web.staff.assess_asked import Above
from careloop.web.staff.assess_said import answered_words
from careloop.web.staff.assess_sheet import (
    FINISH,
    Asked,
    Earlier,
    Sheet,
    Urgent,
    earlier_answers,
    first_open,
    next_question,
    question_before,
    questions,
    urgents,
)
from careloop.web.staff.assess_words import (
    helper_words,
    language_name,
    languages_of,
    number_words,
    reader_language,
    score_words,
    tellers,
    wording_warning,
    written_by,
)

# A colleague's draft that was touched within this time is being asked now.
AT_WORK = timedelta(minutes=30)


@dataclass
class Telling:
    """What this answer of the page has to say: where she is, what did not fit, what is missing."""

    current: str = ""
    sheet: Sheet = field(default_factory=Sheet)
    refused: str = ""
    alarmed: bool = False
    missing: Sequence[str] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    safety: dict[str, str] | None = None
    safety_problem: str = ""
    is_summed_up: bool = False
    answered_on: str = ""
    date_problem: str = ""
    is_beside_asked: bool = False


def page_of(
    unit: Unit, draft: int, library: Library, telling: Telling, tz: ZoneInfo, *, is_whole: bool
) -> dict[str, Any]:
    """is_whole: with the card, the earlier answers and the people who may answer. Raises what `opened` raises."""
    found = opened(unit, draft, library, to_change=False)
    state, instrument = found.state, found.instrument
    result = score(instrument, state.answers, who_of(unit, state.person, unit.now))
    asked = questions(
        instrument,
        state.answers,
        state.asked.language,
        said_at=state.said_at,
        earlier=_earlier(unit, found, library) if is_whole else None,
        sheet=telling.sheet,
        origins=state.origins,
    )
    current = telling.current if _is_place(asked, telling.current) else first_open(asked)
    urgent = urgents(unit, found, {alarm.critical.id: alarm for alarm in result.critical})
    context = {
        "found": found,
        "draft": found.draft.id,
        "state": state,
        "instrument": instrument,
        "questions": asked,
        "current": current,
        "following": next_question(asked, current) if current != FINISH else "",
        "before": question_before(asked, current),
        "progress": progress(instrument.form, state.answers),
        "score": score_words(instrument, result, is_done=False),
        "urgent": urgent,
        "needs_safety": asks_safety(found),
        "safety": telling.safety or _safety(unit, found),
        "telling": telling,
        "missing": missing(found, asked),
        "unasked": [each for each in asked if each.is_unasked],
        "saved_at": formats.clock_time(found.draft.at.astimezone(tz)) if state.answers else "",
        "others": others(unit, found),
        "other": _other(unit, found),
        "goes_on": goes_on(library, urgent, result, state),
        "live": live(asked),
        "warning": wording_warning(instrument, state.asked.language),
        "errors": errors(telling, asked),
    }
    return {**context, **(_whole(unit, found, library) if is_whole else {})}


def _is_place(asked: list[Asked], wanted: str) -> bool:
    return wanted == FINISH or any(each.id == wanted and each.is_asked for each in asked)


def _whole(unit: Unit, found: OpenDraft, library: Library) -> dict[str, Any]:
    shown = card(unit, found.state.person.removeprefix("Patient/"))
    people = unit.of_person(found.draft.person, ["RelatedPerson"])
    teller = tellers(unit, {"": found.state.asked}, found.state.person, shown.person.name)[""]
    return {
        "card": shown,
        "teller": teller,
        "helpers": [
            (r.reference, helper_words(r.resource)) for r in people if r.resource.get("active", True)
        ],
        "languages": [
            (code, language_name(code), wording_warning(found.instrument, code))
            for code in languages_of(found.instrument)
        ],
        "asked": found.state.asked,
        "ways": way_choices(),
        "siblings": begun(unit, found.draft.person, library, found.draft.id),
    }


def _earlier(unit: Unit, found: OpenDraft, library: Library) -> dict[str, Earlier]:
    previous = previous_answers(unit, found.draft.person, found.instrument, library)
    told = {each.response: each.asked for each in previous.values()}
    name = briefs(unit, [found.draft.person])[found.draft.person].name
    return earlier_answers(
        found.instrument,
        previous,
        tellers(unit, told, found.state.person, name),
        written_by(unit, [each.by for each in previous.values()]),
        unit.now,
    )


def _safety(unit: Unit, found: OpenDraft) -> dict[str, str]:
    """What was written down, else what was told minutes ago beside another instrument; whether she is safe is always
    asked anew."""
    if found.state.safety:
        return dict(found.state.safety)
    for draft in drafts.listed(unit, found.draft.person):
        told = draft.answers.get("safety") or {}
        if told and unit.now - draft.at < AT_WORK:
            return {"where": told.get("where", ""), "callback": told.get("callback", ""), "safe": ""}
    phone = briefs(unit, [found.draft.person])[found.draft.person].phone
    return {"where": "", "callback": formats.phone_words(phone) if phone else "", "safe": ""}


@dataclass(frozen=True, repr=False)
class Beside:
    """The same questions at another time. words: `12, moderate`."""

    id: str
    at: datetime
    words: str

    def __repr__(self) -> str:
        return f"Beside({self.id})"


def who_of(unit: Unit, person: str, at: datetime) -> Who:
    """person: "Patient/…". at: when it was answered."""
    found = unit.get([person]).get(person)
    return who_is(found.resource, at.date()) if found else NOBODY


def times_asked(unit: Unit, person: int, instrument: Instrument) -> list[Beside]:
    """Every time these questions were finished, newest first."""
    found = []
    for stored in unit.of_person(person, ["QuestionnaireResponse"]):
        resource = stored.resource
        url = str(resource.get("questionnaire", "")).partition("|")[0]
        if url == instrument.questionnaire["url"] and resource.get("status") in ("completed", "amended"):
            answers, _ = answers_of(instrument.form, resource)
            at = instant(resource.get("authored")) or stored.at
            who = who_of(unit, (resource.get("subject") or {}).get("reference", ""), at)
            told = score_words(instrument, score(instrument, answers, who), is_done=True)
            words = ", ".join(part for part in (told.value, told.band) if part) or "; ".join(told.findings)
            found.append(Beside(stored.id, at, words))
    return sorted(found, key=lambda each: each.at, reverse=True)


def begun(unit: Unit, person: int, library: Library, but: int = 0) -> list[tuple[int, str, str]]:
    """My questions begun with this person, without one: (draft, name, `7 of 10`)."""
    known = library.instruments
    listed = []
    for draft in drafts.listed(unit, person):
        if draft.id == but or "instrument" not in draft.answers:
            continue
        try:
            instrument = known.get(draft.form) or instrument_in(unit, library, draft.form)
        except (NotFound, QuestionsRefused):
            continue
        done = progress(instrument.form, DraftState.read(draft.answers).answers)
        words = gettext("%(n)d of %(total)d") % {"n": done.answered, "total": done.total}
        listed.append((draft.id, instrument.short.get(reader_language()), words))
    return listed


def others(unit: Unit, found: OpenDraft) -> list[str]:
    """Names of colleagues who are asking the same questions now."""
    active = drafts.of_others(unit, found.draft.person, found.draft.form, unit.now - AT_WORK)
    people = Principal.objects.filter(id__in=[each.actor for each in active]).order_by("name")
    return [str(each) for each in people]


@dataclass(frozen=True, repr=False)
class Other:
    """The same questions, finished by a colleague after these were begun. differences: (question, theirs, mine)."""

    id: str
    by: str
    at: Any
    differences: list[tuple[str, str, str]]

    def __repr__(self) -> str:
        return f"Other({self.id})"


def _other(unit: Unit, found: OpenDraft) -> Other | None:
    stored = finished_by_another(unit, found)
    if stored is None:
        return None
    author = (stored.resource.get("author") or {}).get("reference")
    by = written_by(unit, [author]).get(author or "", gettext("A colleague"))
    return Other(
        stored.id, by, instant(stored.resource.get("authored")) or stored.at, differences(found, stored)
    )


def differences(found: OpenDraft, stored: Stored) -> list[tuple[str, str, str]]:
    language, instrument = reader_language(), found.instrument
    theirs, _ = answers_of(instrument.form, stored.resource)
    lines = []
    for key in dict.fromkeys((*theirs, *found.state.answers)):
        item = instrument.form.at(key)
        one, two = theirs.get(key, Answer()), found.state.answers.get(key, Answer())
        if item is not None and item.is_question and one != two:
            lines.append((item.said(language), answered_words(item, one), answered_words(item, two)))
    return lines


def goes_on(
    library: Library, urgent: list[Urgent], result: Score, state: DraftState
) -> list[tuple[str, str, str]]:
    """What to ask next: (instrument, its name, because). From critical answers first."""
    language = reader_language()
    found = {each.critical.next: each.because for each in urgent if each.critical.next}
    for following in result.next:
        value = "" if result.value is None else number_words(result.value)
        found.setdefault(following.instrument, following.because.get(language).format(score=value))
    return [(name, library.instruments[name].short.get(language), because) for name, because in found.items()]


def missing(found: OpenDraft, asked: list[Asked]) -> list[Asked]:
    """The questions that still need an answer or a reason for none."""
    problems = check(
        found.instrument.form, only_asked(found.instrument.form, found.state.answers), is_complete=True
    )
    wanted = {problem.link_id for problem in problems if problem.code == "missing"}
    return [each for each in asked if each.id in wanted]


def errors(telling: Telling, asked: list[Asked]) -> list[tuple[str, str]]:
    """For the summary that takes the focus: (field, sentence)."""
    found = []
    if telling.is_summed_up and telling.safety_problem:
        found.append(("safety", telling.safety_problem))
    wanted = set(telling.missing)
    for each in asked:
        if each.id in wanted:
            said_so = gettext("Question %(number)s has no answer yet: %(text)s")
            found.append((f"q-{each.dom}", said_so % {"number": each.number, "text": each.text}))
        elif each.id in telling.faults:
            found.append((f"q-{each.dom}", f"{each.number}. {telling.faults[each.id]}"))
    kept = {each.id for each in asked}
    found += [("questions", sentence) for key, sentence in telling.faults.items() if key not in kept]
    if telling.date_problem:
        found.append(("field-answered-on", telling.date_problem))
    return found


def live(asked: list[Asked]) -> dict[str, Any]:
    """What a script must know of each question after an answer was kept."""
    return {
        each.id: {
            "asked": each.is_asked,
            "number": each.number,
            "seen": each.seen,
            "chosen": [choice.value for choice in each.choices if choice.is_chosen],
            "typed": each.typed,
            "absent": each.absent,
            "problem": each.problem,
            "fields": list(each.fields) if each.control == "several" else [],
            "unit": each.unit,
            "options": [choice.value for choice in each.choices] if each.item.answer_expression else [],
            "from": "" if not each.origin else "kept" if each.is_confirmed else "ask",
            "computed": {
                shown.place: [shown.value, shown.is_asked]
                for shown in (*each.above, *each.below)
                if isinstance(shown, Above) and shown.kind == "computed"
            },
        }
        for each in asked
    }
