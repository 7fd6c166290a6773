"""The fields of a person at the front door, in the order in which one asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy

from careloop.care.register import LANGUAGES, PRONOUNS, Told
from careloop.projections.languages import language_name

Choice = tuple[str, str]


@dataclass(frozen=True)
class Field:
    """kind: text, date, select or check. width: full, half, third. value: "1" of a check that is set."""

    name: str
    label: str
    kind: str = "text"
    width: str = "full"
    help: str = ""
    autocomplete: str = "off"
    inputmode: str = ""
    choices: tuple[Choice, ...] = ()
    value: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Group:
    title: str
    fields: tuple[Field, ...]


def groups(
    typed: Mapping[str, object], problems: Mapping[str, str], *, is_brief: bool = False
) -> list[Group]:
    """typed: what stands in them. problems: by field, an English msgid. is_brief: who and how to reach her only."""
    found = [
        Group(gettext("Who"), _who()),
        Group(gettext("How to reach this person"), _reach()),
        Group(gettext("Where this person lives"), _home()),
        Group(gettext("How we talk"), _talk()),
    ]
    kept = found[:3] if is_brief else found
    return [
        Group(group.title, tuple(_filled(each, typed, problems) for each in group.fields)) for group in kept
    ]


def _filled(field: Field, typed: Mapping[str, object], problems: Mapping[str, str]) -> Field:
    value = typed.get(field.name, "")
    text = "1" if value is True or (field.kind == "check" and value) else str(value or "")
    problem = problems.get(field.name, "")
    choices = field.choices
    if field.kind == "select" and text and text not in {code for code, _ in choices}:
        choices = (*choices, (text, text))
    return replace(field, value=text, problem=gettext(problem) if problem else "", choices=choices)


def _who() -> tuple[Field, ...]:
    return (
        Field("given", gettext("First name"), width="half"),
        Field("family", gettext("Last name"), width="half"),
        Field("birth_date", gettext("Birth date"), "date", "third"),
        Field("gender", gettext("Sex"), "select", "third", choices=_genders()),
        Field("pronouns", gettext("Pronouns"), "select", "third", choices=_pronouns()),
        Field(
            "mrn",
            gettext("Medical record number"),
            width="half",
            help=gettext("The one of this site, if there is one."),
        ),
    )


def _reach() -> tuple[Field, ...]:
    uses = (
        ("mobile", pgettext("a phone", "mobile")),
        ("home", pgettext("a phone", "home")),
        ("work", pgettext("a phone", "work")),
    )
    return (
        Field("phone", gettext("Phone"), width="half", inputmode="tel"),
        Field("phone_use", gettext("This phone is"), "select", "half", choices=uses),
        Field("other_phone", gettext("Another phone"), width="half", inputmode="tel"),
        Field("email", gettext("Email"), width="half", inputmode="email"),
        Field(
            "reach",
            gettext("When and how to reach this person"),
            help=gettext("“After 4 pm; her daughter picks up.” It stands on the card."),
        ),
    )


def _home() -> tuple[Field, ...]:
    return (
        Field(
            "street",
            gettext("Street"),
            help=gettext("The ZIP code tells the time zone that deadlines are counted in."),
        ),
        Field("city", gettext("City"), width="third"),
        Field("state", gettext("State"), width="third"),
        Field("postal_code", gettext("ZIP code"), width="third", inputmode="numeric"),
    )


def _talk() -> tuple[Field, ...]:
    return (
        Field("language", gettext("Language"), "select", "half", choices=_languages()),
        Field("interpreter", gettext("Needs an interpreter"), "check", "half"),
    )


def _genders() -> tuple[Choice, ...]:
    return (
        ("", gettext("not asked")),
        ("female", pgettext("sex", "female")),
        ("male", pgettext("sex", "male")),
        ("other", pgettext("sex", "other")),
        ("unknown", pgettext("sex", "unknown")),
    )


def _pronouns() -> tuple[Choice, ...]:
    return (("", gettext("not asked")), *((each, each) for each in PRONOUNS))


def _languages() -> tuple[Choice, ...]:
    named = [(code, language_name(code)) for code in LANGUAGES if code != "ase"]
    sign = ("ase", pgettext("a language", "American Sign Language"))
    return (("", gettext("not asked")), *sorted(named, key=lambda each: each[1].casefold()), sign)


# What changed meanwhile, by field
LABELS: Mapping[str, object] = {
    "given": gettext_lazy("First name"),
    "family": gettext_lazy("Last name"),
    "birth_date": gettext_lazy("Birth date"),
    "gender": gettext_lazy("Sex"),
    "mrn": gettext_lazy("Medical record number"),
    "phone": gettext_lazy("Phone"),
    "phone_use": gettext_lazy("This phone is"),
    "other_phone": gettext_lazy("Another phone"),
    "email": gettext_lazy("Email"),
    "street": gettext_lazy("Street"),
    "city": gettext_lazy("City"),
    "state": gettext_lazy("State"),
    "postal_code": gettext_lazy("ZIP code"),
    "language": gettext_lazy("Language"),
    "interpreter": gettext_lazy("Needs an interpreter"),
    "pronouns": gettext_lazy("Pronouns"),
    "reach": gettext_lazy("When and how to reach this person"),
}
NOTHING = pgettext_lazy("a field without a value", "empty")


def differences(before: Told, after: Told) -> tuple[str, ...]:
    """“Phone: now (713) 555-0142.”"""
    return tuple(
        gettext("%(field)s: now %(value)s.") % {"field": label, "value": getattr(after, name) or NOTHING}
        for name, label in LABELS.items()
        if getattr(before, name) != getattr(after, name)
    )


def summary(problems: Mapping[str, str], order: Iterable[Group]) -> Sequence[tuple[str, str]]:
    """For the error summary, in the order of the page."""
    names = [each.name for group in order for each in group.fields]
    known = sorted(problems, key=lambda name: names.index(name) if name in names else len(names))
    return [(f"field-{name}", gettext(problems[name])) for name in known]
