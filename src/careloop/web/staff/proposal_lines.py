"""A proposal as its page shows it: lines under one another, each with why, and what the plan has already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.translation import get_language, gettext, pgettext

from careloop.actions.decide_line import parent_of
from careloop.actions.propose_plan import line_key, lines_of, reason_in
from careloop.care.assess import said
from careloop.care.line_change import LineChange, change_of, shown_words
from careloop.fhir import uris
from careloop.fhir.elements import Resource, day, extension, instant, text_of
from careloop.fhir.responses import answers_of
from careloop.fhir.translation import translated
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import Instrument, Leaflet, Library, NeedTemplate
from careloop.store import Stored, Unit
from careloop.web import formats

PARTS = {"Condition": "need", "Goal": "goal", "Task": "action"}


@dataclass(frozen=True, repr=False)
class Evidence:
    """What was answered. name: of the instrument. says: question and answer, those that led here."""

    name: str
    at: datetime | None
    who: str
    href: str
    says: tuple[tuple[str, str], ...]


@dataclass(frozen=True, repr=False)
class Becomes:
    """One thing of a line that stands: what it was, what it would be. what: the word for it."""

    what: str
    was: str
    will: str


@dataclass(repr=False)
class Line:
    """One line. act: add, change or end; becomes: of a change, what was and what would be. alert: id of the
    DetectedIssue that asked for it. is_there: it stands in the plan already, and is only shown. decision: accepted,
    edited, declined, or empty. below: the number of a goal's target. depth: 0 a need, 1 a goal, 2 an action."""

    reference: str
    part: str
    key: str
    text: str
    is_there: bool = False
    version: int = 0
    english: str = ""
    spanish: str = ""
    measure: str = ""
    below: int | None = None
    due: date | None = None
    owner: str = ""
    owner_name: str = ""
    owner_kind: str = ""
    because: str = ""
    source: str = ""
    conflict: str = ""
    decision: str = ""
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    leaflet: Leaflet | None = None
    parent: str | None = None
    depth: int = 0
    under: list[Line] = field(default_factory=list)
    act: str = "add"
    becomes: tuple[Becomes, ...] = ()
    alert: str = ""

    @property
    def anchor(self) -> str:
        return "line-" + self.reference.replace("/", "-")

    @property
    def part_word(self) -> str:
        if self.act != "add":
            return {
                "change": pgettext("a line of a plan", "Change"),
                "end": pgettext("a line of a plan", "End"),
            }[self.act]
        return {
            "need": pgettext("a line of a plan", "Need"),
            "goal": pgettext("a line of a plan", "Goal"),
            "action": pgettext("a line of a plan", "Step"),
        }[self.part]

    @property
    def is_open(self) -> bool:
        return not self.is_there and not self.decision

    @property
    def is_kept(self) -> bool:
        return self.decision in ("accepted", "edited")

    @property
    def under_open(self) -> int:
        """How many lines below it wait for a decision."""
        return sum(each.is_open + each.under_open for each in self.under)

    def walk(self) -> Iterable[Line]:
        yield self
        for each in self.under:
            yield from each.walk()


def text_in(concept: Mapping[str, Any] | None, language: str) -> str:
    return translated(concept, "text", language) or text_of(concept)


def sentence_in(resource: Resource, url: str, language: str) -> str:
    for found in resource.get("extension", ()):
        if found.get("url") == url:
            return str(translated(found, "valueString", language) or found.get("valueString", ""))
    return ""


def tree_of(unit: Unit, plan: Resource, library: Library) -> list[Line]:
    """plan: the proposal, as it was when it was decided upon."""
    language = get_language() or "en"
    found = unit.get(lines_of(plan))
    evidence = _responses(unit, found.values())
    lines = {s.reference: _line(s, language, library, evidence) for s in found.values()}
    _show_changes(unit, found.values(), lines, language)
    there = {line.key: line for line in _already(unit, plan, language)}
    by_there = {line.reference: line for line in there.values()}
    by_key = {line.key: line for line in lines.values()} | there
    roots: list[Line] = []
    for line in (*lines.values(), *there.values()):
        above = (
            lines.get(line.parent or "") or by_there.get(line.parent or "") or by_key.get(line.parent or "")
        )
        (above.under if above is not None and above is not line else roots).append(line)
    roots.sort(key=lambda line: line.is_there)
    for root in roots:
        _deepen(root, 0)
    return roots


def _deepen(line: Line, depth: int) -> None:
    line.depth = depth
    line.under.sort(key=lambda each: each.is_there)
    for each in line.under:
        _deepen(each, depth + 1)


def _line(stored: Stored, language: str, library: Library, evidence: Mapping[str, Stored]) -> Line:
    resource = stored.resource
    concept = resource["description"] if stored.type == "Goal" else resource.get("code")
    line = Line(stored.reference, PARTS[stored.type], line_key(resource), text_in(concept, language))
    line.version, line.parent = stored.version, parent_of(resource)
    line.english = text_of(concept)
    line.spanish = translated(concept, "text", "es") or ""
    line.because = sentence_in(resource, uris.BECAUSE, language) or text_in(
        resource.get("reasonCode"), language
    )
    line.source = str(extension(resource, uris.SOURCE) or "")
    line.conflict = sentence_in(resource, uris.CONFLICT, language)
    line.alert = _alert(resource)
    line.decision = str(extension(resource, uris.DECISION) or "")
    line.reason = reason_in(resource).get(language) if line.decision == "declined" else ""
    if stored.type == "Goal":
        _goal_facts(line, resource)
    elif stored.type == "Task":
        _task_facts(line, resource, library)
    else:
        line.evidence = _evidence(line, resource, library, evidence, language)
    return line


def _alert(resource: Resource) -> str:
    """Id of the DetectedIssue that asked for it."""
    named = [
        *(d.get("reference", "") for e in resource.get("evidence", ()) for d in e.get("detail", ())),
        str((resource.get("reasonReference") or {}).get("reference", "")),
        *(str((each.get("valueReference") or {}).get("reference", "")) for each in resource.get("input", ())),
    ]
    return next((each.partition("/")[2] for each in named if each.startswith("DetectedIssue/")), "")


def _show_changes(unit: Unit, found: Iterable[Stored], lines: Mapping[str, Line], language: str) -> None:
    """Of lines that would change or end: what they are now, what they would be."""
    changes = {each.reference: made for each in found if (made := change_of(each.resource))}
    standing = unit.get([each.on for each in changes.values()]) if changes else {}
    for reference, change in changes.items():
        line, on = lines[reference], standing.get(change.on)
        line.act, line.part, line.parent = change.act, PARTS[change.on.partition("/")[0]], None
        line.due, line.below = change.due, int(change.below) if change.below is not None else None
        line.owner, line.owner_name = change.owner or ("", "")
        if on is not None:
            words = shown_words(on.resource)
            line.text = words.es if language.startswith("es") else words.en
            line.becomes = tuple(_becomes(on.resource, change, language))


def _becomes(line: Resource, change: LineChange, language: str) -> Iterable[Becomes]:
    if change.text is not None:
        words = shown_words(line)
        is_spanish = language.startswith("es")
        will = change.text.es or change.text.en if is_spanish else change.text.en
        yield Becomes(gettext("Says"), words.es if is_spanish else words.en, will)
    target: Resource = next(iter(line.get("target", ())), {})
    if change.due is not None:
        had = day(target.get("dueDate")) if line["resourceType"] == "Goal" else due_day(line)
        was = formats.full_date(had) if had else gettext("no day")
        yield Becomes(gettext("Due"), was, formats.full_date(change.due))
    if change.below is not None:
        value = (target.get("detailQuantity") or {}).get("value")
        was = str(value) if value is not None else gettext("no number")
        yield Becomes(text_of(target.get("measure")) or gettext("Below"), was, str(change.below))
    if change.owner is not None:
        nobody = gettext("nobody in particular")
        was = str((line.get("owner") or {}).get("display", "")) or nobody
        yield Becomes(gettext("Who does it"), was, change.owner[1] or nobody)


def _goal_facts(line: Line, goal: Resource) -> None:
    target: Resource = next(iter(goal.get("target", ())), {})
    line.due = day(target.get("dueDate"))
    if "detailQuantity" in target:
        line.measure, line.below = text_of(target.get("measure")), int(target["detailQuantity"]["value"])


def _task_facts(line: Line, task: Resource, library: Library) -> None:
    line.due = due_day(task)
    owner = task.get("owner") or {}
    line.owner, line.owner_name = str(owner.get("reference", "")), str(owner.get("display", ""))
    line.owner_kind = next((str(each.get("text", "")) for each in task.get("performerType", ())), "")
    line.leaflet = library.leaflet_for(line.key.partition(":")[2])


def due_day(task: Resource) -> date | None:
    """The day that a step is due: where the person lives, once it has an hour."""
    end = (task.get("restriction") or {}).get("period", {}).get("end")
    at = instant(end)
    try:
        return at.astimezone(zone(str(extension(task, uris.ZONE) or "UTC"))).date() if at else day(end)
    except UnknownZone:
        return day(end)


def _already(unit: Unit, plan: Resource, language: str) -> Iterable[Line]:
    parts = [
        each.get("extension", ()) for each in plan.get("extension", ()) if each.get("url") == uris.ALREADY
    ]
    for part in parts:
        named = {each["url"]: each for each in part}
        reference = str(named["there"]["valueReference"]["reference"])
        says = translated(named["says"], "valueString", language) or named["says"]["valueString"]
        key = named["line"]["valueString"]
        line = Line(reference, key.partition(":")[0], key, str(says), is_there=True)
        line.parent = named["under"]["valueString"] if "under" in named else None
        yield line


# --- what was answered


def _responses(unit: Unit, lines: Iterable[Stored]) -> dict[str, Stored]:
    wanted = {
        detail["reference"]
        for line in lines
        for evidence in line.resource.get("evidence", ())
        for detail in evidence.get("detail", ())
        if "reference" in detail
    }
    return unit.get(sorted(wanted)) if wanted else {}


def _evidence(
    line: Line, need: Resource, library: Library, found: Mapping[str, Stored], language: str
) -> tuple[Evidence, ...]:
    template = _template(library, line.key.partition(":")[2])
    details = [d.get("reference", "") for e in need.get("evidence", ()) for d in e.get("detail", ())]
    told = [_answered(found[each], library, template, language) for each in details if each in found]
    return tuple(each for each in told if each is not None)


def _template(library: Library, code: str) -> NeedTemplate | None:
    return next((n for plan in library.plans.values() for n in plan.needs if n.code == code), None)


def _answered(
    response: Stored, library: Library, template: NeedTemplate | None, language: str
) -> Evidence | None:
    resource = response.resource
    canonical = str(resource.get("questionnaire", ""))
    instrument = next((i for i in library.instruments.values() if i.canonical == canonical), None)
    if instrument is None or (template and not _is_read(template, instrument)):
        return None
    return Evidence(
        instrument.short.get(language),
        instant(resource.get("authored")),
        str(extension(resource, uris.HEARD_FROM) or ""),
        f"assessments#{instrument.id}",
        tuple(_says(resource, instrument, template, language)) if template else (),
    )


def _is_read(template: NeedTemplate, instrument: Instrument) -> bool:
    return any(path.split("/")[1] == instrument.id for path in template.reads if not path.startswith("fact/"))


def _says(
    resource: Resource, instrument: Instrument, template: NeedTemplate, language: str
) -> Iterable[tuple[str, str]]:
    """The answers that count for this need; those under a total are too many to repeat."""
    answers, _ = answers_of(instrument.form, resource)
    findings = {each.id: each for each in instrument.scoring.findings}
    asked: list[str] = []
    for path in template.reads:
        subject, _, rest = path.partition("/")
        name = rest.partition("/")[2]
        if subject == "finding" and name in findings and rest.startswith(f"{instrument.id}/"):
            asked += [each.partition("/")[2] for each in findings[name].when.reads()]
        elif subject == "answer" and rest.startswith(f"{instrument.id}/"):
            asked.append(name)
    for item in dict.fromkeys(asked):
        question, answer = instrument.by_id.get(item), answers.get(item)
        if question and answer and (answer.is_given or answer.absent):
            yield question.text.get(language), said(question, answer, language)
