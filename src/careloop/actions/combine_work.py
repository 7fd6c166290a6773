"""Two calls of one week become one: the more pressing stays and says what else belongs to it. What a rule’s clock asks
for, and what was promised to the person, who sees it on her own page, never goes into another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.kernel.errors import Conflict


class NotTogether(Conflict):
    """These can’t be put together: they are not of one person, or a rule or a promise asks for each of them."""

    code = "not-together"


def combine_work(scope: Scope, keep: str, others: Sequence[str], now: datetime) -> Result:
    """keep, others: Task ids of one person. Raises NotFound, WorkEnded, ProtectedWork, NotTogether."""
    with record.begin(scope, now) as unit:
        kept = working.open_task(unit, keep, None)
        resource, stays = working.copy_of(kept)
        written = []
        for id in dict.fromkeys(others):
            seen = working.open_task(unit, id, None)
            other, work = working.copy_of(seen)
            working.refuse_protected(work)
            if seen.person != kept.person or id == keep or work.klass <= WorkClass.PROMISE:
                raise NotTogether
            said = f"Put together with: {stays.title}"
            other["status"] = "cancelled"
            other["statusReason"] = {**codeable(uris.REASON, "together", "Put together"), "text": said}
            other["executionPeriod"] = {**other.get("executionPeriod", {}), "end": fhir_instant(now)}
            # What it says stands here now, and with it whatever label keeps it from some.
            resource["input"] = [
                *resource.get("input", ()),
                {"type": codeable(uris.TASK_IO, "together"), "valueReference": ref(seen.reference)},
            ]
            working.add_note(resource, f"Also: {work.title}. {work.because}".strip(), unit)
            written.append(working.save(unit, other, seen))
        if not written:
            raise NotTogether
        saved = working.save(unit, resource, kept)
        token = "" if stays.is_protected else working.undo_token(saved, *written)
        return Result(saved, token, made=tuple(written))
