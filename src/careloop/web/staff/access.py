"""Who may see a person, and why; who may not, and why not. For any account and any kind of record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from careloop.access import acts, labels
from careloop.access.policy import INTERACTIONS
from careloop.access.reasons import Reason
from careloop.accounts.models import User
from careloop.actions.explain_access import Line, Why, who_may, why
from careloop.actions.staff_actor import staff_actor
from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.kernel.errors import Forbidden
from careloop.kernel.numbers import whole_number
from careloop.projections.card import card
from careloop.projections.who_may import called
from careloop.store import Unit
from careloop.web.staff.access_words import LABELS, role_name, sentence
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record

ACTS = {
    "read": _("open it"),
    "search": _("find it"),
    "history": _("see its history"),
    "create": _("write a new one"),
    "update": _("change it"),
    "delete": _("delete it"),
}


@dataclass(frozen=True)
class Shown:
    user: int
    name: str
    roles: str
    because: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One question and its answer."""

    name: str
    act: str
    type: str
    may: bool
    because: tuple[str, ...]
    rules: tuple[tuple[str, str, bool], ...]


@staff_page
@require_GET
def access(request: HttpRequest, person: str) -> HttpResponse:
    """GET also asks: ?user=&act=&type=&label= (an account's number, words of ours: nothing about the person)."""
    actor = request.actor  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    if not acts.may(actor, acts.WHO_MAY):
        raise Forbidden(acts.WHO_MAY.refusal)
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        lines = who_may(unit, patient.rid)
        asked = _asked(request, unit, patient.rid)
        names = called(
            unit, _rids([r for line in lines for r in line.reasons] + list(asked[1] if asked else ()))
        )
        shown = card(unit, person)
    may = [_shown(request, line, names) for line in lines if line.may]
    may_not = [_shown(request, line, names) for line in lines if not line.may]
    context: dict[str, Any] = {
        **{"card": shown, "person": person, "may": may, "may_not": may_not},
        **{"accounts": [(line.user, line.name) for line in sorted(lines, key=lambda line: line.name)]},
        **{"types": sorted(RESOURCE_TYPES), "acts": ACTS, "labels": LABELS, "chosen": request.GET},
        "answer": _answer(asked[0], names, request) if asked else None,
    }
    return render(request, "staff/access.html", context)


def _asked(request: HttpRequest, unit: Unit, person: int) -> tuple[Why, tuple[Reason, ...]] | None:
    user, act, kind = (request.GET.get(name, "") for name in ("user", "act", "type"))
    interaction = next((each for each in INTERACTIONS if each == act), None)
    account = whole_number(user)
    if account is None or interaction is None or kind not in RESOURCE_TYPES:
        return None
    bits = sum(bit for bit, name in labels.NAMES.items() if name == request.GET.get("label"))
    found = why(unit, account, interaction, kind, person, bits)
    return found, found.reasons


def _rids(found: list[Reason]) -> set[int]:
    return {value for reason in found for value in reason.values if isinstance(value, int)}


def _shown(request: HttpRequest, line: Line, names: dict[int, str]) -> Shown:
    roles = ", ".join(role_name(role) for role in line.roles)
    return Shown(line.user, line.name, roles, _because(request, line.user, line.reasons, names))


def _because(
    request: HttpRequest, user: int, reasons: tuple[Reason, ...], names: dict[int, str]
) -> tuple[str, ...]:
    leads = any(reason.code == "lead" and reason.holds for reason in reasons)
    own = staff_actor(User.objects.get(pk=user), now_of(request)).practitioner_rid if leads else None
    said = [sentence(reason, names, own) for reason in reasons if reason.code != "labels" or not reason.holds]
    return tuple(dict.fromkeys(said)) or (gettext("No rule lets this account open anybody’s record."),)


def _answer(found: Why, names: dict[int, str], request: HttpRequest) -> Asked:
    said = tuple(dict.fromkeys(sentence(reason, names, None) for reason in found.reasons))
    return Asked(
        name=found.name,
        act=str(ACTS[request.GET["act"]]),
        type=request.GET["type"],
        may=found.may,
        because=said or (gettext("No rule lets this account see it."),),
        rules=tuple((answer.rule, gettext(answer.reason), answer.says) for answer in found.answers),
    )


urlpatterns = [path("people/<str:person>/access", access, name="person-access")]
