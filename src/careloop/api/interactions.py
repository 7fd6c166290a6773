"""What can be done at the FHIR door. Each function is one interaction: it reads the exchange, asks the record inside
one unit of work, and answers. Whether it is allowed, the record decides inside."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from django.http import HttpResponse

from careloop import store
from careloop.actions import record
from careloop.actions.keep_protected import refuse_weakened
from careloop.actions.plan_writing import settle
from careloop.actions.take_questionnaires import take_questionnaires
from careloop.actions.take_responses import take_responses
from careloop.api import audit_events
from careloop.api.exchange import BadRequest, Exchange, NotSupported, UnsupportedMedia, etag
from careloop.api.origin import say_where_all_from, say_where_from
from careloop.fhir import outcome, wire
from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.elements import Resource, fhir_instant
from careloop.fhir.outcome import Issue
from careloop.fhir.validate import problems
from careloop.kernel.errors import NotFound, VersionRequired
from careloop.library import load
from careloop.projections.plan_history import is_plan
from careloop.store import Page, Stored, Unit
from careloop.store.paging import opened, sealed

# Where two people who change the same thing must notice each other.
COORDINATION: Final = frozenset({"Task", "CarePlan", "Goal", "Appointment", "EpisodeOfCare", "Consent"})
_MOST_VERSIONS: Final = 100
_BY_FORM: Final = "search by form"


def _type(exchange: Exchange) -> str:
    """The resource type of the address; an unknown one is refused, and the refusal written down."""
    kind = exchange.args["type"]
    if kind not in RESOURCE_TYPES:
        refuse(exchange, kind)
    return kind


def refuse(exchange: Exchange, what: str) -> HttpResponse:
    """404, audited: an address that is nothing of ours."""
    with store.open(exchange.scope, now=exchange.now) as unit:
        unit.saw((), f"denied: unknown {what[:60]}")
        raise NotFound(f"“{what[:60]}” is no resource type or operation here.")


def read(exchange: Exchange) -> HttpResponse:
    kind = _type(exchange)
    if kind == audit_events.TYPE:
        return audit_events.read(exchange)
    with store.open(exchange.scope, now=exchange.now) as unit:
        stored = unit.read(kind, exchange.args["id"])
    if exchange.is_fresh(stored):
        return exchange.answer_with(stored, 304, b"")
    return exchange.answer_with(stored)


def vread(exchange: Exchange) -> HttpResponse:
    kind, version = _type(exchange), exchange.args["version"]
    if not (version.isascii() and version.isdecimal()) or len(version) > 9:
        raise NotFound(f"“{version[:20]}” is no version.")
    with store.open(exchange.scope, now=exchange.now) as unit:
        stored = unit.read_version(kind, exchange.args["id"], int(version))
    return exchange.answer_with(stored)


def create(exchange: Exchange) -> HttpResponse:
    kind = _type(exchange)
    resource = _checked_type(exchange, kind)
    resource.pop("id", None)
    say_where_from(exchange, resource)
    condition = exchange.request.headers.get("If-None-Exist")
    pairs = None if condition is None else parse_qsl(condition.partition("?")[2] or condition)
    if pairs == []:
        raise BadRequest("If-None-Exist has to be a search, like identifier=system|value.")
    with record.begin(exchange.scope, exchange.now) as unit:
        stored = unit.create(resource, if_none_exist=pairs)
        _follow(unit)
    return _written(exchange, stored, 201 if stored.is_new else 200)


def update(exchange: Exchange) -> HttpResponse:
    kind = _type(exchange)
    if_match = exchange.if_match()
    if if_match is None and kind in COORDINATION:
        raise VersionRequired('Read it first, then send If-Match with its version, like W/"3".')
    resource = _checked_type(exchange, kind)
    if resource.get("id") != exchange.args["id"]:
        raise BadRequest("The “id” in the body has to be the one in the address.")
    say_where_from(exchange, resource)
    with record.begin(exchange.scope, exchange.now) as unit:
        stored = unit.update(resource, if_match=if_match, create=True)
        _follow(unit)
    return _written(exchange, stored, 201 if stored.is_new and stored.version == 1 else 200)


def _follow(unit: Unit) -> None:
    """What goes with what was written, in the same commit, as if it had been done on our page."""
    refuse_weakened(unit)
    for change in unit.changes:
        if change.stored.type == "CarePlan" and is_plan(change.stored):
            settle(unit, change.stored.person, change.stored)
    if any(change.stored.type == "Questionnaire" for change in unit.changes):
        take_questionnaires(unit, load())
    if any(change.stored.type == "QuestionnaireResponse" for change in unit.changes):
        take_responses(unit, load())


def _checked_type(exchange: Exchange, kind: str) -> Resource:
    resource = exchange.resource()
    if resource["resourceType"] != kind:
        raise BadRequest(problems(resource, expected_type=kind)[0].text)
    return resource


def _written(exchange: Exchange, stored: Stored, status: int) -> HttpResponse:
    wanted = exchange.prefers()
    body: bytes | None = None
    if wanted == "minimal":
        body = b""
    elif wanted == "OperationOutcome":
        body = wire.dumps(outcome.outcome([Issue("information", "informational", "", "It was saved.")]))
    response = exchange.answer_with(stored, status, body)
    response["Location"] = f"{exchange.base}{stored.reference}/_history/{stored.version}"
    return response


def history(exchange: Exchange) -> HttpResponse:
    kind, id = _type(exchange), exchange.args["id"]
    said = dict(exchange.pairs())
    count = _whole(said.get("_count", "50"), "_count")
    before = _whole(said["_before"], "_before") if "_before" in said else None
    if odd := said.keys() - {"_count", "_before"}:
        raise BadRequest(f"A history does not know “{min(odd)[:40]}”.")
    with store.open(exchange.scope, now=exchange.now) as unit:
        found = unit.history(kind, id, count=max(1, min(count, _MOST_VERSIONS)), before=before)
    path = f"{kind}/{id}/_history"
    links = [("self", exchange.link(path, exchange.pairs()))]
    if found and found[-1].version > 1:
        more = [("_count", str(count)), ("_before", str(found[-1].version))]
        links.append(("next", exchange.link(path, more)))
    return exchange.answer(
        _bundle("history", _total(found, before), links, [_version_entry(exchange, s) for s in found])
    )


def _total(found: list[Stored], before: int | None) -> int | None:
    """How many versions there are, only when all of them are shown: else it would count those that are hidden."""
    is_all = bool(found) and before is None and found[0].version == len(found)
    return len(found) if is_all else None


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise BadRequest(f"{name} has to be a whole number.")
    return int(text)


def _version_entry(exchange: Exchange, stored: Stored) -> bytes:
    method = {"create": "POST", "update": "PUT", "delete": "DELETE"}[stored.op]
    status = {"create": "201", "update": "200", "delete": "204"}[stored.op]
    url = stored.type if method == "POST" else stored.reference
    response = {"status": status, "etag": etag(stored), "lastModified": fhir_instant(stored.at)}
    resource = b"" if stored.is_deleted else b'"resource":' + stored.json + b","
    return b'{"fullUrl":%b,%b"request":%b,"response":%b}' % (
        wire.dumps(exchange.base + stored.reference),
        resource,
        wire.dumps({"method": method, "url": url}),
        wire.dumps(response),
    )


def search(exchange: Exchange) -> HttpResponse:
    if exchange.args["type"] == audit_events.TYPE:
        return audit_events.search(exchange)
    pairs = exchange.pairs()
    asked = _asked_by_form(exchange, pairs)
    if asked is not None:
        return _found(exchange, asked, exchange.link(_type(exchange), pairs), is_told=False)
    return _found(exchange, pairs, exchange.link(_type(exchange), pairs), is_told=True)


def search_by_form(exchange: Exchange) -> HttpResponse:
    """The words of a form appear in no address: neither in the link to this answer nor in the one to the next page."""
    if exchange.request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMedia("POST _search takes a form: application/x-www-form-urlencoded.")
    form = [(name, value) for name, values in exchange.request.POST.lists() for value in values]
    asked = [*exchange.pairs(), *(p for p in form if p[0] not in ("_format", "_pretty"))]
    return _found(exchange, asked, exchange.link(f"{_type(exchange)}/_search", ()), is_told=False)


def _asked_by_form(exchange: Exchange, pairs: list[tuple[str, str]]) -> list[tuple[str, str]] | None:
    """What the search of a form was, when this address is the next page of one."""
    if len(pairs) != 1 or pairs[0][0] != "_cursor":
        return None
    found = opened(_BY_FORM, pairs[0][1])
    if found is None or found[0] != exchange.args["type"]:
        return None
    return [(name, value) for name, value in found[1]]


def _found(exchange: Exchange, pairs: list[tuple[str, str]], here: str, *, is_told: bool) -> HttpResponse:
    """here: the link to this answer. is_told: whether the words of the search may stand in the next one."""
    kind = _type(exchange)
    with store.open(exchange.scope, now=exchange.now) as unit:
        page: Page = unit.search(kind, pairs)
        is_partial = unit.withholds(_whose(unit, pairs) | {stored.person for stored in page.entries}, kind)
    links = [("self", here)]
    if page.next:
        more = [*(pair for pair in pairs if pair[0] != "_cursor"), ("_cursor", page.next)]
        words = more if is_told else [("_cursor", sealed(_BY_FORM, [kind, more]))]
        links.append(("next", exchange.link(kind, words)))
    base = exchange.base
    entries = [
        b'{"fullUrl":%b,"resource":%b,"search":{"mode":"match"}}'
        % (wire.dumps(base + stored.reference), stored.json)
        for stored in page.entries
    ]
    if is_partial:
        entries.append(_PARTIAL)
    return exchange.answer(_bundle("searchset", page.total, links, entries))


# By whole records, never by what was asked for: else it would say what is hidden there.
_PARTIAL = b'{"resource":%b,"search":{"mode":"outcome"}}' % wire.dumps(
    outcome.outcome([Issue("information", "informational", "", "This list may be incomplete.")])
)


def _whose(unit: Unit, pairs: list[tuple[str, str]]) -> set[int]:
    """The people whom a search names."""
    named = {
        value if "/" in value else f"Patient/{value}"
        for name, said in pairs
        if name.partition(":")[0] in ("patient", "subject", "_id")
        for value in said.split(",")
    }
    return {rid for name in named if name.startswith("Patient/") and (rid := unit.rid_of(name)) is not None}


def _bundle(kind: str, total: int | None, links: list[tuple[str, str]], entries: list[bytes]) -> bytes:
    """A Bundle around resources that stay the bytes they were stored as."""
    head: Resource = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links]
    packed = wire.dumps(head)
    return packed[:-1] + b',"entry":[' + b",".join(entries) + b"]}" if entries else packed


def transaction(exchange: Exchange) -> HttpResponse:
    bundle = exchange.resource()
    if bundle["resourceType"] != "Bundle":
        raise BadRequest(f"Here goes a Bundle; send a {str(bundle['resourceType'])[:40]} to its own address.")
    if bundle.get("type") == "batch":
        raise NotSupported(
            "A Bundle of type “batch” isn't taken yet; send “transaction”, all of it or nothing."
        )
    _check_versions_named(bundle)
    say_where_all_from(exchange, bundle)
    with record.begin(exchange.scope, exchange.now) as unit:
        done = unit.transaction(bundle)
        _follow(unit)
    return exchange.answer(done)


def _check_versions_named(bundle: Resource) -> None:
    entries = bundle.get("entry", [])
    for at, entry in enumerate(entries if isinstance(entries, list) else []):
        request = entry.get("request") if isinstance(entry, dict) else None
        if not isinstance(request, dict):
            raise BadRequest(f"Entry {at + 1} has no request; say its method and url.")
        kind = str(request.get("url", "")).split("/")[0].split("?")[0]
        if request.get("method") == "PUT" and kind in COORDINATION and not request.get("ifMatch"):
            raise VersionRequired(f"Entry {at + 1}: name the version in request.ifMatch.")
