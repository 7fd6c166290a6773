"""Say that something in a person's record is sensitive, or that it is not: with a reason that is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.kernel.errors import CareError, StaleVersion
from careloop.library.carried import with_label, without_label
from careloop.library.labels import BITS
from careloop.store import Stored, Unit

ACTIVITY: Final = "urn:careloop:code:activity"
# A record of a Part 2 program stays one, and what nobody can read nobody can judge.
KEPT: Final = frozenset({"part2", "unknown"})


class NotALabel(CareError):
    """Choose what it is about."""

    code, status, issue_type = "not-a-label", 422, "required"


class LabelStays(CareError):
    """This label is not taken away here: it comes from who made the record. Ask the privacy officer."""

    code, status = "label-stays", 422


def label_record(
    scope: Scope,
    reference: str,
    name: str,
    why: str,
    now: datetime,
    *,
    lift: bool,
    version: int | None = None,
) -> Stored:
    """reference: `Condition/1`. name: of `access.labels`. Raises NotALabel, LabelStays, ReasonMissing, NotFound,
    StaleVersion."""
    if name not in BITS or name == "unknown":
        raise NotALabel
    if lift and name in KEPT:
        raise LabelStays
    reason = working.words(why, 500)
    kind, _, id = reference.partition("/")
    with record.begin(scope, now) as unit:
        seen = unit.read(kind, id)
        if version is not None and version != seen.version:
            raise StaleVersion(f"{reference} is at version {seen.version}.", version=seen.version)
        change = without_label if lift else with_label
        saved = unit.update(change(seen.resource, name), if_match=seen.version)
        if saved.version != seen.version:
            _keep_why(unit, saved, name, reason, lift=lift)
        return saved


def _keep_why(unit: Unit, saved: Stored, name: str, reason: str, *, lift: bool) -> None:
    actor = unit.scope.actor
    who = ref(actor.practitioner, actor.name) if actor.practitioner else {"display": actor.name}
    unit.create(
        {
            "resourceType": "Provenance",
            "target": [ref(f"{saved.reference}/_history/{saved.version}")],
            "recorded": fhir_instant(unit.now),
            "activity": codeable(ACTIVITY, "label-lifted" if lift else "label-added", name),
            "reason": [{"text": reason}],
            "agent": [{"who": who}],
        }
    )
