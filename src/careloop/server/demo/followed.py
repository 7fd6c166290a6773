"""What follows a stay in the stories: the very work that the decisions give it, so that nothing changes its words when
something else about the person changes."""

from __future__ import annotations

from collections.abc import Mapping

from careloop.care.stay import stay_of
from careloop.care.transition import DischargeFacts, PersonFacts, on_discharge
from careloop.care.work import to_task
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library import load
from careloop.server.demo.chart import Chart


def followed(
    chart: Chart,
    encounter: str,
    hospital: str,
    coverage: str,
    *,
    asked: int,
    attempts: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
    is_unclaimed: bool = False,
) -> None:
    """hospital: its name. coverage: a kind of care/coverage.py. asked: days ago. attempts: by kind of work, the
    Encounter that reached nobody; notes: what somebody wrote down there."""
    found = next(r for r in chart.resources if f"{r['resourceType']}/{r['id']}" == encounter)
    person = PersonFacts(
        chart.patient,
        zone=chart.days.zone_name,
        zone_from="address",
        site=chart.site,
        lead=None if is_unclaimed else chart.lead,
        coverage=frozenset({coverage}),
        is_known=True,
    )
    stay = stay_of(found, load(), chart.days.today, facility=hospital)
    at = chart.days.at(asked, "16:50")
    for work in on_discharge(DischargeFacts(person, stay), load(), chart.days.now).work:
        task = to_task(work, chart.patient, at)
        if work.owner:
            task["owner"]["display"] = chart.lead_name
        if tried := (attempts or {}).get(work.kind):
            task["output"] = [{"type": codeable(uris.TASK_IO, "attempt"), "valueReference": ref(tried)}]
        if said := (notes or {}).get(work.kind):
            told = {
                "text": said,
                "time": fhir_instant(at),
                "authorReference": ref(chart.lead, chart.lead_name),
            }
            task["note"] = [*task.get("note", ()), told]
        chart.add("Task", {name: value for name, value in task.items() if name != "resourceType"})
