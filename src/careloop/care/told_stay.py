"""One hospital stay, told by messages that may come in any order, twice, or against one another. Pure.

Begun or canceled, ended or not: each is a word of its own with the moment when it was recorded, and the status follows
from them. So a discharge may come before its admission, and an update from before a discharge does not undo it.
Words that can't all be true are shown to a person; docs/subsystems/hl7v2.md lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from careloop.care.told import Key, Memory, elements, is_newer, mark_of
from careloop.fhir.elements import Resource, day, instant

BEGUN, CANCELED, ENDED, GOES_ON = "begun", "canceled", "ended", "goes-on"
_LEAVING: Final = ("dischargeDisposition", "destination")
_HIDDEN: Final = ("status", "period", "hospitalization")


@dataclass(frozen=True, repr=False)
class ToldStay:
    """contradictions: sentences for a person; the stay is kept as the latest words say."""

    resource: Resource
    memory: Memory
    contradictions: tuple[str, ...] = ()


def tell_stay(current: Resource | None, said: Resource, event: str, memory: Memory, key: Key) -> ToldStay:
    """current: the Encounter as it stands, None for a new one. said: as this message alone tells it.
    event: A01, A03, A04, A08, A11 or A13."""
    stay = dict(current or {"resourceType": "Encounter", "meta": said.get("meta", {})})
    words = _Words(dict(memory), key)
    if current is not None and not memory:
        words.begin_with(current)
    for element, value in elements(said).items():
        if element not in _HIDDEN and words.take(element, mark_of(value)):
            stay.update(value)
    _take_moves(words, said, event)
    _take_times(words, said, event)
    return _outcome(stay, words)


def _take_moves(words: _Words, said: Resource, event: str) -> None:
    if event in ("A01", "A04"):
        words.take("admission", BEGUN)
    elif event == "A11":
        words.take("admission", CANCELED)
    if event == "A03" or (event == "A08" and said.get("status") == "finished"):
        words.take("discharge", ENDED)
    elif event == "A13":
        words.take("discharge", GOES_ON)


def _take_times(words: _Words, said: Resource, event: str) -> None:
    period, told = said.get("period") or {}, said.get("hospitalization") or {}
    for name in ("start", "end"):
        if name in period:
            words.take(name, period[name])
    for name in ("admitSource", *_LEAVING):
        if name in told and not (event == "A13" and name in _LEAVING):
            words.take(name, told[name])
    if event == "A13":  # what the discharge said goes with it
        for name in ("end", *_LEAVING):
            words.take(name, None)


class _Words:
    """element -> the latest word: [recorded, rank, digest, value]."""

    def __init__(self, memory: Memory, key: Key) -> None:
        self.memory, self.key = memory, key

    def begin_with(self, current: Resource) -> None:
        """A stay that came by another door: what it says is older than any message."""
        period, told = current.get("period") or {}, current.get("hospitalization") or {}
        known: dict[str, Any] = {**period, **told}
        if current.get("status") == "finished":
            known["discharge"] = ENDED
        if current.get("status") == "cancelled":
            known["admission"] = CANCELED
        for name, value in known.items():
            self.memory[name] = ["", -1, "", value]

    def take(self, element: str, value: Any) -> bool:
        """False when a later word stands."""
        if not is_newer(self.memory, element, self.key):
            return False
        self.memory[element] = [*self.key, value]
        return True

    def __getitem__(self, element: str) -> Any:
        known = self.memory.get(element)
        return known[3] if known else None

    def recorded(self, element: str) -> tuple[Any, ...]:
        return tuple(self.memory[element][:3])


def _outcome(stay: Resource, words: _Words) -> ToldStay:
    is_ended = words["discharge"] == ENDED
    is_canceled = words["admission"] == CANCELED
    contradictions = []
    if is_canceled and is_ended:
        contradictions.append("The hospital canceled the admission and also reported a discharge.")
        is_canceled = words.recorded("admission") > words.recorded("discharge")
    stay["status"] = "cancelled" if is_canceled else "finished" if is_ended else "in-progress"
    period = {name: words[name] for name in ("start", "end") if words[name]}
    if not is_ended:
        period.pop("end", None)
    if _is_backwards(period):
        contradictions.append("The discharge lies before the admission; the admission time was left out.")
        del period["start"]
    _put(stay, "period", period)
    told = {name: words[name] for name in ("admitSource", *_LEAVING) if words[name]}
    _put(stay, "hospitalization", {**(stay.get("hospitalization") or {}), **told})
    for name in _LEAVING:
        if not words[name] and name in stay.get("hospitalization", {}):
            _put(stay, "hospitalization", {k: v for k, v in stay["hospitalization"].items() if k != name})
    return ToldStay(stay, words.memory, tuple(contradictions))


def _put(stay: Resource, name: str, value: Resource) -> None:
    if value:
        stay[name] = value
    else:
        stay.pop(name, None)


def _is_backwards(period: Resource) -> bool:
    if "start" not in period or "end" not in period:
        return False
    start, end = instant(period["start"]), instant(period["end"])
    if start and end:
        return end < start
    first, last = day(period["start"]), day(period["end"])
    return bool(first and last and last < first)
