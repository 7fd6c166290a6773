"""Who is this? The pairs that went wrong somewhere, once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.care.identify import Ambiguous, Match, NoMatch, facts_of, identify

HOSPITAL = "urn:oid:2.16.840.1.113883.3.9"


def person(id: str = "", **said: Any) -> dict[str, Any]:
    family, first = said.get("family", "Duarte"), said.get("given", "Maria")
    name: dict[str, Any] = {"family": family, "given": [first]}
    if said.get("suffix"):
        name["suffix"] = [said["suffix"]]
    made: dict[str, Any] = {"resourceType": "Patient", "name": [name]}
    if id:
        made["id"] = id
    if born := said.get("born", "1959-03-04"):
        made["birthDate"] = born
    if number := said.get("mrn"):
        kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
        made["identifier"] = [{"system": said.get("authority", HOSPITAL), "value": number, "type": kind}]
    if phone := said.get("phone"):
        made["telecom"] = [{"system": "phone", "value": phone}]
    if street := said.get("street"):
        made["address"] = [{"line": [street], "postalCode": "77002"}]
    if sex := said.get("sex"):
        made["gender"] = sex
    return made


def ask(new: dict[str, Any], *known: dict[str, Any]) -> Match | NoMatch | Ambiguous:
    return identify(facts_of(new), [facts_of(one) for one in known])


HOME = {"phone": "(713) 555-0142", "street": "410 Main St"}


def test_the_record_number_of_the_same_hospital_decides():
    answer = ask(person(mrn="0012345"), person("a", mrn="12345"), person("b", mrn="99"))
    assert isinstance(answer, Match)
    assert answer.person == "Patient/a"


@pytest.mark.parametrize("other", [{"born": "1987-11-30"}, {"given": "Thomas"}, {"sex": "male"}])
def test_a_record_number_on_somebody_clearly_else_is_for_a_person_to_decide(other):
    new = person(mrn="12345", sex="female")
    answer = ask(new, person("a", mrn="12345", **{"sex": "female", **other}))
    assert isinstance(answer, Ambiguous)
    assert answer.candidates == ("Patient/a",)
    assert "record number is the same, but" in answer.because


GOLDEN = [
    ("same everything", {**HOME}, {**HOME}, Match),
    ("nickname", {**HOME, "given": "Bob"}, {**HOME, "given": "Robert"}, Match),
    ("swapped names", {**HOME, "given": "Duarte", "family": "Maria"}, {**HOME}, Match),
    ("typo in the last name", {**HOME, "family": "Duarta"}, {**HOME}, Match),
    ("Spanish double surname", {**HOME, "family": "García López"}, {**HOME, "family": "Garcia"}, Match),
    ("name and birth date only", {}, {}, Ambiguous),
    ("twins", {**HOME, "given": "Jayden"}, {**HOME, "given": "Kayden"}, Ambiguous),
    ("twins, names apart", {**HOME, "given": "Ana"}, {**HOME, "given": "Luz"}, NoMatch),
    ("married name", {**HOME, "family": "Keller"}, {**HOME}, Ambiguous),
    ("Jr and Sr", {**HOME, "suffix": "Jr"}, {**HOME, "suffix": "Sr"}, NoMatch),
    ("father and son", {**HOME, "born": "1959-03-04"}, {**HOME, "born": "1985-07-19"}, NoMatch),
    ("day and month swapped", {**HOME, "born": "1959-04-03"}, {**HOME}, Ambiguous),
    ("no birth date", {**HOME, "born": None}, {**HOME}, Ambiguous),
    ("another number at the same hospital", {**HOME, "mrn": "1"}, {**HOME, "mrn": "2"}, Ambiguous),
    (
        "number of another hospital",
        {**HOME, "mrn": "1"},
        {**HOME, "mrn": "1", "authority": "urn:oid:1.2"},
        Match,
    ),
    ("strangers", {**HOME}, {"given": "Tom", "family": "Okafor", "born": "1990-01-01"}, NoMatch),
]


@pytest.mark.parametrize(("name", "new", "known", "expected"), GOLDEN, ids=[row[0] for row in GOLDEN])
def test_golden_pairs(name, new, known, expected):
    answer = ask(person(**new), person("a", **known))
    assert isinstance(answer, expected), answer


def test_two_who_look_alike_are_never_chosen_between():
    answer = ask(person(**HOME), person("a", **HOME), person("b", **HOME))
    assert isinstance(answer, Ambiguous)
    assert set(answer.candidates) == {"Patient/a", "Patient/b"}


people = st.fixed_dictionaries(
    {
        "given": st.sampled_from(["Ana", "Anna", "Bob", "Robert", "Maria"]),
        "family": st.sampled_from(["Duarte", "Duarta", "Lee"]),
        "born": st.sampled_from([None, "1959-03-04", "1959-04-03"]),
        "phone": st.sampled_from([None, "713-555-0142"]),
        "street": st.sampled_from([None, "410 Main St"]),
        "mrn": st.sampled_from(["1", "2", "3"]),
    }
)


@settings(max_examples=400, deadline=None)
@given(people, st.lists(people, max_size=4))
def test_nobody_is_matched_across_two_numbers_of_one_hospital(new, known):
    records = {f"Patient/{n}": said["mrn"] for n, said in enumerate(known)}
    answer = ask(person(**new), *(person(str(n), **said) for n, said in enumerate(known)))
    if isinstance(answer, Match):
        assert records[answer.person] == new["mrn"]
