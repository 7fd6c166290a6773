"""What clinicians can read, review and change (content/), loaded, checked and compiled at start-up.

`load()` once; the server keeps what it returns. Anything wrong is refused with file and line: an unknown key
or operator, an id said twice, a reference that leads nowhere, a missing translation, a missing SOURCE.md.
"""

from careloop.library.conditions import Condition
from careloop.library.loading import Library, content_path, load
from careloop.library.reading import BrokenContent, Words
from careloop.library.rules import NoSuchRule, Rule

__all__ = [
    "BrokenContent",
    "Condition",
    "Library",
    "NoSuchRule",
    "Rule",
    "Words",
    "content_path",
    "load",
]
