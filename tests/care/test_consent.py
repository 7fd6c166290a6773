"""A Consent is read strictly: what can't be understood withholds, an exception reaches no further than it says, and
another denial never shows anybody more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.access import labels, purposes
from careloop.care.consent import ANYONE, Reading, Statement, read
from careloop.care.consent_asked import Asked, lacks, to_consent
from careloop.fhir.elements import Resource
from careloop.fhir.validate import problems
from careloop.library.labels import rules

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CLINIC, CHEN = "Organization/clinic", "Practitioner/chen"


def consent(provision: Resource | None, **more: Any) -> Resource:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
            ]
        },
        "category": [{"text": "privacy"}],
        "patient": {"reference": "Patient/maria"},
        "dateTime": "2026-01-01",
        "policyRule": {"text": "as she said"},
        **({"provision": provision} if provision is not None else {}),
        **more,
    }


def actor(reference: str, role: str = "IRCP") -> Resource:
    return {"role": {"coding": [{"system": ROLES, "code": role}]}, "reference": {"reference": reference}}


def label(code: str, system: str = ACT) -> Resource:
    return {"system": system, "code": code}


def sees(
    found: Reading, grantee: str, bits: int, at: datetime = NOW, purpose: int = purposes.TREATMENT
) -> bool:
    """As the SQL judges one Consent."""
    return _sees(found.statements, grantee, bits, at, purpose)


def _sees(said: tuple[Statement, ...], grantee: str, bits: int, at: datetime, purpose: int) -> bool:
    now = [s for s in said if s.since <= at and (s.until is None or at < s.until)]
    mine = [s for s in now if s.grantee in (grantee, ANYONE)]
    permits = 0
    by_name = 0
    for each in mine:
        if not each.purposes or each.purposes & purpose:
            permits |= each.permits
            by_name |= each.permits if each.grantee else 0
    denied = 0
    for each in mine:
        denied |= each.denies & ~(0 if each.grantee else by_name)
    return not (bits & labels.SENSITIVE & ~permits) and not denied & (bits | labels.WHOLE)


def test_a_permit_opens_the_labels_it_names_to_whom_it_names() -> None:
    found = read(
        consent({"type": "permit", "actor": [actor(CLINIC)], "securityLabel": [label("42CFRPart2")]}), rules()
    )
    assert not found.problems
    assert sees(found, CLINIC, labels.PART2 | labels.SUBSTANCE)
    assert not sees(found, CHEN, labels.PART2)
    assert not sees(found, CLINIC, labels.HIV)


def test_a_permit_without_labels_opens_no_sensitive_one() -> None:
    found = read(consent({"type": "permit", "actor": [actor(CLINIC)]}), rules())
    assert not sees(found, CLINIC, labels.PART2)


def test_it_ends_by_itself() -> None:
    said = {
        "type": "permit",
        "actor": [actor(CLINIC)],
        "securityLabel": [label("HIV")],
        "period": {"start": "2026-06-01", "end": "2026-11-22"},
    }
    found = read(consent(said), rules())
    assert sees(found, CLINIC, labels.HIV, datetime(2026, 11, 22, 23, 0, tzinfo=UTC))
    assert not sees(found, CLINIC, labels.HIV, NOW)
    assert not sees(found, CLINIC, labels.HIV, datetime(2026, 5, 1, tzinfo=UTC))


def test_all_but_one_is_denied() -> None:
    inner = {"type": "permit", "actor": [actor(CHEN)]}
    found = read(consent({"type": "deny", "provision": [inner]}), rules())
    assert sees(found, CHEN, 0)
    assert not sees(found, CLINIC, 0)


def test_one_clinician_is_denied_one_thing() -> None:
    inner = {"type": "deny", "actor": [actor(CHEN)], "securityLabel": [label("HIV")]}
    found = read(consent({"type": "permit", "provision": [inner]}), rules())
    assert sees(found, CHEN, 0)
    assert any(s.grantee == CHEN and s.denies == labels.HIV for s in found.statements)


def test_beside_each_other_the_denial_wins() -> None:
    permit = {"type": "permit", "actor": [actor(CHEN)], "securityLabel": [label("HIV")]}
    deny = {"type": "deny", "securityLabel": [label("HIV")]}
    found = read(consent({"type": "permit", "provision": [permit, deny]}), rules())
    assert not sees(found, CHEN, labels.HIV)


def test_a_permit_for_something_else_makes_no_exception() -> None:
    inner = {
        "type": "permit",
        "actor": [actor(CHEN)],
        "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HPAYMT"}],
    }
    found = read(consent({"type": "deny", "provision": [inner]}), rules())
    assert sees(found, CHEN, 0, purpose=purposes.PAYMENT)
    assert not sees(found, CHEN, 0, purpose=purposes.TREATMENT)


@pytest.mark.parametrize(
    "narrowed",
    [
        {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]},
        {"dataPeriod": {"start": "2020"}},
        {"code": [{"coding": [{"system": "http://loinc.org", "code": "1234-5"}]}]},
        {"data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]},
    ],
)
def test_what_narrows_it_and_is_not_understood_drops_a_permit_and_widens_a_denial(narrowed: Resource) -> None:
    permit = read(
        consent({"type": "permit", "actor": [actor(CLINIC)], "securityLabel": [label("HIV")], **narrowed}),
        rules(),
    )
    deny = read(consent({"type": "deny", "actor": [actor(CLINIC)], **narrowed}), rules())
    assert permit.problems
    assert deny.problems
    assert not sees(permit, CLINIC, labels.HIV)
    assert not sees(deny, CLINIC, 0)


def test_somebody_who_is_not_known_gets_nothing_and_is_denied_as_everybody() -> None:
    stranger = {"role": {"text": "?"}, "reference": {"display": "my former doctor"}}
    permit = read(consent({"type": "permit", "actor": [stranger], "securityLabel": [label("HIV")]}), rules())
    deny = read(consent({"type": "deny", "actor": [stranger]}), rules())
    assert permit.statements == ()
    assert permit.problems
    assert not sees(deny, CLINIC, 0)


def test_an_unknown_label_permits_nothing_and_denies_all() -> None:
    odd = [label("hush", "urn:elsewhere")]
    assert (
        read(consent({"type": "permit", "actor": [actor(CLINIC)], "securityLabel": odd}), rules()).statements
        == ()
    )
    assert not sees(read(consent({"type": "deny", "securityLabel": odd}), rules()), CLINIC, 0)


def test_a_code_denies_the_label_it_belongs_to() -> None:
    icd = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "B20"}]}
    found = read(consent({"type": "deny", "code": [icd]}), rules())
    assert not found.problems
    assert not sees(found, CLINIC, labels.HIV)
    assert sees(found, CLINIC, 0)


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_only_an_active_one_counts(status: str) -> None:
    assert read(consent({"type": "deny"}, status=status), rules()) == Reading()


def test_consent_to_a_program_says_nothing_about_who_sees_what() -> None:
    said = consent({"type": "deny"}, scope={"coding": [{"code": "treatment"}]})
    assert read(said, rules()) == Reading()


def test_a_scope_that_nobody_knows_withholds() -> None:
    found = read(consent({"type": "permit"}, scope={"text": "what I want"}), rules())
    assert not sees(found, CLINIC, 0)
    assert found.problems


def test_opted_out_without_a_provision() -> None:
    found = read(consent(None, policyRule={"coding": [{"system": ACT, "code": "OPTOUT"}]}), rules())
    assert not sees(found, CLINIC, 0)


# --- generated


def provisions(depth: int = 3) -> st.SearchStrategy[Resource]:
    leaf = st.fixed_dictionaries(
        {"type": st.sampled_from(["permit", "deny"])},
        optional={
            "actor": st.lists(
                st.sampled_from([actor(CLINIC), actor(CHEN), actor("Group/1"), actor(CHEN, "CST")]),
                min_size=1,
                max_size=2,
            ),
            "securityLabel": st.lists(
                st.sampled_from([label("HIV"), label("42CFRPart2"), label("?"), label("R")]),
                min_size=1,
                max_size=2,
            ),
            "period": st.sampled_from(
                [{"end": "2026-10-01"}, {"start": "2026-12-01"}, {"end": "2027-01-01"}]
            ),
            "purpose": st.sampled_from([[{"code": "TREAT"}], [{"code": "HPAYMT"}], [{"code": "HRESCH"}]]),
            "class": st.just([{"code": "Observation"}]),
            "action": st.sampled_from(
                [[{"coding": [{"code": "access"}]}], [{"coding": [{"code": "correct"}]}]]
            ),
        },
    )
    if depth == 0:
        return leaf
    inner = st.lists(provisions(depth - 1), max_size=2)
    return st.builds(lambda one, more: {**one, **({"provision": more} if more else {})}, leaf, inner)


def all_provisions(root: Resource) -> list[Resource]:
    return [root, *(x for inner in root.get("provision", ()) for x in all_provisions(inner))]


ASKED = [
    (grantee, bits, purpose)
    for grantee in (CLINIC, CHEN, "Organization/other")
    for bits in (0, labels.HIV, labels.PART2, labels.HIV | labels.PART2)
    for purpose in (purposes.TREATMENT, purposes.PAYMENT)
]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(root=provisions(), more=provisions(1), at=st.integers(0, 20))
def test_another_denial_never_shows_more(root: Resource, more: Resource, at: int) -> None:
    before = read(consent(root), rules())
    places = all_provisions(root)
    there = places[at % len(places)]
    there["provision"] = [
        *there.get("provision", ()),
        {k: v for k, v in more.items() if k != "provision"} | {"type": "deny"},
    ]
    after = read(consent(root), rules())
    for grantee, bits, purpose in ASKED:
        if sees(after, grantee, bits, NOW, purpose):
            assert sees(before, grantee, bits, NOW, purpose), (grantee, bits, purpose)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(root=provisions())
def test_the_order_of_exceptions_does_not_matter(root: Resource) -> None:
    turned = {**root, "provision": list(reversed(root.get("provision", [])))}
    one, other = read(consent(root), rules()), read(consent(turned), rules())
    for grantee, bits, purpose in ASKED:
        assert sees(one, grantee, bits, NOW, purpose) == sees(other, grantee, bits, NOW, purpose)


# --- as it is asked for at a page


def asked(**more: Any) -> Asked:
    said: dict[str, Any] = {
        "person": "Patient/maria",
        "by_whom": "Organization/bayou",
        "recipients": (CLINIC,),
        "what": ("part2",),
        "purpose": "tpo",
        "signed_by": "Maria Duarte",
        "how": "written",
    }
    return Asked(**(said | more))


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ({"recipients": ()}, "recipients"),
        ({"by_whom": ""}, "by_whom"),
        ({"signed_by": " "}, "signed_by"),
        ({"purpose": ""}, "purpose"),
        ({"how": "verbal"}, "in_writing"),
        ({"through_intermediary": True}, "intermediary"),
    ],
)
def test_a_consent_to_part_2_records_names_everything_it_needs(left_out: dict[str, Any], named: str) -> None:
    assert lacks(asked()) == ()
    assert lacks(asked(**left_out)) == (named,)


def test_an_ordinary_consent_may_be_said_aloud() -> None:
    assert lacks(asked(what=("hiv",), how="verbal", by_whom="")) == ()


def test_what_is_asked_for_is_what_is_read() -> None:
    made = to_consent(asked(), rules(), {"reference": "Patient/maria"}, NOW)
    assert problems(made, expected_type="Consent") == []
    found = read(made, rules())
    assert not found.problems
    assert sees(found, CLINIC, labels.PART2 | labels.SUBSTANCE)
    assert not sees(found, "Organization/bayou", labels.PART2)
    denied = read(
        to_consent(asked(is_denial=True, what=(), purpose=""), rules(), {"display": "Maria"}, NOW), rules()
    )
    assert not sees(denied, CLINIC, 0)
    assert sees(denied, CHEN, 0)


JUNE = {"type": "permit", "actor": [actor(CLINIC)], "securityLabel": [label("42CFRPart2")]}


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2026", datetime(2026, 12, 31, 23, 59, tzinfo=UTC)),
        ("2026-06", datetime(2026, 6, 30, 23, 59, tzinfo=UTC)),
        ("2028-02", datetime(2028, 2, 29, 23, 59, tzinfo=UTC)),
        ("2026-06-15", datetime(2026, 6, 15, 23, 59, tzinfo=UTC)),
        ("2026-06-15T10:00:00Z", datetime(2026, 6, 15, 9, 59, tzinfo=UTC)),
    ],
)
def test_a_permit_ends_after_the_year_the_month_or_the_day_it_says(end: str, last: datetime) -> None:
    found = read(consent({**JUNE, "period": {"end": end}}), rules())
    assert sees(found, CLINIC, labels.PART2, at=last)
    assert not sees(found, CLINIC, labels.PART2, at=last + timedelta(minutes=1))


@pytest.mark.parametrize("start", ["2030", "2030-01", "2030-01-01"])
def test_a_permit_does_not_begin_before_the_month_it_says(start: str) -> None:
    found = read(consent({**JUNE, "period": {"start": start}}), rules())
    assert not sees(found, CLINIC, labels.PART2)
    assert sees(found, CLINIC, labels.PART2, at=datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("end", ["soon", "2025-6", "20x5", "2025-13", 2025])
def test_a_permit_with_an_end_that_cannot_be_read_opens_nothing_and_a_denial_lasts(end: Any) -> None:
    found = read(consent({**JUNE, "period": {"end": end}}), rules())
    assert not found.statements
    assert found.problems
    denied = read(consent({"type": "deny", "period": {"end": end}}), rules())
    assert not sees(denied, CLINIC, 0, at=datetime(2999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("end", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59-06:00"])
def test_the_end_of_all_years_is_an_end_like_any_other(end: str) -> None:
    found = read(consent({**JUNE, "period": {"end": end}}), rules())
    assert sees(found, CLINIC, labels.PART2)
