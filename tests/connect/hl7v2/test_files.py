"""Files as hospitals hand them over: one message or many, framed or bare, in a batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from careloop.connect.hl7v2.files import messages_in
from careloop.connect.hl7v2.parse import framed
from careloop.server.imports import import_hl7_files
from tests.connect.hl7v2.messages import Hospital, adt

A01, A03 = adt("A01"), adt("A03", left="Nov 20 16:20", to="01")


@pytest.mark.parametrize(
    "data",
    [
        A01 + A03,
        A01.replace(b"\r", b"\n") + b"\n\n" + A03.replace(b"\r", b"\n"),
        framed(A01) + framed(A03),
        framed(A01) + b"\n" + framed(A03) + b"\n",
        b"\xef\xbb\xbf" + A01 + A03,
        b"FHS|^~\\&|EPIC\rBHS|^~\\&|EPIC\r" + A01 + A03 + b"BTS|2\rFTS|1\r",
    ],
    ids=["bare", "by lines", "framed", "framed, with line ends", "with a mark", "a batch"],
)
def test_each_message_of_a_file_comes_out_by_itself(data: bytes) -> None:
    found = [message.replace(b"\n", b"\r").strip(b"\r") for message in messages_in(data)]
    assert found == [A01.strip(b"\r"), A03.strip(b"\r")]


def test_what_is_no_message_is_not_dropped() -> None:
    assert messages_in(b"hello") == [b"hello"]
    assert messages_in(b"hello\r" + A01) == [b"hello\r", A01]
    assert messages_in(b"") == []
    assert messages_in(b"\r\n") == []


def test_a_file_goes_the_same_way_as_a_message_and_says_what_became_of_it(
    hospital: Hospital, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, mixed = tmp_path / "good.hl7", tmp_path / "mixed.hl7"
    good.write_bytes(A01 + A03)
    mixed.write_bytes(A01 + adt("A02"))
    assert import_hl7_files([good], "stlukes") == 0
    assert "2 taken in, 0 known already" in capsys.readouterr().out
    assert hospital.one("Encounter")["status"] == "finished"
    assert import_hl7_files([mixed], "stlukes") == 1
    told = capsys.readouterr()
    assert "0 taken in, 1 known already, 0 in error, 1 not acted on" in told.out
    assert "mixed.hl7, message 2: AR: Careloop does not act on this kind of message yet." in told.err
