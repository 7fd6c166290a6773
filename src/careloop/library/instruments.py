"""Instruments: a folder with questionnaire.yaml, es.yaml, scoring.yaml, SOURCE.md and cases/.

Our own readable form compiles to a FHIR Questionnaire (SDC ordinal values, enableWhen), which is what the page
and the API both use. Nothing here knows an instrument by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire import BadQuestionnaire, Form, compile_form
from careloop.library.compiling import SYSTEM, questionnaire
from careloop.library.questions import Question, Spanish, read_choices, read_questions
from careloop.library.reading import Node, Words, read_one
from careloop.library.scoring import Scoring, check_scoring, scoring

HEAD_REQUIRED = ("id", "version", "title", "short", "about", "minutes", "wording", "copyright", "items")
HEAD_OPTIONAL = ("loinc", "answers", "private", "topic")
# Under which heading it is offered, in this order.
TOPICS: Mapping[str, Words] = {
    "whole": Words("The whole picture", "El panorama completo"),
    "mood": Words("Mood and safety", "Ánimo y seguridad"),
    "living": Words("Daily living and falls", "Vida diaria y caídas"),
    "health": Words("Pain, drinking, serious illness", "Dolor, alcohol, enfermedad grave"),
    "needs": Words("Home, food, rides, reading", "Vivienda, comida, transporte, lectura"),
    "family": Words("Whoever cares", "Quien cuida"),
    "setting": Words("Hospice and nursing home", "Cuidados paliativos y residencia"),
    "other": Words("More questions", "Más preguntas"),
}
# How sure we are of the words. checked: held against the publisher's own form. agrees: word for word as independent
# public copies have it, the form itself was not at hand. unverified: nobody has compared it. own: written for Careloop.
WORDINGS = ("checked", "agrees", "unverified", "own")
FILES = ("questionnaire.yaml", "es.yaml", "scoring.yaml", "SOURCE.md")


@dataclass(frozen=True)
class Case:
    """A golden case: answers that must lead to what is expected."""

    name: str
    answers: Mapping[str, Any] = field(hash=False)
    expect: Mapping[str, Any] = field(hash=False)
    file: str
    line: int


@dataclass(frozen=True)
class Instrument:
    """wording: en and es -> one of WORDINGS. is_private: asked alone; nothing of it is printed."""

    id: str
    version: int
    title: Words
    short: Words
    about: Words
    copyright: Words
    minutes: int
    wording: Mapping[str, str] = field(hash=False)
    loinc: str | None
    questions: tuple[Question, ...]
    by_id: Mapping[str, Question] = field(hash=False)
    questionnaire: Resource = field(hash=False, repr=False)
    form: Form = field(hash=False, repr=False)
    scoring: Scoring
    source: str = field(repr=False)
    cases: tuple[Case, ...] = field(default=(), repr=False)
    is_private: bool = False
    topic: str = "other"

    @property
    def canonical(self) -> str:
        return f"{SYSTEM}:{self.id}|{self.version}"


def load_instrument(folder: Path, root: Path) -> Instrument:
    """Raises BrokenContent with file and line."""
    place = Node(None, 1, folder.relative_to(root).as_posix())
    for name in FILES:
        if not (folder / name).is_file():
            place.fail(f"{name} is missing.")
    node = read_one(folder / "questionnaire.yaml", root)
    head = node.mapping(HEAD_REQUIRED, HEAD_OPTIONAL)
    if head["id"].text() != folder.name:
        head["id"].fail(f"The id is not the name of its folder, “{folder.name}”.")
    spanish = Spanish(read_one(folder / "es.yaml", root))
    choices = read_choices(head.get("answers"), spanish)
    questions = tuple(read_questions(head["items"], None, choices, spanish, {}))
    words = {
        key: Words(head[key].text(), spanish.head(key)) for key in ("title", "short", "about", "copyright")
    }
    spanish.refuse_leftovers()
    by_id = MappingProxyType({question.id: question for question in questions})
    compiled = questionnaire(
        instrument=head["id"].text(),
        version=head["version"].integer(),
        words=words,
        loinc=head["loinc"].text() if "loinc" in head else None,
        questions=questions,
    )
    try:
        form = compile_form(compiled)
    except BadQuestionnaire as bad:
        head["items"].fail(bad.sentence)
    scored = scoring(read_one(folder / "scoring.yaml", root), head["id"].text())
    check_scoring(scored, by_id)
    return Instrument(
        id=head["id"].text(),
        version=head["version"].integer(),
        title=words["title"],
        short=words["short"],
        about=words["about"],
        copyright=words["copyright"],
        minutes=head["minutes"].integer(),
        wording={
            language: said.one_of(WORDINGS)
            for language, said in head["wording"].mapping(("en", "es")).items()
        },
        loinc=head["loinc"].text() if "loinc" in head else None,
        questions=questions,
        by_id=by_id,
        questionnaire=compiled,
        form=form,
        scoring=scored,
        source=(folder / "SOURCE.md").read_text("utf-8"),
        cases=load_cases(folder / "cases", root),
        is_private=head["private"].boolean() if "private" in head else False,
        topic=head["topic"].one_of(tuple(TOPICS)) if "topic" in head else "other",
    )


def load_cases(folder: Path, root: Path) -> tuple[Case, ...]:
    """Each file in cases/ is a list of {name, answers or scores or facts, expect}; who: whose answers, where a band
    differs by sex or age."""
    cases = []
    for path in sorted(folder.glob("*.yaml")):
        for node in read_one(path, root).sequence():
            keys = node.mapping(("name", "expect"), ("answers", "scores", "findings", "facts", "who"))
            given = {name: keys[name].plain() for name in keys if name not in ("name", "expect")}
            expect = keys["expect"].plain()
            cases.append(Case(keys["name"].text(), given, expect, node.file, node.line))
    return tuple(cases)
