"""Spanish is written for every sentence a page may say. Run this file alone to see what is missing, and where."""

from __future__ import annotations

import re

from tests.web.words_of_pages import catalogs, everything_said, missing

HOLE = re.compile(r"%\(\w+\)[sd]")


def test_every_sentence_has_its_spanish() -> None:
    known = catalogs()
    assert "shell" in known
    absent = sorted(
        {(said.where.split(":")[0], said.text) for said in everything_said() if missing(said, known)}
    )
    told = "\n".join(f"{where}: {text!r}" for where, text in absent)
    assert not absent, f"{len(absent)} sentences without Spanish\n{told}"


def test_what_is_filled_in_is_the_same_in_both_languages() -> None:
    for part, catalog in catalogs().items():
        for message in catalog:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            wanted = set(HOLE.findall(" ".join(ids)))
            for string in strings:
                assert set(HOLE.findall(string)) <= wanted, f"{part}: {ids[0]!r}"
                assert wanted <= set(HOLE.findall(string)) or len(strings) == 2, f"{part}: {ids[0]!r}"


def test_no_two_parts_say_the_same_sentence_differently() -> None:
    found: dict[tuple[str, str | None], tuple[str, object]] = {}
    for part, catalog in catalogs().items():
        for message in catalog:
            if not message.id:
                continue
            key = (str(message.id), message.context)
            other = found.setdefault(key, (part, message.string))
            assert other[1] == message.string, (
                f"{key[0]!r}: {other[0]} says {other[1]!r}, {part} says {message.string!r}"
            )
