"""An instrument written for one test: its four files, in a content folder of its own."""

from __future__ import annotations

import textwrap
from pathlib import Path

from careloop.library.instruments import Instrument, load_instrument

HEAD = """
id: tried
version: 1
title: Tried
short: Tried
about: A test.
minutes: 1
wording: {en: own, es: own}
copyright: None.
"""
SPANISH = """
title: Probado
short: Probado
about: Una prueba.
copyright: Ninguno.
"""
ANSWERS = """
answers:
  how:
    - {code: never, text: Never, value: 0}
    - {code: some, text: Some, value: 1}
    - {code: much, text: Much, value: 2}
  yes-no:
    - {code: "yes", text: "Yes"}
    - {code: "no", text: "No"}
items:
"""
SPANISH_ANSWERS = """
answers:
  how: {never: Nunca, some: Algo, much: Mucho}
  yes-no: {"yes": Sí, "no": "No"}
items:
"""
MISSING = "missing: {allowed: 0, because: {en: Missing., es: Falta.}}"
SOURCE = "source: A test."
OBSERVED = "observation: {text: Tried}"


def write(root: Path, items: dict[str, str], scoring: str, helps: str = "") -> Path:
    """items: id -> the rest of its line (`type: choice, answers: how`). Returns the instrument's folder."""
    folder = root / "instruments" / "tried"
    (folder / "cases").mkdir(parents=True)
    lines = [f"  - {{id: {name}, text: About {name}, {rest}}}\n" for name, rest in items.items()]
    spanish = [f"  {name}: De {name}\n" for name in items]
    (folder / "questionnaire.yaml").write_text(HEAD + ANSWERS + "".join(lines), "utf-8")
    (folder / "es.yaml").write_text(SPANISH + SPANISH_ANSWERS + "".join(spanish) + helps, "utf-8")
    (folder / "scoring.yaml").write_text(textwrap.dedent(scoring), "utf-8")
    (folder / "SOURCE.md").write_text("# Tried\n\n- **Source.** A test.\n", "utf-8")
    return folder


def made(root: Path, items: dict[str, str], scoring: str) -> Instrument:
    return load_instrument(write(root, items, scoring), root)
