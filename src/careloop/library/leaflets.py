"""Leaflets: what a person takes home. content/education/<id>.yaml, in plain words, English and Spanish, with source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from careloop.library.reading import Node, Words, read_one


@dataclass(frozen=True)
class Part:
    """heading: may be empty. lines: a list, in the order to read."""

    heading: Words
    lines: tuple[Words, ...]


@dataclass(frozen=True)
class Leaflet:
    id: str
    title: Words
    about: Words
    parts: tuple[Part, ...]
    source: str
    reviewed: str


def load_leaflet(path: Path, root: Path) -> Leaflet:
    """Raises BrokenContent with file and line."""
    keys = read_one(path, root).mapping(("id", "title", "about", "parts", "source", "reviewed"))
    if keys["id"].text() != path.stem:
        keys["id"].fail(f"The id is not the name of its file, “{path.stem}”.")
    return Leaflet(
        path.stem,
        keys["title"].words(),
        keys["about"].words(),
        tuple(_part(each) for each in keys["parts"].sequence()),
        keys["source"].text(),
        keys["reviewed"].text(),
    )


def _part(node: Node) -> Part:
    keys = node.mapping(("heading", "lines"))
    return Part(keys["heading"].words(), tuple(each.words() for each in keys["lines"].sequence()))
