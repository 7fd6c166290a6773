"""Real resources go into the record, come back as they were, and are found by what they say: each by its id, and by
every search parameter that it has rows of.

What is refused stands in expected.json with its name and reason; a change either way turns this red. After a change
that was meant: `CARELOOP_PIN=1 pytest tests/corpora/test_roundtrip.py`, then read the difference.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.fhir import definitions, index, wire
from careloop.fhir.elements import Resource
from careloop.fhir.ranges import EVER
from careloop.kernel.errors import CareError
from careloop.library import carried
from tests.corpora import corpora

pytestmark = pytest.mark.corpora
PINNED = Path(__file__).parent / "expected.json"
# Examples carry labels of every kind; a program of itself would not see all of them.
ALL_OF_IT = Scope(system_actor("import"), "command", "maintenance")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def pinned(origin: str, found: dict[str, Any]) -> dict[str, Any]:
    """What expected.json says of these files; with CARELOOP_PIN, after writing down what was found."""
    expected = json.loads(PINNED.read_text())
    if os.environ.get("CARELOOP_PIN"):
        expected[origin] = found
        PINNED.write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n")
    return dict(expected[origin])


def as_sent(resource: Resource) -> Resource:
    """Without what the record sets: version, hour, and the security labels that it computed."""
    resource = carried.as_sent(resource)
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    bare = {k: v for k, v in resource.items() if k not in ("id", "meta")}
    return {**bare, **({"meta": meta} if meta else {})}


def rewritten(value: Any, places: dict[str, str]) -> Any:
    """The same with references inside the bundle turned into addresses."""
    if isinstance(value, dict):
        return {k: places.get(v, v) if k == "reference" else rewritten(v, places) for k, v in value.items()}
    return [rewritten(part, places) for part in value] if isinstance(value, list) else value


def reason(refused: CareError) -> str:
    issues = refused.fields.get("issues") or getattr(refused, "issues", None)
    first = f"{issues[0].expression}: {issues[0].text}" if issues else refused.sentence
    return f"{refused.code}: {first}"[:300]


def read_back(scope: Scope, now: datetime, references: Iterable[str]) -> dict[str, store.Stored]:
    with store.open(scope, now=now) as unit:
        return unit.get(references)


# --- found again ---


def escaped(text: str) -> str:
    return re.sub(r"([\\,|$])", r"\\\1", text)


def questions(resource: Resource) -> Iterator[tuple[str, str]]:
    """Searches that a resource's own rows answer."""
    names = {param.id: code for code, param in definitions.search_params(resource["resourceType"]).items()}
    rows = index.extract(resource)
    yield from ((names[row[0]], row[3]) for row in rows.reference if isinstance(row[3], str))
    yield from ((names[row[0]], escaped(row[4])) for row in rows.token if len(row[4]) < 500)
    yield from ((names[row[0]], escaped(row[4])) for row in rows.string if names[row[0]] != "phonetic")
    yield from ((names[row[0]], escaped(row[3])) for row in rows.uri if row[3])
    yield from ((names[row[0]], f"le{row[4]!r}") for row in rows.number if math.isfinite(row[4]))
    yield from ((names[row[0]], f"le{row[4]!r}") for row in rows.quantity if math.isfinite(row[4]))
    for row in rows.date:
        if row[3] > EVER:
            yield (
                names[row[0]],
                "ge" + (EPOCH + timedelta(microseconds=row[3])).isoformat()[:26].split("+")[0] + "Z",
            )


def search_all(unit: store.Unit, kind: str, pairs: dict[str, str]) -> set[str]:
    found: set[str] = set()
    page = unit.search(kind, {**pairs, "_count": "200"})
    while True:
        found |= {entry.reference for entry in page.entries}
        if page.next is None:
            return found
        page = unit.search(kind, {**pairs, "_count": "200", "_cursor": page.next})


def missing_by_id(scope: Scope, now: datetime, stored: dict[str, Resource]) -> set[str]:
    by_type: dict[str, list[str]] = defaultdict(list)
    for reference in stored:
        kind, _, id = reference.partition("/")
        by_type[kind].append(id)
    found: set[str] = set()
    for kind, ids in by_type.items():
        for at in range(0, len(ids), 200):
            with store.open(scope, now=now) as unit:
                found |= search_all(unit, kind, {"_id": ",".join(ids[at : at + 200])})
    return set(stored) - found


def missing_by_parameter(
    scope: Scope, now: datetime, stored: dict[str, Resource], at_once: int
) -> set[tuple[str, str]]:
    """(reference, parameter): each resource is asked for by one of its own rows of every parameter it has rows of,
    so many resources in one search."""
    asked: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for reference, resource in sorted(stored.items()):
        for code, value in dict(questions(resource)).items():
            asked[resource["resourceType"], code].append((reference, value))
    missing: set[tuple[str, str]] = set()
    for (kind, code), wanted in asked.items():
        for at in range(0, len(wanted), at_once):
            some = wanted[at : at + at_once]
            values = ",".join(dict.fromkeys(value for _, value in some))
            ids = ",".join(reference.partition("/")[2] for reference, _ in some)
            with store.open(scope, now=now) as unit:
                found = search_all(unit, kind, {code: values, "_id": ids})
            missing |= {(reference, code) for reference, _ in some if reference not in found}
    return missing


def without_rows(stored: dict[str, Resource]) -> int:
    """How many have nothing to be asked for, but their id."""
    return sum(not any(questions(resource)) for resource in stored.values())


# --- the stories ---


def test_the_synthea_bundles_are_stored_read_back_and_found(
    record: None, scope: Scope, now: datetime
) -> None:
    sent: dict[str, Resource] = {}
    refusals: dict[str, str] = {}
    for name, body in corpora.synthea_bundles():
        bundle = wire.loads(body)
        try:
            with store.open(scope, now=now) as unit:
                answer = unit.transaction(bundle)
        except CareError as refused:
            refusals[name] = reason(refused)
            continue
        where = ["/".join(entry["response"]["location"].split("/")[-4:-2]) for entry in answer["entry"]]
        places = {entry["fullUrl"]: at for entry, at in zip(bundle["entry"], where, strict=True)}
        sent |= {at: rewritten(e["resource"], places) for e, at in zip(bundle["entry"], where, strict=True)}
    outcome = {"stored": len(sent), "refused": refusals}
    assert outcome == pinned("synthea-r4", outcome)

    back = read_back(ALL_OF_IT, now, sent)
    changed = [at for at, resource in sent.items() if as_sent(back[at].resource) != as_sent(resource)]
    assert changed == []

    resources = {reference: found.resource for reference, found in back.items()}
    assert missing_by_id(ALL_OF_IT, now, resources) == set()
    assert missing_by_parameter(ALL_OF_IT, now, resources, 200) == set()
    assert without_rows(resources) == 0


def keep_examples(
    files: Iterable[tuple[str, bytes]], scope: Scope, now: datetime
) -> tuple[dict[str, Resource], dict[str, str]]:
    """(what was sent and kept, refusals): each file by itself, under its own id, dangling references and all."""
    sent: dict[str, Resource] = {}
    refusals: dict[str, str] = {}
    for name, body in files:
        try:
            resource = wire.loads(body)
            with store.open(scope, now=now) as unit:
                kept = unit.create(resource, id=resource.get("id"))
            sent[kept.reference] = resource
        except CareError as refused:
            refusals[name] = reason(refused)
    return sent, refusals


@pytest.mark.parametrize("origin", ["fhir-r4/examples", "us-core/hl7.fhir.us.core-6.1.0.tgz"])
def test_the_official_examples_are_stored_read_back_and_found(
    origin: str, record: None, scope: Scope, now: datetime
) -> None:
    files = corpora.package_examples(origin) if origin.endswith(".tgz") else corpora.r4_examples()
    sent, refusals = keep_examples(files, scope, now)
    back = read_back(ALL_OF_IT, now, sent)
    assert [at for at, resource in sent.items() if as_sent(back[at].resource) != as_sent(resource)] == []

    resources = {reference: found.resource for reference, found in back.items()}
    assert missing_by_id(ALL_OF_IT, now, resources) == set()
    assert missing_by_parameter(ALL_OF_IT, now, resources, 1) == set()
    outcome = {"stored": len(sent), "without_rows": without_rows(resources), "refused": refusals}
    assert outcome == pinned(origin, outcome)
