"""The community goes into the record as anything does, and everyone who works in it can sign in."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.server.demo.community import Community
from careloop.server.demo.generator import generate
from careloop.server.demo.load import begin_reactions_here, load
from careloop.server.demo.sign_ins import PASSWORD, make_accounts, sign_ins
from careloop.store import feed

MONDAY = date(2026, 11, 23)


@pytest.fixture
def scope() -> Scope:
    return Scope(system_actor("demo"), "command", "maintenance")


def test_everything_is_written_and_reads_back(record: None, scope: Scope, now: datetime):
    written = load(lambda: store.open(scope, now=now), 12, 7, today=MONDAY, now=now, is_quiet=True)
    made = list(generate(12, 7, today=MONDAY, now=now))
    assert written == len(made)
    maria = next(r for r in made if r["resourceType"] == "Patient")
    with store.open(scope, now=now) as unit:
        assert unit.read("Patient", maria["id"]).resource["birthDate"] == maria["birthDate"]
        assert unit.search("Patient", [("_count", "50")]).total in (12, None)


def test_reactions_begin_with_what_comes_next(record: None, scope: Scope, now: datetime):
    load(lambda: store.open(scope, now=now), 2, 7, today=MONDAY, now=now, is_quiet=True)
    begin_reactions_here(lambda: store.open(scope, now=now))
    assert feed.read("reactions") == []


def test_everyone_with_a_role_can_sign_in_and_twice_makes_nobody_twice(record: None, now: datetime):
    from careloop.accounts.models import Sender, User

    community = Community(7)
    make_accounts(community, now)
    make_accounts(community, now)
    assert User.objects.count() == len(sign_ins(community))
    ana = User.objects.get(email="ana.reyes@careloop.example")
    assert ana.check_password(PASSWORD)
    assert ana.sites == [community.organization("bayview").partition("/")[2]]
    assert Sender.objects.get().peers == ["127.0.0.0/8", "::1/128"]
