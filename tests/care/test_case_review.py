"""What was talked over, as words and as a Communication: the one gives the other back."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from careloop.care.case_review import Option, Review, Talk, talk_of, to_communication
from careloop.fhir import validate
from careloop.fhir.elements import ref

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
# As typed and trimmed; no control characters, which the record refuses in any case.
SAID = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60).map(str.strip)
NEEDED = SAID.filter(bool)
OPTIONS = st.builds(Option, NEEDED, SAID, SAID)
REVIEWS = st.builds(Review, SAID, SAID, st.lists(OPTIONS, max_size=3).map(tuple), NEEDED)
TALKS = st.builds(Talk, st.sampled_from(["case-review", "consultation"]), SAID, REVIEWS)


@given(TALKS)
def test_nothing_said_is_lost_and_nothing_is_added(talk: Talk) -> None:
    made = to_communication(talk, "Patient/maria", "Task/case", ref("Practitioner/ana"), NOW)
    assert talk_of(made) == talk


def test_it_is_a_communication_that_anybody_can_read() -> None:
    review = Review(
        "eats late", "a leaflet", (Option("a dietitian", "near", "two buses"),), "dietitian first"
    )
    made = to_communication(
        Talk("case-review", "sugar is high", review),
        "Patient/maria",
        "Task/case",
        ref("Practitioner/ana"),
        NOW,
    )
    validate.check(made)
    assert [each["contentString"] for each in made["payload"]] == [
        *("eats late", "a leaflet", "a dietitian", "near", "two buses", "dietitian first")
    ]


def test_any_other_communication_is_no_talk() -> None:
    assert talk_of({"resourceType": "Communication", "payload": [{"contentString": "Hello"}]}) is None
