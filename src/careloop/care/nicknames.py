"""Given names that call the same person. Only pairs that leave no doubt; a doubt is a person's to settle."""

from __future__ import annotations

from typing import Final

_SETS: Final = (
    "robert bob rob bobby robbie",
    "william bill will billy liam",
    "james jim jimmy jamie",
    "john jack johnny",
    "richard rick dick richie",
    "michael mike mickey",
    "joseph joe joey",
    "thomas tom tommy",
    "charles charlie chuck",
    "edward ed eddie ted",
    "anthony tony",
    "daniel dan danny",
    "matthew matt",
    "david dave",
    "steven stephen steve",
    "kenneth ken kenny",
    "ronald ron ronnie",
    "gregory greg",
    "samuel sam sammy",
    "benjamin ben",
    "elizabeth liz beth betty lizzie eliza",
    "margaret maggie peggy meg",
    "katherine catherine kathryn kathy cathy kate katie",
    "patricia pat patty trish",
    "barbara barb",
    "susan sue susie",
    "deborah debra deb debbie",
    "jennifer jen jenny",
    "rebecca becky becca",
    "dorothy dot dottie",
    "francisco paco pancho frank",
    "jose pepe",
    "guadalupe lupe lupita",
    "maria mary",
    "dolores lola",
    "rosario chayo",
    "ignacio nacho",
    "jesus chuy",
    "enrique quique henry",
    "alejandro alex",
    "isabel chabela",
    "concepcion concha",
)
FORMS: Final[dict[str, frozenset[int]]] = {
    name: frozenset(n for n, names in enumerate(_SETS) if name in names.split())
    for names in _SETS
    for name in names.split()
}


def same_person_name(one: str, other: str) -> bool:
    return bool(FORMS.get(one, frozenset()) & FORMS.get(other, frozenset()))
