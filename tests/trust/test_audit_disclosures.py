"""What leaves the house is shown line by line, judged, and stays in the person's accounting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from careloop import library, projections, store
from careloop.access import labels
from careloop.access.acts import ACTS, DISCLOSE, may
from careloop.actions.disclose import (
    BadDisclosure,
    Composition,
    MayNotGo,
    NothingChosen,
    Recipient,
    ask_to_carry,
    compose,
    disclose,
)
from careloop.care.disclosure import BASES, Known, Line, judge, lets
from careloop.jobs import by_hand
from careloop.jobs import outbox as sending
from careloop.kernel.errors import Forbidden, NotFound
from careloop.projections import disclosures
from careloop.projections.accounting import accounting_of, looks_at
from careloop.projections.disclosures import WAYS_OUT, Content, Item
from careloop.projections.people import briefs
from careloop.store import audit, verify
from careloop.web.staff.disclosure_words import accounting_words
from tests.conftest import owner_connection
from tests.projections import builders as b
from tests.projections.ward import HOUSE
from tests.store.rows import one, rows
from tests.web.desk import Desk, at_the_desk

CONTENT = library.load()
PANTRY, REHAB, STRANGER = (
    Recipient("Food pantry", "pantry"),
    Recipient("Rehab", "rehab"),
    Recipient("Dr. Patel"),
)
CODING = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode"}


def condition(id: str, words: str, *security: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Condition",
        "id": id,
        "subject": {"reference": "Patient/maria"},
        "code": {"text": words},
    }
    if security:
        found["meta"] = {"security": [{**CODING, "code": code} for code in security]}
    return found


def consent(to: str, code: str, until: str = "2030-01-01", id: str = "yes") -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": id,
        "status": "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
            ]
        },
        "category": [{"text": "Disclosure"}],
        "patient": {"reference": "Patient/maria"},
        "dateTime": "2026-10-01T09:00:00Z",
        "performer": [{"display": "Maria Duarte"}],
        "policyRule": {"text": "Written consent under 42 CFR 2.31"},
        "provision": {
            "type": "permit",
            "period": {"start": "2026-10-01", "end": until},
            "actor": [
                {
                    "role": {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                                "code": "PRCP",
                            }
                        ]
                    },
                    "reference": {"reference": f"Organization/{to}"},
                }
            ],
            "securityLabel": [{**CODING, "code": code}],
        },
    }


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        put(
            desk,
            b.organization("pantry", "Food pantry"),
            b.organization("rehab", "Rehab"),
            condition("knee", "Sore knee"),
            condition("drink", "Alcohol use disorder, treated", "42CFRPart2"),
            {
                "resourceType": "ServiceRequest",
                "id": "food",
                "status": "active",
                "intent": "order",
                "subject": {"reference": "Patient/maria"},
                "performer": [{"reference": "Organization/pantry"}],
            },
        )
        yield desk


def put(desk: Desk, *resources: dict[str, Any]) -> None:
    with store.open(HOUSE, now=desk.ward.now, projectors=projections.ALL) as unit:
        for one_ in resources:
            unit.update(one_, create=True)


def sees_part2(desk: Desk) -> Any:
    """Ana, whom Maria’s consent lets see it."""
    put(desk, consent("bayview", "42CFRPart2", id="to-us"))
    return desk.ward.scope


def composed(desk: Desk, to: Recipient, basis: str = "treatment", purpose: str = "") -> Composition:
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        return compose(unit, "maria", to, basis, CONTENT, purpose)


def goes(made: Composition) -> dict[str, str]:
    return {each.line.reference: each.why if each.is_allowed else "-" for each in made.verdicts}


def send(desk: Desk, to: Recipient, chosen: list[str], basis: str = "treatment", **more: Any) -> int:
    given = {"key": "once", "method": "hand", **more}
    method = given.pop("method")
    return disclose(desk.ward.scope, "maria", to, basis, method, chosen, desk.clock(), CONTENT, **given)


@pytest.mark.parametrize(
    "role",
    ["biller", "volunteer", "auditor", "ombudsman", "administrator", "payer-reviewer", "privacy-officer"],
)
def test_only_those_who_see_to_her_care_send(desk: Desk, role: str) -> None:
    told = desk.ward.scope
    scope = replace(told, actor=replace(told.actor, roles=frozenset({role})))
    given = ("maria", PANTRY, "treatment", "hand", ["Condition/knee"], desk.clock(), CONTENT)
    with pytest.raises(Forbidden):
        disclose(scope, *given, key="one")
    with store.open(scope, now=desk.clock()) as unit, pytest.raises(Forbidden):
        compose(unit, "maria", PANTRY, "treatment", CONTENT)
    assert rows("select 1 from disclosures") == []
    desk.user.roles = [role]
    desk.user.save()
    desk.page("/people/maria/disclose", 403)
    desk.post("/people/maria/disclose", {"to": "Food pantry", "basis": "treatment", "method": "hand"}, 403)


def test_an_app_sends_nothing_whoever_uses_it(desk: Desk) -> None:
    told = desk.ward.scope
    assert may(told.actor, DISCLOSE)
    assert not may(replace(told.actor, app="anything"), DISCLOSE)
    assert not any(may(replace(told.actor, kind="client"), act) for act in ACTS)


def test_an_advocate_opens_what_she_sent_and_not_what_others_sent(desk: Desk) -> None:
    sent_by_care = send(desk, PANTRY, ["Condition/knee"])
    care = desk.ward.scope
    advocate = replace(care.actor, principal=care.actor.principal + 900, roles=frozenset({"advocacy"}))
    scope = replace(care, actor=advocate)
    given = (PANTRY, "treatment", "hand", ["Condition/knee"], desk.clock(), CONTENT)
    hers = disclose(scope, "maria", *given, key="two")
    with store.open(scope, now=desk.clock()) as unit:
        maria = unit.read("Patient", "maria").rid
        assert disclosures.one(unit, maria, hers).content.items
        with pytest.raises(NotFound):
            disclosures.one(unit, maria, sent_by_care)
        with pytest.raises(Forbidden):
            disclosures.of_person(unit, maria)


def test_who_gives_care_gets_what_carries_no_label(desk: Desk) -> None:
    sees_part2(desk)
    found = goes(composed(desk, PANTRY))
    assert found["Condition/knee"] == "treatment"
    assert found["Condition/drink"] == "-"
    assert composed(desk, PANTRY).relation == "referral"


def test_nobody_treats_without_a_relation(desk: Desk) -> None:
    assert set(goes(composed(desk, REHAB)).values()) == {"-"}
    assert set(goes(composed(desk, STRANGER)).values()) == {"-"}
    assert goes(composed(desk, STRANGER, purpose="Her eye doctor since May"))["Condition/knee"] == "treatment"


def test_a_part2_line_goes_under_her_consent_with_notice_and_copy(desk: Desk) -> None:
    sees_part2(desk)
    put(desk, consent("rehab", "42CFRPart2"))
    assert goes(composed(desk, REHAB, "consent"))["Condition/drink"] == "consent"
    number = send(desk, REHAB, ["Condition/drink"], "consent")
    with desk.ward.open() as unit:
        found = disclosures.one(unit, unit.rid_of("Patient/maria") or 0, number)
    assert found.is_part2
    assert found.content.notice.startswith("42 CFR part 2 prohibits unauthorized use or disclosure")
    assert "Federal confidentiality rules" in found.content.notice
    [copy] = found.content.consents
    assert "2026-10-01" in copy
    assert "Maria Duarte" in copy
    assert "names Rehab" in copy
    assert "2030-01-01" in copy


@pytest.mark.parametrize("until", ["2026-11-01", "2026-11-22"])
def test_a_consent_that_has_ended_lets_nothing_go(desk: Desk, until: str) -> None:
    sees_part2(desk)
    put(desk, consent("rehab", "42CFRPart2", until))
    assert goes(composed(desk, REHAB, "consent"))["Condition/drink"] == "-"
    with pytest.raises(MayNotGo):
        send(desk, REHAB, ["Condition/drink"], "consent")
    assert rows("select 1 from disclosures") == []


def test_a_consent_revoked_between_looking_and_sending_holds_it_back(desk: Desk) -> None:
    sees_part2(desk)
    put(desk, consent("rehab", "42CFRPart2"))
    assert goes(composed(desk, REHAB, "consent"))["Condition/drink"] == "consent"
    put(desk, {**consent("rehab", "42CFRPart2"), "status": "inactive"})
    with pytest.raises(MayNotGo):
        send(desk, REHAB, ["Condition/drink"], "consent")


@pytest.mark.parametrize("basis", ["emergency", "law", "treatment"])
def test_part2_has_its_own_ways_and_no_other_reason_opens_it(desk: Desk, basis: str) -> None:
    sees_part2(desk)
    found = goes(composed(desk, STRANGER, basis, "A court order of today"))
    assert found["Condition/drink"] == "-"
    assert found["Condition/knee"] == basis


def test_what_the_sender_may_not_see_is_not_even_in_her_list(desk: Desk) -> None:
    made = composed(desk, PANTRY)
    assert "Condition/drink" not in goes(made)
    assert made.is_incomplete


def test_somebody_of_another_site_can_t_be_composed(desk: Desk) -> None:
    with pytest.raises(NotFound), desk.ward.open() as unit:
        compose(unit, "walter", PANTRY, "treatment", CONTENT)


def test_sent_twice_is_sent_once(desk: Desk) -> None:
    first = send(desk, PANTRY, ["Condition/knee"])
    assert send(desk, PANTRY, ["Condition/knee"]) == first
    assert one("select count(*) from disclosures") == 1


@pytest.mark.parametrize(
    ("chosen", "more", "refused"),
    [
        ([], {}, NothingChosen),
        (["Condition/none"], {}, MayNotGo),
        (["Condition/knee"], {"method": "pigeon"}, BadDisclosure),
        (["Condition/knee"], {"basis": "law"}, BadDisclosure),
        (["Condition/knee"], {"basis": "because"}, BadDisclosure),
    ],
)
def test_what_is_refused_leaves_nothing(desk: Desk, chosen: list[str], more: Any, refused: Any) -> None:
    with pytest.raises(refused):
        send(desk, PANTRY, chosen, **more)
    assert rows("select 1 from disclosures") == []
    assert rows("select 1 from outbox") == []


def test_what_goes_by_mail_becomes_a_to_do(desk: Desk) -> None:
    number = send(desk, replace(PANTRY, address="12 Oak St"), ["Condition/knee"], method="mail")
    desk.later(minutes=1)
    assert sending.run(desk.clock(), by_hand.senders(desk.clock())) == 1
    assert (
        one("select title from work where kind = 'send-disclosure'")
        == "Print and mail what goes to Food pantry"
    )
    assert rows("select state from outbox where key = %s", f"disclosure:{number}") == [("sent",)]
    assert ask_to_carry.__module__ == "careloop.actions.disclose"


# --- the accounting can't be changed


@pytest.mark.parametrize(
    "statement",
    [
        "update disclosures set name = 'Nobody'",
        "update disclosures set basis = 'consent'",
        "update disclosures set content = '\\x00'",
        "update disclosures set at = at - interval '1 year'",
        "delete from disclosures where id = (select min(id) from disclosures)",
        "update disclosures set digest = sha256(digest)",
        "update disclosures set tx = tx + 1",
    ],
)
def test_a_changed_or_removed_line_is_found(desk: Desk, statement: str) -> None:
    send(desk, PANTRY, ["Condition/knee"])
    send(desk, PANTRY, ["Condition/knee"], key="again")
    with owner_connection() as owner:
        assert verify.whole(owner.cursor()).problems == []
        with owner.transaction(force_rollback=True):
            owner.execute(statement.encode())
            report = verify.Report()
            verify._check_versions(owner, report, verify._walk(owner, verify.Report(), {}, lambda done: None))
            found = [*report.problems, *verify.disclosed.problems(owner.cursor())]
        assert found


def test_the_application_may_only_add(desk: Desk) -> None:
    from django.db import connection

    send(desk, PANTRY, ["Condition/knee"])
    for statement in ("update disclosures set name = 'x'", "delete from disclosures"):
        with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied") as refused:
            cursor.execute(statement)
        assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


# --- for the person


def test_her_accounting_has_what_was_sent_and_which_programs_read(
    desk: Desk, issue_token: Any, now: datetime
) -> None:
    from django.db import connection, transaction

    from tests.api.conftest import Door

    send(desk, PANTRY, ["Condition/knee"])
    assert (
        Door(issue_token("Regional exchange", "system/*.rs")[1]).ask("GET", "Patient/maria").status_code
        == 200
    )
    with transaction.atomic(), connection.cursor() as cursor:
        audit.digest_people(cursor)
    with desk.ward.open() as unit:
        maria = unit.rid_of("Patient/maria") or 0
        told = accounting_of(unit, maria, desk.clock() + timedelta(days=1))
    assert [each.name for each in told.disclosures] == ["Food pantry"]
    assert [(each.who.name, each.times) for each in told.programs] == [("Regional exchange", 1)]


def test_the_list_and_the_pdf_in_both_languages(desk: Desk) -> None:
    send(desk, PANTRY, ["Condition/knee"], purpose="A food box")
    assert "Food pantry" in desk.page("/people/maria/disclosures")
    for language in ("en", "es"):
        answer = desk.client.get(f"/people/maria/disclosures.pdf?language={language}")
        assert answer.content.startswith(b"%PDF")
        assert "maria" not in answer["Content-Disposition"].lower()
        again = desk.client.get(f"/people/maria/disclosures.pdf?language={language}")
        assert again.content == answer.content
    for address in (
        "/people/walter/disclosures",
        "/people/walter/disclosures.pdf",
        "/people/walter/disclose",
    ):
        assert desk.client.get(address).status_code == 404


def test_who_looked_is_told_to_her_alone(desk: Desk, now: datetime) -> None:
    from django.db import connection, transaction

    desk.page("/people/maria/story")
    with transaction.atomic(), connection.cursor() as cursor:
        audit.digest_people(cursor)
    with pytest.raises(Forbidden), desk.ward.open() as unit:
        looks_at(unit, unit.rid_of("Patient/maria") or 0, now - timedelta(days=9), now + timedelta(days=1))
    with desk.ward.open() as unit:
        maria = unit.rid_of("Patient/maria") or 0
    herself = replace(desk.ward.actor, kind="person", roles=frozenset(), shares=frozenset({(maria, "all")}))
    with desk.ward.open(herself) as unit:
        found = looks_at(unit, maria, now - timedelta(days=9), now + timedelta(days=1))
    assert [(each.who.name, each.who.roles) for each in found if each.who.kind == "staff"] == [
        ("Ana Reyes", ("coordinator",))
    ]
    helper = replace(herself, shares=frozenset({(maria, "plan")}))
    with pytest.raises(Forbidden), desk.ward.open(helper) as unit:
        looks_at(unit, maria, now - timedelta(days=9), now)


# --- as pages


def test_from_the_form_to_the_paper(desk: Desk) -> None:
    form = {"to": "Food pantry", "basis": "treatment", "purpose": "A food box", "method": "hand"}
    shown = desk.post("/people/maria/disclose", {**form, "act": "look"}, 200)
    assert "Sore knee" in shown
    assert "there is a referral or a to-do with them" in shown
    [key] = re.findall(r'name="key" value="([^"]+)"', shown)
    chosen = [line for line in re.findall(r'name="line"[^>]*value="([^"]+)"', shown) if "Condition" in line]
    desk.post("/people/maria/disclose", {**form, "act": "send", "key": key, "line": chosen})
    number = one("select id from disclosures")
    paper = desk.page(f"/people/maria/disclosures/{number}")
    assert "Sore knee" in paper
    assert "This may be incomplete." in paper
    assert desk.client.get(f"/people/maria/disclosures/{number}.pdf").content.startswith(b"%PDF")
    assert desk.client.get(f"/people/walter/disclosures/{number}").status_code == 404


def test_the_form_says_what_is_missing(desk: Desk) -> None:
    shown = desk.post("/people/maria/disclose", {"act": "look", "basis": "law", "method": "fax"}, 422)
    for sentence in ("Say who gets it.", "Say which law or court", "Say where it goes"):
        assert sentence in shown


def test_an_answer_to_a_referrer_stands_in_the_accounting_once_it_has_left(desk: Desk, now: datetime) -> None:
    from careloop.actions.answer_referrer import letter_left

    put(
        desk,
        {
            "resourceType": "Communication",
            "id": "answer",
            "status": "in-progress",
            "subject": {"reference": "Patient/maria"},
            "recipient": [{"display": "Dr. Chen"}],
            "payload": [{"contentString": "She is on our list."}],
        },
    )
    assert rows("select 1 from disclosures") == []
    letter_left(HOUSE, "answer", now)
    letter_left(HOUSE, "answer", now)
    assert rows("select name, method, basis from disclosures") == [("Dr. Chen", "mail", "treatment")]


# --- every way out is known


PAPERS = re.compile(r"pdf|print|export|letter|csv|download|take-along|disclose$|\.ics")


def test_every_way_out_is_in_the_register() -> None:
    from django.urls import get_resolver

    def names(patterns: Any) -> Iterator[str]:
        for each in patterns:
            if hasattr(each, "url_patterns"):
                yield from names(each.url_patterns)
            elif PAPERS.search(str(each.pattern)) or PAPERS.search(each.name or ""):
                yield str(each.name)

    doors = {f"page:{name}" for name in names(get_resolver().url_patterns)}
    kinds = {f"outbox:{kind}" for kind in by_hand.senders(datetime.now().astimezone())}
    assert doors | kinds <= WAYS_OUT.keys(), "a way out that no accounting knows of"
    known = {way for way in WAYS_OUT if way.startswith(("page:", "outbox:"))}
    assert known <= doors | kinds, "a way out that is gone"


# --- the rule itself


def line(bits: int) -> Line:
    return Line("Condition/x", 1, 1, "conditions", "Something", bits)


@pytest.mark.parametrize("bit", sorted(labels.NAMES))
@pytest.mark.parametrize("basis", BASES)
def test_a_label_goes_without_consent_only_where_the_reason_lets_it(bit: int, basis: Any) -> None:
    is_allowed = judge(line(bit), Known(True, None), basis, "referral").is_allowed
    assert is_allowed is (basis != "consent" and bool(lets(basis) & bit))
    assert judge(line(bit), Known(True, "Consent/1"), basis, "referral").is_allowed
    assert not judge(line(bit), Known(False, "Consent/1"), basis, "referral").is_allowed
    if bit in (labels.PART2, labels.UNKNOWN) and basis != "self":
        assert not is_allowed


# --- who reads again what has left


def as_role(desk: Desk, *roles: str) -> None:
    desk.user.roles = list(roles)
    desk.user.save()


def papers(number: int) -> list[str]:
    return [f"/people/maria/disclosures{end}" for end in ("", ".pdf", f"/{number}", f"/{number}.pdf")]


@pytest.mark.parametrize("role", ["biller", "auditor", "advocacy", "payer-reviewer", "administrator"])
def test_only_care_and_privacy_open_what_has_left(desk: Desk, role: str) -> None:
    number = send(desk, PANTRY, ["Condition/knee"])
    as_role(desk, role)
    assert {desk.client.get(address).status_code for address in papers(number)} <= {403, 404}
    as_role(desk, "privacy-officer")
    assert {desk.client.get(address).status_code for address in papers(number)} == {200}


def test_a_line_that_left_is_seen_by_whom_its_labels_let(desk: Desk) -> None:
    sees_part2(desk)
    put(desk, consent("rehab", "42CFRPart2"))
    number = send(desk, REHAB, ["Condition/drink"], "consent", note="About her drinking")
    assert "Alcohol use disorder" in desk.page(f"/people/maria/disclosures/{number}")
    put(desk, {**consent("bayview", "42CFRPart2", id="to-us"), "status": "inactive"})
    paper = desk.page(f"/people/maria/disclosures/{number}")
    assert "a line that you may not see" in paper
    for word in ("Alcohol", "drinking", "42 CFR", "Consent of"):
        assert word not in paper
    assert "42 CFR Part 2" not in desk.page("/people/maria/disclosures")


def shown(unit: Any, number: int) -> list[str]:
    found = disclosures.one(unit, unit.rid_of("Patient/maria") or 0, number)
    return [item.words for item in found.content.items]


def written(desk: Desk, key: str, reference: str, bits: int | None, is_part2: bool = False) -> int:
    with store.open(HOUSE, now=desk.clock()) as unit:
        told = Content((Item(reference, 1, "conditions", f"Words of {key}", "law", labels=bits),))
        number = disclosures.record(
            unit,
            key,
            unit.rid_of("Patient/maria") or 0,
            name="A court",
            method="hand",
            basis="law",
            purpose="An order",
            content=told,
            is_part2=is_part2,
        )
    assert number is not None
    return number


def test_lines_without_bits_are_known_by_their_row_and_else_by_nobody(desk: Desk) -> None:
    known = [
        (written(desk, "plain", "Condition/knee", None), True),
        (written(desk, "row", "Condition/drink", None), False),
        (written(desk, "said", "Condition/knee", None, is_part2=True), False),
        (written(desk, "gone", "Condition/nowhere", None), False),
        (written(desk, "kept", "Condition/nowhere", 0), True),
        (written(desk, "kept part 2", "Condition/nowhere", labels.PART2), False),
    ]
    with desk.ward.open() as unit:
        assert [bool(shown(unit, number)[0]) for number, _ in known] == [is_seen for _, is_seen in known]


def test_her_paper_does_not_say_that_violence_was_left_out(desk: Desk) -> None:
    written(desk, "knee", "Condition/knee", 0)
    written(desk, "notes", "Condition/nowhere", labels.MENTAL_HEALTH)
    written(desk, "drink", "Condition/drink", labels.PART2)
    written(desk, "violence", "Condition/nowhere", labels.VIOLENCE)
    with desk.ward.open() as unit:
        maria = unit.rid_of("Patient/maria") or 0
    herself = replace(desk.ward.actor, kind="person", roles=frozenset(), shares=frozenset({(maria, "all")}))
    for actor, hers in ((herself, "Words of drink"), (desk.ward.actor, "a line that you may not see")):
        with desk.ward.open(actor) as unit:
            told = accounting_of(unit, maria, desk.clock() + timedelta(days=1), is_paper=True)
            brief = briefs(unit, [maria])[maria]
        said = accounting_words(told, brief, "Bayview", "", ZoneInfo("America/Chicago"), "en")
        what = sorted(line for each in said["sent"] for line in each["what"])
        assert what == sorted(["Words of knee", "a line that you may not see", hers])
    with desk.ward.open() as unit:
        whole = accounting_of(unit, maria, desk.clock() + timedelta(days=1))
    assert "Words of violence" in {each.content.items[0].words for each in whole.disclosures}
    helper = replace(herself, shares=frozenset({(maria, "plan")}))
    with pytest.raises(NotFound), desk.ward.open(helper) as unit:
        accounting_of(unit, maria, desk.clock())


@pytest.mark.parametrize(
    ("to", "status", "relation"),
    [
        ("Organization/rehab-10", "active", ""),
        ("Organization/rehab", "revoked", ""),
        ("Organization/rehab", "entered-in-error", ""),
        ("Organization/rehab", "on-hold", ""),
        ("Organization/rehab", "active", "referral"),
    ],
)
def test_a_referral_joins_whom_it_names_while_it_lives(
    desk: Desk, to: str, status: str, relation: str
) -> None:
    put(
        desk,
        b.organization("rehab-10", "Another rehab"),
        {
            "resourceType": "ServiceRequest",
            "id": "walk",
            "status": status,
            "intent": "order",
            "subject": {"reference": "Patient/maria"},
            "performer": [{"reference": to}],
        },
    )
    assert composed(desk, REHAB).relation == relation
