"""A compiled form as JSON: all that a script needs to ask it without a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from careloop.fhir.questionnaire.asking import is_out_of_sight
from careloop.fhir.questionnaire.form import ABSENT, Form, Item, Media, Option
from careloop.fhir.questionnaire.values import option_value


def packed(form: Form) -> dict[str, Any]:
    """Plain JSON: numbers, texts, lists and objects. items: in the order they are asked, each with its parent; `when`
    as R4 has it, with the value in FHIR; options with the key that an answer keeps. order: linkIds so that each comes
    after what it hangs on. needs_server: linkIds whose asking, value or answers hang on an expression; a script asks
    them (rather one too many) and leaves their values to the server. Answers go back under the same keys."""
    return {
        "canonical": form.canonical,
        "items": [_item(form, item) for item in form.items],
        "order": list(form.order),
        "repeating": sorted(form.repeating),
        "needs_server": [item.link_id for item in form.items if _needs_server(item)],
        "reasons": sorted(ABSENT),
    }


def _needs_server(item: Item) -> bool:
    return bool(item.asked_if or item.calculation or item.answer_expression or item.toggles)


def _item(form: Form, item: Item) -> dict[str, Any]:
    made: dict[str, Any] = {
        "linkId": item.link_id,
        "type": item.type,
        "text": {"": item.text, **item.texts},
        "help": dict(item.helps),
        "html": item.html,
        "prefix": item.prefix,
        "control": item.control,
        "parent": item.parent,
        "in": list(item.containers),
        "required": item.is_required,
        "repeats": item.repeats,
        "asked": item.is_answered_here and not is_out_of_sight(form, item),
        "hidden": is_out_of_sight(form, item),
        "options": [_option(option) for option in item.options],
        "when": [
            {"question": each.question, "operator": each.operator, "value": _plain(each.value)}
            for each in item.when
        ],
        "all": item.needs_all,
        "minimum": _plain(item.minimum),
        "maximum": _plain(item.maximum),
        "maxLength": item.max_length,
        "minLength": item.min_length,
        "decimals": item.decimals,
        "minOccurs": item.min_occurs,
        "maxOccurs": item.max_occurs,
        "step": _plain(item.step),
        "ends": list(item.ends),
        "units": [{"code": each.code, "system": each.system, "text": each.text} for each in item.units],
        "kinds": list(item.kinds),
        "maxBytes": item.max_bytes,
        "media": _media(item.media),
    }
    # A lowest number of 0 says something; nothing, "" and False do not.
    return {name: each for name, each in made.items() if not (each is False or each in (None, "", [], {}))}


def _option(option: Option) -> dict[str, Any]:
    made = {
        "key": option.key,
        "text": {"": option.text, **option.texts},
        "value": _plain(option_value(option)),
        "as": option.value_key,
        "points": _plain(option.ordinal),
        "alone": option.is_exclusive,
        "prefix": option.prefix,
        "media": _media(option.media),
    }
    return {name: value for name, value in made.items() if value not in (None, "", False)}


def _media(media: Media | None) -> dict[str, str] | None:
    if media is None:
        return None
    return {"kind": media.kind, "title": media.title, "url": media.url, "data": media.data}


def _plain(value: Any) -> Any:
    """Exact numbers as texts where JSON's would round them."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return str(value)
