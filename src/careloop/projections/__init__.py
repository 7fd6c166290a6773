"""What is remembered: derived tables, written inside every unit of work, rebuildable, proven equal to a rebuild.

The order matters: the worklist and the story read the facts that `people` writes and the labels that `consented` marks;
`Joined` comes last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from careloop.projections.consented import Consented
from careloop.projections.finder import Finder
from careloop.projections.joined import Joined
from careloop.projections.people import People
from careloop.projections.portal_shares import PortalShares
from careloop.projections.reading_limits import ReadingLimits
from careloop.projections.readings import Readings
from careloop.projections.registry_kept import Registry
from careloop.projections.risks import Risks
from careloop.projections.scores import Scores
from careloop.projections.story import Story
from careloop.projections.worklist import Worklist

if TYPE_CHECKING:
    from careloop.store import Projector

ALL: tuple[Projector, ...] = (
    *(People(), Consented(), Story(), Worklist(), Finder(), PortalShares()),
    *(Readings(), ReadingLimits(), Scores(), Risks(), Registry(), Joined()),
)

__all__ = ["ALL"]
