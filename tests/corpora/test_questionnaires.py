"""Every Questionnaire that the corpora hold is compiled, asked, computed, filled in and taken apart again; the counts
are printed (`-s`) and pinned, so that a form that stops working is noticed.

The SDC guide's $populate pair names a form (ussg-fht) that the guide does not hold; its answer is read, but there is
nothing to fill in. The two forms of the guide that are filled in from a Patient are compared with that Patient.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from careloop.fhir import wire
from careloop.fhir.questionnaire import (
    Answer,
    Form,
    Known,
    begun,
    check,
    compile_form,
    enabled,
    progress,
    settled,
    told,
    walk,
)
from careloop.fhir.questionnaire.extracting import Source, extract
from careloop.fhir.questionnaire.populating import populate
from careloop.fhir.responses import About, answers_of, problems_of, response
from careloop.fhir.validate import problems
from careloop.library import load
from careloop.library.adopting import adopt
from tests.corpora.corpora import folder

pytestmark = pytest.mark.corpora
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
PATIENT = {
    "resourceType": "Patient",
    "id": "maria",
    "birthDate": "1959-02-03",
    "name": [{"family": "Duarte", "given": ["Maria", "Luz"]}, {"family": "Soto", "given": ["Maria"]}],
    "telecom": [{"system": "phone", "use": "mobile", "value": "713-555-0148"}],
}
KNOWN = Known(today=date(2026, 11, 23), now=NOW, resources={"patient": PATIENT})
EXPECTED = {
    "forms": 40,
    "items": 552,
    "calculated": 5,
    "enableWhen": 54,
    "repeating": 8,
    "notes": 98,
    "asked": 357,
    "computed": 4,
    "made": 2,
}


def forms() -> Iterator[tuple[str, dict[str, Any]]]:
    for place in ("ig/gravity-sdoh-cc/examples", "ig/sdc/examples", "fhir-r4/examples", "fhirpath/resources"):
        for path in sorted(folder(place).rglob("*.json")):
            text = path.read_bytes()
            if b"Questionnaire" in text:
                yield from _inside(path.name, json.loads(text), wire.loads(text))
    for path in sorted(folder("us-core").glob("*.tgz")):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as package:
            for member in package.getmembers():
                if "/Questionnaire-" in member.name and member.name.endswith(".json"):
                    body = package.extractfile(member)
                    if body is not None:
                        yield f"{path.name}:{member.name}", wire.loads(body.read())


def _inside(name: str, raw: dict[str, Any], resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if resource.get("resourceType") == "Questionnaire":
        yield name, resource
    for each in (*resource.get("entry", ()), *resource.get("parameter", ())):
        if isinstance(each, dict) and isinstance(each.get("resource"), dict):
            yield from _inside(name, raw, each["resource"])


def some_answer(form: Form, place: Any) -> Answer:
    """What anybody might say."""
    item = place.item
    if item.options:
        return Answer((item.options[0].key,))
    said: dict[str, Any] = {
        "boolean": True,
        "integer": 3,
        "decimal": 3,
        "date": "2026-11-01",
        "dateTime": "2026-11-01T10:00:00Z",
        "time": "10:00:00",
        "string": "words enough for it",
        "text": "words enough for it",
        "url": "https://example.org",
        "choice": {"display": "something"},
        "open-choice": "something",
        "quantity": {"value": 3, "unit": "kg"},
        "reference": {"display": "somebody"},
        "attachment": {"title": "a.txt", "contentType": "text/plain", "data": "QUJD"},
    }
    value = said[item.type]
    return Answer((value[: item.max_length],) if isinstance(value, str) and item.max_length else (value,))


def answered(form: Form) -> dict[str, Answer]:
    """Every question that is asked, one round after the other."""
    answers = begun(form)
    for _ in range(4):
        asked = enabled(form, answers)
        for place in list(walk(form, answers)):
            is_open = place.key in asked and place.key not in answers and not place.is_repetition
            if is_open and place.item.is_answered_here:
                answers[place.key] = some_answer(form, place)
        answers = settled(form, answers)
    return answers


def test_every_form_is_asked_computed_and_taken_apart() -> None:
    counted: Counter[str] = Counter()
    library = load()
    for name, questionnaire in forms():
        form = told(compile_form(questionnaire), KNOWN)
        adopt(questionnaire, 1, library.instruments.values())
        counted["forms"] += 1
        counted["items"] += len(form.items)
        counted["calculated"] += sum(item.calculation is not None for item in form.items)
        counted["enableWhen"] += sum(bool(item.when) for item in form.items)
        counted["repeating"] += len(form.repeating)
        counted["notes"] += len(form.notes)
        answers = answered(form)
        wrong = check(form, answers, is_complete=False)
        assert wrong == [], (name, wrong[:3])
        done = progress(form, answers)
        assert done.answered == done.total, name
        counted["asked"] += done.total
        counted["computed"] += sum(
            place.item.calculation is not None and place.key in answers for place in walk(form, answers)
        )
        written = response(form, answers, About("Patient/maria", NOW), status="completed")
        if form.canonical:
            assert problems(written) == [], (name, problems(written)[:2])
        read, faults = answers_of(form, written)
        assert faults == [], (name, faults[:3])
        assert {k: a for k, a in read.items() if a.is_given} == {
            k: a for k, a in answers.items() if a.is_given and k in enabled(form, answers)
        }, name
        source = Source("QuestionnaireResponse/r", "Patient/maria", "2026-11-23T15:00:00Z")
        counted["made"] += len(extract(form, answers, source).made)
    print(dict(counted))  # noqa: T201 - the counts are what this test tells
    assert {key: counted[key] for key in EXPECTED} == EXPECTED


def test_the_guides_own_responses_fit_their_forms() -> None:
    by_url = {q.get("url"): q for _, q in forms()}
    counted = Counter[str]()
    for path in sorted(folder("ig/sdc/examples").glob("QuestionnaireResponse-*.json")):
        sent = wire.loads(path.read_bytes())
        questionnaire = by_url.get(str(sent.get("questionnaire", "")).partition("|")[0])
        if questionnaire is None:
            counted["of a form that is not there"] += 1
            continue
        found = problems_of(compile_form(questionnaire), sent)
        counted["fits" if not found else "does not fit"] += 1
        print(path.name, [(p.link_id, p.code) for p in found][:5])  # noqa: T201
    print(dict(counted))  # noqa: T201
    assert sum(counted.values()) >= 3


def test_demographics_are_filled_in_from_the_person_and_come_back_as_the_person() -> None:
    questionnaire = next(q for name, q in forms() if name == "Questionnaire-demographics.json")
    form = told(compile_form(questionnaire), KNOWN)
    filled = populate(form, [], NOW)
    assert filled.answers["patient.name[1]/patient.name.given"].values == ("Maria", "Luz")
    assert filled.answers["patient.name[2]/patient.name.family"].values == ("Soto",)
    assert filled.origins["patient.birthDate"].source == "Patient/maria"
    source = Source("QuestionnaireResponse/r", "Patient/maria", "2026-11-23T15:00:00Z")
    (made,) = extract(form, filled.answers, source).made
    assert made.id == "maria"
    assert made.resource == {
        "resourceType": "Patient",
        "birthDate": PATIENT["birthDate"],
        "name": PATIENT["name"],
    }


def test_the_guides_prepopulation_form_is_filled_in() -> None:
    name = "Questionnaire-questionnaire-sdc-test-fhirpath-prepop-initialexpression.json"
    questionnaire = next(q for found, q in forms() if found == name)
    filled = populate(told(compile_form(questionnaire), KNOWN), [], NOW)
    assert {key: answer.values[0] for key, answer in filled.answers.items()} == {
        "family-name": "Duarte",
        "given-names": "Maria",
        "dob": "1959-02-03",
        "contact-number": "713-555-0148",
        "date-consult": "2026-11-23",
    }
