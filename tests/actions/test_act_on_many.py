"""One act on many people: looked at first, done in parts, nothing twice, taken back as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from careloop.access import Scope
from careloop.actions import act_on_many, record
from careloop.actions.act_on_many import Many, NobodyChosen
from careloop.actions.undo import TooLate
from careloop.care.many import DIED, NOBODY, SAME_TO_DO, Wanted
from careloop.kernel.errors import NotFound
from careloop.projections import registry
from careloop.projections.registry import Asked
from careloop.store import drafts
from careloop.store.errors import RecordUnavailable
from tests.projections import builders as b
from tests.projections.ward import Ward

SEND = Wanted("todo", "Send the flu letter", because="the season begins")


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    ward = Ward(now)
    for n in range(120):
        ward.has(b.patient(f"p{n:03}", f"Given{n:03}", "Zamora"))
    return ward


def chosen(ward: Ward, now: datetime, wanted: Wanted, **asked: object) -> Many:
    with ward.open() as unit:
        people = registry.chosen(unit, Asked(whose="all", **asked))  # type: ignore[arg-type]  # words of a test
    many = act_on_many.choose(ward.scope, people, "whose=all", now)
    return act_on_many.say(ward.scope, many.draft, wanted, now)


def done(ward: Ward, many: Many, now: datetime) -> Many:
    while not many.is_done:
        many = act_on_many.go_on(ward.scope, many.draft, now)
    return many


def open_titles(ward: Ward) -> list[str]:
    with ward.open() as unit:
        rows = unit.cursor().execute("select title from work where is_open order by 1").fetchall()
    return [row[0] for row in rows]


def test_everybody_gets_it_once_however_often_it_is_pressed(ward: Ward, now: datetime) -> None:
    many = done(ward, chosen(ward, now, SEND), now)
    assert [each.outcome for each in many.results].count("done") == 121
    again = act_on_many.go_on(ward.scope, many.draft, now)
    assert again.results == many.results
    assert open_titles(ward).count("Send the flu letter") == 121


def test_it_goes_in_parts_and_on_where_it_broke_off(
    ward: Ward, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = chosen(ward, now, SEND)
    many = act_on_many.go_on(ward.scope, many.draft, now)
    assert (many.done, len(open_titles(ward))) == (act_on_many.PART, act_on_many.PART)

    def torn(*told: object) -> None:
        raise RecordUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(drafts, "change", torn)
        with pytest.raises(RecordUnavailable):
            act_on_many.go_on(ward.scope, many.draft, now)
    assert len(open_titles(ward)) == act_on_many.PART  # the people and how far it is are one commit
    assert len(done(ward, many, now).results) == 121
    assert open_titles(ward).count("Send the flu letter") == 121


def test_who_is_left_out_is_said_with_why(ward: Ward, now: datetime) -> None:
    ward.has({**b.patient("p001", "Given001", "Zamora"), "deceasedBoolean": True})
    ward.has(b.task("same", "p002", now, kind="to-do", title="Send the flu letter", due=now))
    many = done(ward, chosen(ward, now, SEND), now)
    left = {each.id: each.because for each in many.results if each.outcome == "skipped"}
    assert left == {"p001": DIED, "p002": SAME_TO_DO}


def test_all_of_it_is_taken_back_but_what_somebody_went_on_from(ward: Ward, now: datetime) -> None:
    many = done(ward, chosen(ward, now, SEND), now)
    task = many.results[0].token.partition("@")[0].removeprefix("Task/")
    ward.has({**ward.task(task), "status": "completed"})
    while many.may_undo(now + timedelta(minutes=1)):
        many = act_on_many.take_back(ward.scope, many.draft, now + timedelta(minutes=1))
    outcomes = [each.outcome for each in many.results]
    assert (outcomes.count("undone"), outcomes.count("kept")) == (120, 1)
    assert open_titles(ward) == []


def test_after_ten_minutes_it_stays(ward: Ward, now: datetime) -> None:
    many = done(ward, chosen(ward, now, SEND), now)
    with pytest.raises(TooLate):
        act_on_many.take_back(ward.scope, many.draft, now + timedelta(minutes=11))


def test_a_colleague_leads_them_from_now_on(ward: Ward, now: datetime) -> None:
    wanted = Wanted("assign", owner="Practitioner/ben")
    many = done(ward, chosen(ward, now, wanted), now)
    assert {each.outcome for each in many.results} == {"done"}
    with ward.open() as unit:
        rows = unit.cursor().execute("select count(*) from people where lead = %s", [ward.ben]).fetchone()
    assert rows == (121,)
    back = act_on_many.take_back(ward.scope, many.draft, now)
    while back.may_undo(now):
        back = act_on_many.take_back(ward.scope, many.draft, now)
    with ward.open() as unit:
        rows = unit.cursor().execute(
            "select lead, count(*) from people where site = %s group by 1", [ward.site]
        )
        assert sorted(rows.fetchall(), key=repr) == sorted([(ward.ana, 1), (None, 120)], key=repr)


def test_nobody_chosen_is_refused(ward: Ward, now: datetime) -> None:
    with pytest.raises(NobodyChosen):
        act_on_many.choose(ward.scope, [], "", now)


def test_what_ana_chose_is_hers_alone(ward: Ward, now: datetime) -> None:
    many = chosen(ward, now, SEND)
    ben = Scope(replace(ward.actor, principal=8), "page", "coordination")
    with pytest.raises(NotFound):
        act_on_many.go_on(ben, many.draft, now)


def test_what_was_chosen_is_forgotten_after_a_day(ward: Ward, now: datetime) -> None:
    many = chosen(ward, now, SEND)
    with record.begin(ward.scope, now + timedelta(hours=23)) as unit:
        assert act_on_many.forget_old(unit) == 0
    with record.begin(ward.scope, now + timedelta(hours=25)) as unit:
        assert act_on_many.forget_old(unit) == 1
    with pytest.raises(NotFound):
        act_on_many.go_on(ward.scope, many.draft, now)


def test_nobody_s_to_do_stands_unclaimed(ward: Ward, now: datetime) -> None:
    done(ward, chosen(ward, now, Wanted("call", "Call about the vaccine", NOBODY)), now)
    with ward.open() as unit:
        rows = (
            unit.cursor()
            .execute("select count(*), count(owner) from work where kind = 'call-list'")
            .fetchone()
        )
    assert rows == (121, 0)
