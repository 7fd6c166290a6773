"""A to-do that is added by hand, for one person; how much is asked of her already stands beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.add_to_do import PastDue, add_to_do
from careloop.actions.hand_off_work import colleagues
from careloop.actions.working import ReasonMissing
from careloop.care.many import HER_LEAD, NOBODY, Wanted
from careloop.projections.card import card
from careloop.projections.people import lead_of
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, sentence_of, show
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.registry_many import evening


@staff_page
@require_http_methods(["GET", "POST"])
def to_do(request: HttpRequest, person: str) -> HttpResponse:
    now, tz = now_of(request), zone_of_reader(request)
    if request.method == "GET":
        day = (now.astimezone(tz) + timedelta(days=7)).date().isoformat()
        return _sheet(request, person, Sheet({"due": day, "owner": HER_LEAD, "kind": "todo"}))
    posted = request.POST
    act: Any = "call" if posted.get("kind") == "call" else "todo"
    owner = posted.get("owner", HER_LEAD)
    sheet = Sheet(posted.dict())
    if owner not in {HER_LEAD, NOBODY, scope_of(request).actor.practitioner, *_takers(request, person)}:
        sheet.problems["owner"] = gettext(
            "Choose a colleague who works with this person’s site, or the team."
        )
        return _sheet(request, person, sheet)
    wanted = Wanted(
        act,
        posted.get("title", ""),
        owner,
        posted.get("because", "").strip(),
        evening(posted.get("due", ""), tz),
    )
    try:
        result = add_to_do(scope_of(request), person, wanted, now)
    except ReasonMissing:
        sheet.problems["title"] = gettext("Write what is to be done, as it will stand on Today.")
    except PastDue as past:
        sheet.problems["due"] = sentence_of(past)
    else:
        return done(request, gettext("Added. It stands on Today."), result)
    return _sheet(request, person, sheet)


def _takers(request: HttpRequest, person: str) -> dict[str, str]:
    """Reference -> name of those who could open it."""
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        site = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
        lead = lead_of(unit, patient.rid)
    found = colleagues(scope_of(request), site.rpartition("/")[2] or "", lead=lead)
    return {each.reference: each.name for each in found}


def _sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    takers = _takers(request, person)
    with open_record(request) as unit:
        beside = card(unit, person)
    told = {
        "card": beside,
        "person": person,
        "typed": sheet.typed,
        "problems": sheet.problems,
        "colleagues": [{"reference": reference, "name": name} for reference, name in takers.items()],
        "her_lead": HER_LEAD,
        "nobody": NOBODY,
    }
    return show(request, "staff/to_do.html", sheet, told)


urlpatterns = [path("people/<str:person>/to-do", to_do, name="to-do")]
