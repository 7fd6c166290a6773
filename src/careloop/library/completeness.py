"""What a program requires of a plan: content/completeness/<id>.yaml, one dated standard a file.

An element is met by evidence in the record, never by a box that somebody ticks:

    {covers: ccm/functional, within_days: 365}    answers to questions that say they cover it
    {instrument: phq-9}                           any finished answers to that instrument
    {evidence: goals-measurable}                  something else the record holds, by a name of EVIDENCE
    {any: […]}  {all: […]}                        one of them; each of them

Who said it and when stand beside it, as the record has stamped them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from careloop.library.instruments import Instrument
from careloop.library.programs import Program
from careloop.library.reading import Node, Words, read_one
from careloop.library.rules import VERIFIED, Rule

# What the record can show without a question, by the name that content uses. projections/plan_evidence.py finds it.
EVIDENCE: Final[Mapping[str, Words]] = {
    "problems": Words("active diagnoses", "diagnósticos activos"),
    "medicines": Words("a list of medicines", "una lista de medicinas"),
    "allergies": Words("allergies, or that there are none", "alergias, o que no hay"),
    "words": Words("what matters, in the person’s own words", "lo que importa, en palabras de la persona"),
    "plan": Words("a plan that a person agreed to", "un plan que una persona aceptó"),
    "needs": Words("needs in the plan", "necesidades en el plan"),
    "goals": Words("goals in the plan", "metas en el plan"),
    "goals-measurable": Words("a goal with a number and a day", "una meta con un número y una fecha"),
    "goals-prioritized": Words("goals with a priority", "metas con prioridad"),
    "steps": Words("steps with an owner and a day", "pasos con responsable y fecha"),
    "self-steps": Words("a step of the person or family", "un paso de la persona o la familia"),
    "agency-steps": Words(
        "a step or a referral with an outside agency", "un paso o una referencia con otra organización"
    ),
    "barriers": Words("what stands in the way", "lo que se interpone"),
    "team": Words("a care team with names", "un equipo con nombres"),
    "caregiver": Words("a caregiver on record", "un cuidador anotado"),
    "reviewed": Words("the plan was looked through again", "el plan se volvió a revisar"),
    "follow-up": Words("a day to look at it again", "una fecha para volver a verlo"),
    "copy-given": Words("a copy was handed over or sent", "se entregó o envió una copia"),
    "consent": Words("consent to the program", "consentimiento para el programa"),
    "orders": Words("a physician’s orders", "órdenes médicas"),
    "diet-order": Words("a diet is ordered", "hay una dieta ordenada"),
    "therapy-order": Words("therapy is ordered, or that none is needed", "hay terapia ordenada, o que no hace falta"),
    "directive": Words("advance directive or code status", "voluntades anticipadas o código"),
    "visit": Words("a visit with the billing clinician", "una cita con el profesional que factura"),
    "language": Words("language and interpreter", "idioma e intérprete"),
}  # fmt: skip
KINDS: Final = ("covers", "instrument", "evidence")
STARTS: Final = ("joined", "assessed", "last")
SECTIONS: Final = ("plan", "health", "about", "assessments", "work", "words", "access", "copy")


@dataclass(frozen=True)
class Wanted:
    """One piece of evidence. name: ccm/functional, an instrument's id, or of EVIDENCE. within_days: how old it may be;
    None: as old as it is."""

    kind: str
    name: str
    within_days: int | None
    line: int = 0

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    def leaves(self) -> Iterator[Wanted]:
        yield self


@dataclass(frozen=True)
class Wants:
    """kind: all or any."""

    kind: str
    parts: tuple[Want, ...]

    def leaves(self) -> Iterator[Wanted]:
        for part in self.parts:
            yield from part.leaves()


Want = Wanted | Wants


@dataclass(frozen=True)
class DueBy:
    """By when the law wants it. rule: of content/rules; value: the number in it (hours, days). after: joined (the
    program), assessed (the evidence named in `of`), last (when it was done last: it comes round again)."""

    rule: str
    value: str
    after: str
    of: str = ""


@dataclass(frozen=True)
class Fill:
    """How the gap is filled in one click: an instrument to ask, or a section of the person's page."""

    instrument: str = ""
    section: str = ""


@dataclass(frozen=True)
class Element:
    """lacks: what to say while it is missing. dues: all of them hold, so the first that comes is the one."""

    id: str
    text: Words
    lacks: Words
    met_by: Want
    dues: tuple[DueBy, ...]
    fill: Fill
    source: str
    line: int


@dataclass(frozen=True)
class Standard:
    """What one payer, law or accreditor requires. short: “chronic care”. programs: who is held to it. verified: as of a
    rule; U warns and makes no work. file: for errors."""

    id: str
    title: Words
    short: Words
    about: Words
    programs: tuple[str, ...]
    since: date
    source: str
    verified: str
    note: str
    elements: tuple[Element, ...]
    file: str

    @property
    def leaves(self) -> tuple[Wanted, ...]:
        return tuple(leaf for each in self.elements for leaf in each.met_by.leaves())


REQUIRED: Final = (
    *("id", "title", "short", "about", "programs", "effective", "source", "verified", "elements"),
)


def load_standard(path: Path, root: Path) -> Standard:
    """Raises BrokenContent with file and line."""
    node = read_one(path, root)
    keys = node.mapping(REQUIRED, ("note",))
    if keys["id"].text() != path.stem:
        keys["id"].fail(f"The id “{keys['id'].text()}” is not the name of this file.")
    elements = tuple(_element(each) for each in keys["elements"].sequence())
    ids = [each.id for each in elements]
    if again := next((each for each in ids if ids.count(each) > 1), None):
        keys["elements"].fail(f"“{again}” is there twice.")
    return Standard(
        id=path.stem,
        title=keys["title"].words(),
        short=keys["short"].words(),
        about=keys["about"].words(),
        programs=tuple(each.text() for each in keys["programs"].sequence()),
        since=keys["effective"].mapping(("from",))["from"].day(),
        source=keys["source"].text(),
        verified=keys["verified"].one_of(VERIFIED),
        note=keys["note"].text() if "note" in keys else "",
        elements=elements,
        file=node.file,
    )


def check_standard(
    standard: Standard,
    programs: Collection[str] | Mapping[str, Program],
    rules: Mapping[str, tuple[Rule, ...]],
    instruments: Mapping[str, Instrument],
) -> None:
    """Everything that it names is there."""
    for program in standard.programs:
        _known(program, programs, "program", Node(None, 1, standard.file))
    for element in standard.elements:
        place = Node(None, element.line, standard.file)
        for leaf in element.met_by.leaves():
            if leaf.kind == "instrument":
                _known(leaf.name, instruments, "instrument", Node(None, leaf.line, standard.file))
            if leaf.kind == "evidence":
                _known(leaf.name, EVIDENCE, "kind of evidence", Node(None, leaf.line, standard.file))
        if element.fill.instrument:
            _known(element.fill.instrument, instruments, "instrument", place)
        for due in element.dues:
            _known(due.rule, rules, "rule", place)
            if due.value not in rules[due.rule][-1].values:
                place.fail(f"Rule “{due.rule}” has no value “{due.value}”.")
            if due.after == "assessed" and due.of not in {leaf.key for leaf in standard.leaves}:
                place.fail(f"“{due.of}” is no evidence that this standard asks for.")


def check_covers(instruments: Mapping[str, Instrument], standards: Mapping[str, Standard]) -> Iterator[str]:
    """What questions say they cover and no standard asks for: said, so that a slip of the pen shows."""
    asked = {leaf.name for each in standards.values() for leaf in each.leaves if leaf.kind == "covers"}
    for instrument in instruments.values():
        for question in instrument.questions:
            for named in question.covers:
                if named.partition("/")[0] in standards and named not in asked:
                    yield f"{instrument.id}/{question.id} covers “{named}”, which nobody asks for."


def _known(name: str, there: Collection[str], kind: str, place: Node) -> None:
    if name not in there:
        place.fail(f"There is no {kind} “{name}”.")


def _element(node: Node) -> Element:
    keys = node.mapping(("id", "text", "lacks", "met_by", "fill"), ("due", "source"))
    return Element(
        keys["id"].text(),
        keys["text"].words(),
        keys["lacks"].words(),
        _want(keys["met_by"]),
        tuple(_due(each) for each in keys["due"].sequence()) if "due" in keys else (),
        _fill(keys["fill"]),
        keys["source"].text() if "source" in keys else "",
        node.line,
    )


def _want(node: Node) -> Want:
    keys = node.any_mapping()
    for kind in ("all", "any"):
        if kind in keys:
            node.mapping((kind,))
            parts = tuple(_want(each) for each in keys[kind].sequence())
            if not parts:
                keys[kind].fail("Expected at least one piece of evidence.")
            return Wants(kind, parts)
    keys = node.mapping((), (*KINDS, "within_days"))
    said = [kind for kind in KINDS if kind in keys]
    if len(said) != 1:
        node.fail(f"Expected one of {', '.join(KINDS)}, or any, or all.")
    within = keys["within_days"].integer() if "within_days" in keys else None
    return Wanted(said[0], keys[said[0]].text(), within, node.line)


def _due(node: Node) -> DueBy:
    keys = node.mapping(("rule", "value", "after"), ("of",))
    if keys["value"].text() not in UNITS:
        keys["value"].fail(f"A due time is counted in one of: {', '.join(UNITS)}.")
    return DueBy(
        keys["rule"].text(),
        keys["value"].text(),
        keys["after"].one_of(STARTS),
        keys["of"].text() if "of" in keys else "",
    )


# The names that a rule may give its number -> what it counts.
UNITS: Final[Mapping[str, str]] = {
    "hours": "hours",
    "days": "days",
    "initial_hours": "hours",
    "comprehensive_days": "days",
    "review_days": "days",
    "days_after_assessment": "days",
    "by_day_of_stay": "day-of-stay",
}


def _fill(node: Node) -> Fill:
    keys: Mapping[str, Node] = node.mapping((), ("instrument", "section"))
    if len(keys) != 1:
        node.fail("A gap is filled by one instrument or one section.")
    if "instrument" in keys:
        return Fill(instrument=keys["instrument"].text())
    return Fill(section=keys["section"].one_of(SECTIONS))
