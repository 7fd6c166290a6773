"""What a file is by its first bytes, whatever it is called and whatever the browser said (TRUST 17)."""

from __future__ import annotations

import re
from typing import Final, Literal

Kind = Literal[
    "pdf", "png", "jpeg", "gif", "webp", "zip", "gzip", "html", "xml", "json", "text", "program", "unknown"
]

_MARKS: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x7fELF", "program"),
    (b"#!", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"\xd0\xcf\x11\xe0", "program"),  # old Office files, which may carry macros
)
_MARKUP: Final = re.compile(
    rb"<(?:!doctype|html|head|body|script|style|iframe|svg|img|object|embed|link|meta|form|a\s|div|table)",
    re.IGNORECASE,
)
# What a browser may be told a saved file is; anything else is just bytes.
CONTENT_TYPES: Final[dict[Kind, str]] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "text": "text/plain; charset=utf-8",
}


def kind_of(data: bytes) -> Kind:
    """By its beginning; a text with markup anywhere in its first kilobytes is markup."""
    for mark, kind in _MARKS:
        if data.startswith(mark):
            return kind
    if data[:2] == b"MZ" and b"\0" in data[:128]:
        return "program"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MARKUP.search(head):
        return "html"
    if head.startswith(b"<"):
        return "xml"
    if head[:1] in (b"{", b"["):
        return "json"
    return "text" if _is_text(data[:4096]) else "unknown"


def content_type(data: bytes) -> str:
    """What it may be served as, as an attachment and with nosniff."""
    return CONTENT_TYPES.get(kind_of(data), "application/octet-stream")


def _is_text(head: bytes) -> bool:
    if b"\0" in head or any(byte < 9 or 13 < byte < 32 for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as cut:
        return cut.start >= len(head) - 3
    return True
