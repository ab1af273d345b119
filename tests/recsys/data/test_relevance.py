import polars as pl
import pytest

from feature_store.schema import EVENT_TYPES
from recsys.data.relevance import Kind, Relevance


@pytest.mark.parametrize("ignored", [(), ("review",), ("review", "click")])
def test_one_event_means_what_it_means_in_a_table(ignored: tuple[str, ...]) -> None:
    relevance = Relevance(ignored=ignored)
    rows = [(event_type, value) for event_type in EVENT_TYPES for value in (None, 2.0, 4.0)]
    table = pl.DataFrame(rows, schema={"event_type": pl.String, "value": pl.Float64}, orient="row").select(relevance.kind())
    assert table["kind"].to_list() == [relevance.kind_of(*row) for row in rows]


def test_what_is_ignored_is_no_behaviour_whatever_it_says() -> None:
    relevance = Relevance(ignored=("review",))
    assert relevance.kind_of("review", 5.0) is relevance.kind_of("review", None) is None
    assert relevance.kind_of("rating", 5.0) is Kind.LIKED


def test_what_is_ignored_is_never_wanted() -> None:
    assert Relevance(events=("click", "review"), ignored=("review",)).relevant_kinds() == (Kind.CLICK,)


def test_a_shop_that_ignores_all_it_wants_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ignored names all of events \(review\), so nothing says"):
        Relevance(events=("review",), ignored=("review",))


@pytest.mark.parametrize("names", [{"events": ("wink",)}, {"ignored": ("impression",)}])
def test_what_is_no_behaviour_anyway_is_refused_with_what_is(names: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=r"names '(wink|impression)', which is no behaviour; known are dwell, tag, click"):
        Relevance(**names)
