"""One person's way to her targets: started, now, change, weeks, where it stands, when the next review is due."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from careloop.care.treat_to_target import Course, Stands, stands
from careloop.library.targets import Target
from careloop.projections.card import card
from careloop.projections.registry import courses_of, targets
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record
from careloop.web.staff.registry import TONES
from careloop.web.staff.registry_ask import standing_words
from careloop.web.staff.registry_way import Way, ways


@dataclass(frozen=True, repr=False)
class Shown:
    """One measure of hers. tone: of where it stands."""

    target: Target
    title: str
    aim: str
    course: Course
    stands: Stands
    standing: str
    tone: str
    is_due: bool
    is_unverified: bool
    way: Way | None


@staff_page
@require_GET
def person_targets(request: HttpRequest, person: str) -> HttpResponse:
    now, spoken, words = now_of(request), get_language() or "en", standing_words()
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        courses = courses_of(unit, patient.rid)
        beside = card(unit, person)
        is_partial = unit.withholds(patient.rid)
    shown = []
    for id, target in sorted(targets().items()):
        if course := courses.get(id):
            told = stands(course, target, now)
            shown.append(
                Shown(
                    target,
                    target.title.get(spoken),
                    target.words.get(spoken),
                    course,
                    told,
                    words[told.standing],
                    TONES[told.standing],
                    told.due <= now,
                    target.verified == "U",
                    ways([course], target)[0],
                )
            )
    context = {"card": beside, "person": person, "rows": shown, "is_partial": is_partial}
    return render(request, "staff/person_targets.html", context)


urlpatterns = [path("people/<str:person>/targets", person_targets, name="person-targets")]
