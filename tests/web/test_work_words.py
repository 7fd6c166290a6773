"""A to-do is called in the reader's language, whoever wrote its title: a rule, a plan's template, an alarm."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils.translation import override

from careloop.web.work_words import FIXED, work_title

SOURCE = Path(__file__).resolve().parents[2] / "src" / "careloop"


@pytest.mark.parametrize(
    ("title", "spanish"),
    [
        ("Call after discharge", "Llamar después del alta"),
        (
            "Review a discharge: window closed, zone unknown",
            "Revisar un alta: el plazo ya pasó y no se sabe la zona horaria",
        ),
        ("Find a pantry or meals for this week", "Encontrar una despensa o comidas para esta semana"),
        ("What somebody wrote herself", "What somebody wrote herself"),
        ("", ""),
    ],
)
def test_in_spanish(title: str, spanish: str) -> None:
    with override("es"):
        assert work_title(title) == spanish
    with override("en"):
        assert work_title(title) == title


def test_no_fixed_title_is_forgotten() -> None:
    """Each constant `title=` of care, actions and reactions has its Spanish."""
    written: set[str] = set()
    for folder in ("care", "actions", "reactions", "jobs", "connect"):
        for path in (SOURCE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Work":
                    named = {each.arg: each.value for each in node.keywords}
                    title = named.get("title")
                    if isinstance(title, ast.Constant) and isinstance(title.value, str):
                        written.add(title.value)
    assert written
    assert written <= set(FIXED)
