"""A hospital stay or emergency visit as the decisions see it, read from FHIR resources. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    code_in,
    codings,
    day,
    extension,
    identifier_in,
    identifiers,
    instant,
    text_of,
)
from careloop.kernel.zones import zone_of_address
from careloop.library import Library, Rule

Setting = Literal["stay", "emergency", "visit", "unknown"]
State = Literal["open", "done", "closed", "withdrawn"]

SENDER = "urn:careloop:sender:"
CLASS_V2 = "http://terminology.hl7.org/CodeSystem/v2-0004"
UB04_SYSTEMS = (uris.HL7_0112, "https://www.nubc.org/CodeSystem/PatDischargeStatus")
# Task.output: what a person decided about an unclear discharge, and what the hospital had said about it.
DECIDED, DECIDED_ABOUT = "decided", "decided-about"
# Task.statusReason of what Careloop took back by itself.
WITHDRAWN: Final = "withdrawn"
OPEN = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
BEGUN = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
CANCELED = frozenset({"cancelled", "entered-in-error"})


@dataclass(frozen=True)
class Disposition:
    """Where the hospital says the person went. codings: (system, code) as sent. own: this sender's map of its
    own codes to our meanings; it wins over the common tables."""

    codings: tuple[tuple[str, str], ...] = ()
    text: str = ""
    own: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def said(self) -> str:
        return self.text or ", ".join(code for _, code in self.codings)

    def meaning(self, rule: Rule) -> str:
        """home, snf, rehab, hospital, psychiatric, hospice, ama, died, admitted, or unknown: nothing sent, not
        mapped, or two codes that disagree. rule: discharge-dispositions."""
        if own := {self.own[said] for said in self._names() if said in self.own}:
            return own.pop() if len(own) == 1 else "unknown"
        found = {self._of_table(system, code, rule) for system, code in self.codings} - {"unknown"}
        return found.pop() if len(found) == 1 else "unknown"

    def _names(self) -> tuple[str, ...]:
        return (*(code for _, code in self.codings), self.text)

    @staticmethod
    def _of_table(system: str, code: str, rule: Rule) -> str:
        if system == uris.DISCHARGE_DISPOSITION:
            return str(rule.values["fhir"].get(code, "unknown"))
        if system in UB04_SYSTEMS:
            return str(rule.values["ub04"].get(code.zfill(2), "unknown"))
        return "unknown"


@dataclass(frozen=True, repr=False)
class Stay:
    """visit: what makes it the same visit at every door (its visit number, else the resource).
    ended_as_written: the calendar day in the sender's own words, for when the zone is unknown.
    is_message: it came from a hospital's feed, not from an import of somebody's history.
    complexity: moderate or high once a clinician recorded it. decided: what a person said about an unclear one.
    coverage: kinds of care/coverage.py at the day of discharge; empty: those of the person's facts."""

    reference: str
    visit: str
    klass: str
    setting: str
    status: str
    started: datetime | None = None
    ended: datetime | None = None
    ended_as_written: date | None = None
    facility: str = ""
    disposition: Disposition = field(default_factory=Disposition)
    is_message: bool = False
    complexity: str | None = None
    decided: str | None = None
    coverage: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Stay({self.reference})"

    @property
    def said(self) -> str:
        """What the hospital says about it, in one line: a decision holds as long as this stays the same."""
        return f"{self.klass}|{self.disposition.said}"

    @property
    def has_begun(self) -> bool:
        return self.status in BEGUN

    @property
    def is_discharged(self) -> bool:
        return self.status == "finished"

    def ended_on(self, zone: ZoneInfo | None) -> date | None:
        """The day of discharge: in that zone when the hour is known, else as written."""
        return self.ended.astimezone(zone).date() if self.ended and zone else self.ended_as_written

    def follows(self, earlier: Stay) -> bool:
        """Whether this stay overtook the earlier one: it began no sooner and lasted, or lasts, longer."""
        if self.setting != "stay" or not self.has_begun or self.visit == earlier.visit:
            return False
        if self.started is None or earlier.ended is None:
            return False
        begins_later = self.started >= (earlier.started or earlier.ended)
        return begins_later and (self.ended is None or self.ended > earlier.ended)


@dataclass(frozen=True)
class Outstanding:
    """A piece of work that exists. dedupe: its key, else its own reference. closed: a person ended it with a
    reason; withdrawn: Careloop did. ended, why: when, and in what words. decided, about: what a person decided in
    it, and `Stay.said` then. is_protected: about somebody's safety. title: as a list shows it."""

    dedupe: str
    kind: str
    state: State
    ended: datetime | None = None
    decided: str | None = None
    about: str = ""
    is_protected: bool = False
    title: str = field(default="", repr=False)
    why: str = field(default="", repr=False)


def stay_of(
    encounter: Resource,
    library: Library,
    on: date,
    *,
    facility: str = "",
    own: Mapping[str, str] | None = None,
    complexity: str | None = None,
    decided: str | None = None,
    coverage: frozenset[str] = frozenset(),
) -> Stay:
    """on: the day whose rules classify it. facility: the hospital's name. own: the sender's dispositions."""
    period = encounter.get("period") or {}
    concept = (encounter.get("hospitalization") or {}).get("dischargeDisposition")
    klass = encounter.get("class") or {}
    return Stay(
        reference=f"Encounter/{encounter['id']}",
        visit=visit_key(encounter),
        klass=str(klass.get("code", "")),
        setting=setting_of(klass, library.rule("patient-class", on)),
        status=str(encounter.get("status", "")),
        started=instant(period.get("start")),
        ended=instant(period.get("end")),
        ended_as_written=day(period.get("end")),
        facility=facility,
        disposition=Disposition(tuple(codings(concept)), text_of(concept), own or {}),
        is_message=sender_of(encounter) is not None,
        complexity=complexity,
        decided=decided,
        coverage=coverage,
    )


def visit_key(encounter: Resource) -> str:
    """The visit number with its authority, else any identifier, else the resource itself; safe inside a key."""
    found = sorted(
        (
            code_in(each.get("type"), uris.IDENTIFIER_TYPE) != "VN",
            str(each.get("system", "")),
            str(each["value"]),
        )
        for each in identifiers(encounter)
        if each.get("value") and each.get("system") != uris.DEDUPE
    )
    name = "|".join(found[0][1:]) if found else f"Encounter/{encounter['id']}"
    return quote(name, safe="")


def setting_of(klass: Mapping[str, str], rule: Rule) -> str:
    """rule: patient-class."""
    code = klass.get("code", "")
    if klass.get("system") == CLASS_V2:
        code = rule.values["v2"].get(code, "")
    return str(rule.values["settings"].get(code, "unknown"))


def sender_of(encounter: Resource) -> str | None:
    """The name of the feed that it came from."""
    source = str((encounter.get("meta") or {}).get("source", ""))
    return source.removeprefix(SENDER).partition("#")[0] if source.startswith(SENDER) else None


def outstanding(tasks: Iterable[Resource]) -> tuple[Outstanding, ...]:
    return tuple(_outstanding(task) for task in tasks)


def _outstanding(task: Resource) -> Outstanding:
    state = state_of(task)
    said = {code_in(each.get("type"), uris.TASK_IO): each for each in task.get("output", ())}
    ended = instant((task.get("executionPeriod") or {}).get("end")) or instant(task.get("lastModified"))
    return Outstanding(
        dedupe=identifier_in(task, uris.DEDUPE) or f"Task/{task['id']}",
        kind=code_in(task.get("code"), uris.WORK_CODE) or "other",
        state=state,
        ended=None if state == "open" else ended,
        decided=said.get(DECIDED, {}).get("valueCode"),
        about=said.get(DECIDED_ABOUT, {}).get("valueString", ""),
        is_protected=bool(extension(task, uris.PROTECTED)),
        title=str(task.get("description") or text_of(task.get("code"))),
        why="" if state == "open" else text_of(task.get("statusReason")),
    )


def state_of(task: Resource) -> State:
    status = task.get("status")
    if status in OPEN:
        return "open"
    if status == "completed":
        return "done"
    return WITHDRAWN if code_in(task.get("statusReason"), uris.REASON) == WITHDRAWN else "closed"


def zone_of_person(
    patient: Resource, site: Resource | None
) -> tuple[str | None, Literal["address", "site", ""]]:
    """Her address's zone, else her site's, and which it was; (None, "") when neither says. Never guessed: an address
    in another state than the site's, whose own zone can't be told, leaves it unknown."""
    if found := _zone_of(patient):
        return found, "address"
    if site and _states(patient) <= _states(site) and (found := _zone_of(site)):
        return found, "site"
    return None, ""


def _states(resource: Resource) -> set[str]:
    return {state for a in _usable(resource) if (state := str(a.get("state", "")).strip().upper())}


def _zone_of(resource: Resource) -> str | None:
    """Home before temporary before others; an old address, or one abroad, says nothing."""
    usable = _usable(resource)
    usable.sort(key=lambda a: ("home", "temp").index(a["use"]) if a.get("use") in ("home", "temp") else 2)
    for address in usable:
        if zone := zone_of_address(address.get("postalCode"), address.get("state")):
            return zone
    return None


def _usable(resource: Resource) -> list[Resource]:
    return [a for a in resource.get("address", ()) if a.get("use") not in ("old", "billing") and _is_in_us(a)]


def _is_in_us(address: Resource) -> bool:
    country = str(address.get("country", "US")).strip().upper().replace(".", "")
    return country in ("", "US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA")
