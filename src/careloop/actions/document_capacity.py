"""A clinician documents that somebody can't decide for herself now, or can again: by it an agent's access begins and
ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.accounts import family_accounts
from careloop.actions import record, working
from careloop.actions.share_portal import Paper, PaperMissing, keep_paper
from careloop.care.representation import Incapacity, Standing, add_incapacity, standing_of
from careloop.kernel.errors import Forbidden, NotFound
from careloop.store import Stored, Unit

CLINICIANS: Final = frozenset({"clinician", "bh-clinician"})


class OnlyClinicians(Forbidden):
    """Only a clinician may document whether somebody can decide for herself."""

    code = "only-clinicians"


def document_incapacity(scope: Scope, consent: str, paper: Paper, now: datetime) -> Stored:
    """consent: id of one that starts on incapacity. The access begins with this commit.
    Raises OnlyClinicians, PaperMissing, NotFound."""
    if not paper.title.strip() or not paper.kept.strip():
        raise PaperMissing
    with record.begin(scope, now) as unit:
        seen, standing = _opened(unit, consent)
        if any(each.until is None for each in standing.incapacity):
            return seen
        patient = unit.read("Patient", standing.patient.removeprefix("Patient/"))
        told = Incapacity(now, None, working.me(unit)["reference"], keep_paper(unit, patient, paper))
        return _write(unit, seen, replace(standing, incapacity=(*standing.incapacity, told)))


def document_capacity(scope: Scope, consent: str, now: datetime) -> Stored:
    """She can decide again: the access ends with this commit, and the agent's sessions too.
    Raises OnlyClinicians, NotFound."""
    with record.begin(scope, now) as unit:
        seen, standing = _opened(unit, consent)
        told = tuple(each if each.until else replace(each, until=now) for each in standing.incapacity)
        written = _write(unit, seen, replace(standing, incapacity=told))
    family_accounts.sign_out_everywhere(standing.related, now, "capacity returned")
    return written


def _opened(unit: Unit, consent: str) -> tuple[Stored, Standing]:
    if not unit.scope.actor.roles & CLINICIANS:
        raise OnlyClinicians
    seen = unit.read("Consent", consent)
    standing = standing_of(seen.resource)
    if standing is None or not standing.on_incapacity or standing.is_ended:
        raise NotFound(f"Consent/{consent}")
    return seen, standing


def _write(unit: Unit, seen: Stored, standing: Standing) -> Stored:
    resource = dict(seen.resource)
    add_incapacity(resource, standing.incapacity)
    return unit.update(resource, if_match=seen.version)
