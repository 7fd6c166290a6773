"""Questions from elsewhere: somebody else's Questionnaire as an instrument, asked like ours. It has no score of ours;
what speaks at once in ours speaks here too, where question and answer carry the same LOINC codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire import CHOICES, Form, Item, Option, compile_form
from careloop.fhir.questionnaire.extensions import texts_of
from careloop.library.conditions import Compare, Condition, Group
from careloop.library.instruments import Instrument
from careloop.library.questions import Choice, Question
from careloop.library.reading import Words
from careloop.library.scoring import Critical, Scoring

PREFIX: Final = "Questionnaire-"
NOT_SCORED: Final = Words(
    "These questions come from elsewhere. Careloop adds nothing up; what the form computes stands among the answers.",
    "Estas preguntas vienen de otro lugar. Careloop no suma nada; lo que el formulario calcula va con las respuestas.",
)
_KINDS: Final = {"boolean": "yes-no", "string": "text", "open-choice": "choice"}
_SECONDS_A_QUESTION: Final = 15


@dataclass(frozen=True)
class Adopted(Instrument):
    """id: `Questionnaire-` and the resource's own id. version: that of the record, so that a draft notices a change."""

    @property
    def canonical(self) -> str:
        return self.form.canonical

    @property
    def languages(self) -> tuple[str, ...]:
        """In which it can be asked: as it is written, and what it is translated to."""
        own = str(self.questionnaire.get("language", "en")).partition("-")[0]
        told = {language for item in self.form.items for language in item.texts}
        found = [own if own in ("en", "es") else "en", *(each for each in ("en", "es") if each in told)]
        return tuple(dict.fromkeys(found))


def adopt(
    questionnaire: Resource,
    version: int,
    instruments: Iterable[Instrument],
    value_sets: Mapping[str, Resource] | None = None,
) -> Adopted:
    """instruments: ours, for what is critical. value_sets: stored ones, by address. Raises BadQuestionnaire."""
    if not questionnaire.get("url"):  # it has no address but its own place in the record
        own = f"Questionnaire/{questionnaire.get('id', '')}"
        questionnaire = {**{k: v for k, v in questionnaire.items() if k != "version"}, "url": own}
    form = compile_form(questionnaire, value_sets)
    questions = tuple(_question(item) for item in form.items)
    title = str(questionnaire.get("title") or questionnaire.get("name") or questionnaire.get("url") or "")
    asked = [item for item in form.items if item.is_answered_here]
    name = f"{PREFIX}{questionnaire.get('id', '')}"
    codes = [(each.get("system"), each.get("code")) for each in questionnaire.get("code", ())]
    loinc = next((code for system, code in codes if system == uris.LOINC), None)
    return Adopted(
        id=name,
        version=version,
        title=_words(questionnaire, "title", title),
        short=_words(questionnaire, "title", title),
        about=_words(questionnaire, "description", str(questionnaire.get("description", ""))),
        copyright=_words(questionnaire, "copyright", str(questionnaire.get("copyright", ""))),
        minutes=max(1, round(len(asked) * _SECONDS_A_QUESTION / 60)),
        wording=MappingProxyType({"en": "checked", "es": "checked"}),
        loinc=loinc,
        questions=questions,
        by_id=MappingProxyType({question.id: question for question in questions}),
        questionnaire=questionnaire,
        form=form,
        scoring=Scoring(
            source=str(questionnaire.get("publisher") or questionnaire.get("url") or title),
            not_scored=NOT_SCORED,
            critical=tuple(_critical(instruments, questions)),
            file=name,
        ),
        source="",
    )


def bound(instrument: Adopted, form: Form) -> Adopted:
    """The same with a form that knows whom it is asked."""
    return replace(instrument, form=form)


def _words(element: Resource, name: str, text: str) -> Words:
    return Words(text, texts_of(element, name).get("es", text))


def _question(item: Item) -> Question:
    kind = "choices" if item.type in CHOICES and item.repeats else _KINDS.get(item.type, item.type)
    help_words = Words(item.help("en"), item.help("es")) if item.helps else None
    return Question(
        id=item.link_id,
        kind=kind,
        text=Words(item.said("en"), item.said("es")),
        help=help_words,
        choices=tuple(_choice(option) for option in item.options) if item.type in CHOICES else (),
        loinc=_loinc_of(item),
        is_required=item.is_required,
        minimum=item.minimum if isinstance(item.minimum, int) else None,
        maximum=item.maximum if isinstance(item.maximum, int) else None,
        parent=item.parent,
        ask_when=None,
    )


def _choice(option: Option) -> Choice:
    value = (
        int(option.ordinal) if option.ordinal is not None and option.ordinal == int(option.ordinal) else None
    )
    return Choice(
        code=option.key,
        text=Words(option.said("en"), option.said("es")),
        value=value,
        loinc=option.code if option.system == uris.LOINC else None,
        is_exclusive=option.is_exclusive,
    )


def _loinc_of(item: Item) -> str | None:
    """Of its code, else the last part of a linkId like “/44249-1/44260-8”, as LOINC's own forms write it."""
    coded = next((code for system, code, _ in item.codes if system == uris.LOINC), None)
    last = item.link_id.rpartition("/")[2]
    return coded or (last if item.link_id.startswith("/") and "-" in last else None)


# --- what speaks at once


def _critical(instruments: Iterable[Instrument], questions: tuple[Question, ...]) -> Iterator[Critical]:
    theirs: dict[str | None, Question] = {
        question.loinc: question for question in questions if question.loinc and question.choices
    }
    seen: set[str] = set()
    for instrument in instruments:
        for critical in instrument.scoring.critical:
            said = _said_there(critical.when, instrument, theirs)
            if said is not None and critical.id not in seen:
                seen.add(critical.id)
                yield replace(critical, when=said)


def _said_there(
    condition: Condition, ours: Instrument, theirs: Mapping[str | None, Question]
) -> Condition | None:
    """The same condition over their questions; None where one of them is not asked there."""
    if isinstance(condition, Group):
        parts = [_said_there(each, ours, theirs) for each in condition.parts]
        kept = tuple(each for each in parts if each is not None)
        if condition.kind == "any":
            return Group("any", kept) if kept else None
        return Group(condition.kind, kept) if len(kept) == len(parts) else None
    subject, _, name = condition.path.partition("/")
    question = ours.by_id.get(name)
    there = theirs.get(question.loinc) if question is not None and question.loinc else None
    if question is None or there is None or subject not in ("item", "value"):
        return None
    speaking = {
        choice.loinc for choice in question.choices if choice.loinc and condition.holds(_as_if(choice))
    }
    keys = tuple(choice.code for choice in there.choices if choice.loinc in speaking)
    return Compare(f"item/{there.id}", "is", keys, condition.line) if keys else None


def _as_if(choice: Choice) -> Any:
    return lambda path: choice.value if path.startswith("value/") else choice.code
