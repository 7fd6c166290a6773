"""Malformed input, made from good input by a seed: the same seed makes the same cases, so what breaks can be shown.

Cases are bytes and what goes with them; nothing here sends anything.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

ODD_TEXT = (
    *(
        "",
        " ",
        "\x00",
        "\ud800",
        "\u202e",
        "\ufeff",
        "x" * 5_000,
        "😀" * 500,
        "a\u0300" * 400,
        "'; drop table heads; --",
    ),
    *(
        "%s%n",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "Patient/../../x",
        "#",
        "Patient/",
        "urn:uuid:",
    ),
    *(
        "2026-02-30",
        "0000-00-00",
        "9999-99-99T99:99:99Z",
        "2026-11-23T09:00:00+99:99",
        "24:00",
        "1e400",
        "NaN",
        "null",
    ),
    *(
        "http://169.254.169.254/",
        "Patient?family=x",
        "a|b|c|d",
        "$everything",
        "\\",
        "\r\nX: y",
        "ﬀ",
        "İ",
        "ß",
    ),
)
ODD_NUMBERS = (0, -0.0, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**300, 1e308, 0.1 + 0.2, 5e-324)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"id": None},
    [[[[]]]],
)
KEYS = (
    "id",
    "meta",
    "text",
    "extension",
    "_birthDate",
    "contained",
    "identifier",
    "subject",
    "valueQuantity",
    "entry",
    "",
)


@dataclass(frozen=True, repr=False)
class Case:
    """kind: how it was made, for the table. method, path, headers: of FHIR alone."""

    kind: str
    body: bytes
    method: str = "POST"
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.kind}: {self.method} {self.path[:80]} {self.headers} {self.body[:300]!r}"


# --- bytes


def bent(dice: random.Random, data: bytes) -> bytes:
    """A few bytes changed, lost, doubled, cut off or added."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        at = dice.randrange(len(found) + 1) if found else 0
        match dice.randrange(7):
            case 0:
                found[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del found[at : at + dice.choice((1, 2, 10, 100))]
            case 2:
                found[at:at] = found[at : at + dice.choice((1, 10, 200))]
            case 3:
                del found[at:]
            case 4:
                found[at:at] = dice.choice(
                    (b"\x00", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f", b"\x0b", b"\x1c\r")
                )
            case 5:
                found[at:at] = dice.choice(
                    (b"{", b"[", b'"', b"}", b"]", b",", b":", b"\\", b"|", b"^", b"~", b"&", b"\r")
                )
            case _:
                found[at:at] = bytes(dice.randrange(256) for _ in range(dice.choice((1, 4, 64))))
    return bytes(found)


# --- FHIR


def resources(dice: random.Random) -> dict[str, Any]:
    """Good ones, of the types that matter most."""
    who = {"reference": dice.choice(("Patient/maria", "Patient/nobody", "#p", "urn:uuid:x"))}
    coded = {
        "coding": [{"system": "http://loinc.org", "code": "44249-1", "display": "PHQ-9"}],
        "text": "words",
    }
    made = dice.choice(
        (
            {
                "resourceType": "Patient",
                "id": "maria",
                "name": [{"family": "Duarte", "given": ["Maria"]}],
                "birthDate": "1958-03-04",
                "telecom": [{"system": "phone", "value": "713-555-0100", "use": "mobile"}],
                "identifier": [{"system": "urn:mrn", "value": "4711"}],
                "gender": "female",
                "address": [{"line": ["1 Main"], "city": "Houston", "postalCode": "77002", "state": "TX"}],
                "text": {
                    "status": "generated",
                    "div": '<div xmlns="http://www.w3.org/1999/xhtml">Maria</div>',
                },
            },
            {
                "resourceType": "Observation",
                "status": "final",
                "code": coded,
                "subject": who,
                "valueQuantity": {
                    "value": 1.10,
                    "unit": "mg",
                    "system": "http://unitsofmeasure.org",
                    "code": "mg",
                },
                "effectiveDateTime": "2026-11-20T09:00:00-06:00",
            },
            {
                "resourceType": "QuestionnaireResponse",
                "status": "completed",
                "subject": who,
                "questionnaire": "urn:careloop:instrument:phq-9",
                "authored": "2026-11-20T09:00:00Z",
                "item": [{"linkId": "1", "answer": [{"valueCoding": {"code": "LA6568-5"}}]}],
            },
            {
                "resourceType": "Task",
                "status": "requested",
                "intent": "order",
                "for": who,
                "restriction": {"period": {"end": "2026-11-30T23:59:59Z"}},
                "code": coded,
            },
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"code": "IMP"},
                "subject": who,
                "period": {"start": "2026-11-16T08:00:00Z", "end": "2026-11-20T16:20:00Z"},
            },
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {"text": "s"},
                "category": [coded],
                "patient": who,
                "provision": {
                    "type": "deny",
                    "period": {"end": "2027-01-01"},
                    "securityLabel": [{"code": "ETH"}],
                },
            },
            {
                "resourceType": "CarePlan",
                "status": "draft",
                "intent": "proposal",
                "subject": who,
                "activity": [{"detail": {"status": "scheduled", "code": coded}}],
            },
        )
    )
    return copy.deepcopy(made)


def _bundle(dice: random.Random) -> dict[str, Any]:
    entries = []
    for number in range(dice.choice((1, 2, 5))):
        one = resources(dice)
        one.pop("id", None)
        url = dice.choice(
            (
                one["resourceType"],
                f"{one['resourceType']}/x{number}",
                "Patient?identifier=urn:mrn|4711",
                "",
                "//",
            )
        )
        entries.append(
            {
                "fullUrl": f"urn:uuid:{number}",
                "resource": one,
                "request": {
                    "method": dice.choice(("POST", "PUT", "GET", "DELETE", "PATCH", "x")),
                    "url": url,
                },
            }
        )
    return {
        "resourceType": "Bundle",
        "type": dice.choice(("transaction", "batch", "collection", "x")),
        "entry": entries,
    }


def odd_value(dice: random.Random) -> Any:
    match dice.randrange(4):
        case 0:
            return dice.choice(ODD_TEXT)
        case 1:
            return dice.choice(ODD_NUMBERS)
        case 2:
            return copy.deepcopy(dice.choice(ODD_VALUES))
        case _:
            deep: Any = dice.choice(ODD_TEXT[:6])
            for _ in range(dice.choice((3, 20, 62, 70, 300))):
                deep = [deep] if dice.random() < 0.5 else {dice.choice(KEYS): deep}
            return deep


def twisted(dice: random.Random, value: Any) -> Any:
    """Somewhere in the tree a value that does not belong there."""
    if isinstance(value, dict) and value and dice.random() < 0.75:
        key = dice.choice(list(value))
        match dice.randrange(5):
            case 0:
                value[key] = odd_value(dice)
            case 1:
                value[dice.choice(KEYS) or "x"] = odd_value(dice)
            case 2:
                value[key] = [value[key], value[key]]
            case _:
                value[key] = twisted(dice, value[key])
        return value
    if isinstance(value, list) and value and dice.random() < 0.75:
        at = dice.randrange(len(value))
        value[at] = twisted(dice, value[at])
        if dice.random() < 0.1:
            value *= dice.choice((2, 50, 300))
        return value
    return odd_value(dice)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _doubled(dice: random.Random, body: bytes) -> bytes:
    return body.replace(b"{", b'{"id":"a","id":"b",', 1)


def _strange_number(dice: random.Random, body: bytes) -> bytes:
    odd = dice.choice(
        (
            b"NaN",
            b"-Infinity",
            b"1e999999999",
            b"1" * 5_000,
            b"00",
            b"+1",
            b".5",
            b"0x10",
            b"1_000",
            b"1.10e-400",
        )
    )
    return body.replace(b'"1958-03-04"', odd).replace(b"1.1,", odd + b",").replace(b'"Duarte"', odd)


PARAMETERS = (
    "family",
    "_sort",
    "_count",
    "_id",
    "birthdate",
    "identifier",
    "_lastUpdated",
    "subject",
    "_total",
    "_cursor",
    "_include",
    "_has:Observation:patient:code",
    "code:in",
    "family:exact",
    "x",
    "_summary",
    "_elements",
    "status",
)
PREFIXES = ("", "ge", "lt", "ne", "sa", "ap", "eq", "xx")
HEADERS = (
    "If-Match",
    "If-None-Match",
    "If-None-Exist",
    "If-Modified-Since",
    "Accept",
    "Content-Type",
    "Content-Encoding",
    "Prefer",
    "Content-Length",
    "X-HTTP-Method-Override",
    "Range",
    "Accept-Charset",
    "Accept-Language",
)


def _words(dice: random.Random) -> str:
    return dice.choice(
        [text for text in ODD_TEXT if text.isprintable()] + [str(each) for each in ODD_NUMBERS]
    )[:1_500]


def _search(dice: random.Random) -> Case:
    from urllib.parse import quote

    pairs = [
        f"{quote(dice.choice(PARAMETERS))}={quote(dice.choice(PREFIXES) + _words(dice))}"
        for _ in range(dice.choice((1, 1, 2, 6)))
    ]
    kind = dice.choice(("Patient", "Observation", "Task", "Encounter", "AuditEvent", "Nothing", "Consent"))
    if dice.random() < 0.2:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return Case("search by form", bent(dice, "&".join(pairs).encode()), "POST", f"{kind}/_search", form)
    return Case("search", b"", "GET", f"{kind}?{'&'.join(pairs)}")


def _address(dice: random.Random) -> Case:
    from urllib.parse import quote

    parts = [
        dice.choice(("Patient", "maria", "_history", "1", "$everything", "_search", "metadata", _words(dice)))
        for _ in range(4)
    ]
    path = "/".join(quote(part, safe="$") for part in parts[: dice.randrange(1, 5)])
    return Case(
        "address", b"{}", dice.choice(("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS")), path
    )


def _headed(dice: random.Random, body: bytes) -> Case:
    said = {dice.choice(HEADERS): _words(dice).encode("ascii", "ignore").decode()[:300] for _ in range(2)}
    said.pop("Content-Length", None)
    return Case(
        "headers",
        body,
        dice.choice(("PUT", "POST", "GET")),
        dice.choice(("Patient/maria", "Patient", "Observation")),
        said,
    )


def fhir(seed: int, count: int) -> Iterator[Case]:
    """Each kind about as often."""
    dice = random.Random(seed)
    for _ in range(count):
        one = resources(dice) if dice.random() < 0.7 else _bundle(dice)
        kind, id = one["resourceType"], one.get("id")
        path = "" if kind == "Bundle" else kind
        way = ("PUT", f"{kind}/{id}") if id and dice.random() < 0.5 else ("POST", path)
        match dice.randrange(7):
            case 0:
                yield Case("bytes", bent(dice, _dumped(one)), *way)
            case 1 | 2:
                for _ in range(dice.choice((1, 1, 2, 4))):
                    one = twisted(dice, one)
                yield Case("values", _dumped(one), *way)
            case 3:
                change: Callable[[random.Random, bytes], bytes] = dice.choice((_doubled, _strange_number))
                yield Case("numbers and names", change(dice, _dumped(one)), *way)
            case 4:
                yield _search(dice)
            case 5:
                yield _address(dice)
            case _:
                yield _headed(dice, _dumped(one))
