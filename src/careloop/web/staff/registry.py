"""The registry: any cohort as a form, an address and a list; views kept; the list as a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.access.acts import EXPORT, may
from careloop.actions.keep_view import View, drop_view, keep_view, views
from careloop.actions.working import ReasonMissing
from careloop.care.treat_to_target import Standing
from careloop.kernel.errors import CareError
from careloop.library.targets import Target
from careloop.projections import caseload, registry
from careloop.projections.registry import MOST_CHOSEN, MOST_COUNTED, Asked, Line, Page, targets
from careloop.store import Unit
from careloop.web.staff import registry_ask, toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.reader import now_of, open_record, program_name
from careloop.web.staff.registry_ask import address, asked_of, question
from careloop.web.staff.registry_way import Way, ways

SIZE: Final = 50
COLUMNS: Final = ("problems", "program", "needs", "next", "heard", "language", "lead")
AT_FIRST: Final = ("problems", "program", "next", "heard", "lead")
BESIDE_A_MEASURE: Final = ("heard", "lead")
CHOSEN: Final = "registry-columns"
MEASURE_COLUMNS: Final = ("began", "value", "change")
TARGET_COLUMNS: Final = ("weeks", "standing", "review")
TELLS_OF: Final = {
    **{"problems": "Condition", "needs": "Condition", "program": "EpisodeOfCare", "next": "Task"},
    **{"heard": "Encounter", "lead": "CareTeam"},
}
TONES: Final = {"worse": "danger", "stuck": "late", "early": "", "improving": "wait", "target": "done"}


@dataclass(frozen=True)
class Head:
    """href: sorts by it, empty where it can't be. sorted: what aria-sort says, or empty."""

    key: str
    name: str
    href: str
    sorted: str
    is_number: bool = False


@dataclass(frozen=True, repr=False)
class Row:
    """line, with what is shown in words. tone: of where she stands."""

    line: Line
    programs: str
    problems: str
    needs: str
    standing: str
    tone: str
    is_due: bool
    risk: str
    way: Way | None
    has_namesake: bool


@dataclass(frozen=True)
class Choice:
    value: str
    name: str
    is_chosen: bool


@staff_page
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    asked = asked_of(request.GET)
    with open_record(request) as unit:
        found = registry.registry(unit, asked, SIZE)
        stood = registry.standings(unit, asked) if asked.measure in targets() else {}
        told = {**_told(request, unit, asked, found), **_form(unit, asked), "stood": _stood(asked, stood)}
    return render(request, "staff/registry.html", told)


def _told(request: HttpRequest, unit: Unit, asked: Asked, found: Page) -> dict[str, Any]:
    leads = dict(registry.leads(unit)) if asked.whose == "all" or asked.lead else {}
    sites = dict(registry.sites(unit))
    columns = tuple(key for key in _columns(request, asked) if _is_known(key, found))
    target = targets().get(asked.measure)
    return {
        "asked": asked,
        "question": question(asked, after=""),
        "found": found,
        "rows": _rows(found, asked, request),
        "count": count_words(found.total),
        "phrases": registry_ask.phrases(asked, leads, sites),
        "is_narrowed": registry_ask.is_narrowed(asked),
        "target": target,
        "target_words": _target_words(target),
        "columns": columns,
        "heads": _heads(asked, columns),
        "all_columns": [
            Choice(key, column_words()[key], key in columns) for key in COLUMNS if _is_known(key, found)
        ],
        "next": address(asked, after=found.next) if found.next else "",
        "first": address(asked) if asked.after else "",
        "may_all": found.total <= MOST_CHOSEN,
        "may_export": may(unit.scope.actor, EXPORT),
        "views": [_view(view, asked) for view in views(unit)],
        "whose": [
            Choice(address(asked, whose="mine"), gettext("My people"), asked.whose == "mine"),
            Choice(address(asked, whose="all"), gettext("All I may see"), asked.whose == "all"),
        ],
        "leads": list(leads.items()),
        "sites": list(sites.items()),
    }


def _form(unit: Unit, asked: Asked) -> dict[str, Any]:
    conditions = registry_ask.condition_choices()
    known = {value for value, _ in conditions}
    return {
        "conditions": conditions,
        "condition_words": "" if asked.condition in known else asked.condition,
        "need_words": "" if asked.need == "any" else asked.need,
        "programs": [(code, program_name(code)) for code in caseload.programs_of(unit, asked.whose)],
        "measures": registry_ask.measure_choices(),
        "standings": list(registry_ask.standing_words().items()),
        "days": registry_ask.DAYS,
        "risks": registry_ask.risk_choices() if unit.may_search("RiskAssessment") else [],
        "bands": registry_ask.band_choices(asked.risk),
        "moved_by": abs(asked.moved) if asked.moved is not None else "",
        "moved_way": "fell" if asked.moved is None or asked.moved < 0 else "rose",
    }


@dataclass(frozen=True)
class ViewLink:
    view: View
    href: str
    is_here: bool


def _view(view: View, asked: Asked) -> ViewLink:
    href = f"{registry_ask.PAGE}?{view.query}" if view.query else registry_ask.PAGE
    return ViewLink(view, href, view.query == question(asked, after=""))


def _is_known(key: str, found: Page) -> bool:
    return key not in TELLS_OF or TELLS_OF[key] in found.knows


def count_words(total: int) -> str:
    return f"{MOST_COUNTED:,}+" if total > MOST_COUNTED else f"{total:,}"


def _target_words(target: Target | None) -> dict[str, str]:
    if target is None:
        return {}
    spoken = get_language() or "en"
    return {
        "title": target.title.get(spoken),
        "target": target.words.get(spoken),
        "source": target.source,
        "is_unverified": "1" if target.verified == "U" else "",
    }


def _stood(asked: Asked, counts: dict[str, int]) -> list[Choice]:
    """How many stand where, each a link to them."""
    words = registry_ask.standing_words()
    return [
        Choice(address(asked, standing=key), f"{counts[key]:,} {words[key]}", asked.standing == key)
        for key in (*Standing, "unmeasured")
        if counts.get(key)
    ]


def _rows(found: Page, asked: Asked, request: HttpRequest) -> list[Row]:
    names = Counter(line.person.name for line in found.lines)
    words, now = registry_ask.standing_words(), now_of(request)
    drawn = ways([line.course for line in found.lines], targets().get(asked.measure))
    return [
        Row(
            line=line,
            programs=", ".join(program_name(code) for code in line.programs),
            problems=", ".join(line.problems),
            needs=", ".join(line.needs),
            standing=words[line.stands.standing] if line.stands else "",
            tone=TONES[line.stands.standing] if line.stands else "",
            risk=registry_ask.risk_words(asked.risk, line.risk) if line.risk else "",
            is_due=line.stands is not None and line.stands.due <= now,
            way=way,
            has_namesake=names[line.person.name] > 1,
        )
        for line, way in zip(found.lines, drawn, strict=True)
    ]


def column_words() -> dict[str, str]:
    return {
        "problems": gettext("Problems"),
        "program": gettext("Programs"),
        "needs": gettext("Open needs"),
        "next": gettext("Next"),
        "heard": gettext("Last reached"),
        "language": gettext("Language"),
        "lead": gettext("Lead"),
        "began": gettext("Started at"),
        "value": gettext("Now"),
        "change": gettext("Change"),
        "weeks": gettext("Weeks"),
        "standing": gettext("Where it stands"),
        "review": gettext("Next review"),
        "risk": gettext("Risk"),
    }


def _heads(asked: Asked, columns: tuple[str, ...]) -> list[Head]:
    words = {"name": gettext("Name"), **column_words()}
    shown = (
        "name",
        *(MEASURE_COLUMNS if asked.measure else ()),
        *(TARGET_COLUMNS if asked.measure in targets() else ()),
        *(("risk",) if asked.risk else ()),
        *columns,
    )
    sorts = {"name", "heard", "value", "change", "review", "risk"}
    return [
        Head(
            key,
            words[key],
            address(asked, sort=key) if key in sorts else "",
            "ascending" if asked.sort == key else "",
            key in ("began", "value", "change", "weeks"),
        )
        for key in shown
    ]


# --- which columns are shown, kept for the session


def _columns(request: HttpRequest, asked: Asked) -> tuple[str, ...]:
    """What she chose; before that what fits beside the measure. Who leads one's own people needs no column."""
    usual = BESIDE_A_MEASURE if asked.measure else AT_FIRST
    kept = request.session.get(CHOSEN, [key for key in usual if key != "lead" or asked.whose == "all"])
    return tuple(key for key in COLUMNS if key in kept)


@staff_page
@require_POST
def choose_columns(request: HttpRequest) -> HttpResponse:
    request.session[CHOSEN] = [key for key in COLUMNS if key in request.POST.getlist("column")]
    return HttpResponseRedirect(address(_posted(request)))


def _posted(request: HttpRequest) -> Asked:
    """The question that a form carries in one field."""
    return asked_of(QueryDict(request.POST.get("question", "")[:2_000]))


# --- views that are kept


@staff_page
@require_http_methods(["GET", "POST"])
def keep(request: HttpRequest) -> HttpResponse:
    """A sheet: its name, and for whom."""
    if request.method == "GET":
        return _keep_sheet(request, asked_of(request.GET), {})
    asked = _posted(request)
    with open_record(request) as unit:
        sites = {id: unit.rid_of(f"Organization/{id}") for id, _ in registry.sites(unit)}
    site = sites.get(request.POST.get("for", ""))
    try:
        scope: Any = request.scope  # type: ignore[attr-defined]  # set by server.middleware
        keep_view(scope, request.POST.get("name", ""), question(asked, after=""), now_of(request), site=site)
    except ReasonMissing:
        return _keep_sheet(request, asked, {"name": gettext("Give it a name.")})
    except CareError as full:
        if full.status in (403, 404):
            raise
        return _keep_sheet(request, asked, {"name": sentence_of(full)})
    toasts.say(request, gettext("Kept. It stands above the list."))
    return HttpResponseRedirect(address(asked))


def _keep_sheet(request: HttpRequest, asked: Asked, problems: dict[str, str]) -> HttpResponse:
    with open_record(request) as unit:
        sites = registry.sites(unit)
        leads = dict(registry.leads(unit))
    told = {
        "question": question(asked, after=""),
        "phrases": registry_ask.phrases(asked, leads, dict(sites)),
        "sites": sites,
        "typed": request.POST.dict(),
        "problems": problems,
        "errors": [(f"field-{name}", said) for name, said in problems.items()],
        "back": address(asked),
    }
    return render(request, "staff/registry_keep.html", told, status=422 if problems else 200)


@staff_page
@require_POST
def drop(request: HttpRequest, view: int) -> HttpResponse:
    scope: Any = request.scope  # type: ignore[attr-defined]  # set by server.middleware
    drop_view(scope, view, now_of(request))
    toasts.say(request, gettext("Removed. The people and the list stay as they are."))
    return HttpResponseRedirect(registry_ask.PAGE)


urlpatterns = [
    path("registry", page, name="registry"),
    path("registry/columns", choose_columns, name="registry-columns"),
    path("registry/views", keep, name="registry-keep"),
    path("registry/views/<int:view>/drop", drop, name="registry-drop"),
]
