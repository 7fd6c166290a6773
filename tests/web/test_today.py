"""Today: the whole job in one list, asked again by conditional GET."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from careloop.care.work import WorkClass
from tests.projections import builders as b
from tests.store.rows import rows
from tests.web.desk import Desk, at_the_desk

POLL = {"X-Careloop-Poll": "1", "HX-Request": "true"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def test_the_day_in_words_and_every_row_with_its_reason(desk: Desk) -> None:
    page = desk.page("/today")
    assert "Good morning, Ana. 3 for today." in page
    assert '<b class="danger-text">1 urgent</b>, 1 person has not heard from us in 30 days.' in page
    assert "any danger comes first" in page
    assert "a rule’s clock is running · she went home Friday from St. Luke’s" in page
    assert "Medicare TCM, 2026" in page
    assert "by 5 pm today" in page
    assert page.index("Call her now") < page.index("Call after discharge") < page.index("Find a ride")


def test_each_view_shows_its_own_and_nobody_elses(desk: Desk) -> None:
    assert "Send the papers" not in desk.page("/today")
    team = desk.page("/today?view=team")
    assert "Send the papers" in team
    assert "Team: 4 for today." in team
    unclaimed = desk.page("/today?view=unclaimed")
    assert "Unclaimed: 1 for today." in unclaimed
    assert "Send the papers" in unclaimed
    assert "Find a ride" not in unclaimed
    desk.ward.has(
        b.task("p", "maria", desk.ward.now, title="Of the program", program="transitions", owner=None)
    )
    assert "Of the program" in desk.page("/today?view=program:transitions")
    for view in ("mine", "team", "unclaimed", "program:transitions", "program:somebody-elses"):
        assert "Not for Ana" not in desk.page(f"/today?view={view}")


def test_an_empty_day_says_what_will_come_and_how_to_start(desk: Desk) -> None:
    for task in ("call", "ride", "urgent"):
        desk.change_behind_her_back(task, status="completed")
    page = desk.page("/today")
    assert "Nothing is waiting for you" in page
    assert "/today?view=unclaimed" in page


def test_asked_again_it_is_304_until_something_changes(desk: Desk) -> None:
    first = desk.client.get("/today", headers=POLL)
    again = desk.client.get("/today", headers={**POLL, "If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    desk.ward.has(b.task("new", "maria", desk.ward.now, title="Came this second", due=desk.ward.now))
    fresh = desk.client.get("/today", headers={**POLL, "If-None-Match": first["ETag"]})
    assert fresh.status_code == 200
    assert "Came this second" in fresh.content.decode()
    assert "<html" not in fresh.content.decode()


def test_a_304_shows_nobody_and_so_writes_no_audit_row(desk: Desk) -> None:
    etag = desk.client.get("/today", headers=POLL)["ETag"]
    before = rows("select count(*) from audit")
    desk.client.get("/today", headers={**POLL, "If-None-Match": etag})
    assert rows("select count(*) from audit") == before
    desk.client.get("/today", headers=POLL)
    assert rows("select count(*) from audit") != before


def test_what_the_clock_alone_moves_appears_within_a_minute(desk: Desk) -> None:
    desk.ward.has(
        b.task("nap", "maria", desk.ward.now, title="Back soon", wake=desk.ward.now + timedelta(minutes=5))
    )
    etag = desk.client.get("/today", headers=POLL)["ETag"]
    desk.later(minutes=6)
    woken = desk.client.get("/today", headers={**POLL, "If-None-Match": etag})
    assert woken.status_code == 200


def test_questions_do_not_grow_with_the_rows(desk: Desk) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            desk.page("/today")
        return len(asked)

    desk.page("/today")
    few = questions()
    desk.ward.has(
        *(b.task(f"t{n}", "maria", desk.ward.now, title=f"n{n}", due=desk.ward.now) for n in range(35))
    )
    assert questions() == few


def test_a_list_longer_than_a_day_says_that_more_comes(desk: Desk) -> None:
    desk.ward.has(
        *(
            b.task(f"t{n}", "maria", desk.ward.now, due=desk.ward.now, klass=WorkClass.SILENCE)
            for n in range(60)
        )
    )
    page = desk.page("/today")
    assert "more come up as you finish these" in page


def test_a_danger_that_nobody_acknowledged_says_so_and_offers_it(desk: Desk) -> None:
    assert "not yet acknowledged" in desk.page("/today")
    desk.post("/work/urgent/acknowledge")
    page = desk.page("/today")
    assert "not yet acknowledged" not in page
    assert "You have it." in page
