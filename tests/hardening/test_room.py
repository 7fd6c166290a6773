"""How one guest with costly questions leaves room for others, and how nobody else is held back."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from careloop.server import room, spent
from careloop.server.room import PAGE, PROGRAM, Busy, Kind, Ledger, Room, Slow, Told


class Counted(Ledger):
    """The time, and what each answer cost, are told by hand."""

    def __init__(self, places: int = 8, share: float = 1.0) -> None:
        self.at, self.cost = 0.0, 0.0
        super().__init__(places, share, lambda: self.at)
        self.mark = lambda: None  # type: ignore[assignment, return-value]  # the machine is not asked
        self.since = lambda began: self.cost

    def ask(
        self,
        who: str,
        cost: float,
        *,
        shape: str = "search",
        kind: Kind = PROGRAM,
        principal: str = "",
        door: str = "",
    ) -> None:
        with self.place(who, shape, kind, door) as visit:
            self.cost = cost
            self.at += cost
            visit.principal = principal

    def hold(
        self, who: str, count: int, *, shape: str = "search", kind: Kind = PROGRAM
    ) -> Callable[[], None]:
        """So many places at once; and how they are given back."""
        places = [self.place(who, shape, kind) for _ in range(count)]
        for place in places:
            place.__enter__()

        def back() -> None:
            for place in places:
                place.__exit__(None, None, None)

        return back

    def refuses(self, who: str, shape: str = "search", kind: Kind = PROGRAM) -> int:
        """The seconds she is told to wait; 0 when she may come in."""
        try:
            with self.place(who, shape, kind):
                self.cost = 0.0
        except Slow as told:
            return int(told.fields["seconds"])
        return 0


def spend(ledger: Counted, who: str, seconds: float, each: float = 0.2) -> None:
    """Beside Ana, who reads; as long as she is let in."""
    for _ in range(round(seconds / each)):
        ledger.ask("ana", 0.005, shape="read")
        if not ledger.refuses(who):
            ledger.ask(who, each)


def test_who_spends_more_than_her_share_waits_until_it_is_forgotten_and_the_others_do_not() -> None:
    ledger = Counted()
    ledger.ask("ana", 0.005, shape="read")
    back = ledger.hold("mallory", 1)
    ledger.cost = 1.5
    back()
    wait = ledger.refuses("mallory")
    assert wait == 4  # but for the half second that is free, at a quarter of a second each second
    assert ledger.refuses("ana", "read") == 0
    ledger.at += wait + 1
    ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("mallory") == 0


def test_what_is_known_to_be_costly_counts_four_times() -> None:
    ledger = Counted()
    ledger.ask("mallory", 0.4)
    ledger.at += 60
    ledger.ask("ana", 0.005, shape="read")
    ledger.ask("mallory", 0.4)
    ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("mallory") == 4  # four times 0.4, but for the half second that is free


def test_what_this_process_learns_with_the_first_answer_is_charged_to_nobody() -> None:
    ledger = Counted()
    ledger.ask("ana", 0.005, shape="read")
    ledger.ask("first", 1.5, door="GET /fhir/Observation")
    assert ledger.refuses("first") == 0
    ledger.ask("ana", 0.005, shape="read")
    ledger.ask("first", 1.5, door="GET /fhir/Observation")
    ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("first") > 0


def test_made_up_addresses_are_learned_only_so_often() -> None:
    ledger = Counted()
    for number in range(Ledger._most_doors):
        ledger.ask("liar", 0.0, door=f"GET /fhir/{number}")
    ledger.ask("ana", 0.005, shape="read")
    ledger.ask("liar", 1.5, door="GET /fhir/one-more")
    ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("liar") > 0


def test_told_to_wait_she_waits_with_cheap_questions_too() -> None:
    ledger = Counted()
    ledger.ask("mallory", 0.005, shape="read")
    spend(ledger, "mallory", 3.0)
    ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("mallory", "read") > 0


def test_alone_nobody_is_held_back_and_owes_nothing_when_somebody_comes() -> None:
    ledger = Counted()
    for _ in range(300):
        ledger.ask("import", 0.2)
    ledger.hold("import", 8)()
    ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("import") == 0


def test_nobody_waits_longer_than_half_a_minute() -> None:
    ledger = Counted()
    ledger.ask("ana", 0.005, shape="read")
    back = ledger.hold("mallory", 1)
    ledger.cost = 500.0
    back()
    assert ledger.refuses("mallory") == 30
    for _ in range(31):
        ledger.at += 1
        ledger.ask("ana", 0.005, shape="read")
    assert ledger.refuses("mallory") == 0


def test_a_share_is_enough_for_all_day() -> None:
    """A fifth of a core all the time, beside somebody else: never told to wait."""
    ledger = Counted()
    for _ in range(500):
        ledger.ask("ana", 0.005, shape="read")
        assert ledger.refuses("dana", "read") == 0
        ledger.ask("dana", 0.04, shape="read")
        ledger.at += 0.16


def test_costly_questions_take_a_quarter_of_the_places() -> None:
    ledger = Counted(8, share=2.0)
    ledger.ask("ana", 0.005, shape="read")
    ledger.ask("mallory", 0.1)
    back = ledger.hold("mallory", 2)
    assert ledger.refuses("mallory") == 1
    ledger.cost = 0.01
    ledger.hold("ana", 5, shape="read")()  # reads that have shown that they are cheap
    back()
    assert ledger.refuses("mallory") == 0


def test_a_programs_first_questions_of_a_kind_count_as_costly_until_one_was_answered() -> None:
    """Eight of five seconds that come at once would fill the house before any of them is known."""
    ledger = Counted(8, share=2.0)
    ledger.ask("ana", 0.005, shape="read")
    back = ledger.hold("mallory", 2)
    assert ledger.refuses("mallory") == 1
    back()


def test_no_more_costly_questions_at_once_than_there_are_cores() -> None:
    ledger = Counted(8, share=1.0)
    ledger.ask("ana", 0.005, shape="read")
    back = ledger.hold("mallory", 1)
    assert ledger.refuses("mallory") == 1
    back()


def test_a_person_may_open_several_pages_at_once() -> None:
    ledger = Counted(8)
    ledger.ask("ana", 0.005, shape="read")
    back = ledger.hold("dana", 6, shape="person", kind=PAGE)
    ledger.cost = 0.15
    back()
    ledger.hold("dana", 6, shape="person", kind=PAGE)()


def test_a_waiting_question_holds_its_place_too() -> None:
    """What costs nothing but time (a lock) is costly as well when others are quick meanwhile."""
    ledger = Counted(8)
    back = ledger.hold("mallory", 2, shape="update", kind=PAGE)
    for _ in range(20):
        ledger.ask("ana", 0.01, shape="read")
    ledger.at += 1.0
    ledger.ask("ana", 0.01, shape="read")
    ledger.ask("mallory", 0.3, shape="report", kind=PAGE)
    assert ledger.refuses("mallory", "report", PAGE) == 1
    back()


def test_nobody_fills_the_room_with_cheap_questions_either() -> None:
    ledger = Counted(8)
    ledger.ask("mallory", 0.005, shape="read")
    ledger.ask("ana", 0.005, shape="read")
    back, backs = ledger.hold("mallory", 6, shape="read"), ledger.hold("ana", 2, shape="read")
    assert ledger.refuses("mallory", "read") == 1
    backs()
    back()


def test_who_wants_less_than_others_do_is_not_held_back_where_all_want_much() -> None:
    ledger = Counted()
    for _ in range(60):
        ledger.at += 0.1
        for who, cost in (("mallory", 0.2), ("mallory", 0.2), ("ana", 0.06)):
            if who == "ana":
                assert ledger.refuses("ana", "search") == 0
                ledger.ask("ana", cost)
            elif not ledger.refuses(who):
                ledger.ask(who, cost)
    assert ledger.refuses("mallory") > 0


def test_with_another_token_she_goes_on_with_what_she_owes() -> None:
    ledger = Counted()
    ledger.ask("ana", 0.005, shape="read")
    for number in range(20):
        try:
            ledger.ask(f"token {number}", 0.2, principal="mallory")
            ledger.ask(f"token {number}", 0.2, principal="mallory")
        except Slow:
            break
    ledger.ask("ana", 0.005, shape="read")
    assert number < 10
    assert ledger.refuses(f"token {number}") > 0


def test_when_all_places_are_taken_one_waits_a_second_and_the_others_are_told_to_come_again() -> None:
    ledger = Counted(2)
    back = ledger.hold("ana", 2, shape="read", kind=PAGE)
    waited: list[str] = []

    def one_more() -> None:
        with ledger.place("chen", "read"):
            waited.append("in")

    thread = threading.Thread(target=one_more)
    thread.start()
    back()
    thread.join(5)
    assert waited == ["in"]
    back = ledger.hold("ana", 2, shape="read", kind=PAGE)
    with pytest.raises(Busy), ledger.place("chen"):
        pass
    with pytest.raises(Busy), ledger.place("chen"):
        pass  # at once: somebody has just waited in vain
    back()
    with ledger.place("chen"):
        pass


def test_busy_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch, record: None) -> None:
    def full(*_: Any) -> Any:
        raise Busy(seconds=3)

    monkeypatch.setattr(Ledger, "place", full)
    page, api = Client().get("/sign-in"), Client().get("/fhir/metadata")
    assert (page.status_code, page["Retry-After"]) == (503, "3")
    assert (api.status_code, api["Retry-After"]) == (503, "3")
    assert api["Content-Type"].startswith("application/fhir+json")
    assert Client().get("/healthz").status_code == 200


def test_told_to_wait_a_program_reads_why_and_how_long(monkeypatch: pytest.MonkeyPatch, record: None) -> None:
    def slow(*_: Any) -> Any:
        raise Slow(seconds=7)

    monkeypatch.setattr(Ledger, "place", slow)
    answer = Client().get("/fhir/Patient")
    assert (answer.status_code, answer["Retry-After"]) == (429, "7")
    (issue,) = json.loads(answer.content)["issue"]
    assert issue["code"] == "throttled"
    assert "Wait a little" in issue["details"]["text"]
    page = Client().get("/today")
    assert (page.status_code, page["Retry-After"]) == (429, "7")


def test_a_flood_of_refusals_is_a_line_of_the_log_each_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    told = Told(lambda: now[0])
    with caplog.at_level(logging.WARNING, "careloop.room"):
        for _ in range(100):
            told.count(429)
        now[0] = 11.0
        told.count(503)
    assert [record.getMessage() for record in caplog.records] == [
        "overload: 1 told to wait (429), 0 to come again (503)",
        "overload: 99 told to wait (429), 1 to come again (503)",
    ]


def test_whose_answer_it_was_is_not_kept_as_it_came_and_a_shape_names_nobody() -> None:
    request = RequestFactory().get("/fhir/Patient", {"family": "Duarte"}, HTTP_AUTHORIZATION="Bearer secret")
    assert "secret" not in room.who_asks(request)
    assert room.who_asks(request) != room.who_asks(RequestFactory().get("/fhir/Patient"))
    other = RequestFactory().get("/fhir/Patient", {"family": "Chen"})
    assert room.shape_of(request) == room.shape_of(other)
    assert room.shape_of(request) != room.shape_of(RequestFactory().get("/fhir/Patient", {"_id": "1"}))
    one, two = (RequestFactory().get(f"/fhir/Patient/{id}") for id in ("0f8f-1", "77-aa"))
    assert room.shape_of(one) == room.shape_of(two)


def test_what_the_database_spends_is_counted(record: None) -> None:
    """A statement that keeps a core busy costs what it took, one that sleeps costs next to nothing."""
    from django.db import connection

    def cost(statement: str) -> float:
        began = spent.mark()
        with connection.cursor() as cursor:
            cursor.execute(statement)
        return spent.since(began)

    cost("select 1")
    asleep, busy = cost("select pg_sleep(0.3)"), cost("select count(*) from generate_series(1, 3000000)")
    assert asleep < 0.1 < busy


def test_where_the_database_tells_nothing_the_time_counts(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    monkeypatch.setattr(spent._Counter, "seconds", lambda self: None)
    connection.ensure_connection()
    began = spent.mark()
    with connection.cursor() as cursor:
        cursor.execute("select pg_sleep(0.2)")
    assert spent.since(began) > 0.19


def test_alone_she_waits_for_herself_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, waited = Counted(1), []

    def acquire(*, blocking: bool = True, timeout: float = 0.0) -> bool:
        waited.append(timeout)
        return False

    with ledger.place("import", "read"):
        monkeypatch.setattr(ledger._permits, "acquire", acquire)
        with pytest.raises(Busy), ledger.place("import", "read", PAGE):
            pass
        ledger.at += 5
        with pytest.raises(Busy), ledger.place("ana", "read", PAGE):
            pass
    assert [seconds for seconds in waited if seconds] == [3.0, 1.0]


def test_the_room_learns_from_the_door_who_it_was(
    record: None, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from careloop.accounts.models import ApiClient

    client, token = ApiClient.issue("ana", "system/*.rs", now)
    seen: list[str] = []
    before = Ledger._leave

    def leaving(self: Ledger, visit: Any, cost: float) -> None:
        seen.append(visit.principal)
        before(self, visit, cost)

    monkeypatch.setattr(Ledger, "_leave", leaving)
    Client().get("/fhir/Patient", headers={"Authorization": f"Bearer {token}"})
    Client().get("/fhir/Patient", headers={"Authorization": "Bearer nobody"})
    assert seen == [f"{client.principal_id} by None", ""]


def test_static_files_and_the_question_whether_we_live_take_no_place() -> None:
    def answered(request: HttpRequest) -> HttpResponse:
        return HttpResponse("fine")

    door = Room(answered)
    back = [door.ledger.place(f"guest {n}") for n in range(door.ledger._places)]
    for place in back:
        place.__enter__()
    assert door(RequestFactory().get("/healthz")).status_code == 200
    for place in back:
        place.__exit__(None, None, None)
