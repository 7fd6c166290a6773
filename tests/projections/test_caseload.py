"""The list of people: mine, all I may see, narrowed and sorted; never anybody else's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Actor, Scope, system_actor
from careloop.care.work import WorkClass
from careloop.projections.caseload import Asked, Caseload, caseload, programs_of
from careloop.server.demo.community import Community
from careloop.server.demo.load import load
from tests.store.rows import details_of

DEMO = Scope(system_actor("demo"), "command", "maintenance")


@pytest.fixture
def houston(record: None, now: datetime) -> Any:
    """The ten people of Houston, and Ana who asks about them."""
    load(
        lambda: store.open(DEMO, now=now, projectors=projections.ALL),
        10,
        7,
        today=now.date(),
        now=now,
        is_quiet=True,
    )
    community = Community(7)
    ana = community.staff["ana"].reference
    with store.open(DEMO, now=now) as unit:
        site = unit.mention(community.organization("bayview"))
        actor = Actor(
            principal=7,
            kind="staff",
            name="Ana",
            roles=frozenset({"coordinator"}),
            sites=frozenset({site}),
            practitioner=ana,
            practitioner_rid=unit.mention(ana),
        )

    def ask(size: int = 50, **asked: Any) -> Caseload:
        with store.open(Scope(actor, "page", "coordination"), now=now) as unit:
            return caseload(unit, Asked(**asked), size)

    ask.actor = actor  # type: ignore[attr-defined]  # who asks
    return ask


def names(found: Caseload) -> list[str]:
    return [one.person.name for one in found.rows]


def test_my_people_are_those_i_lead_in_the_order_of_their_names(houston: Any) -> None:
    found = houston()
    assert names(found) == sorted(names(found))
    assert names(found).count("Dolores Rivera") == 1  # the other one is Lan's
    assert found.total == len(found.rows) == 7


def test_all_i_may_see_are_those_of_my_sites_and_nobody_else(houston: Any) -> None:
    found = houston(view="all")
    assert names(found).count("Dolores Rivera") == 2
    assert not {"Frank Delgado", "Ruth Okoye"} & set(names(found))  # of the hospital


def test_each_line_says_what_is_next_when_we_spoke_and_what_to_mind(houston: Any) -> None:
    maria = next(one for one in houston().rows if one.person.name == "Maria Duarte")
    assert maria.next_title == "Call after discharge"
    assert maria.next_class is WorkClass.CLOCK
    assert maria.flags == ("No voicemail",)
    assert maria.programs == ("transitions",)
    assert maria.heard is not None
    assert maria.late == 0


def test_only_those_with_something_late(houston: Any) -> None:
    assert set(names(houston(only="late"))) == {"Earl Washington", "Walter Nguyen"}


def test_only_those_whom_we_have_not_reached_in_thirty_days(houston: Any) -> None:
    assert names(houston(only="silent")) == ["Earl Washington"]


def test_only_one_program(houston: Any, now: datetime) -> None:
    assert names(houston(program="transitions")) == ["Maria Duarte"]
    with store.open(Scope(houston.actor, "page", "coordination"), now=now) as unit:
        assert "transitions" in programs_of(unit, "mine")


def test_what_is_most_pressing_comes_first_when_asked(houston: Any) -> None:
    assert names(houston(sort="next"))[0] == "Andre Lewis"
    assert names(houston(sort="heard"))[0] == "Earl Washington"


def test_pages_hold_everybody_once(houston: Any) -> None:
    pages = [houston(3, page=number) for number in (1, 2, 3)]
    assert [one.has_more for one in pages] == [True, True, False]
    together = [name for one in pages for name in names(one)]
    assert together == names(houston())


def test_what_was_shown_stands_in_the_audit_trail(houston: Any, now: datetime) -> None:
    houston()
    with store.open(DEMO, now=now) as unit:
        rows = unit.cursor().execute(
            "select detail, people from audit where actor = 7 order by seq desc limit 1"
        )
        detail, people = rows.fetchone() or (None, None)
    assert ["E", "people"] in details_of(detail)
    assert people is not None
