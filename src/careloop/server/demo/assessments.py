"""Past answers to the instruments, item by item, with the score each leaves. The questions are the library's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from careloop import library
from careloop.fhir.questionnaire import Answer, Form
from careloop.fhir.responses import About, response
from careloop.server.demo.chart import Chart
from careloop.server.demo.clinical import score

SCORED = {
    "phq-9": (
        "interest",
        "mood",
        "sleep",
        "energy",
        "appetite",
        "self-worth",
        "concentration",
        "movement",
        "thoughts",
    ),
    "gad-7": ("nervous", "control", "worry", "relax", "restless", "irritable", "afraid"),
}
FREQUENCY = ("not-at-all", "several-days", "more-than-half", "nearly-every-day")
BANDS = {
    "phq-9": (
        (4, "minimal or none"),
        (9, "mild"),
        (14, "moderate"),
        (19, "moderately severe"),
        (27, "severe"),
    ),
    "gad-7": ((4, "minimal"), (9, "mild"), (14, "moderate"), (21, "severe")),
}
# domain -> question -> what somebody answers who has the need, and who has not
NEEDS = {
    "housing": {"living": ("worried", "steady")},
    "food": {"food-worry": ("often", "never"), "food-lasted": ("sometimes", "never")},
    "transport": {"rides": ("yes", "no")},
    "utilities": {"shut-off": ("yes", "no")},
}


def form_of(instrument: str) -> Form:
    return library.load().instruments[instrument].form


def band_of(instrument: str, total: int) -> str:
    return next(band for top, band in BANDS[instrument] if total <= top)


def _answered(chart: Chart, form: Form, said: dict[str, str], at: datetime, status: str) -> str:
    """The QuestionnaireResponse of these option codes by question."""
    about = About(chart.patient, at, author=chart.lead, source=chart.patient)
    answers = {question: Answer((_key(form, question, code),)) for question, code in said.items()}
    made = response(form, answers, about, status=status)
    return chart.add("QuestionnaireResponse", {key: made[key] for key in made if key != "resourceType"})


def _key(form: Form, question: str, code: str) -> str:
    """Options may be told apart by another key than the code that the instrument's file writes."""
    options = form.by_id[question].options
    return next(option.key for option in options if code in (option.key, option.code))


def score_items(
    chart: Chart, instrument: str, values: Sequence[int | None], days_ago: int, clock: str = "10:30"
) -> str:
    """PHQ-9 or GAD-7 with these item values (None: not answered yet), completed when none is missing."""
    said = {
        question: FREQUENCY[value]
        for question, value in zip(SCORED[instrument], values, strict=True)
        if value is not None
    }
    is_whole = None not in values
    at = chart.days.at(days_ago, clock)
    made = _answered(chart, form_of(instrument), said, at, "completed" if is_whole else "in-progress")
    if is_whole:
        total = sum(value for value in values if value is not None)
        score(chart, instrument, total, band_of(instrument, total), made, days_ago, clock)
    return made


def spread(total: int, count: int, last: int | None = None) -> list[int]:
    """Item values of 0 to 3 that add up to the total; last: the value of the final item."""
    values = [0] * count
    free = count - (1 if last is not None else 0)
    if last is not None:
        values[-1] = last
        total -= last
    for turn in range(total):
        values[turn % free] += 1
    return values


def needs_found(chart: Chart, found: Sequence[str], days_ago: int, clock: str = "10:50") -> str:
    """The CMS social needs core questions. found: the domains with a need (housing, food, transport, utilities)."""
    said = {"home-problems": "none-of-these"}
    for domain, questions in NEEDS.items():
        said |= {
            question: with_need if domain in found else without
            for question, (with_need, without) in questions.items()
        }
    if found:
        said["wants-help"] = "yes"
    return _answered(chart, form_of("ahc-hrsn"), said, chart.days.at(days_ago, clock), "completed")
