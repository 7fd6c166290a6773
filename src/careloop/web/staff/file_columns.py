"""The columns of a file that somebody sent up, and what each is taken for: of a panel, of readings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

from careloop.actions.panel_file import Panel

SAMPLES: Final = 3


@dataclass(frozen=True, repr=False)
class Column:
    """number: in the file. field: what it is taken for, empty when it is left out."""

    number: int
    name: str
    samples: tuple[str, ...]
    field: str


def columns_of(file: Panel, mapped: Mapping[str, int]) -> list[Column]:
    """mapped: field -> number of the column."""
    by_number = {number: name for name, number in mapped.items()}
    return [Column(n, name, _samples(file, n), by_number.get(n, "")) for n, name in enumerate(file.columns)]


def _samples(file: Panel, number: int) -> tuple[str, ...]:
    first = [cells for _, cells in file.rows[:SAMPLES]]
    return tuple(cells[number] for cells in first if number < len(cells) and cells[number])


def mapped_of(request: HttpRequest, file: Panel, known: Collection[str]) -> dict[str, int]:
    """As the form says. The first column that claims a field has it."""
    mapped: dict[str, int] = {}
    for number in range(len(file.columns)):
        name = request.POST.get(f"column-{number}", "")
        if name in known:
            mapped.setdefault(name, number)
    return mapped
