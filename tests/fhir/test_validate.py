"""The validator says everything that is wrong, where, and what to do; and leaves right things alone."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.fhir import outcome, validate
from careloop.fhir.validate import problems


def patient(**more):
    return {"resourceType": "Patient", **more}


def observation(**more):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **more}


def said(resource):
    return [(issue.expression, issue.text) for issue in problems(resource)]


RIGHT = [
    patient(),
    patient(id="p1", birthDate="1958", gender="female", deceasedBoolean=False),
    patient(_birthDate={"extension": [{"url": "urn:x", "valueCode": "unknown"}]}),
    patient(
        name=[
            {
                "given": ["Maria", None],
                "_given": [{"id": "a"}, {"extension": [{"url": "urn:x", "valueCode": "y"}]}],
            }
        ]
    ),
    patient(
        contained=[{"resourceType": "Organization", "id": "o", "name": "x"}],
        managingOrganization={"reference": "#o"},
    ),
    observation(effectiveDateTime="2016-12-31T23:59:60Z", valueQuantity={"value": Decimal("1.10")}),
    observation(effectiveDateTime="2024-02-29", subject={"reference": "urn:uuid:x"}),
    observation(
        subject={"reference": "Patient/1/_history/2"},
        performer=[{"reference": "https://x.org/Practitioner/1"}],
    ),
]

WRONG = [
    (patient(gender="woman"), "Patient.gender", "Use one of: male, female, other, unknown."),
    (patient(brithDate="1958"), "Patient.brithDate", "Did you mean “birthDate”?"),
    (patient(birthDate="1958-02-30"), "Patient.birthDate", "has to exist in the calendar"),
    (patient(birthDate="2023-02-29"), "Patient.birthDate", "has to exist in the calendar"),
    (patient(active="true"), "Patient.active", "without quotes"),
    (patient(active=None), "Patient.active", "null"),
    (patient(name=[]), "Patient.name", "list is empty"),
    (patient(name={"family": "D"}), "Patient.name", "brackets [ ]"),
    (patient(name=[{}]), "Patient.name[0]", "empty"),
    (patient(name=[{"family": ["D"]}]), "Patient.name[0].family", "one value, not a list"),
    (patient(name=[{"given": ["A", None]}]), "Patient.name[0].given[1]", "null"),
    (
        patient(
            name=[{"given": ["A"], "_given": [None, {"extension": [{"url": "urn:x", "valueCode": "y"}]}]}]
        ),
        "Patient.name[0].given",
        "in pairs",
    ),
    (patient(id="a b"), "Patient.id", "1 to 64 letters"),
    (patient(deceasedBoolean=True, deceasedDateTime="2020"), "Patient.deceased", "Keep one of"),
    (patient(deceased=True), "Patient.deceased", "deceasedBoolean, deceasedDateTime"),
    (patient(contact=[{"gender": "male"}]), "Patient.contact[0]", "pat-1"),
    (
        patient(managingOrganization={"reference": "Patient/1"}),
        "Patient.managingOrganization",
        "belongs a Organization",
    ),
    (patient(managingOrganization={"reference": "Organisation/1"}), None, "Did you mean Organization?"),
    (patient(managingOrganization={"reference": "#gone"}), None, "Nothing contained has the id “gone”"),
    (patient(managingOrganization={"type": "Patient", "display": "x"}), None, "belongs a Organization"),
    (
        patient(contained=[{"resourceType": "Organization", "id": "o", "name": "x"}]),
        "Patient.contained[0]",
        "dom-3",
    ),
    (patient(extension=[{"url": "urn:x"}]), "Patient.extension[0]", "ext-1"),
    (patient(extension=[{"valueString": "x"}]), "Patient.extension[0].url", "required"),
    (
        patient(
            extension=[{"url": "urn:x", "valueString": "a", "extension": [{"url": "b", "valueCode": "c"}]}]
        ),
        None,
        "ext-1",
    ),
    (observation(valueQuantity={"value": 1.5}), "Observation.value.value", "a number"),
    (observation(valueFoo="x"), "Observation.valueFoo", "valueQuantity"),
    ({"resourceType": "Observation", "code": {"text": "x"}}, "Observation.status", "required"),
    (
        {"resourceType": "Observation", "status": "done", "code": {"text": "x"}},
        "Observation.status",
        "registered",
    ),
    (
        observation(effectivePeriod={"start": "2026-03-02", "end": "2026-03-01"}),
        "Observation.effective",
        "before the start",
    ),
    (observation(effectiveDateTime="2026-03-02T10:00:00"), "Observation.effective", "offset"),
    ({"resourceType": "Patien"}, "resourceType", "Did you mean Patient?"),
    ({}, "resourceType", "no “resourceType”"),
]


@pytest.mark.parametrize("resource", RIGHT)
def test_what_is_right_is_left_alone(resource):
    assert said(resource) == []


@pytest.mark.parametrize(("resource", "where", "what"), WRONG)
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(resource, where, what):
    found = said(resource)
    assert len(found) == 1, found
    assert what in found[0][1]
    if where is not None:
        assert found[0][0] == where


def test_every_problem_is_in_one_list():
    found = said(patient(gender="x", birthDate="y", name=[{"foo": 1}], contact=[{}]))
    assert {where for where, _ in found} >= {"Patient.gender", "Patient.birthDate", "Patient.name[0].foo"}


def test_contained_resources_have_rules_of_their_own():
    inner = {
        "resourceType": "Organization",
        "id": "o",
        "name": "x",
        "meta": {"versionId": "1"},
        "contained": [],
    }
    resource = patient(contained=[inner], managingOrganization={"reference": "#o"})
    texts = " ".join(text for _, text in said(resource))
    assert "dom-4" in texts
    nested = patient(
        contained=[
            {**inner, "meta": {}, "contained": [{"resourceType": "Organization", "id": "q", "name": "y"}]}
        ],
        managingOrganization={"reference": "#o"},
    )
    assert "dom-2" in " ".join(text for _, text in said(nested))


def test_a_bundle_is_checked_inside_and_its_addresses_are_known():
    subject = {
        "fullUrl": "urn:uuid:1",
        "resource": patient(gender="x"),
        "request": {"method": "POST", "url": "Patient"},
    }
    other = {
        "fullUrl": "urn:uuid:2",
        "resource": {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"},
                     "serviceProvider": {"reference": "urn:uuid:1"}},
        "request": {"method": "POST", "url": "Encounter"},
    }  # fmt: skip
    found = said({"resourceType": "Bundle", "type": "transaction", "entry": [subject, other]})
    assert [where for where, _ in found] == [
        "Bundle.entry[0].resource.gender",
        "Bundle.entry[1].resource.serviceProvider",
    ]


def test_the_wrong_address_is_said():
    assert "is for Task" in problems(patient(), expected_type="Task")[0].text


def test_check_raises_with_the_whole_list_and_becomes_one_outcome():
    with pytest.raises(validate.InvalidResource) as refused:
        validate.check(patient(gender="x", birthDate="y"))
    made = outcome.from_error(refused.value, request="abc")
    assert [issue["expression"] for issue in made["issue"]] == [["Patient.gender"], ["Patient.birthDate"]]
    assert problems(made) == []
    assert refused.value.status == 422


def test_an_endless_list_of_problems_ends():
    found = problems(patient(name=[{"foo": 1}] * 5000))
    assert len(found) == 501
    assert "here we stopped" in found[-1].text


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["#", "#a", "Patient/1", "2026"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "name", "_name", "extension", "url", "contained", "reference", "coding", "code", "meta",
                         "resourceType", "entry", "resource", "start", "end", "period", "text", "value", "contact"]),
        inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["Patient", "Observation", "Bundle", "Task", "Parameters", "Appointment", "Condition"]),
    st.dictionaries(st.sampled_from(["id", "name", "contained", "extension", "entry", "code", "status", "text", "meta",
                                     "period", "subject", "parameter", "component", "participant", "type"]), odd),
)  # fmt: skip
def test_no_json_at_all_brings_it_down(kind, fields):
    for issue in problems({**fields, "resourceType": kind}):
        assert issue.text
        assert "Issue(" in repr(issue)
        assert issue.text not in repr(issue)
