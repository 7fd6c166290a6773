"""One look through one resource: where we are, what may be referred to, and the problems found so far.

The sentences are here. They say what to do, quote at most a few words, and never anything of a resource but the
value that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.outcome import Issue
from careloop.kernel.ids import is_fhir_id

# (parent, name, index in a list): written out only for a problem.
Path = tuple[Any, str, int | None] | None

MOST_PROBLEMS: Final = 500
_MOST_SUGGESTIONS: Final = 20
_RELATIVE = re.compile(
    r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?\Z"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


class EnoughProblems(Exception):
    """There are more problems than anybody reads at once."""


def expression(path: Path) -> str:
    """The path as FHIRPath: `Patient.contact[0].name`."""
    parts: list[str] = []
    while path is not None:
        path, name, at = path
        parts.append(name if at is None else f"{name}[{at}]")
    return ".".join(reversed(parts))


def shown(value: Any) -> str:
    """A value as it may be quoted: short, on one line."""
    text = value if isinstance(value, str) else str(value)
    text = "".join(c if c.isprintable() else "·" for c in text[:60])
    return f"{text}…" if len(text) == 60 else text


class Visit:
    """issues: the problems, in the order of the resource. container: what `#` refers to; it changes when a Bundle's
    or a Parameters' resource is entered. full_urls: address -> type of the entries of the Bundle around."""

    __slots__ = ("contained", "container", "enter", "full_urls", "is_inside_contained", "issues")

    def __init__(self, enter: Callable[[str, dict[str, Any], Path, Visit], None]) -> None:
        self.enter = enter
        self.issues: list[Issue] = []
        self.container: dict[str, Any] = {}
        self.contained: Mapping[str, str] = {}
        self.full_urls: Mapping[str, str] = {}
        self.is_inside_contained = False

    def add(self, code: str, path: Path, text: str) -> None:
        self.issues.append(Issue("error", code, expression(path), text))
        if len(self.issues) >= MOST_PROBLEMS:
            self.issues.append(
                Issue(
                    "error", "too-long", "", f"There are more than {MOST_PROBLEMS} problems; here we stopped."
                )
            )
            raise EnoughProblems

    # Sentences ----------------------------------------------------------------------------------------------

    def unknown(
        self,
        key: str,
        owner: str,
        fields: Mapping[str, Any],
        typed_names: Mapping[str, tuple[str, ...]],
        path: Path,
    ) -> None:
        said = f"{owner} has no “{shown(key)}”."
        base = next(
            (n for n in typed_names if key == n or (key.startswith(n) and key[len(n) :][:1].isupper())), None
        )
        if base is not None:
            names = typed_names[base]
            said += f" Say its type in the name: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}."
        elif len(self.issues) < _MOST_SUGGESTIONS and (near := get_close_matches(key[:60], fields, 1)):
            said += f" Did you mean “{near[0]}”?"
        else:
            said += " Take it out, or send it as an extension."
        self.add("structure", (path, shown(key), None), said)

    def missing(self, name: str, typed_names: Collection[str], path: Path) -> None:
        how = f" as one of {', '.join(typed_names)}" if typed_names else ""
        self.add("required", (path, name, None), f"“{name}” is missing; it is required. Add it{how}.")

    def only_one(self, name: str, keys: Iterable[str], path: Path) -> None:
        found = sorted({key.removeprefix("_") for key in keys})
        if len(found) > 1:  # a value and its own _extensions are one
            self.add(
                "structure", (path, name, None), f"Keep one of {', '.join(found)}: “{name}” has one value."
            )

    def wrong_value(self, value: Any, wanted: str, path: Path) -> None:
        if value is None:
            self.empty(path)
        elif isinstance(value, list):
            self.add("structure", path, "It takes one value, not a list. Take off the brackets [ ].")
        elif isinstance(value, dict):
            self.add("structure", path, f"{wanted.removesuffix('.')}, not an object.")
        else:
            said = f"“{shown(value)}”" if value != "" else "An empty text"
            self.add(
                "value" if wanted.startswith("It ") else "code-invalid",
                path,
                f"{said} can't stand here. {_end(wanted)}",
            )

    def empty(self, path: Path) -> None:
        self.add("structure", path, "It has no value (null). Leave the property out, or give its value.")

    def not_an_object(self, item: Any, path: Path) -> None:
        if item is None:
            self.empty(path)
        elif isinstance(item, list):
            self.add("structure", path, "It takes one object, not a list. Take off the brackets [ ].")
        else:
            self.add("structure", path, "It has to be an object in braces { }, not a plain value.")

    def not_a_list(self, item: Any, path: Path) -> None:
        if item is None:
            self.empty(path)
        elif isinstance(item, list):
            self.add("structure", path, "The list is empty. Leave the property out.")
        else:
            self.add("structure", path, "It has to be a list, even with one entry. Put it in brackets [ ].")

    def too_many(self, name: str, most: int, found: int, path: Path) -> None:
        self.add("structure", (path, name, None), f"At most {most} of “{name}”; there are {found}.")

    # Resources in resources ---------------------------------------------------------------------------------

    def resource(self, item: dict[str, Any], path: Path, is_contained: bool) -> None:
        """A contained resource, or one in a Bundle or Parameters, which is a container of its own."""
        kind = item.get("resourceType")
        if not isinstance(kind, str) or kind not in RESOURCE_TYPES:
            self.add("structure", path, unknown_type(kind))
            return
        if is_contained:
            self._contained(kind, item, path)
            return
        before = (self.container, self.contained, self.is_inside_contained)
        self.container, self.contained, self.is_inside_contained = item, contained_types(item), False
        self.enter(kind, item, path, self)
        self.container, self.contained, self.is_inside_contained = before

    def _contained(self, kind: str, item: dict[str, Any], path: Path) -> None:
        if self.is_inside_contained:
            self.add(
                "invariant", path, "A contained resource can't contain another; move it up one level. (dom-2)"
            )
            return
        if "id" not in item:
            self.add(
                "required", path, "A contained resource needs an id, so that it can be referred to as “#id”."
            )
        meta = item.get("meta")
        if isinstance(meta, dict) and not meta.keys().isdisjoint(("versionId", "lastUpdated", "security")):
            said = (
                "A contained resource can't have a version, lastUpdated or security; take them out. (dom-4)"
            )
            self.add("invariant", path, said)
        self.is_inside_contained = True
        self.enter(kind, item, path, self)
        self.is_inside_contained = False

    def contained_rules(self, resource: dict[str, Any], path: Path) -> None:
        """Each contained resource has an id of its own, and is referred to or refers to its container (dom-3)."""
        found = resource.get("contained")
        if self.is_inside_contained or type(found) is not list:
            return
        ids = [item["id"] for item in found if isinstance(item, dict) and isinstance(item.get("id"), str)]
        for twice in {own for own in ids if ids.count(own) > 1} if len(set(ids)) < len(ids) else ():
            self.add(
                "structure",
                (path, "contained", None),
                f"Two contained resources have the id “{shown(twice)}”.",
            )
        local = set(local_references(resource))
        for at, item in enumerate(found):
            if (
                not isinstance(item, dict)
                or f"#{item.get('id')}" in local
                or "#" in set(local_references(item))
            ):
                continue
            said = f"Nothing refers to it. Refer to “#{shown(item.get('id'))}”, or send it by itself. (dom-3)"
            self.add("invariant", (path, "contained", at), said)

    # References ---------------------------------------------------------------------------------------------

    def reference(self, item: dict[str, Any], path: Path, allowed: frozenset[str]) -> None:
        """What it points at exists where it must, and is of a type that belongs here."""
        text, said = item.get("reference"), item.get("type")
        kind = self._target_type(text, path) if isinstance(text, str) else None
        if kind and allowed and kind not in allowed and kind != "Resource":
            wanted = " or ".join(sorted(allowed))
            self.add("value", path, f"It refers to a {kind}, but here belongs a {wanted}.")
        if isinstance(said, str) and said in RESOURCE_TYPES:
            if kind and kind != said and kind != "Resource":
                self.add("value", path, f"It says type {said}, but refers to a {kind}. Make them agree.")
            elif not kind and allowed and said not in allowed:
                wanted = " or ".join(sorted(allowed))
                self.add("value", path, f"It says type {said}, but here belongs a {wanted}.")

    def _target_type(self, text: str, path: Path) -> str | None:
        """The type a reference names, None when it doesn't say."""
        match = _RELATIVE.match(text)
        if match is not None and match.group(1) in RESOURCE_TYPES:
            return match.group(1)
        if text.startswith("#"):
            return self._local_type(text, path)
        if text in self.full_urls:
            return self.full_urls[text]
        if _SCHEME.match(text):
            tail = text.split("/_history/")[0].split("/")[-2:]
            return tail[0] if len(tail) == 2 and tail[0] in RESOURCE_TYPES else None
        kind, _, query = text.partition("?")
        if query and kind in RESOURCE_TYPES:  # a conditional reference, resolved when a transaction is taken
            return kind
        self.add("value", (path, "reference", None), _odd_reference(text))
        return None

    def _local_type(self, text: str, path: Path) -> str | None:
        if text == "#":
            return str(self.container.get("resourceType"))
        kind = self.contained.get(text[1:])
        if kind is None:
            said = f"Nothing contained has the id “{shown(text[1:])}”. Add it, or refer elsewhere. (ref-1)"
            self.add("invariant", (path, "reference", None), said)
        return kind


def _end(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def _odd_reference(text: str) -> str:
    kind, _, rest = text.partition("/")
    if rest and kind not in RESOURCE_TYPES and re.fullmatch(r"[A-Za-z]+", kind):
        near = get_close_matches(kind[:60], RESOURCE_TYPES, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"“{shown(kind)}” is no FHIR resource type.{hint}"
    if kind in RESOURCE_TYPES and rest and not is_fhir_id(rest):
        return f"“{shown(rest)}” can't be an id: 1 to 64 letters, digits, hyphens and dots."
    return (
        f"“{shown(text)}” is no reference. Write Patient/123, a whole address, or #id of something contained."
    )


def unknown_type(kind: Any) -> str:
    if not isinstance(kind, str) or not kind:
        return "It has no “resourceType”. Begin it with the type of the resource."
    near = get_close_matches(kind[:60], RESOURCE_TYPES, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"“{shown(kind)}” is no resource type of FHIR R4.{hint}"


def contained_types(resource: dict[str, Any]) -> dict[str, str]:
    found = resource.get("contained")
    if type(found) is not list:
        return {}
    return {
        str(item.get("id")): str(item.get("resourceType"))
        for item in found
        if isinstance(item, dict) and "id" in item
    }


def full_urls(bundle: dict[str, Any]) -> dict[str, str]:
    """Address of each entry that has one -> its resource's type."""
    entries = bundle.get("entry")
    return {
        entry["fullUrl"]: str(entry["resource"].get("resourceType"))
        for entry in (entries if type(entries) is list else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("fullUrl"), str)
        and isinstance(entry.get("resource"), dict)
    }


def local_references(node: Any) -> Iterator[str]:
    """Every text that begins with # (references, canonicals, uris), anywhere inside."""
    if isinstance(node, str):
        if node.startswith("#"):
            yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from local_references(value)
    elif isinstance(node, list):
        for value in node:
            yield from local_references(value)
