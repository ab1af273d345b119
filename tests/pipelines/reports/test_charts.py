import re
import xml.etree.ElementTree as ET

import pytest

from pipelines.reports.charts import Dots, bars, curves, days, forest, matrix, scatter

COLOURS = {"ease": 0, "a < b": 1}
CHARTS = {
    "forest": lambda: forest({"ndcg@10": {"ease": [0.3, 0.2, 0.4], "a < b": [0.1, None, None]}}, COLOURS),
    "curves": lambda: curves({"ease": {10: [0.1, 0.05, 0.2], 20: [None, None, None]}}, COLOURS, label="Recall@k"),
    "scatter": lambda: scatter(
        {
            "by rate": Dots(places=[1, 10, 5], values=[0, 1, -1], log=True),
            "by order": Dots(places=[0, 1, 1], values=[0, 1, -1], ticks={0: "a", 1: "b"}),
        },
        {0, 1},
        label="gain",
        columns=3,
    ),
    "days": lambda: days(
        {"a < b": {"2026-01-30": 3, "2026-02-01": 0}, "cart": {"2026-01-30": 1}}, since="2026-02-01", label="R", columns=3
    ),
    "best so far": lambda: scatter({"trial": Dots(places=[1, 2, 3], values=[0, 1, -1], best_so_far=True)}, {0, 1}, label="gain", columns=1),
    "matrix": lambda: matrix([[3, 1], [0, 0]], ["a < b", "b"], rows="given", columns="likeliest"),
    "bars": lambda: bars(["0", "1-4"], {"ease": [[0.1, 0.0, 0.2], [None, None, None]], "a < b": [[0.2, 0.1, 0.3]] * 2}, COLOURS, label="R"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_one_svg_with_colours_of_the_page_and_nothing_from_outside(name: str) -> None:
    svg = CHARTS[name]()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "var(--m0)" in svg
    assert "var(--ink)" in svg
    assert not re.search(r"#0a0b|#010203|#040506", svg)  # no stand-in is left
    assert not re.search(r'(href|src)="(?!#)', svg)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_the_same_each_time(name: str) -> None:
    assert CHARTS[name]() == CHARTS[name]()
