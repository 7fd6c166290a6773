"""Whatever lets somebody in is ended by a restore: a table that is added later must say which it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from django.apps import apps
from django.db import connection

from careloop.accounts import smart_grants
from careloop.accounts.models import Principal
from careloop.accounts.smart_models import App, AppGrant
from careloop.server.restored import ENDED

# What a browser, an app or a letter holds is kept as a digest here; columns are called so.
HOLDS: Final = re.compile(r"(^|_)(hash|digest|token|session_key|session|launch)($|_)")
STAYS: Final = {
    "accounts_app": "who the app is, approved by a person; it lets nobody in without a token",
    "accounts_portalcontact": "a digest to find a confirmed contact by; a code is still asked for",
    "accounts_recoverycode": "second factors of a person, like her passkeys; each still works once",
    "accounts_spent": "what was used up must stay so",
}


def held() -> dict[str, list[str]]:
    found = {}
    for model in apps.get_models():
        names = [field.name for field in model._meta.get_fields() if HOLDS.search(field.name)]
        if names and model._meta.app_label in {"accounts", "sessions"}:
            found[model._meta.db_table] = names
    return found


def test_each_table_that_lets_somebody_in_is_ended_or_says_why_not() -> None:
    undecided = {
        table: names for table, names in held().items() if table not in ENDED and not STAYS.get(table)
    }
    assert undecided == {}
    assert {
        "django_session",
        "accounts_signedin",
        "accounts_accesstoken",
        "accounts_ticket",
    } <= held().keys() & ENDED.keys()


def test_each_statement_fits_its_table(record: None) -> None:
    """Against the tables as they are now: a renamed column is found here, not in a restore."""
    with connection.cursor() as cursor:
        for table, statement in ENDED.items():
            cursor.execute("select to_regclass(%s)", [table])
            assert cursor.fetchone() != (None,), table
            cursor.execute(f"explain {statement}", ["2026-11-23T15:00:00+00:00"] * statement.count("%s"))


def test_whatever_was_allowed_and_can_be_ended_is_ended(record: None) -> None:
    """An app that was thrown out after the backup must not be let in again by what it was allowed before."""
    can_end = {
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.app_label == "accounts" and any(f.name == "ended" for f in model._meta.get_fields())
    }
    assert "accounts_appgrant" in can_end
    assert {table for table in can_end if table not in ENDED and not STAYS.get(table)} == set()


def test_no_consent_to_an_app_outlives_a_restore(record: None) -> None:
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    principal = Principal.objects.create(kind="app", name="Pressure diary")
    app = App.objects.create(
        principal=principal, client_id="diary", name="Pressure diary", way="public", scopes="", asked_at=now
    )
    AppGrant.objects.create(id="g1", app=app, principal=7, scopes="user/*.r", began=now, used=now)
    assert smart_grants.scopes_allowed(app.pk, 7, "") == "user/*.r"
    with connection.cursor() as cursor:
        cursor.execute(ENDED["accounts_appgrant"], [now])
    assert smart_grants.scopes_allowed(app.pk, 7, "") == ""
    assert AppGrant.objects.get().why == "restored"
