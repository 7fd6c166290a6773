"""How a resource carries its labels: codes in meta.security. Pure.

What a sender or a person said stays until a person takes it away. What was computed is marked, so that whoever reads it
and sends it back does not turn it into something said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from careloop.fhir.elements import Resource
from careloop.library.labels import BITS, LabelRules, rules

# A computed label that a person lifted from this resource, in meta: valueCode, a name of `access.labels`.
LIFTED: Final = "urn:careloop:ext:label-lifted"
# On a coding of meta.security that we added.
COMPUTED: Final = "urn:careloop:ext:label-computed"


def carrying(
    resource: Resource, before: Resource | None, bits: int, known: LabelRules | None = None
) -> Resource:
    """The resource as it is kept: with what was said of it, now and before, and a code for each further label.
    Labels that were said are taken away by a person only (`without_label`)."""
    known = known or rules()
    meta = meta_of(resource)
    said = explicit(meta)
    taken = set(_taken(meta))
    for coding in explicit(meta_of(before or {})):
        if not _is_among(coding, said) and not _bits(known, coding) & _mask(taken):
            said.append(coding)
    shown = known.of_security(codings_in(said))
    computed = [_computed(known, bit) for bit in known.rules if bits & bit and not shown & bit]
    if not (said or computed):
        return resource if "security" not in meta else {**resource, "meta": _without_security(meta)}
    return {**resource, "meta": {**meta, "security": [*said, *computed]}}


def as_sent(resource: Resource) -> Resource:
    """Without the labels that we computed."""
    meta = resource.get("meta")
    if not isinstance(meta, dict) or "security" not in meta:
        return resource
    said = explicit(meta)
    kept = {**meta, "security": said} if said else _without_security(meta)
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest


def explicit(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The security codings that somebody said."""
    found = meta.get("security")
    return [
        coding
        for coding in (found if isinstance(found, list) else ())
        if isinstance(coding, dict) and not _is_computed(coding)
    ]


def received(resource: Resource, before: Resource | None, *, may_lift: bool) -> Resource:
    """What was sent, before it is labeled. A mark of ours that the version before does not carry was made elsewhere, so
    it counts as said; and only who may lift, lifts."""
    if "meta" not in resource:
        return resource
    meta, known = meta_of(resource), {_key(each) for each in _marked(meta_of(before or {}))}
    if any(_key(coding) not in known for coding in _marked(meta)):
        said = [
            each if not _is_computed(each) or _key(each) in known else _unmarked(each)
            for each in meta["security"]
        ]
        resource = {**resource, "meta": {**meta, "security": said}}
    return resource if may_lift else without_lifting(resource, before)


def with_label(resource: Resource, name: str) -> Resource:
    """A copy that somebody labeled; a label that was lifted comes back."""
    rule = rules().rules[BITS[name]]
    meta = meta_of(resource)
    coding = _unmarked(_computed(rules(), rule.bit))
    kept = [each for each in meta.get("extension", ()) if not _lifts(each, name)]
    made = {**meta, "security": [*explicit(meta), coding], **({"extension": kept} if kept else {})}
    if not kept:
        made.pop("extension", None)
    return {**resource, "meta": made}


def without_label(resource: Resource, name: str) -> Resource:
    """A copy from which somebody lifted a label, said or computed. What it inherits stays: that is lifted where it
    comes from; a record of a Part 2 program stays one."""
    meta, bit, known = meta_of(resource), BITS[name], rules()
    said = [coding for coding in explicit(meta) if not _bits(known, coding) & bit]
    marks = [each for each in meta.get("extension", ()) if not _lifts(each, name)]
    made = {**_without_security(meta), "extension": [*marks, {"url": LIFTED, "valueCode": name}]}
    return {**resource, "meta": {**made, **({"security": said} if said else {})}}


def lifted(resource: Resource) -> frozenset[str]:
    return frozenset(_taken(meta_of(resource)))


def without_lifting(resource: Resource, before: Resource | None) -> Resource:
    """What a stranger sends lifts nothing: only what was lifted before stays so."""
    meta, stays = meta_of(resource), lifted(before or {})
    if not set(_taken(meta)) - stays:
        return resource
    kept = [e for e in meta.get("extension", ()) if e.get("url") != LIFTED or e.get("valueCode") in stays]
    made = {name: value for name, value in meta.items() if name != "extension"}
    return {**resource, "meta": {**made, **({"extension": kept} if kept else {})}}


def _computed(known: LabelRules, bit: int) -> dict[str, Any]:
    system, code, display = known.rules[bit].says
    mark = [{"url": COMPUTED, "valueBoolean": True}]
    return {"extension": mark, "system": system, "code": code, "display": display}


def _is_computed(coding: Mapping[str, Any]) -> bool:
    marks = coding.get("extension")
    return isinstance(marks, list) and any(isinstance(m, dict) and m.get("url") == COMPUTED for m in marks)


def _marked(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = meta.get("security")
    return [c for c in (found if isinstance(found, list) else ()) if isinstance(c, dict) and _is_computed(c)]


def _unmarked(coding: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in coding.items() if name != "extension"}


def _key(coding: Mapping[str, Any]) -> tuple[str, str]:
    return str(coding.get("system", "")), str(coding.get("code", ""))


def meta_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta")
    return meta if isinstance(meta, dict) else {}


def _without_security(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in meta.items() if name != "security"}


def codings_in(found: Any) -> Iterator[tuple[str, str]]:
    """A coding without a code is one that nobody can know."""
    for coding in found if isinstance(found, list) else ():
        if isinstance(coding, dict) and not _is_computed(coding):
            yield _key(coding)


def _bits(known: LabelRules, coding: Mapping[str, Any]) -> int:
    return known.of_security([_key(coding)])


def _is_among(coding: Mapping[str, Any], said: list[dict[str, Any]]) -> bool:
    return any(_key(one) == _key(coding) for one in said)


def _taken(meta: Mapping[str, Any]) -> Iterator[str]:
    for each in meta.get("extension") or ():
        if isinstance(each, dict) and each.get("url") == LIFTED and each.get("valueCode") in BITS:
            yield each["valueCode"]


def _lifts(extension: Mapping[str, Any], name: str) -> bool:
    return extension.get("url") == LIFTED and extension.get("valueCode") == name


def _mask(names: Iterable[str]) -> int:
    bits = 0
    for name in names:
        bits |= BITS[name]
    return bits


def lifted_bits(resource: Mapping[str, Any]) -> int:
    return _mask(_taken(meta_of(resource)))
