"""The lines of a plan as pages show them. Each can say why it is here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from django.utils.translation import get_language

from careloop.care.plan_lines import Changed


@dataclass(frozen=True, repr=False)
class Answer:
    """What a line rests on: a score, an answer, a reading. instrument: its id when it is a set of answers, which has no
    text of its own. href: where it can be read."""

    text: str
    instrument: str
    at: datetime | None
    who: str | None
    href: str


@dataclass(frozen=True, repr=False)
class Why:
    """because: one sentence. source: who says that it follows. since: when the line came into the plan. changed: who
    changed it by hand last, and why."""

    because: str
    source: str
    answers: tuple[Answer, ...]
    since: date | datetime | None
    who: str | None
    changed: Changed | None = None

    @property
    def is_told(self) -> bool:
        return bool(self.because or self.source or self.answers or self.is_changed)

    @property
    def changed_because(self) -> str:
        """In the reader's language."""
        return self.changed.because.get(get_language() or "en") if self.changed else ""

    @property
    def is_changed(self) -> bool:
        """After it came into the plan."""
        return self.changed is not None and self.changed.act not in ("added", "agreed")


NOT_TOLD: Final = Why("", "", (), None, None)


@dataclass(frozen=True, repr=False)
class Step:
    """who: a name. due: day or hour to aim for. work: id of the Task while it is open."""

    reference: str
    title: str
    state: Literal["open", "waiting", "done"]
    who: str
    due: datetime | None
    zone: str | None
    done_at: datetime | None
    waiting_on: str | None
    work: str
    why: Why
    version: int = 0


@dataclass(frozen=True, repr=False)
class Barrier:
    """What is in the way of a goal. steps: how it is met."""

    reference: str
    text: str
    since: date | None
    steps: tuple[Step, ...] = ()
    why: Why = NOT_TOLD
    version: int = 0


@dataclass(frozen=True, repr=False)
class Goal:
    """achievement: FHIR's code. target: the number to come to, in words. now: the last thing noted on the way."""

    reference: str
    text: str
    words: str
    due: date | None
    achievement: str
    is_reached: bool
    target: str
    now: str
    now_at: datetime | None
    steps: tuple[Step, ...]
    why: Why
    version: int = 0
    barriers: tuple[Barrier, ...] = ()

    @property
    def done(self) -> int:
        return sum(step.state == "done" for step in self.steps)


@dataclass(frozen=True, repr=False)
class Need:
    """name: the clinical word, when it differs from the title. words: as she said it."""

    reference: str
    title: str
    name: str
    words: str
    goals: tuple[Goal, ...]
    barriers: tuple[Barrier, ...]
    why: Why
    version: int = 0

    @property
    def is_reached(self) -> bool:
        return bool(self.goals) and all(goal.is_reached for goal in self.goals)


@dataclass(frozen=True, repr=False)
class Waiting:
    """A proposal that nobody has decided."""

    id: str
    because: str
    at: datetime
    lines: int


@dataclass(frozen=True, repr=False)
class Said:
    """What she told in her own words. about: what-matters, strengths or preferences."""

    text: str
    on: date | None
    who: str | None
    reference: str
    about: str = "what-matters"


@dataclass(frozen=True, repr=False)
class Ended:
    """A line that ended, and can be reopened. because: why it ended."""

    reference: str
    version: int
    part: str
    text: str
    on: datetime
    because: str


@dataclass(frozen=True, repr=False)
class Foreign:
    """A plan that somebody else sent. what: its activities in words."""

    title: str
    since: date | None
    what: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class PlanPage:
    """id: None until a plan was made active. goals, steps: those that belong to no need."""

    id: str | None
    version: int
    title: str
    agreed: datetime | None
    author: str | None
    needs: tuple[Need, ...]
    goals: tuple[Goal, ...]
    steps: tuple[Step, ...]
    waiting: tuple[Waiting, ...]
    said: tuple[Said, ...]
    foreign: tuple[Foreign, ...]
    strengths: tuple[Said, ...] = ()
    preferences: tuple[Said, ...] = ()
    ended: tuple[Ended, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.needs or self.goals or self.steps)

    @property
    def all_goals(self) -> tuple[Goal, ...]:
        return (*(goal for need in self.needs for goal in need.goals), *self.goals)
