from typing import Any

import pytest

from pipelines.reports.reviews_section import reviews_section


@pytest.mark.parametrize("facts", [None, {"reader": "none"}])
def test_where_nothing_was_read_there_is_no_card(facts: dict[str, Any] | None) -> None:
    assert reviews_section(facts) == ""


def test_without_a_later_review_it_says_that_nothing_could_judge() -> None:
    card = reviews_section({"reader": "some/model", "learned": None, "judged": None, "rows": 7})
    assert "The model some/model reads words of 7 reviews" in card
    assert "No review with stars came in the ranker&#x27;s window to judge it by." in card
