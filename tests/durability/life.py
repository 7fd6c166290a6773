"""A step in the life of an installation, run as a process over its home: `life.py people a b`, `letter`, `doors`,
`look`. Answers one line of JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))


def people(*ids: str) -> Any:
    """Each is written in a commit of her own."""
    from careloop.access import Scope, system_actor
    from careloop.actions.record import begin
    from tests.projections import builders as b

    for id in ids:
        with begin(Scope(system_actor("import"), "command", "operations"), datetime.now(UTC)) as unit:
            unit.update(b.patient(id, "Maria", "Duarte-Quillfeather"), create=True)
    return datetime.now(UTC).isoformat()


def everything() -> Any:
    """Something in every corner: a person with her team, program, work and story, a draft, a timer, a message."""
    from careloop.access import Scope, system_actor
    from careloop.accounts.models import Sender, User
    from careloop.actions.record import begin
    from careloop.store import inbox
    from tests.projections import builders as b

    now = datetime.now(UTC)
    scope = Scope(system_actor("import"), "command", "operations")
    for one in (
        b.organization("bayview", "Bayview"),
        b.practitioner("ana", "Ana", "Reyes"),
        b.patient("maria", "Maria", "Duarte-Quillfeather"),
        b.team("team", "maria", "ana"),
        b.episode("episode", "maria"),
        b.task("task", "maria", now),
        b.contact("contact", "maria", now),
    ):
        with begin(scope, now) as unit:
            unit.update(one, create=True)
    with begin(scope, now) as unit:
        unit.set_timer(unit.mention("Patient/maria"), "silence", "Patient/maria", now + timedelta(days=3))
        inbox.receive(unit, "st-lukes", "M1", b"MSH|^~\\&|", "ADT^A03")
    user = User.objects.create_user("ana@example.org", "a long enough password", name="Ana Reyes")
    Sender.objects.create(principal=user.principal, name="st-lukes")
    letter()
    doors()
    return None


def measures() -> Any:
    """Of Maria: a weight, a limit for it, a score, a diagnosis, risk scores; a protocol
    that is on, and a view of the registry that somebody kept."""
    from decimal import Decimal

    from careloop.access import Scope, system_actor
    from careloop.actions.assess_risk import refresh, worker
    from careloop.actions.keep_view import keep_view
    from careloop.actions.record import begin
    from careloop.actions.switch_protocol import switch_protocol
    from careloop.care.reading_limits import Limits, to_request
    from careloop.fhir import uris
    from careloop.fhir.elements import codeable, fhir_instant, ref
    from careloop.library import load
    from tests.projections import builders as b

    now, library = datetime.now(UTC), load()
    scope = Scope(system_actor("import"), "command", "operations")
    hers = {"status": "final", "subject": ref("Patient/maria")}
    weight = codeable(uris.LOINC, "29463-7", "Body weight")
    phq9 = codeable(uris.LOINC, "44261-6", "PHQ-9 total score")
    kilograms = {"value": 82, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    limits = Limits("weight", None, Decimal(84), None, None)
    active = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    sure = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    for one in (
        {"resourceType": "Observation", "code": weight, "valueQuantity": kilograms, **hers},
        {"resourceType": "Observation", "code": phq9, "valueQuantity": {"value": 14}, **hers},
        to_request(library.readings["weight"], limits, "Patient/maria", None, now, "The cardiologist"),
        {
            **{"resourceType": "Condition", "subject": ref("Patient/maria")},
            **{
                "clinicalStatus": codeable(active, "active"),
                "verificationStatus": codeable(sure, "confirmed"),
            },
            "category": [codeable(uris.CONDITION_CATEGORY, "problem-list-item")],
            "code": codeable(uris.ICD10CM, "E11.9", "Type 2 diabetes"),
        },
        b.contact("talk", "maria", now),
    ):
        if one["resourceType"] == "Observation":
            one["effectiveDateTime"] = fhir_instant(now)
        with begin(scope, now) as unit:
            unit.update(one, create=True) if "id" in one else unit.create(one)
    with begin(worker(), now) as unit:
        refresh(unit, unit.mention("Patient/maria"), library)
    protocol = next(iter(library.protocols))
    switch_protocol(scope, protocol, is_on=True, because="Agreed", library=library, now=now)
    keep_view(scope, "With diabetes", "condition=diabetes", now)
    return None


def letter() -> Any:
    """One that waits to be sent, one that is on its way, one that has left."""
    from careloop.access import Scope, system_actor
    from careloop.actions.record import begin
    from careloop.store import outbox

    now = datetime.now(UTC)
    with begin(Scope(system_actor("jobs"), "work", "operations"), now - timedelta(minutes=5)) as unit:
        for key in ("sent", "sending", "waiting"):
            unit.send(key, "letter", "somebody", {"text": "Dear somebody"})
    with begin(Scope(system_actor("jobs"), "work", "operations"), now) as unit:
        sent, _ = outbox.take(unit, now + timedelta(minutes=5), limit=2)
        outbox.sent(unit, sent)
    return None


def doors() -> Any:
    """A session, a program with a token, and a link: each would let somebody in."""
    from django.contrib.sessions.backends.db import SessionStore

    from careloop.accounts.models import ApiClient, Principal
    from careloop.accounts.sign_in_models import SignedIn

    now = datetime.now(UTC)
    session = SessionStore()
    session["signed-in"] = "x" * 32
    session.save()
    who = Principal.objects.create(kind="staff", name="Ana")
    SignedIn.objects.create(
        id="x" * 32,
        principal=who,
        began=now,
        seen=now,
        device="a browser",
        device_hash="d",
        methods="totp",
        strength=2,
    )
    client, _ = ApiClient.issue("a program", "system/*.rs", now, now + timedelta(days=30))
    return client.name


def look() -> Any:
    from django.db import connection

    from careloop.accounts.models import ApiClient
    from careloop.accounts.sign_in_models import SignedIn
    from careloop.store.keys import number_of

    asked = {
        "people": f"select id from ids i join heads h on h.rid = i.rid where h.type = {number_of('Patient')}",
        "generations": "select why from generations order by generation",
        "sessions": "select session_key from django_session",
        "letters": "select key || ' ' || state from outbox order by key",
        "reviews": "select kind from work where is_open",
    }
    found = {}
    with connection.cursor() as cursor:
        for name, query in asked.items():
            cursor.execute(query)
            found[name] = sorted(str(value) for (value,) in cursor.fetchall())
    now = datetime.now(UTC)
    return found | {
        "signed in": SignedIn.objects.filter(ended=None).count(),
        "programs": ApiClient.objects.filter(expires_at__gt=now).count(),
    }


def main() -> None:
    import django

    django.setup()
    step, *words = sys.argv[1:]
    steps = {
        **{"everything": everything, "measures": measures, "people": people},
        **{"letter": letter, "doors": doors, "look": look},
    }
    sys.stdout.write(json.dumps(steps[step](*words)) + "\n")


if __name__ == "__main__":
    main()
