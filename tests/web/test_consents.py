"""The page of consents: written down with what is needed, ended with what it reaches told first; labels with why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from careloop import store
from tests.web.desk import Desk, at_the_desk

PAGE = "/people/maria/consents"
WRITTEN = {
    "kind": "permit",
    "to": "Organization/bayview",
    "what": ["part2"],
    "by_whom": "Organization/bayou",
    "purpose": "tpo",
    "signed_by": "Maria Duarte",
    "how": "written",
}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        desk.ward.has(
            {
                "resourceType": "Organization",
                "id": "bayou",
                "name": "Bayou Recovery",
                "type": [{"coding": [{"system": "urn:careloop:code:org-kind", "code": "part2-program"}]}],
            },
            {
                "resourceType": "Encounter",
                "id": "counseling",
                "status": "finished",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                "subject": {"reference": "Patient/maria"},
                "serviceProvider": {"reference": "Organization/bayou"},
                "reasonCode": [{"text": "Group at Bayou"}],
                "period": {"start": "2026-11-20T10:00:00Z"},
            },
            {
                "resourceType": "Condition",
                "id": "flu",
                "subject": {"reference": "Patient/maria"},
                "code": {"text": "Influenza"},
                "recordedDate": "2026-11-01",
            },
        )
        yield desk


def ends_of(page: str) -> list[str]:
    return re.findall(r"/people/maria/consents/([^/\"]+)/end", page)


def test_an_open_page_shows_it_with_the_consent_and_not_a_moment_after(desk: Desk) -> None:
    assert "Group at Bayou" not in desk.page("/people/maria/story")
    assert "This list may be incomplete." in desk.page("/people/maria/story")
    assert "Nothing is written down" in desk.page(PAGE)
    desk.post(PAGE + "/new", WRITTEN)
    page = desk.page(PAGE)
    assert "in force" in page
    assert "records of a substance use program" in page
    shown = desk.page("/people/maria/story")
    assert "Group at Bayou" in shown
    assert "may be incomplete" not in shown
    desk.later(minutes=1)
    (consent,) = set(ends_of(page))
    assert "No open referral is with them." in desk.page(f"{PAGE}/{consent}/end")
    desk.post(f"{PAGE}/{consent}/end", {"why": "She changed her mind"})
    assert "Group at Bayou" not in desk.page("/people/maria/story")
    assert "ended" in desk.page(PAGE)
    assert ends_of(desk.page(PAGE)) == []


def test_what_is_missing_stands_at_its_field_and_nothing_typed_is_lost(desk: Desk) -> None:
    page = desk.post(
        PAGE + "/new", WRITTEN | {"by_whom": "", "signed_by": "", "kept": "binder 3"}, status=422
    )
    assert "Records of a substance use program: choose which program may hand them out." in page
    assert 'href="#field-signed_by"' in page
    assert 'value="binder 3"' in page
    late = desk.post(PAGE + "/new", WRITTEN | {"until": "2020-01-01"}, status=422)
    assert "Choose a day that is still to come" in late


def test_a_last_day_is_hers_to_its_end(desk: Desk) -> None:
    desk.post(PAGE + "/new", WRITTEN | {"until": "2026-11-24"})
    desk.later(hours=38)  # Tuesday, 11 pm in Chicago
    desk.client.force_login(desk.user)
    assert "Group at Bayou" in desk.page("/people/maria/story")
    desk.later(hours=1, minutes=1)
    desk.client.force_login(desk.user)
    assert "Group at Bayou" not in desk.page("/people/maria/story")


def test_today_answers_anew_once_a_consent_has_ended(desk: Desk) -> None:
    desk.ward.has(
        {
            **{name: value for name, value in desk.ward.task("call").items() if name != "identifier"},
            "id": "group",
            "description": "Ask about the group",
            "focus": {"reference": "Encounter/counseling"},
        }
    )
    desk.post(PAGE + "/new", WRITTEN)
    poll = {"X-Careloop-Poll": "1"}
    first = desk.client.get("/today", headers=poll)
    assert "Ask about the group" in first.content.decode()
    same = desk.client.get("/today", headers={**poll, "If-None-Match": first["ETag"]})
    assert same.status_code == 304
    (consent,) = set(ends_of(desk.page(PAGE)))
    desk.later(seconds=5)
    desk.post(f"{PAGE}/{consent}/end", {})
    after = desk.client.get("/today", headers={**poll, "If-None-Match": first["ETag"]})
    assert after.status_code == 200
    assert "Ask about the group" not in after.content.decode()
    assert "This list may be incomplete." in after.content.decode()


def test_somebody_elses_consent_is_not_there(desk: Desk) -> None:
    desk.post(PAGE + "/new", WRITTEN)
    (consent,) = set(ends_of(desk.page(PAGE)))
    desk.page(f"/people/walter/consents/{consent}/end", status=404)
    desk.page("/people/walter/consents", status=404)
    desk.post("/people/walter/consents/new", WRITTEN, status=404)


def test_a_label_is_added_and_taken_away_with_a_reason(desk: Desk) -> None:
    labels = "/people/maria/labels"
    assert "Influenza" in desk.page(labels)
    desk.post(labels + "/change", {"act": "add", "what": "Condition/flu", "label": "hiv", "why": ""})
    assert "Say why in a few words" in desk.page(labels)
    desk.post(labels + "/change", {"act": "add", "what": "Condition/flu", "label": "hiv", "why": "She asked"})
    page = desk.page(labels)
    assert "Not HIV?" in page
    desk.post(
        labels + "/change", {"act": "lift", "what": "Condition/flu", "label": "hiv", "why": "A mistake"}
    )
    assert "Not HIV?" not in desk.page(labels)
    desk.post(
        labels + "/change", {"act": "lift", "what": "Condition/flu", "label": "part2", "why": "Why not"}
    )
    assert "it comes from who made the record" in desk.page(labels)
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        kept = unit.search("Provenance", {"target": "Condition/flu"}).entries
        assert sorted(each.resource["reason"][0]["text"] for each in kept) == ["A mistake", "She asked"]
