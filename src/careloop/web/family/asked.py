"""Questions as the family's pages show them: what was asked, by when somebody answers, the answer."""

from __future__ import annotations

from dataclasses import dataclass

from careloop.actions.flag_wrong import Question, questions
from careloop.store import Unit
from careloop.web import formats
from careloop.web.family.door import Frame


@dataclass(frozen=True, repr=False)
class Asked:
    """by: the day in words; empty when none is set."""

    text: str
    about: str
    is_open: bool
    by: str
    who: str
    answer: str


def asked(unit: Unit, found: Frame) -> list[Asked]:
    """What this reader asked, the newest first."""
    if not found.can_ask:
        return []
    return [_asked(each, found) for each in questions(unit, found.whose.rid, [found.whose.me])]


def _asked(question: Question, found: Frame) -> Asked:
    today = found.now.astimezone(found.tz).date()
    due = question.due.astimezone(found.tz).date() if question.due else None
    return Asked(
        text=question.text,
        about=question.about,
        is_open=question.is_open,
        by=formats.day_words(due, today) if due else "",
        who=question.who,
        answer=question.answer,
    )
