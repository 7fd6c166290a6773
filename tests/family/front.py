"""Maria at the family's door: a clinic with her and Walter, her daughter Lucía, and browsers without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop.access import Actor, Scope
from careloop.accounts import family_codes
from careloop.accounts.family_accounts import confirm_contact, open_account
from careloop.accounts.family_models import PortalAccount
from careloop.accounts.models import User
from careloop.actions.share_portal import share
from careloop.care.work import WorkClass
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.kernel.clock import MovableClock
from careloop.server import middleware
from careloop.store import Stored
from tests.projections import builders as b
from tests.projections.ward import Ward

PHONE, DAUGHTERS_PHONE = "+17135550148", "+17135550149"


class Front:
    """maria, lucia: browsers. page, post: the text of the answer, whose status must be as told."""

    def __init__(self, ward: Ward, clock: MovableClock) -> None:
        self.ward, self.clock = ward, clock

    def browser(self) -> Client:
        return Client()

    def account(self, reference: str, name: str, phone: str = "") -> PortalAccount:
        account = open_account(reference, name, "en", self.now)
        if phone:
            confirm_contact(account, family_codes.where(phone), "told us in person", 1, self.now)
        return account

    @property
    def now(self) -> datetime:
        return self.clock()

    def signed_in(self, account: PortalAccount) -> Client:
        """By a letter, as anybody comes in for the first time."""
        code = family_codes.issue_paper(account, 1, "in a test", self.now)
        client = Client()
        answer = client.post("/my/sign-in/letter", {"code": code, "year": "1959", "month": "3", "day": "2"})
        assert answer.status_code == 302, words(answer.content.decode())[:2_000]
        return client

    def share(self, *shares: str, who: str = "lucia", **more: Any) -> Stored:
        return share(self.staff, "maria", who, shares, self.now, said="at the kitchen table", **more)

    @property
    def staff(self) -> Scope:
        return Scope(self.ward.actor, "page", "coordination")

    def clinician(self) -> Scope:
        actor = Actor(
            principal=8,
            kind="staff",
            name="Dr. Wei Chen",
            roles=frozenset({"clinician"}),
            sites=frozenset({self.ward.site}),
            practitioner="Practitioner/ben",
            practitioner_rid=self.ward.ben,
        )
        return Scope(actor, "page", "treatment")


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, (
        f"{answer.status_code} {answer.get('Location')} {words(answer.content.decode())[:600]}"
    )
    return words(answer.content.decode())


def post(client: Client, address: str, typed: dict[str, Any] | None = None, status: int = 302) -> str:
    answer = client.post(address, typed or {})
    assert answer.status_code == status, f"{answer.status_code} {words(answer.content.decode())[:1_500]}"
    return words(answer.content.decode())


def words(html: str) -> str:
    return re.sub(r"\s+", " ", html)


def her_record(now: datetime) -> Iterable[dict[str, Any]]:
    """A line of each kind that can be shared; each carries a word by which it is found."""
    maria = ref("Patient/maria")
    step = b.task("step", "maria", now, kind="plan-step", title="Weigh each morning", owner="Patient/maria")
    yield {
        "resourceType": "RelatedPerson",
        "id": "lucia",
        "active": True,
        "patient": maria,
        "birthDate": "1959-03-02",
        "relationship": [codeable("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "CHILD", "daughter")],
        "name": [{"given": ["Lucía"], "family": "Duarte"}],
    }
    yield {
        "resourceType": "Goal",
        "id": "goal",
        "lifecycleStatus": "active",
        "description": {"text": "Walk two blocks"},
        "subject": maria,
    }
    yield {**step, "intent": "plan", "reasonReference": ref("Goal/goal")}
    yield {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": maria,
        "goal": [ref("Goal/goal")],
        "activity": [{"reference": ref("Task/step")}],
    }
    yield b.task("secret", "maria", now, kind="call", title="Not for the family", owner="Practitioner/ana")
    yield b.task(
        "urgent",
        "maria",
        now,
        kind="urgent-self-harm",
        title="Call her now",
        klass=WorkClass.DANGER,
        is_protected=True,
    )
    yield {
        "resourceType": "MedicationRequest",
        "id": "pill",
        "status": "active",
        "intent": "order",
        "subject": maria,
        "medicationCodeableConcept": {"text": "Furosemide 40 mg"},
        "dosageInstruction": [{"text": "1 tablet twice a day"}],
    }
    yield {
        "resourceType": "Appointment",
        "id": "visit",
        "status": "booked",
        "start": "2026-11-26T16:15:00Z",
        "end": "2026-11-26T16:45:00Z",
        "patientInstruction": "Bring all your pills.",
        "participant": [
            {"actor": maria, "status": "accepted"},
            {"actor": ref("Practitioner/ben", "Dr. Ben Osei"), "status": "accepted"},
        ],
    }
    yield {
        "resourceType": "Observation",
        "id": "weight",
        "status": "final",
        "code": {"text": "Body weight"},
        "subject": maria,
        "effectiveDateTime": fhir_instant(now),
        "valueQuantity": {"value": 71, "unit": "kg"},
    }
    yield {
        "resourceType": "Coverage",
        "id": "medicare",
        "status": "active",
        "type": {"text": "Original Medicare"},
        "beneficiary": maria,
        "payor": [{"display": "Medicare"}],
    }
    yield {
        "resourceType": "Communication",
        "id": "letter",
        "status": "completed",
        "subject": maria,
        "recipient": [maria],
        "sent": fhir_instant(now),
        "payload": [{"contentString": "Your new pills are at the pharmacy."}],
    }


@contextmanager
def at_the_door(now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    clock = MovableClock(now)
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    ward = Ward(now)
    ward.has(*her_record(now))
    User.objects.create_user("ana@example.org", None, "Ana Reyes", roles=["coordinator"], practitioner="ana")
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield Front(ward, clock)
