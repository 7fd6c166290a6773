"""Values of answers: whether they fit, how they compare, and what somebody typed as a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.fhir import primitives
from careloop.fhir.questionnaire.form import CHOICES, BadQuestionnaire, Item, Option, Unit, When
from careloop.fhir.ranges import date_range

_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?\Z", re.ASCII)
_QUANTITY = re.compile(r"\s*([+-]?\d{1,18}(?:[.,]\d{1,18})?)\s*(.{0,80}?)\s*\Z", re.ASCII | re.DOTALL)
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{2,40}/[A-Za-z0-9\-.]{1,64}\Z", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?\Z", re.ASCII)
# An upload is kept inside the answer, and with the draft: bigger things go to the documents.
MOST_BYTES: Final = 1_000_000


# --- comparing


_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
OPERATORS: Final = frozenset({"exists", "=", "!=", *_ORDER})
# Dates cover a time; “before” means all of it before.
_ORDER_OF_DATES: Mapping[str, Callable[[tuple[int, int], tuple[int, int]], bool]] = {
    ">": lambda a, b: a[0] >= b[1],
    "<": lambda a, b: a[1] <= b[0],
    ">=": lambda a, b: a[0] >= b[0],
    "<=": lambda a, b: a[1] <= b[1],
}


def holds(item: Item, when: When, values: tuple[Any, ...]) -> bool:
    """R4 http://hl7.org/fhir/questionnaire-enable-operator. `!=` holds when no answer is equal, so also when
    there is none; the others need an answer."""
    if when.operator == "exists":
        return bool(values) == bool(when.value)
    if when.operator == "!=":
        return not any(is_equal(item, when.value, value) for value in values)
    if when.operator == "=":
        return any(is_equal(item, when.value, value) for value in values)
    if when.operator not in _ORDER:
        raise BadQuestionnaire(f"“{when.operator}” is not an operator.")
    return any(is_ordered(when.operator, plain(item, value), when.value) for value in values)


def is_ordered(operator: str, one: Any, other: Any) -> bool:
    """False where the two can't be compared: other kinds, other units."""
    a, b = _measure(one), _measure(other)
    if a is None or b is None or a[0] != b[0]:
        return False
    order = _ORDER_OF_DATES if a[0] == "date" else _ORDER
    return order[operator](a[1], b[1])


def is_equal(item: Item, expected: Any, value: Any) -> bool:
    value = plain(item, value)
    if isinstance(expected, dict) and isinstance(value, dict):
        if "code" in expected and "value" not in expected:
            system = value.get("system", "")
            return bool(
                value.get("code") == expected["code"] and expected.get("system", system) in (system, "")
            )
        if "reference" in expected:
            return bool(value.get("reference") == expected["reference"])
    a, b = _measure(expected), _measure(value)
    if a is not None and b is not None:
        return a == b
    return type(expected) is type(value) and bool(expected == value)


def plain(item: Item, value: Any) -> Any:
    """The value in FHIR of what an answer keeps: of a choice the option's own."""
    if item.options and isinstance(value, str) and (option := item.option(value)):
        return option_value(option)
    return value


def option_value(option: Option) -> Any:
    if option.value_key != "valueCoding":
        return option.value
    system = {"system": option.system} if option.system else {}
    return {**system, "code": option.code, "display": option.text}


def _measure(value: Any) -> tuple[Any, Any] | None:
    """(kind, what can be compared): numbers, quantities of one unit, dates, times, texts."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return "number", Decimal(value)
    if isinstance(value, dict):
        number = value.get("value")
        if isinstance(number, bool) or not isinstance(number, (int, Decimal)):
            return None
        return f"quantity {value.get('code') or value.get('unit') or ''}", Decimal(number)
    if not isinstance(value, str):
        return None
    if primitives.is_date_time(value):
        try:
            return "date", date_range(value)
        except ValueError:
            return "text", value
    return "text", value


# --- fitting


_WORDS: Final = {
    "integer": "a whole number",
    "decimal": "a number",
    "date": "a date",
    "dateTime": "a date",
    "time": "a time",
    "boolean": "yes or no",
    "string": "text",
    "text": "text",
    "url": "an address",
    "quantity": "a number with its unit",
    "reference": "a reference",
    "attachment": "a file",
}


def value_problems(item: Item, value: Any) -> Iterator[tuple[str, str]]:
    """(code, sentence) of what is wrong with one value."""
    if item.type in CHOICES:
        if not _is_choice(item, value):
            yield "not-an-option", "This is not one of the answers."
        return
    if not fits(item.type, value):
        yield "wrong-type", f"This is not {_WORDS.get(item.type, 'of the right kind')}."
        return
    if isinstance(value, str):
        yield from _length_problems(item, value)
    if item.type == "attachment":
        yield from _file_problems(item, value)
    if item.minimum is not None and is_ordered("<", value, item.minimum):
        yield "out-of-range", f"Not below {_in_words(item.minimum)}."
    if item.maximum is not None and is_ordered(">", value, item.maximum):
        yield "out-of-range", f"Not above {_in_words(item.maximum)}."
    if item.type == "quantity" and not _is_known_unit(item, value):
        yield "wrong-type", "This unit is not one of those asked for."
    if item.decimals is not None and _places_of(value) > item.decimals:
        yield "out-of-range", f"At most {item.decimals} digits after the point."


def _is_choice(item: Item, value: Any) -> bool:
    if item.options and isinstance(value, str) and item.option(value) is not None:
        return True
    is_free = item.type == "open-choice" or not item.options
    if isinstance(value, str):
        return is_free and bool(value.strip()) and primitives.is_string(value)
    is_coding = isinstance(value, dict) and bool(value.get("code") or value.get("display"))
    return is_coding and is_free


def _length_problems(item: Item, value: str) -> Iterator[tuple[str, str]]:
    if item.max_length is not None and len(value) > item.max_length:
        yield "too-long", f"At most {item.max_length} characters."
    if (
        item.min_length is not None
        and len(value) < item.min_length
        and item.type in ("string", "text", "url")
    ):
        yield "too-short", f"At least {item.min_length} characters."


def _file_problems(item: Item, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    data = value.get("data") or ""
    size = len(data) * 3 // 4
    if size > min(item.max_bytes or MOST_BYTES, MOST_BYTES):
        yield "too-long", "This file is too big."
    kind = str(value.get("contentType", ""))
    if item.kinds and not any(_is_kind(kind, wanted) for wanted in item.kinds):
        yield "wrong-type", f"A file of this kind is not asked for: {kind or 'unknown'}."
    if data and not primitives.is_base64(data):
        yield "wrong-type", "This is not a file."


def _is_kind(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted.endswith("/*") and kind.startswith(wanted[:-1]))


def _is_known_unit(item: Item, value: Mapping[str, Any]) -> bool:
    if not item.units or item.is_unit_open:
        return True
    code, unit = value.get("code"), value.get("unit")
    return any(each.code == code if code else each.text == unit for each in item.units)


def _places_of(value: Any) -> int:
    number = value.get("value") if isinstance(value, dict) else value
    if not isinstance(number, Decimal):
        return 0
    return max(0, -int(number.normalize().as_tuple().exponent))


def _in_words(limit: Any) -> str:
    if isinstance(limit, dict):
        return f"{limit.get('value')} {limit.get('unit') or limit.get('code') or ''}".strip()
    return str(limit)


def fits(kind: str, value: Any) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return primitives.is_integer(value)
        case "decimal":
            return primitives.is_decimal(value)
        case "date":
            return primitives.is_date(value)
        case "dateTime":
            return primitives.is_date_time(value)
        case "time":
            return primitives.is_time(value)
        case "string" | "text":
            return primitives.is_string(value) and bool(value.strip())
        case "url":
            return primitives.is_uri(value)
        case "quantity":
            return isinstance(value, dict) and primitives.is_decimal(value.get("value"))
        case "reference":
            names = ("reference", "display", "identifier")
            return isinstance(value, dict) and any(value.get(name) for name in names)
        case "attachment":
            return isinstance(value, dict) and any(value.get(name) for name in ("data", "url", "title"))
    return False


def spoken(value: Any) -> str:
    """A value in words, whatever its type: `82 kg`, the display of a coding, the name of a file."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if not isinstance(value, Mapping):
        return str(value)
    if value.get("value") is not None:
        return f"{value['value']} {value.get('unit') or value.get('code') or ''}".strip()
    named = (value.get(name) for name in ("display", "title", "code", "reference", "url", "contentType"))
    return str(next((each for each in named if each), ""))


# --- typed


def value_from_text(item: Item, text: str, zone: ZoneInfo | None = None) -> Any:
    """What somebody typed or chose, as the item's type; the text itself where it does not fit, so that `check` can say
    what is wrong with it. A quantity is “82 kg”, an attachment its JSON. zone: of a time of day without an offset."""
    text = text.strip()
    match item.type:
        case "integer":
            return int(text) if _NUMBER.match(text) and "." not in text else text
        case "decimal":
            number = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
            return Decimal(number) if _NUMBER.match(number) else text
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "time":
            return f"{text}:00" if re.fullmatch(r"\d\d:\d\d", text) else text
        case "dateTime":
            return _moment(text, zone)
        case "quantity":
            return _quantity(item, text)
        case "reference":
            return {"reference": text} if _REFERENCE.match(text) else {"display": text} if text else text
        case "attachment":
            return _file(text)
    return text


def _moment(text: str, zone: ZoneInfo | None) -> str:
    if not _LOCAL.match(text):
        return text
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=zone or ZoneInfo("UTC"))
        return at.isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return text


def _quantity(item: Item, text: str) -> Any:
    found = _QUANTITY.match(text)
    if not found:
        return text
    number, name = found[1].replace(",", "."), found[2].strip()
    value = Decimal(number) if "." in number else int(number)
    unit = next((each for each in item.units if name in (each.code, each.text)), None)
    if unit is None and not name and len(item.units) == 1:
        unit = item.units[0]
    if unit is None:
        return {"value": value, **({"unit": name} if name else {})}
    return quantity_of(value, unit)


def quantity_of(value: Any, unit: Unit) -> dict[str, Any]:
    coded = {"system": unit.system, "code": unit.code} if unit.system and unit.code else {}
    return {"value": value, "unit": unit.text or unit.code, **coded}


def _file(text: str) -> Any:
    if not text.startswith("{"):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    kept = {
        name: found[name] for name in ("contentType", "data", "title", "url", "creation") if found.get(name)
    }
    return kept if isinstance(found, dict) and all(isinstance(v, str) for v in kept.values()) else text
