"""A protocol's review, as it is given when somebody switches it on: a dictionary of texts, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from careloop.library.protocols import AFTER_HOURS, DAYS, Review
from careloop.library.reading import Words


def review_said(review: Review) -> dict[str, Any]:
    return {
        "owner": review.owner,
        "approved": review.approved.isoformat(),
        "days": [DAYS[each] for each in review.days],
        "opens": review.opens.isoformat("minutes"),
        "closes": review.closes.isoformat("minutes"),
        "path": review.path,
        "after_hours": {"en": review.after_hours.en, "es": review.after_hours.es},
    }


def review_from(told: Mapping[str, Any] | None) -> Review | None:
    """None when anything lacks or can't be read: then it is not reviewed."""
    if not told:
        return None
    try:
        after = told["after_hours"]
        review = Review(
            str(told["owner"]).strip(),
            date.fromisoformat(told["approved"]),
            tuple(sorted(DAYS.index(each) for each in told["days"])),
            time.fromisoformat(told["opens"]),
            time.fromisoformat(told["closes"]),
            str(told["path"]),
            Words(str(after["en"]).strip(), str(after["es"]).strip()),
        )
    except (KeyError, TypeError, ValueError):
        return None
    is_whole = review.owner and review.days and review.opens < review.closes and review.path in AFTER_HOURS
    return review if is_whole and review.after_hours.en else None
