"""Asking the questions, as a browser without scripts does it: each answer a plain form, nothing lost on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.test import Client

from careloop.accounts.models import User
from careloop.library import load
from tests.projections import builders as b
from tests.web.desk import HTMX, Desk, at_the_desk

PHQ = load().instruments["phq-9"].scoring.items
BEGIN = {"language": "en", "told_by": "Patient/maria"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def begin(desk: Desk, instrument: str, **told: str) -> str:
    """The address of the draft."""
    answer = desk.client.post(f"/people/maria/assess/{instrument}", {**BEGIN, **told})
    assert answer.status_code == 302, answer.content.decode()[:1000]
    return str(answer["Location"])


def say(desk: Desk, draft: str, **said: str) -> None:
    for item, value in said.items():
        desk.post(f"{draft}answer", {"item": item.replace("_", "-"), "value": value})


def on_call(name: str, rank: int, practitioner: str) -> User:
    return User.objects.create_user(
        f"{practitioner}@x.org",
        None,
        name,
        practitioner=practitioner,
        on_call_rank=rank,
        roles=["clinician"],
        sites=["bayview"],
    )


def everything(desk: Desk, draft: str, answer: str = "several-days", **but: str) -> None:
    say(desk, draft, **{**dict.fromkeys((i.replace("-", "_") for i in PHQ), answer), **but})


def finish(desk: Desk, draft: str, **typed: str) -> str:
    answer = desk.client.post(f"{draft}complete", typed)
    assert answer.status_code == 302, re.sub(r"\s+", " ", answer.content.decode())[:3000]
    return str(answer["Location"])


# --- begin, answer, go on


def test_beginning_says_what_it_is_and_asks_who_answers(desk: Desk) -> None:
    page = desk.page("/people/maria/assess/phq-9")
    assert "It measures; it does not diagnose." in page
    assert "About 3 minutes" in page
    assert "Who answers?" in page
    assert "No permission required to reproduce" in page


def test_spanish_that_nobody_compared_says_so_before_it_is_asked(desk: Desk) -> None:
    assert "was not compared with the publisher" in desk.page("/people/maria/assess/asq")
    assert "was not compared" not in desk.page("/people/maria/assess/phq-9")
    assert "written for Careloop" in desk.page("/people/maria/assess/ahc-hrsn")
    draft = begin(desk, "asq", language="es")
    assert "was not compared" in desk.page(draft)


def test_each_answer_goes_on_to_the_next_and_is_there_when_she_comes_back(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    answer = desk.client.post(f"{draft}answer", {"item": "interest", "value": "several-days"})
    assert answer["Location"] == f"{draft}?q=mood#now"
    page = desk.page(draft)
    assert "1 of 10" in page
    assert "Saved 9 am" in page
    assert re.search(r'id="q-mood"[^>]*aria-current="step"', page)
    assert re.search(r'value="several-days" aria-pressed="true"', page)
    assert "You began this and answered 1 of 10" in desk.page("/people/maria/assess/phq-9")


def test_the_last_question_leads_to_the_end(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    answer = desk.client.post(f"{draft}answer", {"item": "mood", "value": "not-at-all"})
    assert answer["Location"] == f"{draft}?q=finish#now"


def test_a_question_appears_only_when_an_answer_calls_for_it(desk: Desk) -> None:
    draft = begin(desk, "transition-call")
    hidden = re.search(r'<div class="question" id="q-visit-day"[^>]*>', desk.page(draft))
    assert hidden
    assert " hidden" in hidden.group()
    answer = desk.client.post(f"{draft}answer", {"item": "visit", "value": "yes"})
    assert answer["Location"].endswith("q=visit-day#now")


def test_the_score_is_said_as_at_least_until_it_is_whole(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, mood="nearly-every-day", sleep="nearly-every-day")
    page = desk.page(draft)
    assert "at least 6" in page
    assert "mild or more" in page
    everything(desk, draft, "more-than-half", thoughts="not-at-all", difficulty="very")
    assert re.search(
        r"<b class=\"num\">16</b> <span class=\"quiet\">of 27</span>, <span>moderately severe",
        desk.page(draft),
    )


def test_declined_is_an_answer_and_leaves_no_score(desk: Desk) -> None:
    draft = begin(desk, "gad-7")
    for item in load().instruments["gad-7"].scoring.items:
        desk.post(f"{draft}answer", {"item": item, "value": "several-days"})
    desk.post(f"{draft}answer", {"item": "worry", "absent": "declined"})
    page = desk.page(finish(desk, draft))
    assert "at least 6" in page
    assert "One of the seven answers is missing" in page
    assert "Declined" in page


def test_the_last_answer_stands_beside_with_its_day_and_who_said_it(desk: Desk) -> None:
    desk.ward.has(
        {
            "resourceType": "RelatedPerson",
            "id": "rosa",
            "patient": {"reference": "Patient/maria"},
            "name": [{"given": ["Rosa"], "family": "Duarte"}],
            "relationship": [{"text": "Daughter"}],
        }
    )
    draft = begin(desk, "phq-2", told_by="RelatedPerson/rosa", interpreter="1", interpreter_name="No. 4411")
    say(desk, draft, interest="nearly-every-day", mood="not-at-all")
    page = desk.page(finish(desk, draft))
    assert "Rosa Duarte, daughter" in page
    assert "with an interpreter (No. 4411)" in page
    desk.later(days=20)
    again = desk.page(begin(desk, "phq-9"))
    assert "Nov 23: <b>Nearly every day</b>" in again
    assert "said by Rosa Duarte, daughter" in again


def test_who_answers_and_the_language_can_be_changed_on_the_way(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="not-at-all")
    desk.post(f"{draft}asking", {"language": "es", "told_by": "other", "told_by_name": "Her neighbor Sam"})
    page = desk.page(draft)
    assert "Poco interés o placer en hacer cosas" in page
    assert "answered by Her neighbor Sam" in page
    assert "1 of 2" in page


# --- what does not fit


def test_a_number_that_can_not_be_is_refused_in_words_and_stays_in_its_field(desk: Desk) -> None:
    draft = begin(desk, "transition-call")
    say(desk, draft, medicines="all")
    for typed, said in (("99", "A number from 0 to 60."), ("some", "Write a whole number, like 2.")):
        page = desk.post(f"{draft}answer", {"item": "missed", "value": typed}, status=422)
        assert said in page
        assert f'value="{typed}"' in page


def test_none_of_these_with_another_sign_is_refused(desk: Desk) -> None:
    draft = begin(desk, "transition-call")
    page = desk.post(f"{draft}answer", {"item": "signs", "value": ["fever", "none"]}, status=422)
    assert "can’t go with another answer" in page


def test_an_answer_that_is_none_of_them_changes_nothing(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days")
    desk.post(f"{draft}answer", {"item": "mood", "value": "always"}, status=422)
    desk.post(f"{draft}answer", {"item": "nothing", "value": "always"}, status=404)
    assert re.search(r'value="several-days" aria-pressed="true"', desk.page(draft))


def test_finishing_too_early_names_each_missing_question_and_leads_there(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days")
    page = desk.post(f"{draft}complete", status=422)
    assert "Please look at this first" in page
    assert '<a href="#q-interest">Question 1 has no answer yet: Little interest' in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2026-11-30", "lies in the future"),
        ("1930-01-01", "before the birth date"),
        ("2025-01-01", "more than a year back"),
        ("yesterday", "as in the calendar"),
    ],
)
def test_a_day_on_which_it_can_not_have_been_answered_is_refused(desk: Desk, typed: str, said: str) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days", interest="several-days")
    page = desk.post(f"{draft}complete", {"answered_on": typed}, status=422)
    assert said in page
    assert f'value="{typed}"' in page


def test_copied_from_paper_it_carries_the_day_of_the_paper(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days", interest="several-days")
    page = desk.page(finish(desk, draft, answered_on="2026-11-16"))
    assert "Monday, Nov 16, 2026" in page
    assert "Monday, Nov 23, 2026" in page


def test_an_answer_that_comes_after_the_end_is_not_added_and_says_so(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days", interest="several-days")
    done = finish(desk, draft)
    late = desk.client.post(f"{draft}answer", {"item": "mood", "value": "nearly-every-day"}, follow=True)
    assert late.redirect_chain[0][0] == done.partition("?")[0]
    assert "was not added" in late.content.decode()
    assert "finished in another window" in desk.post(
        f"{draft}answer", {"item": "mood", "value": "nearly-every-day"}, status=409, **HTMX
    )
    assert finish(desk, draft).partition("?")[0] == done.partition("?")[0]  # twice pressed, once done


def test_two_windows_never_overwrite_each_other_unseen(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    seen = re.search(
        r'name="item" value="mood"><input type="hidden" name="seen" value="([^"]*)"', desk.page(draft)
    )
    assert seen
    say(desk, draft, mood="several-days")
    stale = {"item": "mood", "value": "nearly-every-day", "seen": seen.group(1)}
    page = desk.post(f"{draft}answer", stale, status=409)
    assert "answered in another window" in page
    assert re.search(r'value="several-days" aria-pressed="true"', page)


def test_a_colleague_who_finished_meanwhile_is_told_and_compared(desk: Desk) -> None:
    ben = User.objects.create_user(
        "ben@x.org",
        None,
        "Ben Ortiz",
        practitioner="ben",
        roles=["coordinator"],
        sites=["bayview"],
    )
    desk.ward.has({"resourceType": "Practitioner", "id": "ben", "name": [{"text": "Ben Ortiz"}]})
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days", interest="several-days")
    desk.later(minutes=1)
    other = Client()
    other.force_login(ben)
    his = other.post("/people/maria/assess/phq-2", BEGIN)["Location"]
    assert "Ben Ortiz is asking the same questions now" in desk.page(draft)
    for item in ("mood", "interest"):
        other.post(f"{his}answer", {"item": item, "value": "not-at-all"})
    other.post(f"{his}complete")
    page = desk.post(f"{draft}complete", status=409)
    assert "Ben Ortiz finished the same questions meanwhile" in page
    assert "Several days" in page
    beside = re.search(r'name="beside" value="([^"]+)"', page)
    assert beside
    finish(desk, draft, beside=beside.group(1))


def test_a_draft_of_somebody_else_is_a_page_that_is_not_there(desk: Desk) -> None:
    ben = on_call("Ben", 0, "ben")
    other = Client()
    other.force_login(ben)
    his = other.post("/people/maria/assess/phq-2", BEGIN)["Location"]
    desk.page(his, status=404)
    desk.post(f"{his}answer", {"item": "mood", "value": "not-at-all"}, status=404)


def test_somebody_she_may_not_see_is_nobody(desk: Desk) -> None:
    desk.page("/people/walter/assess/phq-2", status=404)
    desk.post("/people/walter/assess/phq-2", BEGIN, status=404)
    desk.page("/people/maria/assess/no-such", status=404)


def test_stopped_it_stays_on_the_record_without_a_score(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="nearly-every-day")
    answer = desk.client.post(f"{draft}stop", follow=True)
    page = answer.content.decode()
    assert "Stopped before the end." in page
    assert "at least" not in page


def test_a_newer_version_of_the_questions_keeps_the_answers_that_fit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="several-days")
    library = load()
    newer = replace(library.instruments["phq-2"], version=2)
    changed = replace(library, instruments={**library.instruments, "phq-2": newer})
    monkeypatch.setattr("careloop.web.staff.assess.load", lambda: changed)
    answer = desk.client.get(draft)
    assert answer["Location"] == "/people/maria/assess/phq-2"
    assert re.search(r'value="several-days" aria-pressed="true"', desk.page(begin(desk, "phq-2")))


# --- afterwards


def test_the_answers_stand_with_score_band_and_what_each_counts(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    everything(desk, draft, "more-than-half", thoughts="not-at-all", difficulty="very")
    page = desk.page(finish(desk, draft))
    assert '<b class="num">16</b>' in page
    assert "moderately severe" in page
    assert "Maria Duarte" in page
    assert "See what this proposes" in page
    assert "Kroenke K, Spitzer RL, Williams JB" in page


def test_asked_again_both_stand_and_point_at_each_other(desk: Desk) -> None:
    first = begin(desk, "phq-2")
    say(desk, first, mood="nearly-every-day", interest="nearly-every-day")
    old = finish(desk, first).partition("?")[0]
    desk.later(days=14)
    desk.client.force_login(desk.user)
    second = begin(desk, "phq-2")
    say(desk, second, mood="not-at-all", interest="not-at-all")
    new = finish(desk, second).partition("?")[0]
    assert "The time before:" in desk.page(new)
    assert "Nov 23: 6, 3 or more, go on with PHQ-9" in desk.page(new)
    assert "0, below 3" in desk.page("/people/maria/assess/phq-2")
    assert f'Asked again since: <a href="{new}">' in desk.page(old)


def test_phq_2_of_three_goes_on_with_phq_9_and_its_answers(desk: Desk) -> None:
    draft = begin(desk, "phq-2")
    say(desk, draft, mood="more-than-half", interest="several-days")
    page = desk.page(finish(desk, draft))
    assert "Go on with PHQ-9" in page
    carry = re.search(r'name="carry" value="([^"]+)"', page)
    assert carry
    answer = desk.client.post("/people/maria/assess/phq-9", {"carry": carry.group(1)})
    assert "2 of 10" in desk.page(answer["Location"])


def test_questions_of_others_are_shown_in_their_own_words(desk: Desk) -> None:
    desk.ward.has(
        {
            "resourceType": "QuestionnaireResponse",
            "id": "theirs",
            "status": "completed",
            "questionnaire": "http://example.org/falls",
            "subject": {"reference": "Patient/maria"},
            "item": [{"linkId": "1", "text": "Fell this year?", "answer": [{"valueBoolean": True}]}],
        }
    )
    page = desk.page("/assessments/answered/theirs/")
    assert "Fell this year?" in page
    assert "Yes" in page


def test_the_blank_form_is_in_either_language_with_its_rights(desk: Desk) -> None:
    page = desk.page("/assess/phq-9/blank?language=es")
    assert '<html lang="es">' in page
    assert "Poco interés o placer en hacer cosas" in page
    assert "No se requiere permiso" in page
    desk.page("/assess/phq-9/blank?language=fr", status=404)


def test_a_script_gets_what_changed_and_nothing_more(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    part = desk.post(f"{draft}answer", {"item": "mood", "value": "several-days"}, status=200, **HTMX)
    assert "<html" not in part
    found = re.search(r'<script id="assess-live" type="application/json">(.*?)</script>', part)
    assert found
    live = json.loads(found.group(1))
    assert live["mood"]["chosen"] == ["several-days"]
    assert live["difficulty"]["asked"] is True
    assert live["mood"]["seen"]


# --- critical


def test_a_critical_answer_speaks_before_the_page_is_left(desk: Desk) -> None:
    on_call("Wei Chen", 1, "chen")
    on_call("Boss", 9, "boss")
    draft = begin(desk, "phq-9")
    answer = desk.client.post(f"{draft}answer", {"item": "thoughts", "value": "several-days"})
    assert answer["Location"] == f"{draft}?q=thoughts"  # it does not go on
    page = desk.page(draft)
    assert "Thank you for telling me." in page
    assert 'href="tel:988"' in page
    assert 'href="tel:911"' in page
    assert "<b>Wei Chen</b>, on call, has been alerted" in page
    assert "it goes on to Boss" in page
    assert "in 15 min" in page
    assert "Go on with ASQ" in page
    assert "Where is the person now?" in page


def test_with_nobody_on_duty_it_says_so(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    assert "Nobody is on call. Call 911 or 988" in desk.page(draft)


def test_it_is_not_finished_before_safety_is_written_down(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    everything(desk, draft, "several-days", difficulty="very")
    page = desk.post(f"{draft}complete", status=422)
    assert "First write down where the person is" in page
    page = desk.post(f"{draft}safety", {"where": "kitchen", "callback": "713"}, status=422)
    assert "Choose one" in page
    assert 'value="kitchen"' in page
    desk.post(f"{draft}safety", {"where": "kitchen", "callback": "713 555 0148", "safe": "no"})
    assert "call 911 now and stay on the line" in desk.page(draft)
    done = desk.page(finish(desk, draft))
    assert "Thoughts of death or self-harm" in done


def test_asq_begun_minutes_later_knows_where_she_is_but_asks_again_if_she_is_safe(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    desk.post(f"{draft}safety", {"where": "kitchen", "callback": "713 555 0148", "safe": "yes"})
    asq = begin(desk, "asq")
    assert f'Also begun: <a href="{draft}">PHQ-9, 1 of 10' in desk.page(asq)
    say(desk, asq, wished_dead="yes")
    page = desk.page(asq)
    assert 'value="kitchen"' in page
    assert not re.search(r'name="safe" value="yes" checked', page)


def test_of_two_alarms_the_graver_one_speaks_and_the_other_stands_below(desk: Desk) -> None:
    draft = begin(desk, "asq")
    say(desk, draft, wished_dead="yes", right_now="yes")
    page = desk.page(draft)
    assert page.count("Stay with the person. This is about safety.") == 1
    assert page.index("I am worried about your safety") < page.index("Also: ASQ positive screen")


def test_after_asq_the_way_leads_back_to_the_questions_left_open(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, mood="several-days")
    asq = begin(desk, "asq")
    say(desk, asq, wished_dead="no", better_off="no", thoughts="no", ever_tried="no")
    page = desk.page(finish(desk, asq))
    assert "Negative screen" in page
    assert f'href="{draft}">Back to PHQ-9, 1 of 10' in page


def test_somebody_who_died_is_asked_nothing_more(desk: Desk) -> None:
    desk.ward.has(
        {
            "resourceType": "Patient",
            "id": "gone",
            "deceasedBoolean": True,
            "managingOrganization": {"reference": "Organization/bayview"},
        }
    )
    assert "Nothing more is asked" in desk.page("/people/gone/assess/phq-2")
    desk.post("/people/gone/assess/phq-2", {"language": "en", "told_by": "Patient/gone"}, status=409)


def test_a_critical_answer_changed_afterwards_stays_urgent_and_is_told(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    say(desk, draft, thoughts="not-at-all")
    assert "The answer was changed afterwards" in desk.page(draft)
    [task] = urgent(desk)
    assert task["note"][0]["text"] == "The answer was changed to: Not at all."


def urgent(desk: Desk) -> list[dict]:
    from careloop import store

    with store.open(desk.ward.scope, now=desk.ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        found = unit.of_person(rid, ["Task"])
    return [t.resource for t in found if t.resource["code"]["coding"][0]["code"] == "urgent-suicide-risk"]


def test_the_clinician_reads_why_and_takes_it_with_one_button(desk: Desk) -> None:
    chen = on_call("Wei Chen", 1, "chen")
    boss = on_call("Boss", 9, "boss")
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    desk.post(f"{draft}safety", {"where": "kitchen", "callback": "713 555 0148", "safe": "unsure"})
    [task] = urgent(desk)
    clinician = Client()
    clinician.force_login(chen)
    address = f"/work/{task['id']}/acknowledge"
    page = re.sub(r"\s+", " ", clinician.get(address).content.decode())
    assert "question 9" in page
    assert "Where: kitchen. Call back: 713 555 0148. Safe now: not sure." in page
    assert "I have it" in page
    clinician.post(address, {"next": address})
    assert "You have it" in clinician.get(address).content.decode()
    assert '<b class="done-text">Wei Chen has it</b>' in desk.page(draft)
    late = Client()
    late.force_login(boss)
    refused = late.post(address, {"next": address})
    assert refused.status_code == 409
    assert "We agreed: I take it over" in refused.content.decode()
    late.post(address, {"next": address, "over": "1"})
    assert "Boss has it" in desk.page(draft)


def test_acknowledging_from_the_row_answers_the_row(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    [task] = urgent(desk)
    said = desk.post(f"/work/{task['id']}/acknowledge", {}, status=200, **HTMX)
    assert "You have it" in said
    desk.ward.has(b.task("plain", "maria", desk.ward.now, title="Plain"))
    assert desk.client.post("/work/plain/acknowledge", {}, headers=HTMX).status_code == 409


@pytest.mark.parametrize(
    ("act", "typed"),
    [
        ("snooze", {"until": "other", "other": "2026-11-24T09:00", "reason": "later"}),
        ("done", {"outcome": "not-needed", "words": "no"}),
        ("hand-off", {"to": "team", "note": "please"}),
    ],
)
def test_urgent_work_is_never_put_away_declined_or_left_on_a_pile(
    desk: Desk, act: str, typed: dict[str, str]
) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    [task] = urgent(desk)
    answer = desk.client.post(f"/work/{task['id']}/{act}", typed)
    assert answer.status_code == 409
    [after] = urgent(desk)
    assert after["status"] == task["status"]
    assert after.get("extension") == task.get("extension")


def test_done_urgent_work_can_not_be_undone(desk: Desk) -> None:
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    [task] = urgent(desk)
    page = desk.client.post(f"/work/{task['id']}/done", {"outcome": "done", "words": "spoke"}, follow=True)
    assert 'name="change"' not in page.content.decode()


def test_escalation_goes_round_until_somebody_has_it(desk: Desk) -> None:
    from careloop.actions.acknowledge_urgent import escalate_urgent

    on_call("Wei Chen", 1, "chen")
    draft = begin(desk, "phq-9")
    say(desk, draft, thoughts="several-days")
    [task] = urgent(desk)
    owners = []
    for n in range(1, 4):
        at = desk.ward.now + timedelta(minutes=15 * n)
        owners.append(
            escalate_urgent(desk.ward.scope, task["id"], at).resource.get("owner", {}).get("display")
        )
    assert owners == [None, "Wei Chen", None]
    desk.later(minutes=45)
    assert "Nobody on call has acknowledged it" in desk.page(draft)


def test_the_call_of_an_intake_is_logged_with_who_interpreted(desk: Desk) -> None:
    told = {"interpreter": "1", "interpreter_name": "Rosa Lima, ID 4471", "interpreter_way": "phone"}
    draft = begin(desk, "phq-2", **told)
    say(desk, draft, interest="several-days", mood="not-at-all")
    desk.later(minutes=9)
    done = finish(desk, draft)
    page = desk.page(done)
    assert "with an interpreter (Rosa Lima, ID 4471, on the phone)" in page
    found = re.search(r'href="(/people/maria/contact\?answers=[^"]+)"', page)
    assert found, "no way from the answers to the call"
    sheet = desk.page(found.group(1))
    assert 'value="Rosa Lima, ID 4471"' in sheet
    assert '<option value="phone" selected>On the phone</option>' in sheet
    assert re.search(r'id="minutes"[^>]*value="9"', sheet)
    other = found.group(1).replace("maria", "walter")
    assert desk.client.get(other).status_code == 404
