"""What clinicians can read, review and change (content/), loaded, checked and compiled at start-up.

`load()` once; the server keeps what it returns. Anything wrong is refused with file and line: an unknown key
or operator, an id said twice, a reference that leads nowhere, a missing translation, a missing SOURCE.md.
"""

from careloop.library.conditions import Condition
from careloop.library.instruments import Case, Instrument
from careloop.library.leaflets import Leaflet
from careloop.library.loading import Library, content_path, load
from careloop.library.plans import ActionTemplate, GoalTemplate, NeedTemplate, PlanTemplate
from careloop.library.programs import ConsentNeeded, Criterion, InstrumentDue, Outreach, Program, Reason
from careloop.library.questions import Choice, Question
from careloop.library.reading import BrokenContent, Words
from careloop.library.readings import Kind, Measure
from careloop.library.rules import NoSuchRule, Rule
from careloop.library.scoring import Critical, Finding, Next, Scoring
from careloop.library.totals import Band, BandSet, Total

__all__ = [
    "ActionTemplate",
    "Band",
    "BandSet",
    "BrokenContent",
    "Case",
    "Choice",
    "Condition",
    "ConsentNeeded",
    "Criterion",
    "Critical",
    "Finding",
    "GoalTemplate",
    "Instrument",
    "InstrumentDue",
    "Kind",
    "Leaflet",
    "Library",
    "Measure",
    "NeedTemplate",
    "Next",
    "NoSuchRule",
    "Outreach",
    "PlanTemplate",
    "Program",
    "Question",
    "Reason",
    "Rule",
    "Scoring",
    "Total",
    "Words",
    "content_path",
    "load",
]
