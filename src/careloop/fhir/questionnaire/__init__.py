"""Questionnaire logic, the same for a page and for a posted resource: what is asked, what fits, what is
missing, what is computed, what is filled in from the record and what becomes of the answers.

A Questionnaire compiles to a `Form`. Answers are a mapping of key (`form.py` says how keys are made; a linkId where
nothing repeats) to `Answer`; the value of a choice is the option's key (its element id, else its code). “Declined”,
“don't know” and “not asked” are answers too: reasons why there is no value
(http://terminology.hl7.org/CodeSystem/data-absent-reason).
"""

from careloop.fhir.questionnaire.asking import (
    asked_places,
    begun,
    enabled,
    only_asked,
    options_at,
    ordinal_of,
    progress,
    settled,
    told,
)
from careloop.fhir.questionnaire.checking import answer_problems, check
from careloop.fhir.questionnaire.compiling import compile_form
from careloop.fhir.questionnaire.extensions import EXCLUSIVE, MAXIMUM, MINIMUM, ORDINAL
from careloop.fhir.questionnaire.form import (
    ABSENT,
    ABSENT_OF_CODE,
    CHOICES,
    REFUSED,
    VALUE_KEY,
    Answer,
    Answers,
    BadQuestionnaire,
    Form,
    Item,
    Known,
    Note,
    Option,
    Problem,
    Progress,
    When,
)
from careloop.fhir.questionnaire.packing import packed
from careloop.fhir.questionnaire.places import Place, walk, with_another, without
from careloop.fhir.questionnaire.reading import Reading
from careloop.fhir.questionnaire.values import value_from_text

__all__ = [
    "ABSENT",
    "ABSENT_OF_CODE",
    "CHOICES",
    "EXCLUSIVE",
    "MAXIMUM",
    "MINIMUM",
    "ORDINAL",
    "REFUSED",
    "VALUE_KEY",
    "Answer",
    "Answers",
    "BadQuestionnaire",
    "Form",
    "Item",
    "Known",
    "Note",
    "Option",
    "Place",
    "Problem",
    "Progress",
    "Reading",
    "When",
    "answer_problems",
    "asked_places",
    "begun",
    "check",
    "compile_form",
    "enabled",
    "only_asked",
    "options_at",
    "ordinal_of",
    "packed",
    "progress",
    "settled",
    "told",
    "value_from_text",
    "walk",
    "with_another",
    "without",
]
