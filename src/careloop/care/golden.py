"""Golden cases: answers whose outcome is known from the publication. The tests run them, and the library page does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from careloop.care.assess import NOBODY, Part, Score, Who, score
from careloop.fhir.questionnaire import ABSENT, Answer, check, enabled
from careloop.library import Case, Instrument


def answers_in(case: Case) -> dict[str, Answer]:
    """`declined`, `unknown` and `not-asked` are reasons for no answer."""
    return {
        item: Answer(absent=said)
        if isinstance(said, str) and said in ABSENT
        else Answer(tuple(said) if isinstance(said, list) else (said,))
        for item, said in case.answers.get("answers", {}).items()
    }


def who_in(case: Case) -> Who:
    said = case.answers.get("who")
    return Who(said.get("sex"), said.get("age")) if said else NOBODY


def differences(instrument: Instrument, case: Case) -> list[str]:
    """What came out otherwise than the case expects; nothing when it holds."""
    given = answers_in(case)
    problems = [f"{each.link_id}: {each.text}" for each in check(instrument.form, given, is_complete=False)]
    result, shown = score(instrument, given, who_in(case)), enabled(instrument.form, given)
    seen: dict[str, Any] = {
        **_number(result.parts[0] if instrument.scoring.is_scored else None),
        **_findings(result),
        "parts": {part.id: _number(part) for part in result.subscales},
        "asked": sum(each.is_question for each in instrument.questions if each.id in shown),
    }
    if unknown := [key for key in case.expect if key not in seen]:
        problems.append(f"A case can’t expect “{unknown[0]}”. Known: {', '.join(seen)}.")
    return problems + [
        f"{key}: expected {_said(wanted)}, came out {_said(seen[key])}"
        for key, wanted in case.expect.items()
        if key in seen and not _holds(seen[key], wanted)
    ]


def _number(part: Part | None) -> dict[str, Any]:
    return {
        "score": part.value if part else None,
        "band": part.band.code if part and part.band else None,
        "not_scored": part is None or part.value is None,
        "at_least": part.at_least if part else None,
        "missing": list(part.missing) if part else [],
        "notes": len(part.notes) if part else 0,
    }


def _findings(result: Score) -> dict[str, Any]:
    return {
        "findings": [each.id for each in result.findings],
        "critical": [each.critical.id for each in result.critical],
        "next": [each.instrument for each in result.next],
    }


def _holds(seen: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        return all(name in seen and _holds(seen[name], part) for name, part in wanted.items())
    return bool(seen == wanted)


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)
