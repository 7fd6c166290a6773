"""Every sentence that a page may say, where it is said, and whether the catalogs have it in Spanish."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

SOURCE = Path(__file__).resolve().parents[2] / "src" / "careloop"
WEB = SOURCE / "web"
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


@dataclass(frozen=True)
class Said:
    """text: the msgid; plural: its second form. where: path:line, below src/careloop."""

    text: str
    plural: str
    context: str | None
    where: str


def in_python(path: Path) -> Iterator[Said]:
    with path.open("rb") as source:
        yield from _extracted(source, path)


def in_template(path: Path) -> Iterator[Said]:
    """Django turns a template into something like Python; its lines are put at the margin, so that it can be read."""
    flat = "\n".join(line.lstrip() for line in templatize(path.read_text("utf-8")).splitlines())
    yield from _extracted(io.BytesIO(flat.encode()), path)


def _extracted(source: Any, path: Path) -> Iterator[Said]:
    for line, texts, _, context in extract(
        "python", source, keywords=KEYWORDS, options={"encoding": "utf-8"}
    ):
        text, plural = texts[:2] if isinstance(texts, tuple) else (texts, "")
        yield Said(text, plural, context, f"{path.relative_to(SOURCE)}:{line}")


def of_errors() -> Iterator[Said]:
    """Errors are sentences: the docstring of the class, then the words it is raised with. What only a command or a
    program hears stays English."""
    trees = {
        path.relative_to(SOURCE): ast.parse(path.read_text("utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
        if not UNSEEN & {*path.relative_to(SOURCE).parts}
    }
    classes = [
        (path, node)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and (node.name == "CareError" or _has_code(node))
    ]
    for path, node in classes:
        yield Said((ast.get_docstring(node) or "").strip().splitlines()[0], "", None, f"{path}:{node.lineno}")
    names = {node.name for _, node in classes}
    for path, tree in trees.items():
        for raised in ast.walk(tree):
            if isinstance(raised, ast.Raise) and isinstance(raised.exc, ast.Call):
                name, told = getattr(raised.exc.func, "id", ""), raised.exc.args[:1]
                if name in names and told and isinstance(told[0], ast.Constant) and told[0].value:
                    yield Said(str(told[0].value), "", None, f"{path}:{raised.lineno}")


UNSEEN = {
    "api",
    "connect",
    "server",
    "fhir",
    "jobs",
    "library",
    "store",
    "embedded.py",
    "take_responses.py",
    "actor.py",
    "actors.py",
}


def _has_code(node: ast.ClassDef) -> bool:
    """A member of the family: it sets its stable code."""
    targets = [each for part in node.body if isinstance(part, ast.Assign) for each in part.targets]
    named = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return "code" in named and bool(node.bases)


def of_the_story() -> Iterator[Said]:
    """Titles of moments are fixed sentences, translated when they are shown."""
    path = SOURCE / "projections" / "moments.py"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Moment" and len(node.args) > 3:
            for part in ast.walk(node.args[3]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
                    yield Said(part.value, "", None, f"{path.relative_to(SOURCE)}:{node.lineno}")


def of_tables() -> Iterator[Said]:
    from careloop.actions import complete_work, log_contact
    from careloop.care import workload
    from careloop.projections import moments
    from careloop.store import errors as store_errors
    from careloop.web.staff import changes

    tables: tuple[tuple[str, Any], ...] = (
        ("projections/moments.py", (moments.REACHED, moments.ATTEMPTS, moments.ENDED, moments.EPISODES)),
        ("actions/log_contact.py", (log_contact.OUTCOMES,)),
        ("actions/complete_work.py", (complete_work.WORDS,)),
        ("care/workload.py", (workload.FIRST_BECAUSE,)),
        ("web/staff/changes.py", (changes.STATUS_WORDS,)),
    )
    for where, found in tables:
        for table in found:
            yield from (Said(text, "", None, where) for text in table.values())
    for error in (store_errors.RecordUnavailable, store_errors.AuditUnavailable, store_errors.AlreadyExists):
        yield Said(str(error.__doc__).strip().splitlines()[0], "", None, "store/errors.py")
    yield Said(log_contact.STAYS_OPEN, "", None, "actions/log_contact.py")


def everything_said() -> list[Said]:
    found = [said for path in sorted(WEB.rglob("*.html")) for said in in_template(path)]
    found += [said for path in sorted(WEB.rglob("*.py")) for said in in_python(path)]
    found += [*of_errors(), *of_the_story(), *of_tables()]
    return [said for said in found if said.text]


def catalogs() -> dict[str, Catalog]:
    """Part -> its Spanish catalog."""
    found = {}
    for path in sorted((WEB / "locale").glob("*/es/LC_MESSAGES/django.po")):
        with path.open("rb") as source:
            found[path.parents[2].name] = read_po(source, locale="es")
    return found


def missing(said: Said, known: dict[str, Catalog]) -> bool:
    for catalog in known.values():
        message = catalog.get(said.text, said.context)
        if message is None or message.fuzzy:
            continue
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if all(strings) and (not said.plural or len(strings) == 2):
            return False
    return True
