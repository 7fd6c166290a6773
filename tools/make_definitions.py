"""FHIR R4 4.0.1 as compact facts: `src/careloop/fhir/data/{types,search}.json.gz` from the CC0 core package.

    python tools/make_definitions.py [PACKAGE.tgz]

Run again it writes the same bytes. `careloop.fhir.definitions` reads them and says what each field means.
Standard library only.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from invariant_parser import parse_invariant

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT.parent / "shared" / "corpora" / "fhir-r4" / "definitions" / "hl7.fhir.r4.core-4.0.1.tgz"
DATA = ROOT / "src" / "careloop" / "fhir" / "data"
CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = CANONICAL + "structuredefinition-fhir-type"
SYSTEM_TYPE = "http://hl7.org/fhirpath/System."

# Bound to code systems that are not (and can't be) in the package: checked by syntax, or not at all.
BY_SYNTAX = frozenset({"mimetypes", "ucum-units", "currencies", "LL379-9"})

# Examples of search parameters, not parameters.
NOT_SEARCHED = frozenset({"example", "example-extension", "example-reference", "filter"})

# The invariants of these types are about the type definitions themselves; nobody coordinates care with them.
NO_INVARIANTS = frozenset({"StructureDefinition", "ElementDefinition"})

Definition = dict[str, Any]


def read_package(path: Path) -> Iterator[Definition]:
    with tarfile.open(path) as package:
        for member in package:
            if member.name.endswith(".json"):
                source = package.extractfile(member)
                if source is not None:
                    yield json.loads(source.read())


class Package:
    """The definitions of the package, by what they are."""

    def __init__(self, path: Path) -> None:
        self.structures: dict[str, Definition] = {}
        self.value_sets: dict[str, Definition] = {}
        self.code_systems: dict[str, Definition] = {}
        self.search: list[Definition] = []
        self.compartments: list[Definition] = []
        for found in read_package(path):
            self.sort_in(found)

    def sort_in(self, found: Definition) -> None:
        match found.get("resourceType"):
            case "StructureDefinition":
                self.structures[found["url"]] = found
            case "ValueSet":
                self.value_sets[found["url"]] = found
            case "CodeSystem":
                self.code_systems[found["url"]] = found
            case "SearchParameter" if found.get("expression") and found["id"] not in NOT_SEARCHED:
                self.search.append(found)
            case "CompartmentDefinition" if found["id"] != "example":
                self.compartments.append(found)

    def base_structures(self) -> list[Definition]:
        """Types, not profiles of types, by name."""
        found = (s for s in self.structures.values() if s["url"] == CANONICAL + s["type"])
        return sorted((s for s in found if s["kind"] != "logical"), key=lambda s: s["type"])


# Types and their elements ------------------------------------------------------------


def type_of(entry: Definition, path: str) -> str:
    """The FHIR type of an element's type entry; the package says System.String for ids and urls."""
    code = str(entry["code"])
    if not code.startswith(SYSTEM_TYPE):
        return code
    said = [e.get("valueUrl", "") for e in entry.get("extension", ()) if e["url"] == FHIR_TYPE]
    return said[0] if said else "string"


def typed(package: Package, entry: Definition, path: str) -> Any:
    """`"string"`, or `["Reference", ["Patient", …]]`, or `["Quantity", [], "SimpleQuantity"]`."""
    code = type_of(entry, path)
    if code == "Reference":
        targets = sorted({package.structures[url]["type"] for url in entry.get("targetProfile", ())})
        return [code, [] if "Resource" in targets else targets] if targets else code
    profiles = [url.removeprefix(CANONICAL) for url in entry.get("profile", ())]
    return [code, [], "SimpleQuantity"] if "SimpleQuantity" in profiles else code


def element_of(package: Package, element: Definition, parent: str, has_children: bool) -> list[Any]:
    """[name, min, max (0: any number), types, facts]: facts hold binding and the longest string."""
    path = element["path"]
    if "contentReference" in element:
        types: list[Any] = [element["contentReference"].removeprefix("#")]
    elif has_children:
        types = [path]
    else:
        types = [typed(package, entry, path) for entry in element.get("type", ())]
    facts: dict[str, Any] = {}
    binding = element.get("binding", {})
    if binding.get("strength") == "required" and binding.get("valueSet"):
        facts["bind"] = binding["valueSet"].split("|")[0].rpartition("/")[2]
    maximum = 0 if element["max"] == "*" else int(element["max"])
    row = [path[len(parent) + 1 :], element["min"], maximum, types]
    return [*row, facts] if facts else row


def invariants_of(element: Definition, skip: bool) -> list[Any]:
    """[key, severity, sentence, tree] for each invariant whose expression is simple enough to be compiled."""
    found = []
    for constraint in () if skip else element.get("constraint", ()):
        tree = parse_invariant(constraint.get("expression", ""))
        if tree is not None:
            found.append([constraint["key"], constraint["severity"], constraint["human"], tree])
    return found


def fact_rows(package: Package, structure: Definition) -> Iterator[tuple[str, Definition]]:
    """A type and the backbone elements inside it, each as a type of its own, named by its path."""
    elements = structure["snapshot"]["element"]
    paths = {e["path"] for e in elements}
    parents = {path.rpartition(".")[0] for path in paths}
    skip = structure["type"] in NO_INVARIANTS
    for head in elements:
        path = head["path"]
        if path not in parents and path != structure["type"]:
            continue
        children = [e for e in elements if e["path"].rpartition(".")[0] == path and e["max"] != "0"]
        row: Definition = {
            "kind": structure["kind"] if path == structure["type"] else "backbone",
            "elements": [element_of(package, e, path, e["path"] in parents) for e in children],
        }
        if structure.get("abstract") and path == structure["type"]:
            row["abstract"] = True
        if found := invariants_of(head, skip):
            row["rules"] = found
        yield path, row


def regex_of(structure: Definition) -> str:
    for element in structure["snapshot"]["element"]:
        for entry in element.get("type", ()) if element["path"].endswith(".value") else ():
            for extension in entry.get("extension", ()):
                if extension["url"] == CANONICAL + "regex":
                    return str(extension["valueString"])
    return ""


def make_types(package: Package) -> Definition:
    types: Definition = {}
    primitives: Definition = {}
    for structure in package.base_structures():
        if structure["kind"] == "primitive-type":
            primitives[structure["type"]] = regex_of(structure)
        else:
            types.update(fact_rows(package, structure))
    bound = {
        element[4]["bind"]
        for row in types.values()
        for element in row["elements"]
        if len(element) > 4 and "bind" in element[4]
    }
    codes = {name: expand(package, name) for name in sorted(bound - BY_SYNTAX)}
    return {"version": "4.0.1", "primitives": primitives, "codes": codes, "types": types}


# Code lists ------------------------------------------------------------


def flat(concepts: list[Definition]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from flat(concept.get("concept", []))


def expand(package: Package, name: str) -> dict[str, list[str]]:
    """A required value set as {code system: its codes}. Fails where the package can't say all of them."""
    found = [v for url, v in package.value_sets.items() if url.rpartition("/")[2] == name]
    if len(found) != 1:
        raise SystemExit(f"the value set {name} is not in the package once")
    systems: dict[str, list[str]] = {}
    for include in found[0]["compose"]["include"]:
        if "concept" in include:
            codes = [concept["code"] for concept in include["concept"]]
        else:
            system = package.code_systems.get(include["system"], {})
            if system.get("content") != "complete" or include.get("filter"):
                raise SystemExit(
                    f"{name}: the code system {include['system']} is not complete in the package"
                )
            codes = list(flat(system["concept"]))
        systems.setdefault(include["system"], []).extend(codes)
    return systems


# Search parameters and compartments ------------------------------------------------------------


def alternatives(expression: str) -> list[str]:
    """The parts between top-level `|`."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            parts.append(expression[start:at].strip())
            start = at + 1
    return [*parts, expression[start:].strip()]


def narrowed(expression: str, base: str) -> str:
    """The alternatives that speak of this type: `Condition.code` out of a union over fourteen types."""
    own = [p for p in alternatives(expression) if re.match(rf"\(*{base}\b", p)]
    return " | ".join(own) or expression


def make_search(package: Package) -> Definition:
    by_url = {found["url"]: found for found in package.search}
    rows = []
    for found in sorted(package.search, key=lambda s: s["id"]):
        parts = [
            [by_url[c["definition"]]["code"], by_url[c["definition"]]["type"], c["expression"]]
            for c in found.get("component", ())
        ]
        bases = {base: narrowed(found["expression"], base) for base in sorted(found["base"])}
        rows.append(
            [found["id"], found["code"], found["type"], bases, sorted(found.get("target", ())), parts]
        )
    compartments = {
        found["code"]: {r["code"]: r["param"] for r in found["resource"] if r.get("param")}
        for found in sorted(package.compartments, key=lambda c: c["code"])
    }
    return {"params": rows, "compartments": compartments}


def write(name: str, facts: Definition) -> None:
    """Compact JSON, gzipped without a time or a name, so that the same facts are the same bytes."""
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0, filename="") as packed:
        packed.write(text)
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / name).write_bytes(out.getvalue())
    print(f"{name}: {len(text):,} bytes, {len(out.getvalue()):,} packed")


def main() -> None:
    package = Package(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)
    write("types.json.gz", make_types(package))
    write("search.json.gz", make_search(package))


if __name__ == "__main__":
    main()
