"""What a FHIR value becomes in the index: one small function a parameter type and a FHIR type.

Each takes (add, param, g, value) and adds rows; odd or empty values add none, for a row nobody can find is worse than
no row, and the validator has spoken before. The searching side uses the same foldings (`normalized`, `key_of`, …).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import jellyfish

from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.ranges import EVER, NEVER, date_range

Add = Callable[[tuple[Any, ...]], None]
Term = Callable[[Add, int, int, Any], None]

UCUM: Final = "http://unitsofmeasure.org"
CURRENCY: Final = "urn:iso:std:iso:4217"
STRING_LIMIT: Final = (
    200  # characters of a string that are indexed; more would not fit a B-tree page with four-byte letters
)
TEXT_LIMIT: Final = 600  # characters of a code or address before it is folded

# index_string.part
PLAIN, FAMILY, GIVEN, WRITTEN, OTHER = range(5)

_LOCAL = re.compile(
    r"(?P<local>(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z"
)
_VERSIONED = re.compile(r"/_history/[A-Za-z0-9\-.]{1,64}\Z")


@lru_cache(maxsize=16384)
def key_of(text: str) -> int:
    """64 bits that stand for a code system, a unit or an address elsewhere; 0 for none. The same everywhere and
    always, so that no table of them is shared, locked or rebuilt; that two of a million collide is one in 10^7."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True) if text else 0


def normalized(text: str) -> str:
    """Without case, accents and surplus spaces: `  José  MARÍA ` is `jose maria`."""
    if not text.isascii():
        text = "".join(
            mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark)
        )
    return " ".join(text.casefold().split())


def sounded(text: str) -> str:
    """How a name sounds (metaphone, word by word); words of other scripts stay as they are."""
    words = normalized(text).split()
    return " ".join(jellyfish.metaphone(word).casefold() or word for word in words)


def folded(text: str) -> str:
    """A code or address as the index keeps it: itself, or its beginning and a hash when it is very long."""
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}#{key_of(text):x}"


def target_of(reference: str) -> str | int | None:
    """`Type/id` for one of ours; a negative number for an address elsewhere (URL, URN, canonical); None for a
    contained one. The version a reference may name is left away."""
    if reference.startswith("#") or not reference:
        return None
    match = _LOCAL.match(reference)
    if match and match["type"] in RESOURCE_TYPES:
        return match["local"]
    return elsewhere(_VERSIONED.sub("", reference))


def elsewhere(address: str) -> int:
    return -1 - (key_of(address) & (2**62 - 1))


def identified(system: str, value: str) -> int:
    """The target of a reference that gives only a business identifier."""
    return elsewhere(f"identifier:{system}|{value}")


def type_referred_to(reference: Mapping[str, Any]) -> str | None:
    """The resource type a Reference names, as far as it says."""
    text = reference.get("reference") or ""
    parts = _VERSIONED.sub("", text).split("/")
    if len(parts) >= 2 and parts[-2] in RESOURCE_TYPES:
        return str(parts[-2])
    return reference.get("type")


# --- token: (param, g, system, code) ---


def _plain_token(add: Add, param: int, g: int, value: Any) -> None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    add((param, g, 0, folded(str(value))))


def _coding(add: Add, param: int, g: int, value: Any) -> None:
    if code := value.get("code"):
        add((param, g, key_of(value.get("system", "")), folded(code)))


def _concept(add: Add, param: int, g: int, value: Any) -> None:
    for coding in value.get("coding", ()):
        if code := coding.get("code"):
            add((param, g, key_of(coding.get("system", "")), folded(code)))


def _identifier(add: Add, param: int, g: int, value: Any) -> None:
    if text := value.get("value"):
        add((param, g, key_of(value.get("system", "")), folded(text)))


def _contact(add: Add, param: int, g: int, value: Any) -> None:
    if text := value.get("value"):
        add((param, g, 0, folded(text)))


def code_in(systems: Mapping[str, int]) -> Term:
    """For a `code` element bound to a required list: the list's own code system comes with it."""

    def term(add: Add, param: int, g: int, value: Any) -> None:
        add((param, g, systems.get(value, 0), folded(value)))

    return term


# --- string: (param, g, part, norm, exact) ---


def _words(add: Add, param: int, g: int, text: Any, part: int = PLAIN) -> None:
    if norm := normalized(text)[:STRING_LIMIT]:
        exact = text[:STRING_LIMIT]
        add((param, g, part, norm, None if exact == norm else exact))


def _human_name(add: Add, param: int, g: int, name: Any) -> None:
    if family := name.get("family"):
        _words(add, param, g, family, FAMILY)
    for given in name.get("given", ()):
        if given:
            _words(add, param, g, given, GIVEN)
    if text := name.get("text"):
        _words(add, param, g, text, WRITTEN)
    for key in ("prefix", "suffix"):
        for affix in name.get(key, ()):
            if affix:
                _words(add, param, g, affix, OTHER)


def _address(add: Add, param: int, g: int, address: Any) -> None:
    for line in address.get("line", ()):
        if line:
            _words(add, param, g, line, OTHER)
    for key in ("city", "district", "state", "postalCode", "country"):
        if text := address.get(key):
            _words(add, param, g, text, OTHER)
    if text := address.get("text"):
        _words(add, param, g, text, WRITTEN)


def phonetic(add: Add, param: int, g: int, name: Any) -> None:
    """A HumanName, or the plain name of an organization."""
    texts = (name,) if isinstance(name, str) else (name.get("family"), *name.get("given", ()))
    for text in texts:
        if text and (norm := sounded(text)[:STRING_LIMIT]):
            add((param, g, PLAIN, norm, None))


# --- date: (param, g, low, high) ---


def _range_of(text: Any) -> tuple[int, int] | None:
    try:
        return date_range(text)
    except ValueError:
        return None


def _date(add: Add, param: int, g: int, text: Any) -> None:
    if found := _range_of(text):
        add((param, g, *found))


def _period(add: Add, param: int, g: int, period: Any) -> None:
    start, end = _range_of(period.get("start") or ""), _range_of(period.get("end") or "")
    if start or end:
        add((param, g, start[0] if start else EVER, end[1] if end else NEVER))


def _timing(add: Add, param: int, g: int, timing: Any) -> None:
    """Only the outer limits of a schedule can be searched; so says the standard."""
    spans: list[tuple[Any, ...]] = []
    for event in timing.get("event", ()):
        _date(spans.append, param, g, event or "")
    if bounds := timing.get("repeat", {}).get("boundsPeriod"):
        _period(spans.append, param, g, bounds)
    if spans:
        add((param, g, min(span[2] for span in spans), max(span[3] for span in spans)))


# --- reference: (param, g, target) ---


def _address_elsewhere(add: Add, param: int, g: int, text: Any) -> None:
    """uri and canonical: with its version and without."""
    if (target := target_of(text)) is not None:
        add((param, g, target))
        bare, _, version = text.partition("|")
        if version and (target := target_of(bare)) is not None:
            add((param, g, target))


def _reference(add: Add, param: int, g: int, value: Any) -> None:
    if text := value.get("reference"):
        if (target := target_of(text)) is not None:
            add((param, g, target))
    elif (identifier := value.get("identifier")) and identifier.get("value"):
        add((param, g, identified(identifier.get("system", ""), identifier["value"])))


def resource_in(targets: tuple[str, ...]) -> Term:
    """Bundle.entry[0].resource: the composition or message header inside the bundle, by its own id."""

    def term(add: Add, param: int, g: int, value: Any) -> None:
        if value.get("id") and value.get("resourceType") in targets:
            add((param, g, f"{value['resourceType']}/{value['id']}"))

    return term


# --- quantity: (param, g, low, high, unit); number: (param, g, low, high) ---

_INFINITE = float("inf")


def _bounds(value: Any, comparator: str | None) -> tuple[float, float]:
    """The value itself: how precisely it was written is not asked, for `5.4` measured is found by `5.40` searched."""
    exact = float(value)
    if comparator in ("<", "<="):
        return -_INFINITE, exact
    if comparator in (">", ">="):
        return exact, _INFINITE
    return exact, exact


def units_of(quantity: Mapping[str, Any]) -> list[int]:
    """Under which keys a quantity's unit may be asked for: `system|code`, and the bare text that people write."""
    system, code, unit = quantity.get("system", ""), quantity.get("code", ""), quantity.get("unit", "")
    names = [f"{system}|{code}"] if code else []
    if code and system not in ("", UCUM):
        names.append(f"|{code}")
    if unit and unit != code:
        names.append(f"|{unit}")
    return [key_of(name) for name in names] or [0]


def _quantity(add: Add, param: int, g: int, quantity: Any) -> None:
    if (value := quantity.get("value")) is not None:
        bounds = _bounds(value, quantity.get("comparator"))
        for unit in units_of(quantity):
            add((param, g, *bounds, unit))


def _money(add: Add, param: int, g: int, money: Any) -> None:
    if (value := money.get("value")) is not None:
        for unit in units_of({"system": CURRENCY, "code": money.get("currency", "")}):
            add((param, g, float(value), float(value), unit))


def _ends(span: Mapping[str, Any]) -> tuple[float, float] | None:
    low, high = span.get("low", {}).get("value"), span.get("high", {}).get("value")
    if low is None and high is None:
        return None
    return (-_INFINITE if low is None else float(low), _INFINITE if high is None else float(high))


def _quantity_range(add: Add, param: int, g: int, span: Any) -> None:
    if ends := _ends(span):
        for unit in units_of(span.get("low") or span.get("high") or {}):
            add((param, g, *ends, unit))


def _number(add: Add, param: int, g: int, value: Decimal | int) -> None:
    add((param, g, float(value), float(value)))


def _number_range(add: Add, param: int, g: int, span: Any) -> None:
    if ends := _ends(span):
        add((param, g, *ends))


# --- uri: (param, g, uri) ---


def _uri(add: Add, param: int, g: int, text: Any) -> None:
    add((param, g, folded(text)))


def _canonical(add: Add, param: int, g: int, text: Any) -> None:
    add((param, g, folded(text)))
    bare, _, version = text.partition("|")
    if version:
        add((param, g, folded(bare)))


TERMS: Final[Mapping[tuple[str, str], Term]] = {
    **dict.fromkeys((("token", kind) for kind in ("boolean", "code", "id", "string", "uri")), _plain_token),
    ("token", "Coding"): _coding,
    ("token", "CodeableConcept"): _concept,
    ("token", "Identifier"): _identifier,
    ("token", "ContactPoint"): _contact,
    **dict.fromkeys((("string", kind) for kind in ("string", "markdown", "code", "uri", "id")), _words),
    ("string", "HumanName"): _human_name,
    ("string", "Address"): _address,
    **dict.fromkeys((("date", kind) for kind in ("date", "dateTime", "instant")), _date),
    ("date", "Period"): _period,
    ("date", "Timing"): _timing,
    **dict.fromkeys((("reference", kind) for kind in ("canonical", "uri", "url")), _address_elsewhere),
    ("reference", "Reference"): _reference,
    **dict.fromkeys(
        (("quantity", kind) for kind in ("Quantity", "Age", "Duration", "Count", "Distance")), _quantity
    ),
    ("quantity", "Money"): _money,
    ("quantity", "Range"): _quantity_range,
    **dict.fromkeys(
        (("number", kind) for kind in ("decimal", "integer", "positiveInt", "unsignedInt")), _number
    ),
    ("number", "Range"): _number_range,
    **dict.fromkeys((("uri", kind) for kind in ("uri", "url", "oid", "uuid")), _uri),
    ("uri", "canonical"): _canonical,
}


def in_extension(param_type: str) -> Term:
    """For an extension: whatever value[x] it carries, by that value's own type."""

    def term(add: Add, param: int, g: int, value: Any) -> None:
        for key, found in value.items():
            if key.startswith("value"):
                kind = key[5:]
                speaks = TERMS.get((param_type, kind)) or TERMS.get((param_type, kind[:1].lower() + kind[1:]))
                if speaks:
                    speaks(add, param, g, found)

    return term
