"""One act on many: for whom, and who is left out and why."""

from __future__ import annotations

from careloop.care.many import (
    DIED,
    GONE,
    LEADS_ALREADY,
    NOBODY_LEADS,
    NOT_BY_PHONE,
    ON_AGENDA,
    SAME_TO_DO,
    Known,
    Wanted,
    judge,
)

HER = Known("maria", 1, lead="Practitioner/ana")


def test_whoever_is_there_gets_it() -> None:
    assert judge(HER, Wanted("todo", "Send the form")).will
    assert judge(HER, Wanted("call", "Call about the vaccine")).will


def test_each_one_left_out_hears_why() -> None:
    todo, call = Wanted("todo", "Send the form"), Wanted("call", "Call")
    cases = {
        GONE: (Known("a", 1, is_here=False), todo),
        DIED: (Known("a", 1, is_deceased=True), call),
        SAME_TO_DO: (Known("a", 1, has_same=True), todo),
        NOT_BY_PHONE: (Known("a", 1, refuses_calls=True), call),
        LEADS_ALREADY: (HER, Wanted("assign", owner="Practitioner/ana")),
        ON_AGENDA: (Known("a", 1, is_on_agenda=True), Wanted("review")),
    }
    for because, (known, wanted) in cases.items():
        answer = judge(known, wanted)
        assert (answer.will, answer.because) == (False, because)


def test_whom_nobody_leads_is_said() -> None:
    answer = judge(Known("a", 1), Wanted("todo", "Send the form"))
    assert (answer.will, answer.because) == (True, NOBODY_LEADS)


def test_a_case_review_may_be_about_somebody_who_died() -> None:
    assert judge(Known("a", 1, is_deceased=True), Wanted("review")).will
