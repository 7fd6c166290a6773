"""Who interpreted: written as FHIR keeps it, read back, also when another system wrote it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from careloop.care.interpreted import PARTICIPANT, WAYS, Interpreted, interpreted_in, write_interpreted

TELLS = st.builds(
    Interpreted,
    st.sampled_from(("", *WAYS)),
    st.text(max_size=60).map(str.strip),
    st.sampled_from(("", "es", "vi", "ht")),
)


@given(TELLS)
def test_what_is_written_reads_back(told: Interpreted) -> None:
    encounter: dict[str, Any] = {"participant": [{"individual": {"reference": "Practitioner/ana"}}]}
    write_interpreted(encounter, told)
    assert interpreted_in(encounter) == told
    assert encounter["participant"][0] == {"individual": {"reference": "Practitioner/ana"}}
    assert Interpreted.from_token(told.token()) == told


def test_a_visit_that_another_system_sent_names_its_interpreter() -> None:
    sent = {
        "participant": [
            {
                "type": [{"coding": [{"system": PARTICIPANT, "code": "translator"}]}],
                "individual": {"display": "Language line"},
            }
        ]
    }
    assert interpreted_in(sent) == Interpreted("", "Language line", "")


def test_a_contact_without_one_has_none_and_other_words_are_no_token() -> None:
    assert interpreted_in({"participant": [{"individual": {"display": "Rosa"}}]}) is None
    assert interpreted_in({}) is None
    assert Interpreted.from_token("interpreted by Rosa: on the phone") is None
    assert Interpreted.from_token("") is None
