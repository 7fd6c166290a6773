"""XML from outside: no document type, no entities, nothing fetched, nothing included, not too deep (TRUST 16)."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # it has no stubs
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # it has no stubs

from careloop.kernel.errors import CareError

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_DEPTH: Final = 64
MOST_ELEMENTS: Final = 200_000
_XINCLUDE: Final = "{http://www.w3.org/2001/XInclude}"


class BadXml(CareError):
    """This XML was refused; nothing of it was kept."""

    code, status, issue_type = "bad-xml", 422, "structure"


def parse(data: bytes) -> Element:
    """The root element. Raises BadXml."""
    if len(data) > MOST_BYTES:
        raise BadXml("It is larger than 10 MB.")
    try:
        root: Element = fromstring(data, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as refused:
        raise BadXml("It brings a document type or entities of its own; send it without.") from refused
    except (ParseError, ValueError, LookupError) as broken:
        raise BadXml("It is not well-formed XML.") from broken
    except RecursionError as deep:
        raise BadXml("It is nested too deep.") from deep
    _check(root)
    return root


def _check(root: Element) -> None:
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MOST_DEPTH or count > MOST_ELEMENTS:
            raise BadXml("It is nested too deep, or has too many elements.")
        if any(str(element.tag).startswith(_XINCLUDE) for element in level):
            raise BadXml("It asks for other files to be included.")
        level = [child for element in level for child in element]
