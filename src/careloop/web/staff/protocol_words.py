"""A protocol in words that a clinician reads: whom it watches, what it looks for, what it proposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext, ngettext, pgettext

from careloop.care.protocols import number_said
from careloop.library import Library
from careloop.library.conditions import Compare
from careloop.library.protocols import Branch, PlanChange, Protocol, Review
from careloop.library.series import COURSE, MOMENTS, Asked, Named
from careloop.web.staff.library_words import NUMERIC, Wording


@dataclass(frozen=True)
class BranchShown:
    """changes: what it proposes for the plan, in sentences."""

    title: str
    when: str
    because: str
    work: str
    urgency: str
    due: str
    changes: tuple[str, ...]
    settles: str
    rest_days: int


class ProtocolWording(Wording):
    """Conditions over time beside the others."""

    def __init__(self, library: Library, language: str, protocol: Protocol) -> None:
        super().__init__(library, language)
        self.protocol = protocol
        self.values = {each.name: each for each in protocol.values}

    def _compare(self, compare: Compare) -> str:
        asked = self.protocol.asked.get(compare.path)
        if asked is None:
            if compare.path == "fact/programs":
                return self._programs(compare)
            return super()._compare(compare)
        match asked.subject:
            case "reading" | "score":
                return self._of_data(asked, compare)
            case "course":
                return f"{COURSE[asked.name].get(self.language)} {self._numeric(compare)}"
            case "count":
                return self._count(asked, compare)
        return self._days_since(asked, compare)

    def branch(self, branch: Branch, example: str) -> BranchShown:
        """example: what it says of one of its made-up people."""
        work = branch.work
        due = (
            ngettext("within %(n)d day", "within %(n)d days", work.due_days) % {"n": work.due_days}
            if work.due_days
            else gettext("the same day")
        )
        return BranchShown(
            branch.title.get(self.language),
            self.of(branch.when),
            example or branch.because.get(self.language),
            work.title.get(self.language),
            urgencies()[work.urgency],
            due,
            tuple(self.change(each) for each in branch.plan),
            settling()[branch.settles],
            branch.rest_days,
        )

    def change(self, change: PlanChange) -> str:
        text = change.text.get(self.language) if change.text else self._line(change.key)
        if change.act == "add":
            return gettext("Add: %(line)s") % {"line": text}
        if change.act == "end":
            return gettext("End: %(line)s") % {"line": self._line(change.key)}
        parts = []
        if change.due_days is not None:
            parts.append(
                ngettext("due in %(n)d day", "due in %(n)d days", change.due_days) % {"n": change.due_days}
            )
        if change.below is not None:
            parts.append(gettext("below %(n)s") % {"n": number_said(change.below)})
        if change.owner is not None:
            parts.append(owners()[change.owner])
        return gettext("Change: %(line)s (%(how)s)") % {
            "line": self._line(change.key),
            "how": ", ".join(parts),
        }

    def _line(self, key: str) -> str:
        """What a line is called, by its key, where a template or a protocol says so."""
        kind, _, code = key.partition(":")
        if kind == "goal-of":
            instrument = self.library.instruments.get(code)
            name = instrument.short.get(self.language) if instrument else code
            return gettext("the goal for %(what)s") % {"what": name}
        for plan in self.library.plans.values():
            for need in plan.needs:
                for goal in need.goals:
                    if key == f"goal:{goal.id}":
                        return goal.text.get(self.language)
                    for action in goal.actions:
                        if key == f"action:{action.id}":
                            return action.text.get(self.language)
        for branch in self.protocol.branches:
            for change in branch.plan:
                if change.key == key and change.text:
                    return change.text.get(self.language)
        return code

    # --- parts of a condition

    def _of_data(self, asked: Asked, compare: Compare) -> str:
        name = self._name_of(asked)
        unit = self._unit(asked)
        match asked.what:
            case "times":
                assert asked.limit is not None
                said = NUMERIC[asked.limit[0]]() % {"n": self._said(asked.limit[1], unit)}
                return gettext("%(what)s %(how)s, at least %(times)s times within %(days)d days") % {
                    **{"what": name, "how": said, "times": number_said(compare.value)},
                    "days": asked.within_days or 0,
                }
            case "rise" | "rise-percent":
                said = gettext("%(what)s rises by %(by)s or more within %(days)d days")
            case "fall" | "fall-percent":
                said = gettext("%(what)s falls by %(by)s or more within %(days)d days")
            case _:
                fresh = (
                    gettext(" (not older than %(days)d days)") % {"days": asked.within_days}
                    if asked.within_days
                    else ""
                )
                return f"{name} {self._numeric(compare, unit)}{fresh}"
        by = self._said(compare.value, "%" if asked.what.endswith("percent") else unit)
        return said % {"what": name, "by": by, "days": asked.within_days or 0}

    def _name_of(self, asked: Asked) -> str:
        if asked.subject == "score":
            return self.library.instruments[asked.name].short.get(self.language)
        kind = self.library.readings[asked.name]
        if asked.part == "second" and kind.second:
            return f"{kind.name.get(self.language)} ({kind.second.name.get(self.language)})"
        return kind.name.get(self.language)

    def _unit(self, asked: Asked) -> str:
        if asked.subject != "reading":
            return ""
        return self.library.readings[asked.name].units[0].called.get(self.language)

    def _numeric(self, compare: Compare, unit: str = "") -> str:
        if compare.operator == "known":
            return gettext("is known") if compare.value else gettext("is not known")
        return NUMERIC[compare.operator]() % {"n": self._said(compare.value, unit)}

    def _said(self, value: Any, unit: str) -> str:
        if isinstance(value, Named):
            known = self.values[value.name]
            return f"{number_said(known.default)} {known.unit.get(self.language)}".strip()
        return f"{number_said(Decimal(value))} {unit}".strip()

    def _days_since(self, asked: Asked, compare: Compare) -> str:
        what = self._moment(asked.name)
        if compare.operator == "known":
            said = gettext("ever: %(what)s") if compare.value else gettext("never yet: %(what)s")
            return said % {"what": what}
        first = asked.subject == "days_since_first"
        said = (
            gettext("days since the oldest (%(what)s): %(how)s")
            if first
            else gettext("days since (%(what)s): %(how)s")
        )
        return said % {"what": what, "how": self._numeric(compare)}

    def _count(self, asked: Asked, compare: Compare) -> str:
        what = self._moment(asked.name)
        if asked.within_days:
            return gettext("how often within %(days)d days (%(what)s): %(how)s") % {
                **{"days": asked.within_days, "what": what},
                "how": self._numeric(compare),
            }
        return gettext("how many (%(what)s): %(how)s") % {"what": what, "how": self._numeric(compare)}

    def _moment(self, name: str) -> str:
        first, slash, rest = name.partition("/")
        said = MOMENTS[f"{first}/*" if slash else name].get(self.language)
        if not slash:
            return said
        if first in ("reading",):
            return f"{said}: {self.library.readings[rest].name.get(self.language)}"
        if first in ("score", "answered"):
            return f"{said}: {self.library.instruments[rest].short.get(self.language)}"
        if first == "enrolled":
            return f"{said}: {self.library.programs[rest].title.get(self.language)}"
        return f"{said}: {rest}"

    def _programs(self, compare: Compare) -> str:
        names = [
            self.library.programs[each].title.get(self.language)
            if each in self.library.programs
            else str(each)
            for each in compare.value
        ]
        said = f" {pgettext('between', 'or')} ".join(names)
        if compare.operator == "is_not":
            return gettext("in none of: %(programs)s") % {"programs": said}
        return gettext("in the program %(programs)s") % {"programs": said}


def urgencies() -> dict[str, str]:
    return {
        "urgent": gettext("urgent"),
        "soon": pgettext("how urgent", "soon"),
        "routine": pgettext("how urgent", "routine"),
        "silence": pgettext("how urgent", "silence"),
    }


def settling() -> dict[str, str]:
    return {
        "itself": gettext("It is withdrawn by itself once it does not hold any more."),
        "person": gettext("It stays until a person ends it."),
    }


def owners() -> dict[str, str]:
    return {
        "coordinator": gettext("coordinator"),
        "clinician": gettext("clinician"),
        "person": pgettext("who consents", "the person"),
        "family": gettext("family"),
        "agency": gettext("agency"),
    }


WEEKDAYS: Final = 7


def days_said(review: Review) -> str:
    names = (
        *(gettext("Mon"), gettext("Tue"), gettext("Wed"), gettext("Thu"), gettext("Fri")),
        *(gettext("Sat"), gettext("Sun")),
    )
    return ", ".join(names[each] for each in review.days)


def paths() -> Mapping[str, str]:
    return {
        "next-opening": gettext("waits for the next opening"),
        "on-call": gettext("calls whoever is on call"),
    }
