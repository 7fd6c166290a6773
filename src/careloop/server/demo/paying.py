"""Who pays, by the words of data/community.yaml."""

from __future__ import annotations

from careloop.server.demo.chart import Chart, cover
from careloop.server.demo.community import Community


def pay(community: Community, chart: Chart, key: str, order: int = 1) -> str:
    payer = community.tables["payers"][key]
    return cover(chart, community.organization(key), payer["name"], payer["typology"], payer["plan"], order)
