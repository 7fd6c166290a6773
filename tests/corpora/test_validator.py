"""The validator beside the Java validator's outcomes: where both look at plain R4, they agree on right or wrong."""

import json
from pathlib import Path

import pytest

from careloop.fhir import validate, wire
from careloop.kernel.errors import CareError

CASES = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "validator"
pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not CASES.exists(), reason="the validator cases are not beside this checkout"),
]

# Where we differ, and why. name: (what we say, reason)
DIFFERENT: dict[str, tuple[bool, str]] = {
    "attachment-with-wrong-size": (True, "the stated size of an attachment is not compared with its data"),
    "bundle-id-4": (True, "displays are a terminology server's; search modes of entries are not checked"),
    "encounter-period": (True, "a day and a time within that day: the day may have begun before it"),
    "ips-htmlrefs-backwards": (True, "extensions are kept without looking at their own definitions"),
    "vs-params-3": (True, "expressions inside a ValueSet are not parsed"),
    "vs-bad-ecl": (True, "SNOMED's expression language is not parsed"),
    "contract-binding-test": (True, "only required bindings are checked against code lists"),
}


def cases():
    if not CASES.exists():
        return []
    listed = json.loads((CASES / "manifest.subset.json").read_text())["test-cases"]
    return [case for case in listed if case.get("module") != "cdshooks" and case["file"].endswith(".json")]


def java_says(case):
    """Whether Java finds no error; None where its outcome is not beside the case."""
    found = case.get("java")
    if isinstance(found, str):
        path = CASES / "outcomes" / found
        if not path.exists():
            return None
        found = {"outcome": json.loads(path.read_text())}
    outcome = (found or {}).get("outcome", {})
    if outcome.get("resourceType") != "OperationOutcome":
        return None
    return not any(issue["severity"] in ("error", "fatal") for issue in outcome.get("issue", []))


def we_say(case):
    try:
        return validate.problems(wire.loads((CASES / case["file"]).read_bytes())) == []
    except CareError:
        return False


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_we_agree_with_java_or_say_why_not(case):
    java = java_says(case)
    expected = DIFFERENT[case["name"]][0] if case["name"] in DIFFERENT else java
    if expected is None:
        pytest.skip("Java's outcome is not beside the case")
    assert we_say(case) == expected
