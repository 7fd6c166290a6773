"""A proposed change to a line that stands: how FHIR keeps it, what it would make of the line, and what it made. Pure.

It is a Task that asks for a change (intent proposal, code change-line or end-line): `focus` is the line, `input` what
becomes different. Accepted it is completed, and the line itself has a new version that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, day, ref, text_of
from careloop.fhir.translation import translate, translated
from careloop.library import Words

Act = Literal["change", "end"]
CODES: Final[dict[str, Act]] = {"change-line": "change", "end-line": "end"}
CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"


@dataclass(frozen=True, repr=False)
class LineChange:
    """on: reference of the line. due: the new day. below: the new number of a goal's target. owner: reference and name,
    ("", "") for nobody in particular. text: other words. None: stays as it is."""

    act: Act
    on: str
    due: date | None = None
    below: Decimal | None = None
    owner: tuple[str, str] | None = None
    text: Words | None = None

    @property
    def key(self) -> str:
        return f"{self.act}:{self.on}"

    def __repr__(self) -> str:
        return f"LineChange({self.key})"


def change_task(
    change: LineChange,
    *,
    person: str,
    dedupe: str,
    shown: Words,
    because: Words,
    source: str,
    evidence: tuple[str, ...] = (),
) -> Resource:
    """shown: what the line says now. evidence: what led here; the first is the reason."""
    why: Resource = {"url": uris.BECAUSE, "valueString": because.en}
    translate(why, "valueString", "es", because.es)
    reason: Resource = {"text": because.en}
    translate(reason, "text", "es", because.es)
    concept = codeable(uris.WORK_CODE, f"{change.act}-line", shown.en)
    translate(concept, "text", "es", shown.es)
    task: Resource = {
        "resourceType": "Task",
        "identifier": [{"system": uris.DEDUPE, "value": f"{dedupe}:{change.key}"}],
        "extension": [
            why,
            {"url": uris.SOURCE, "valueString": source},
            {"url": uris.CLASS, "valueCode": WorkClass.ROUTINE.code},
        ],
        "status": "draft",
        "intent": "proposal",
        "code": concept,
        "description": shown.en,
        "focus": ref(change.on),
        "for": ref(person),
        "reasonCode": reason,
    }
    if evidence:
        task["reasonReference"] = ref(evidence[0])
    with_change(task, change)
    for each in evidence[1:]:
        task.setdefault("input", []).append(_input("reason", "Reference", ref(each)))
    return task


def change_of(task: Resource) -> LineChange | None:
    """None for any other Task."""
    act = CODES.get(code_in(task.get("code"), uris.WORK_CODE) or "")
    on = (task.get("focus") or {}).get("reference")
    if task.get("resourceType") != "Task" or act is None or not on:
        return None
    said: dict[str, Any] = {}
    for each in task.get("input", ()):
        name = code_in(each.get("type"), uris.TASK_IO) or ""
        said.setdefault(name, each)
    owner, text = said.get("owner", {}).get("valueReference"), said.get("text")
    below = said.get("below", {}).get("valueDecimal")
    return LineChange(
        act,
        str(on),
        day(said.get("due", {}).get("valueDate")),
        Decimal(str(below)) if below is not None else None,
        (str(owner.get("reference", "")), str(owner.get("display", ""))) if owner is not None else None,
        Words(text["valueString"], translated(text, "valueString", "es") or "") if text else None,
    )


def with_change(task: Resource, change: LineChange) -> None:
    """Writes what becomes different into the Task."""
    kept = [e for e in task.get("input", ()) if code_in(e.get("type"), uris.TASK_IO) not in _PARTS]
    if change.due:
        kept.append(_input("due", "Date", change.due.isoformat()))
    if change.below is not None:
        kept.append(_input("below", "Decimal", change.below))
    if change.owner is not None:
        reference, name = change.owner
        kept.append(
            _input("owner", "Reference", ref(reference, name) if reference else {"display": name or "—"})
        )
    if change.text is not None:
        said = _input("text", "String", change.text.en)
        translate(said, "valueString", "es", change.text.es or None)
        kept.append(said)
    task.pop("input", None)
    if kept:
        task["input"] = kept


_PARTS: Final = frozenset({"due", "below", "owner", "text"})


def _input(name: str, kind: str, value: Any) -> Resource:
    return {"type": codeable(uris.TASK_IO, name), f"value{kind}": value}


# --- what it makes of the line


def applied(line: Resource, change: LineChange, because: Words, at: str) -> Resource:
    """A copy of the line as it becomes. at: an instant, for what ends. The hours of a step's new day are the action's
    matter: they hang on the person's zone."""
    made = {**line, "extension": list(line.get("extension", ()))}
    if not made["extension"]:
        del made["extension"]
    if change.act == "end":
        return _ended(made, because, at)
    if change.text is not None:
        _reword(made, change.text)
    if made["resourceType"] == "Goal":
        _retarget(made, change)
    elif made["resourceType"] == "Task":
        if change.due:
            made["restriction"] = {"period": {"end": change.due.isoformat()}}
        if change.owner is not None:
            _give(made, *change.owner)
        made["lastModified"] = at
    return made


def _reword(line: Resource, text: Words) -> None:
    name = "description" if line["resourceType"] == "Goal" else "code"
    concept = {**line[name], "text": text.en}
    translate(concept, "text", "es", text.es or None)
    line[name] = concept
    if line["resourceType"] == "Task":
        line["description"] = text.en


def _retarget(goal: Resource, change: LineChange) -> None:
    first, *rest = goal.get("target") or [{}]
    target = dict(first)
    if change.due:
        target["dueDate"] = change.due.isoformat()
    if change.below is not None and "detailQuantity" in target:
        number = change.below
        whole = int(number) if number == number.to_integral_value() else number
        target["detailQuantity"] = {**target["detailQuantity"], "value": whole}
    if target:
        goal["target"] = [target, *rest]


def _give(task: Resource, reference: str, name: str) -> None:
    if reference:
        task["owner"] = ref(reference, name or None)
    else:
        task.pop("owner", None)
    if task.get("status") in ("requested", "accepted"):
        task["status"] = "accepted" if "owner" in task else "requested"


def _ended(line: Resource, because: Words, at: str) -> Resource:
    match line["resourceType"]:
        case "Condition":
            line["clinicalStatus"] = codeable(CLINICAL, "inactive")
            line["abatementDateTime"] = at
        case "Goal":
            line["lifecycleStatus"] = "cancelled"
            line["statusDate"] = at[:10]
            line["statusReason"] = because.en
        case _:
            reason: Resource = {**codeable(uris.REASON, "not-fitting"), "text": because.en}
            translate(reason, "text", "es", because.es)
            line["status"] = "cancelled"
            line["statusReason"] = reason
            line["executionPeriod"] = {**line.get("executionPeriod", {}), "end": at}
            line["lastModified"] = at
    return line


def shown_words(line: Resource) -> Words:
    """What a line says, in both languages; Spanish falls back to English."""
    concept = line.get("description") if line.get("resourceType") == "Goal" else line.get("code")
    concept = concept if isinstance(concept, dict) else {}
    text = text_of(concept)
    return Words(text, translated(concept, "text", "es") or text)
