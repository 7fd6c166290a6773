"""What a hospital tells about somebody, element by element, in whatever order its messages come. Pure.

Each element remembers when the word that stands was recorded. A word recorded earlier never replaces a later one, so
the same messages lead to the same record in any order. What our own people entered stays; where the hospital says
something else, both are shown to a person and nothing is changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from careloop.care.identify import phone_digits, plain
from careloop.fhir.elements import Resource, codings, name_of

Memory = dict[str, list[Any]]  # element -> [recorded, rank, digest, mark or marks]
Way = Literal["ours-first", "fill", "add", "grow"]

# Told at the same moment: a cancellation speaks of what it cancels, so it comes after.
RANK: Final = {"A04": 0, "A01": 1, "A08": 2, "A03": 3, "A13": 4, "A11": 5}
_CHOICES: Final = {
    "deceased": ("deceasedBoolean", "deceasedDateTime"),
    "multipleBirth": ("multipleBirthBoolean", "multipleBirthInteger"),
}
_OURS: Final = "!"
_SKIPPED: Final = frozenset({"resourceType", "id", "meta", "extension", "text"})

# ours-first: what staff entered stays, a difference is shown. fill: only where nothing stands. add: the hospital's
# beside ours. grow: nothing is ever taken away.
WAYS: Final[dict[str, dict[str, Way]]] = {
    "Patient": {"identifier": "grow", "telecom": "add", "managingOrganization": "fill"},
    "RelatedPerson": {
        "identifier": "grow",
        "telecom": "add",
        "name": "fill",
        "patient": "fill",
        "active": "fill",
    },
    "Coverage": {"beneficiary": "fill", "payor": "fill", "status": "fill", "type": "fill"},
    "Condition": {"subject": "fill", "encounter": "fill", "code": "fill", "clinicalStatus": "fill"},
}
_SHOWN: Final = {
    "Patient": ("name", "birthDate", "gender", "address", "communication", "deceased"),
    "Coverage": ("subscriberId",),
}
_WORDS: Final = {
    "name": "name",
    "birthDate": "birth date",
    "gender": "sex",
    "address": "address",
    "communication": "language",
    "deceased": "whether this person has died",
    "subscriberId": "member number",
}


class Key(NamedTuple):
    """Of one message: when its sender recorded it (UTC, as text that sorts), the rank of its event, its digest."""

    at: str
    rank: int
    digest: str


@dataclass(frozen=True, repr=False)
class Difference:
    """What the hospital says and what we have, in words; patient data."""

    element: str
    theirs: str
    ours: str

    @property
    def text(self) -> str:
        return f"{_WORDS[self.element]}: the hospital says {self.theirs}; we have {self.ours}"


@dataclass(frozen=True, repr=False)
class Told:
    """The resource as it stands now, what to remember, and what a person should look at."""

    resource: Resource
    memory: Memory
    differences: tuple[Difference, ...] = ()


def tell(current: Resource | None, said: Resource, memory: Memory, key: Key) -> Told:
    """current: as it stands, None for a new one. said: as this one message tells it."""
    kind = said["resourceType"]
    telling = _Telling(dict(current or {"resourceType": kind}), dict(memory), key)
    if current is None and "meta" in said:
        telling.resource["meta"] = said["meta"]
    for element, value in elements(said).items():
        telling.word(element, value, WAYS.get(kind, {}).get(element, "ours-first"))
    return Told(telling.resource, telling.memory, tuple(telling.differences))


def elements(resource: Resource) -> dict[str, Resource]:
    """Element -> its properties. The two forms of a choice are one element; each extension is one by itself."""
    found: dict[str, Resource] = {}
    for name, value in resource.items():
        if name not in _SKIPPED:
            element = next((choice for choice, forms in _CHOICES.items() if name in forms), name)
            found.setdefault(element, {})[name] = value
    for extension in resource.get("extension", ()):
        found[f"extension {extension['url']}"] = extension
    return found


def mark_of(value: Any) -> str:
    """A short digest: memory holds no patient data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def is_newer(memory: Memory, element: str, key: Key) -> bool:
    known = memory.get(element)
    return known is None or tuple(known[:3]) < key


@dataclass
class _Telling:
    resource: Resource
    memory: Memory
    key: Key
    differences: list[Difference] = field(default_factory=list)

    def word(self, element: str, value: Resource, way: Way) -> None:
        if way == "grow":
            self._grow(element, value[element])
        elif is_newer(self.memory, element, self.key):
            if way == "add":
                self._add(element, value[element])
            else:
                self._one(element, value, way)

    def _one(self, element: str, value: Resource, way: Way) -> None:
        ours = elements(self.resource).get(element)
        known, mark = self.memory.get(element), mark_of(value)
        is_news = known is None or str(known[3]).removeprefix(_OURS) != mark
        is_theirs = known is not None and ours is not None and mark_of(ours) == known[3]
        if is_theirs or (_is_empty(element, ours) and is_news):
            self._set(element, value)
            self.memory[element] = [*self.key, mark]
            return
        # Ours stays ours, also where both say the same: a later word of theirs does not replace it.
        self.memory[element] = [*self.key, _OURS + mark]
        if way == "ours-first" and is_news and ours is not None and not _is_alike(element, ours, value):
            self._differ(element, value, ours)

    def _differ(self, element: str, value: Resource, ours: Resource) -> None:
        if element in _SHOWN.get(self.resource["resourceType"], ()) and not _is_empty(element, value):
            self.differences.append(Difference(element, _shown(element, value), _shown(element, ours)))

    def _set(self, element: str, value: Resource) -> None:
        if element.startswith("extension "):
            kept = [e for e in self.resource.get("extension", ()) if e.get("url") != value["url"]]
            self.resource["extension"] = sorted([*kept, value], key=lambda e: str(e.get("url")))
            return
        for name in _CHOICES.get(element, (element,)):
            self.resource.pop(name, None)
        self.resource.update(value)

    def _add(self, element: str, items: list[Resource]) -> None:
        """Ours first, then what the hospital says now. What somebody here took away does not come back."""
        known = self.memory.get(element)
        told = set(known[3]) if known else set()
        current = self.resource.get(element, [])
        ours = [item for item in current if mark_of(item) not in told]
        gone = told - {mark_of(item) for item in current}
        theirs = [
            item
            for item in items
            if mark_of(item) not in gone and not any(_is_same_way(item, own) for own in ours)
        ]
        self.memory[element] = [*self.key, sorted({*(mark_of(item) for item in items), *gone})]
        if ours or theirs:
            self.resource[element] = [*ours, *theirs]

    def _grow(self, element: str, items: list[Resource]) -> None:
        known = self.memory.get(element)
        told = set(known[3]) if known else set()
        current = self.resource.get(element, [])
        have = {_number(item) for item in current}
        new = [item for item in items if _number(item) not in have]
        marks = told | {mark_of(_number(item)) for item in new}
        ours = [item for item in current if mark_of(_number(item)) not in marks]
        theirs = [item for item in [*current, *new] if mark_of(_number(item)) in marks]
        theirs.sort(key=lambda item: (item.get("use") != "usual", item.get("use", ""), *_number(item)))
        self.resource[element] = [*ours, *theirs]
        self.memory[element] = ["", 0, "", sorted(marks)]


def _number(item: Mapping[str, Any]) -> tuple[str, str]:
    return str(item.get("system", "")), str(item.get("value", ""))


def _is_same_way(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """The same number or address to reach somebody, however written."""
    first, second = str(one.get("value", "")), str(other.get("value", ""))
    digits = phone_digits(first)
    return (bool(digits) and digits == phone_digits(second)) or first.lower() == second.lower()


def _is_empty(element: str, value: Resource | None) -> bool:
    """Nothing, or a word that says as much as nothing."""
    if value is None:
        return True
    if element == "deceased":
        return value == {"deceasedBoolean": False}
    return element == "gender" and value.get("gender") == "unknown"


def _is_alike(element: str, one: Resource, other: Resource) -> bool:
    reader = _READERS.get(element)
    return bool(reader(one) & reader(other)) if reader else one == other


def _names(value: Resource) -> set[Any]:
    return {
        (plain(str(name.get("family", ""))), plain(" ".join(name.get("given", ())[:1])))
        for name in value["name"]
    }


def _addresses(value: Resource) -> set[Any]:
    return {
        (plain(" ".join(each.get("line", ())[:1])), str(each.get("postalCode", ""))[:5])
        for each in value["address"]
    }


def _languages(value: Resource) -> set[Any]:
    found = value["communication"]
    codes = {code.partition("-")[0].lower() for each in found for _, code in codings(each.get("language"))}
    return codes or {plain(str(each.get("language", {}).get("text", ""))) for each in found}


def _deaths(value: Resource) -> set[Any]:
    return {bool(value.get("deceasedBoolean") or value.get("deceasedDateTime"))}


_READERS: Final[dict[str, Callable[[Resource], set[Any]]]] = {
    "name": _names,
    "address": _addresses,
    "communication": _languages,
    "deceased": _deaths,
}


def _shown(element: str, value: Resource) -> str:
    if element == "name":
        return name_of(value) or "no name"
    if element == "address":
        return _address(value["address"][0])
    if element == "communication":
        language = value["communication"][0].get("language", {})
        return str(language.get("text") or next((code for _, code in codings(language)), "?"))
    if element == "deceased":
        return str(value.get("deceasedDateTime") or ("yes" if value.get("deceasedBoolean") else "no"))[:10]
    return str(value[element])


def _address(found: Mapping[str, Any]) -> str:
    parts = (*found.get("line", ()), found.get("city"), found.get("state"), found.get("postalCode"))
    return ", ".join(str(part) for part in parts if part) or "none"
