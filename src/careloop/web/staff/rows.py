"""A row of work as a page shows it: its colour with a word, its hour, why it is here, and what can be done at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext

from careloop.actions.flag_wrong import KIND as QUESTION
from careloop.care.transition_facts import VISIT
from careloop.care.work import WorkClass
from careloop.projections.worklist import Row
from careloop.web import formats
from careloop.web.work_words import work_title


@dataclass(frozen=True)
class Act:
    """A button. kind: main, line or plain. key: what it answers to. is_post: a form of its own; else a sheet."""

    name: str
    href: str
    key: str = ""
    kind: str = ""
    is_post: bool = False
    is_sheet: bool = True


@dataclass(frozen=True, repr=False)
class Shown:
    """row with its words. tone: danger, late, wait or empty. stamp: differs when the row looks different."""

    row: Row
    tone: str
    tone_word: str
    when: str
    when_tone: str
    when_sub: str
    because: str
    is_first: bool
    acts: tuple[Act, ...]
    more: tuple[Act, ...]

    @property
    def stamp(self) -> str:
        return f"{self.row.position}-{self.row.group}-{self.tone}-{self.when}-{int(self.is_first)}"

    @property
    def says(self) -> str:
        """For whoever listens instead of looking."""
        return f"{self.row.person.name if self.row.person else ''}: {work_title(self.row.title)}"

    def __repr__(self) -> str:
        return f"Shown({self.row!r})"


def shown_rows(rows: Iterable[Row], now: datetime, tz: ZoneInfo) -> Iterator[Shown]:
    """The first of each class in a group says why its class comes first."""
    before: tuple[str, WorkClass] | None = None
    for row in rows:
        is_first = (row.group, row.klass) != before and row.group in ("now", "today")
        before = (row.group, row.klass)
        yield shown(row, now, tz, is_first=is_first)


def shown(row: Row, now: datetime, tz: ZoneInfo, *, is_first: bool = False) -> Shown:
    tone, word = _tone(row)
    when, when_tone, sub = _when(row, now, tz)
    main, more = acts_of(row)
    return Shown(row, tone, word, when, when_tone, sub, _because(row, is_first), is_first, main, more)


def _tone(row: Row) -> tuple[str, str]:
    if row.klass is WorkClass.DANGER:
        return "danger", gettext("danger")
    if row.group == "waiting":
        return "wait", gettext("waiting")
    if row.is_late:
        return "late", gettext("late")
    return "", gettext("to do")


def _because(row: Row, is_first: bool) -> str:
    if not is_first:
        return row.because
    return f"{gettext(row.order_because)} · {row.because}" if row.because else gettext(row.order_because)


def _tries(row: Row) -> str:
    if not row.attempts:
        return ""
    if row.attempts == 1:
        return gettext("tried once")
    return ngettext("tried %(n)d time", "tried %(n)d times", row.attempts) % {"n": row.attempts}


def _when(row: Row, now: datetime, tz: ZoneInfo) -> tuple[str, str, str]:
    """(words, tone, small words under them)."""
    if row.klass is WorkClass.DANGER:
        ago = formats.how_long(now - row.since)
        said = (
            gettext("acknowledged")
            if row.is_acknowledged
            else row.waiting_on or gettext("not yet acknowledged")
        )
        return gettext("%(time)s ago") % {"time": ago}, "danger", said
    if row.wake is not None:
        return gettext("back %(time)s") % {"time": formats.near_future(row.wake, now, tz)}, "", _tries(row)
    if row.group == "waiting":
        return formats.how_long(now - row.since), "wait", row.waiting_on or ""
    if row.target is None:
        return gettext("no date"), "", _tries(row)
    if row.is_late:
        return _late(row, now, tz)
    return gettext("by %(time)s") % {"time": formats.near_future(row.target, now, tz)}, "", _tries(row)


def _late(row: Row, now: datetime, tz: ZoneInfo) -> tuple[str, str, str]:
    assert row.target is not None
    late = gettext("%(time)s late") % {"time": formats.how_long(now - row.target)}
    sub = _tries(row)
    if row.has_legal_end and row.due and row.due - row.target > timedelta(minutes=1):
        if row.due > now:
            limit = gettext("legal limit %(time)s") % {"time": formats.near_future(row.due, now, tz)}
        else:
            limit = gettext("legal limit has passed")
        sub = f"{limit} · {sub}" if sub else limit
    return late, "late", sub


def acts_of(row: Row) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """(buttons in the row, the rest under “⋯”). The first is the one obvious next act."""
    base = f"/work/{row.task_id}"
    call = Act(gettext("Log call"), f"{base}/contact", "c")
    done = Act(gettext("Done"), f"{base}/done", "d")
    snooze = Act(gettext("Snooze"), f"{base}/snooze", "s")
    hand_off = Act(gettext("Hand off"), f"{base}/hand-off", "h")
    claim = Act(gettext("Take it"), f"{base}/claim", "t", is_post=True)
    mine = Act(gettext("I have it"), f"{base}/acknowledge", "a", is_post=True)
    next_step = _next_step(row)
    buttons: list[Act] = []
    if row.klass is WorkClass.DANGER and not row.is_acknowledged:
        buttons.append(mine)
    elif row.owner is None:
        buttons.append(claim)
    if next_step:
        buttons.append(next_step)
    calls = row.person is not None
    prefers_call = calls and (
        row.kind.startswith(("call", "urgent")) or row.klass in (WorkClass.PROMISE, WorkClass.SILENCE)
    )
    buttons += [call, done] if prefers_call else [done, call] if calls else [done]
    if not row.is_protected:
        buttons.append(snooze)
    buttons.append(hand_off)
    more = [Act(gettext("Open"), base, is_sheet=False)]
    if row.is_protected:
        more.append(Act(gettext("What was said, what to do"), f"{base}/acknowledge", is_sheet=False))
    if row.kind == VISIT:
        more.append(Act(gettext("Complexity of decisions"), f"{base}/complexity"))
    if row.person:
        more.append(Act(gettext("Record a promise"), f"/people/{row.person.id}/promise"))
        more.append(Act(gettext("Person’s page"), f"/people/{row.person.id}/story", is_sheet=False))
    first, *rest = buttons
    return (_as(first, "main"), *(_as(act, "line" if n == 0 else "") for n, act in enumerate(rest))), tuple(
        more
    )


def _as(act: Act, kind: str) -> Act:
    return Act(act.name, act.href, act.key, kind, act.is_post, act.is_sheet)


def _next_step(row: Row) -> Act | None:
    """Where the work is done on another page: questions to ask, a proposal to read, a match to decide."""
    person = f"/people/{row.person.id}" if row.person else ""
    if row.kind == QUESTION:
        return Act(gettext("Answer"), f"/work/{row.task_id}/answer", "o")
    if row.kind.startswith("ask-") and person:
        return Act(
            gettext("Ask the questions"),
            f"{person}/assess/{row.kind.removeprefix('ask-')}",
            "o",
            is_sheet=False,
        )
    if row.reason and row.reason.startswith("CarePlan/"):
        return Act(
            gettext("Read the proposal"),
            f"/proposals/{row.reason.removeprefix('CarePlan/')}/",
            "o",
            is_sheet=False,
        )
    if row.reason and row.reason.startswith("DetectedIssue/") and person:
        issue = row.reason.removeprefix("DetectedIssue/")
        return Act(gettext("Why, and what is proposed"), f"{person}/alerts/{issue}", "o", is_sheet=False)
    if row.kind == "resolve-match" or row.kind.startswith("review-"):
        return Act(gettext("Decide"), f"/review/{row.task_id}", "o", is_sheet=False)
    if row.kind == "mail-letter" and row.reason and row.reason.startswith("Communication/"):
        letter = row.reason.removeprefix("Communication/")
        return Act(gettext("Print the letter"), f"/front-door/letters/{letter}", "o", is_sheet=False)
    if row.kind == "consultation":
        return Act(gettext("Read and answer"), f"/consult/{row.task_id}", "o", is_sheet=False)
    if row.kind == "consultation-answer" and person:
        return Act(gettext("Read the answer"), f"/consult/read/{row.task_id}", "o", is_sheet=False)
    if row.kind == "case-review":
        return Act(gettext("Open the agenda"), f"/reviews/of/{row.task_id}", "o", is_sheet=False)
    if row.kind in ("referral", "call-outreach") and person and row.program:
        return Act(gettext("Next step"), f"{person}/enroll/{row.program}", "o", is_sheet=False)
    return None
