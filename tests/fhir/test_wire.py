"""JSON in and out: exact, and closed to everything that would surprise somebody later."""

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.fhir import wire
from careloop.kernel.errors import CareError


def body(inner: str) -> str:
    return '{"resourceType":"Basic","x":' + inner + "}"


def test_a_decimal_keeps_its_zeros():
    assert wire.dumps(wire.loads(body("1.10"))) == body("1.10").encode()
    assert wire.loads(body("1.10"))["x"] == Decimal("1.10")


def test_a_byte_order_mark_is_tolerated():
    assert wire.loads(b"\xef\xbb\xbf" + body("1").encode())["x"] == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"[1]", "Send one resource"),
        (b'{"a":1}', "resourceType"),
        (b'{"resourceType":', "Line 1"),
        (body('{"a":1,"a":2}').encode(), "“a” comes twice"),
        (body("NaN").encode(), "NaN is not a number"),
        (body("-Infinity").encode(), "Infinity"),
        (body("1e999999999").encode(), "larger, smaller or longer"),
        (body("1e-301").encode(), "larger, smaller or longer"),
        (body("9" * 5000).encode(), "larger, smaller or longer"),
        (body('"\\u0000"').encode(), "NUL"),
        (body('"a\x00b"').encode(), "control character"),
        (body('"\\ud83d"').encode(), "surrogate"),
        (body('"\\ude00"').encode(), "surrogate"),
        (body('"\\ud83d x \\ude00"').encode(), "surrogate"),
        (body('"\ud83d"'), "surrogate"),
        (body('"').encode() + b"\xff" + b'"}', "UTF-8"),
        (b"[" * 100_000, "64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "64 levels"),
        (body("1").encode() + b"x", "more after the end"),
    ],
)
def test_what_is_not_strict_json_is_refused_in_words(data, says):
    started = time.perf_counter()
    with pytest.raises(wire.MalformedBody) as refused:
        wire.loads(data)
    assert says in str(refused.value)
    assert refused.value.status == 400
    assert time.perf_counter() - started < 1


def test_sixty_four_levels_are_taken_and_brackets_in_texts_do_not_count():
    assert wire.loads(b'{"resourceType":"A","a":' * 64 + b"1" + b"}" * 64)
    assert wire.loads(body('"' + "[{" * 500 + '\\"[["'))["x"].endswith('"[[')


def test_an_escaped_backslash_is_no_escape():
    assert wire.loads(body(r'"\\u0000"'))["x"] == r"\u0000"
    assert wire.loads(body(r'"\ud83d\ude00"'))["x"] == "😀"


def test_too_much_is_refused_as_too_much():
    with pytest.raises(wire.TooLarge) as refused:
        wire.loads(body('"' + "x" * wire.LIMITS.bytes + '"'))
    assert refused.value.status == 413
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{}] * 1001}
    with pytest.raises(wire.TooLarge, match="1,000 entries"):
        wire.loads(json.dumps(bundle))
    assert wire.loads(json.dumps(bundle), limits=wire.FILE_LIMITS)


decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=4)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | decimals | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_everything_written_is_read_back_equal(value):
    assert wire.loads(wire.dumps({"resourceType": "Basic", "x": value}))["x"] == value


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_at_all_bring_it_down(data):
    try:
        wire.loads(data)
    except CareError as refused:
        assert refused.status in (400, 413)  # noqa: PT017 - whatever else is raised fails the test
