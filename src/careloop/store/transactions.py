"""A transaction Bundle: all of it or nothing. Order: delete, create, update, read, whatever the order of entries;
the answer keeps the order of entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.elements import Resource, fhir_instant
from careloop.kernel.errors import CareError
from careloop.kernel.ids import new_id
from careloop.kernel.numbers import whole_number
from careloop.store.errors import BadBundle
from careloop.store.stored import Page, Stored

if TYPE_CHECKING:
    from careloop.store.unit import Unit

_RANK: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "GET": 3}
_CREATED, _DONE, _GONE = "201 Created", "200 OK", "204 No Content"


class Entry:
    """One entry, read. url: method's own, split at the question mark."""

    def __init__(self, number: int, entry: Any) -> None:
        self.number = number
        given = _object(entry, number, "it")
        request = _object(given.get("request", {}), number, "its request")
        self.method = _said(request, "method", number) or ""
        self.path, _, self.query = (_said(request, "url", number) or "").partition("?")
        self.full_url = _said(given, "fullUrl", number) or ""
        self.resource: Resource = _object(given.get("resource", {}), number, "its resource")
        self.if_none_exist = _said(request, "ifNoneExist", number)
        self.if_match = _version(_said(request, "ifMatch", number), number)
        self.id = ""
        self.found: Stored | None = None
        if self.method not in _RANK:
            raise BadBundle(
                f"Entry {number}: the method “{self.method}” is not one of DELETE, POST, PUT, GET."
            )
        if self.method in ("POST", "PUT") and "resourceType" not in self.resource:
            raise BadBundle(f"Entry {number}: there is no resource.")

    @property
    def type(self) -> str:
        return str(self.resource.get("resourceType", "")) or self.path.split("/")[0]

    @property
    def address(self) -> str:
        return f"{self.type}/{self.id}"


def carry_out(unit: Unit, bundle: Resource) -> Resource:
    """Raises BadBundle naming the entry; errors of an entry carry its number."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
        raise BadBundle("Send a Bundle of type “transaction”.")
    given = bundle.get("entry", [])
    if not isinstance(given, list):
        raise BadBundle("Its “entry” has to be a list.")
    entries = [Entry(number, entry) for number, entry in enumerate(given, 1)]
    names = _name_all(unit, entries)
    _refuse_doubles(entries)
    answers: dict[int, Resource] = {}
    for entry in sorted(entries, key=lambda e: _RANK[e.method]):
        try:
            answers[entry.number] = _carry_out_one(unit, entry, names)
        except CareError as refused:
            refused.fields.setdefault("entry", entry.number)
            raise
    return {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [answers[entry.number] for entry in entries],
    }


def _name_all(unit: Unit, entries: list[Entry]) -> dict[str, str]:
    """Gives every entry its id, keys for all at once, and says what each fullUrl is called from now on."""
    names: dict[str, str] = {}
    for entry in entries:
        _name(unit, entry)
        if entry.full_url and entry.id:
            names[entry.full_url] = entry.address
    unit.mention_many([entry.address for entry in entries if entry.id and entry.method != "GET"])
    return names


def _name(unit: Unit, entry: Entry) -> None:
    if entry.method == "POST":
        if entry.path not in ("", entry.type):
            raise BadBundle(f"Entry {entry.number}: {entry.path} does not fit a {entry.type}.")
        if entry.if_none_exist is not None:
            entry.found = unit.match_one(entry.type, parse_qsl(entry.if_none_exist))
        entry.id = entry.found.id if entry.found else new_id()
        return
    kind, _, entry.id = entry.path.partition("/")
    if entry.query and entry.method == "PUT":
        entry.found = unit.match_one(kind, parse_qsl(entry.query))
        entry.id = entry.found.id if entry.found else str(entry.resource.get("id") or new_id())
    if entry.method == "PUT" and kind != entry.type:
        raise BadBundle(f"Entry {entry.number}: {entry.path} does not fit a {entry.type}.")


def _refuse_doubles(entries: list[Entry]) -> None:
    seen: dict[str, int] = {}
    for entry in entries:
        if entry.method in ("DELETE", "PUT") or (entry.method == "POST" and not entry.found):
            if entry.address in seen:
                raise BadBundle(
                    f"Entries {seen[entry.address]} and {entry.number} both write {entry.address}."
                )
            seen[entry.address] = entry.number


def _carry_out_one(unit: Unit, entry: Entry, names: Mapping[str, str]) -> Resource:
    match entry.method:
        case "DELETE":
            unit.delete(entry.type, entry.id, if_match=entry.if_match)
            return {"response": {"status": _GONE}}
        case "GET":
            return _get(unit, entry)
        case "POST" if entry.found is not None:
            return _answer(entry.found, _DONE)
    resource = {**rewritten(entry.resource, names, unit), "id": entry.id}
    if entry.method == "POST":
        return _answer(unit.create_named(resource), _CREATED)
    stored = unit.update(resource, if_match=entry.if_match, create=True)
    return _answer(stored, _CREATED if stored.is_new else _DONE)


def _get(unit: Unit, entry: Entry) -> Resource:
    if entry.id:
        stored = unit.read(entry.type, entry.id)
        return {"resource": stored.resource, **_answer(stored, _DONE)}
    page: Page = unit.search(entry.path, parse_qsl(entry.query))
    found = [
        {"fullUrl": s.reference, "resource": s.resource, "search": {"mode": "match"}} for s in page.entries
    ]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "entry": found}
    if page.total is not None:
        bundle["total"] = page.total
    return {"resource": bundle, "response": {"status": _DONE}}


def _answer(stored: Stored, status: str) -> Resource:
    return {
        "response": {
            "status": status,
            "location": f"{stored.reference}/_history/{stored.version}",
            "etag": f'W/"{stored.version}"',
            "lastModified": fhir_instant(stored.at),
        }
    }


def rewritten(element: Any, names: Mapping[str, str], unit: Unit) -> Any:
    """A copy in which whatever points at a fullUrl of the bundle points at the resource made of it.

    References are rewritten wherever they stand, `url` and `uri` values where they name a fullUrl; narrative
    is text and is left as it was sent.
    """
    if isinstance(element, dict):
        made: Resource = {}
        for name, value in element.items():
            if type(value) is str:
                made[name] = _text(name, value, names, unit)
            else:
                made[name] = rewritten(value, names, unit)
        return made
    if isinstance(element, list):
        return [rewritten(value, names, unit) for value in element]
    if type(element) is str and element.startswith("urn:"):
        return names.get(element, element)
    return element


def _text(name: str, text: str, names: Mapping[str, str], unit: Unit) -> str:
    if name == "reference":
        return _reference(text, names, unit)
    return names.get(text, text) if text.startswith("urn:") and name != "div" else text


def _reference(text: str, names: Mapping[str, str], unit: Unit) -> str:
    address, mark, fragment = text.partition("#")
    if address in names:
        return names[address] + mark + fragment
    kind, question, query = text.partition("?")
    if question and kind in RESOURCE_TYPES:
        found = unit.match_one(kind, parse_qsl(query))
        if found is None:
            raise BadBundle(f"Nothing fits the conditional reference {kind}?….")
        return found.reference
    return text


def _object(found: Any, number: int, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise BadBundle(f"Entry {number}: {what} has to be an object in braces {{ }}.")
    return found


def _said(given: Mapping[str, Any], name: str, number: int) -> str | None:
    """A text, or nothing: a Bundle around a transaction is read before anything in it is checked."""
    found = given.get(name)
    if found is not None and not isinstance(found, str):
        raise BadBundle(f"Entry {number}: its “{name}” has to be a text.")
    return found


def _version(if_match: str | None, number: int) -> int | None:
    if if_match is None:
        return None
    text = if_match.removeprefix("W/").strip('"')
    version = whole_number(text)
    if version is None:
        raise BadBundle(f'Entry {number}: ifMatch “{if_match}” is not a version like W/"3".')
    return version
