"""Golden cases of a risk score (content/risks/<id>/cases): a made-up record, and what must come out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from careloop.care.risk import Assessed, assess
from careloop.care.risk_measures import Diagnosed, Lab, RiskFacts, StaySeen, Told
from careloop.library import Case
from careloop.library.risks import Risk

# Golden cases are told as of this day, unless they say another.
DAY: Final = date(2026, 11, 23)


def failing(risk: Risk) -> list[str]:
    """Names of the cases that do not come out as they must."""
    return [case.name for case in risk.cases if differs(risk, case)]


def differs(risk: Risk, case: Case) -> str:
    """What came out otherwise, empty when all is as it must be."""
    found = assess(risk, facts_of(case.answers.get("facts") or {}))
    wrong = [
        f"{name}: {came} instead of {wanted}"
        for name, wanted in case.expect.items()
        if (came := _came(found, name, wanted)) != wanted
    ]
    if "not_scored" not in case.expect and found.not_scored is not None:
        wrong.append(f"not scored: {found.not_scored.en}")
    if "missing" not in case.expect and found.missing:
        wrong.append(f"missing: {_came(found, 'missing')}")
    return "; ".join(wrong)


def _came(found: Assessed, name: str, wanted: Any = None) -> Any:
    match name:
        case "value":
            return found.value
        case "at_least":
            return found.low if found.value is None else None
        case "at_most":
            return found.high
        case "band":
            return found.band.code if found.band else None
        case "missing":
            return [part.id for part in found.missing]
        case "not_scored":
            return found.not_scored is not None
        case "parts":
            return {part.id: part.low for part in found.parts if part.id in (wanted or ())}
    return f"“{name}” is nothing that a case expects"


def facts_of(said: Mapping[str, Any]) -> RiskFacts:
    """A record as a case writes it."""
    stays = [_stay(number, each) for number, each in enumerate(said.get("stays", ()))]
    told = {
        asked: Told(_value(value), said.get("today", DAY), "QuestionnaireResponse/told")
        for asked, value in said.get("told", {}).items()
    }
    return RiskFacts(
        today=said.get("today", DAY),
        age=said.get("age", 67),
        sex=said.get("sex", "female"),
        stays=tuple(stays),
        diagnoses=tuple(
            Diagnosed(code.replace(".", ""), f"Condition/{number}")
            for number, code in enumerate(said.get("diagnoses", ()))
        ),
        unread=said.get("unread", 0),
        labs=tuple(
            Lab(each["loinc"], Decimal(each["value"]), each["unit"], each["on"], f"Observation/{number}")
            for number, each in enumerate(said.get("labs", ()))
        ),
        procedures=tuple((on, f"Procedure/{on}") for on in said.get("procedures", ())),
        told=told,
        coverage=frozenset(said.get("coverage", ())),
        medicare_since=said.get("medicare_since"),
    )


def _stay(number: int, each: Mapping[str, Any]) -> StaySeen:
    return StaySeen(
        f"Encounter/{number}",
        each.get("setting", "stay"),
        each.get("began"),
        each.get("ended"),
        each.get("urgent"),
        each.get("service", ""),
    )


def _value(said: Any) -> Decimal | str:
    return Decimal(said) if isinstance(said, (int, Decimal)) and not isinstance(said, bool) else str(said)
