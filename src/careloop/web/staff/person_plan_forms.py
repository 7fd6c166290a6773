"""The forms of single lines on the plan's page: what stands in them at first, and what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from django.http import HttpRequest, QueryDict
from django.utils.translation import get_language, gettext, pgettext

from careloop.access import decide
from careloop.actions.hand_off_work import colleagues
from careloop.actions.plan_ends import END_REASONS
from careloop.actions.plan_lines import COMPARATORS, Target, Wanted
from careloop.actions.plan_writing import BadLine
from careloop.care.plan_lines import ACHIEVEMENTS, Held, Part, line_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, extension, name_of, text_of
from careloop.fhir.translation import translated
from careloop.library import load
from careloop.library.plans import UsualBarrier
from careloop.projections.chart_lines import PlanPage
from careloop.projections.people import lead_of, names
from careloop.store import Stored, Unit
from careloop.web.staff.forms import Sheet

PART_OF: Final[dict[str, Part]] = {"Condition": "need", "Goal": "goal", "Task": "step"}
UNCLAIMED: Final = "nobody"
ELSE: Final = "else"
MODES: Final = ("edit", "add", "end")


@dataclass(frozen=True, repr=False)
class Open:
    """A form that stands in its place on the page. mode: edit, add or end. reference: of the line (edit, end), of what
    a new one goes under (add). usual: what often stands in the way there (id, words, how it is met)."""

    mode: str
    part: Part
    reference: str
    sheet: Sheet
    version: int = 0
    text: str = ""
    owners: tuple[tuple[str, str], ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)
    reads_spanish: bool = False
    usual: tuple[tuple[str, str, str], ...] = ()

    @property
    def title(self) -> str:
        return _titles()[self.mode, self.part]

    @property
    def needs_because(self) -> bool:
        return self.mode == "add" or self.part in ("need", "goal")


def _titles() -> dict[tuple[str, str], str]:
    return {
        ("add", "need"): gettext("A new need"),
        ("add", "goal"): gettext("A new goal"),
        ("add", "step"): gettext("A new step"),
        ("add", "barrier"): gettext("What is in the way"),
        ("edit", "need"): gettext("Change this need"),
        ("edit", "goal"): gettext("Change this goal"),
        ("edit", "step"): gettext("Change this step"),
        ("edit", "barrier"): gettext("Change what is in the way"),
        ("end", "need"): gettext("End this need"),
        ("end", "goal"): gettext("End this goal"),
        ("end", "step"): gettext("End this step"),
        ("end", "barrier"): gettext("Take this off the plan"),
    }


def may_change(unit: Unit) -> bool:
    """Whether the reader may write lines of plans at all."""
    actor = unit.scope.actor
    kinds = ("CarePlan", "Goal", "Condition", "Task")
    return actor.practitioner is not None and all(decide(actor, "update", kind).allowed for kind in kinds)


def part_of(resource: Resource) -> Part:
    line = line_of(Held("", 0, resource), {"": 0})
    return line.part if line else PART_OF[resource["resourceType"]]


def opened(
    unit: Unit, request: HttpRequest, patient: Stored, plan: PlanPage, sheet: Sheet | None = None
) -> Open | None:
    """The form that the address or (with sheet) a refused one asks for; None for none, and for who may not change."""
    asked = request.GET if sheet is None else cast(QueryDict, request.POST)
    mode = next((each for each in MODES if asked.get(each)), "")
    if not mode or not may_change(unit):
        return None
    if mode == "add":
        return _adding(unit, request, patient, asked.get("add", ""), asked.get("under", ""), sheet)
    found = unit.get([asked.get(mode, "")]).get(asked.get(mode, ""))
    if found is None or found.person != patient.rid or found.type not in PART_OF:
        return None
    part = part_of(found.resource)
    typed = sheet or Sheet(_typed_of(found.resource, part) if mode == "edit" else {})
    return Open(
        mode,
        part,
        found.reference,
        typed,
        found.version,
        text_of(found.resource.get("description" if part == "goal" else "code")),
        _owners(unit, request, patient, found.resource) if part == "step" and mode == "edit" else (),
        _choices(),
        _reads_spanish(patient),
    )


def _adding(
    unit: Unit, request: HttpRequest, patient: Stored, part: str, under: str, sheet: Sheet | None
) -> Open | None:
    if part not in ("need", "goal", "step", "barrier"):
        return None
    owners = _owners(unit, request, patient, {}) if part == "step" else ()
    first = {"owner": unit.scope.actor.practitioner or UNCLAIMED} if part == "step" else {}
    above = unit.get([under]).get(under) if under else None
    above = above if above is not None and above.person == patient.rid else None
    usual = _usual(above) if part == "barrier" else ()
    first |= _first_words(request, above, part, usual)
    return Open(
        "add",
        cast(Part, part),
        under,
        sheet or Sheet(first),
        owners=owners,
        choices=_choices(),
        reads_spanish=_reads_spanish(patient),
        usual=tuple((b.id, b.text.get(language()), b.met_by.get(language())) for b in usual),
    )


def language() -> str:
    return get_language() or "en"


def _usual(goal: Stored | None) -> tuple[UsualBarrier, ...]:
    """What the templates name for this goal."""
    code = code_in(goal.resource.get("description"), uris.GOAL) if goal and goal.type == "Goal" else None
    return load().usual_barriers(code) if code else ()


def _first_words(
    request: HttpRequest, above: Stored | None, part: str, usual: Sequence[UsualBarrier]
) -> dict[str, str]:
    """Of a barrier the usual one that was chosen; of a step under a barrier how such a one is met. To be changed."""
    chosen = next((each for each in usual if each.id == request.GET.get("usual")), None)
    if chosen is not None:
        return {"text": chosen.text.en, "spanish": chosen.text.es}
    if part == "step" and above is not None and above.type == "Condition":
        met = load().barrier_called(text_of(above.resource.get("code")))
        return {"text": met.met_by.en, "spanish": met.met_by.es} if met else {}
    return {}


def _reads_spanish(patient: Stored) -> bool:
    from careloop.projections.facts import language_of

    said = (language_of(patient.resource) or "").lower()
    return said.startswith(("es", "span")) or (get_language() or "en").startswith("es")


def _choices() -> dict[str, Any]:
    language = get_language() or "en"
    return {
        "comparators": [
            ("<", pgettext("a target", "under")),
            ("<=", pgettext("a target", "at most")),
            (">=", pgettext("a target", "at least")),
            (">", pgettext("a target", "over")),
            ("", pgettext("a target", "exactly")),
            ("to", pgettext("a target", "from … to …")),
        ],
        "achievements": [(code, words.get(language)) for code, words in ACHIEVEMENTS.items()],
        "reasons": [(code, words.get(language)) for code, words in END_REASONS.items()],
    }


def _owners(unit: Unit, request: HttpRequest, patient: Stored, task: Resource) -> tuple[tuple[str, str], ...]:
    """Who may take a step: me, colleagues at her site, she herself, her people, her doctors, agencies that help her."""
    asked: Any = request
    actor = asked.scope.actor
    site = str((patient.resource.get("managingOrganization") or {}).get("reference", "")).rpartition("/")[2]
    found = {actor.practitioner: actor.name} if actor.practitioner else {}
    for each in colleagues(asked.scope, site, lead=lead_of(unit, patient.rid)):
        found.setdefault(each.reference, each.name)
    found[patient.reference] = name_of(patient.resource)
    for stored in unit.of_person(patient.rid, ["RelatedPerson"]):
        if stored.resource.get("active", True) and (name := name_of(stored.resource)):
            found[stored.reference] = name
    found |= {k: v for k, v in _agencies(unit, patient).items() if k not in found}
    owner = task.get("owner") or {}
    if (reference := str(owner.get("reference", ""))) and reference not in found:
        found[reference] = str(owner.get("display", reference))
    return tuple(found.items())


def _agencies(unit: Unit, patient: Stored) -> dict[str, str]:
    """Her doctors, and organizations that were asked to help her or are on her team."""
    doctors = [each.get("reference", "") for each in patient.resource.get("generalPractitioner", ())]
    wanted = {each for each in doctors if each.startswith("Practitioner/")}
    for stored in unit.of_person(patient.rid, ["ServiceRequest", "CareTeam"]):
        performers = [*stored.resource.get("performer", ())]
        performers += [p.get("member") or {} for p in stored.resource.get("participant", ())]
        wanted |= {r for p in performers if (r := str(p.get("reference", ""))).startswith("Organization/")}
    organizations = unit.get([each for each in wanted if each.startswith("Organization/")])
    called = names(unit, wanted) | {r: name_of(s.resource) for r, s in organizations.items()}
    return {reference: name for reference, name in called.items() if name}


# --- what stands in a form, and what was typed into it


def _typed_of(resource: Resource, part: Part) -> dict[str, Any]:
    concept = resource.get("description" if part == "goal" else "code") or {}
    held = line_of(Held("", 0, resource), {"": 0})
    typed: dict[str, Any] = {
        "text": text_of(concept),
        "spanish": translated(concept, "text", "es") or "",
        "words": str(extension(resource, uris.OWN_WORDS) or ""),
        "due": held.due.isoformat() if held and held.due else "",
        "achievement": held.achievement if held else "",
    }
    if part == "goal":
        typed |= _typed_target(next(iter(resource.get("target", ())), {}))
    if part == "step":
        owner = resource.get("owner") or {}
        typed["owner"] = owner.get("reference") or (ELSE if owner.get("display") else UNCLAIMED)
        typed["owner_name"] = "" if owner.get("reference") else str(owner.get("display", ""))
    return typed


def _typed_target(target: Mapping[str, Any]) -> dict[str, Any]:
    quantity, between = target.get("detailQuantity") or {}, target.get("detailRange") or {}
    low, high = between.get("low") or {}, between.get("high") or {}
    unit = str((quantity or low).get("unit", ""))
    return {
        "measure": text_of(target.get("measure")),
        "comparator": "to" if between else str(quantity.get("comparator", "")) if quantity else "<",
        "value": str((quantity or low).get("value", "")),
        "high": str(high.get("value", "")),
        "unit": unit,
    }


def wanted_of(
    unit: Unit, request: HttpRequest, patient: Stored, line: Resource, problems: dict[str, str]
) -> Wanted:
    """line: as it stands, for what the form does not show. What can't be read becomes a problem of its field."""
    typed = request.POST
    owner, owner_name = _owner_typed(unit, request, patient, line, problems)
    return Wanted(
        text=typed.get("text", ""),
        spanish=typed.get("spanish", _typed_of(line, part_of(line))["spanish"] if line else ""),
        words=typed.get("words", ""),
        due=_day(typed.get("due", ""), problems),
        target=_target(typed, problems),
        owner=owner,
        owner_name=owner_name,
        achievement=typed.get("achievement", ""),
        category=typed.get("category", "health-concern"),
    )


def _day(said: str, problems: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(said.strip()) if said.strip() else None
    except ValueError:
        problems["due"] = gettext("Write the day as month, day and year.")
        return None


def _target(typed: QueryDict, problems: dict[str, str]) -> Target:
    is_between = typed.get("comparator") == "to"
    value, high = _decimal(typed.get("value", ""), problems), _decimal(typed.get("high", ""), problems)
    if is_between and value is not None and high is None:
        problems["value"] = gettext("Write both ends: from and to.")
    comparator = typed.get("comparator", "") if typed.get("comparator") in COMPARATORS else ""
    return Target(
        measure=typed.get("measure", ""),
        comparator="" if is_between else comparator,
        value=value,
        high=high if is_between else None,
        unit=typed.get("unit", ""),
    )


def _decimal(said: str, problems: dict[str, str]) -> Decimal | None:
    text = said.strip().replace(",", ".") if said.count(",") == 1 and "." not in said else said.strip()
    if not text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) >= 1_000_000 or len(text) > 12:
        problems["value"] = gettext("Write a number, like 82 or 7.5.")
        return None
    return found


def _owner_typed(
    unit: Unit, request: HttpRequest, patient: Stored, line: Resource, problems: dict[str, str]
) -> tuple[str, str]:
    asked = request.POST.get("owner", UNCLAIMED)
    if asked == UNCLAIMED:
        return "", ""
    if asked == ELSE:
        name = " ".join(request.POST.get("owner_name", "").split())
        if not name:
            problems["owner"] = gettext("Write the name of who does it.")
        return "", name
    known = dict(_owners(unit, request, patient, line))
    if asked not in known:
        problems["owner"] = gettext("Choose somebody from the list.")
        return "", ""
    return asked, known[asked]


def problem_of(bad: BadLine) -> dict[str, str]:
    return {bad.field: gettext(bad.detail)}
