import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from feature_store.layout import TableReader, Workspace
from feature_store.schema import EVENTS, REVIEW_SENTIMENT
from pipelines.stages import analyse_reviews
from pipelines.stages.analyse_reviews import read_reviews
from recsys.encoders.text import TextEncoder
from tests.support.behaviour import day
from tests.support.reviews import review, write_log, written
from tests.support.stages import run_stage

CUTS: dict[str, Any] = {"ranker": day(70), "validation": day(90), "test": day(95)}
NIGHT = day(100)


def shop(number: int = 400, *, days: float = 100) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    stars = random.choice([1, 2, 3, 4, 5], number, p=[0.15, 0.1, 0.15, 0.2, 0.4])
    return [
        review(place, day(place * days / number), value=float(star), text=written(int(star), random)) for place, star in enumerate(stars)
    ]


def analyse(root: Path, *, date: datetime = NIGHT, **reviews: Any) -> TableReader:
    return run_stage(analyse_reviews.STAGE, root, date=date, cuts=CUTS, reviews=reviews)


def read_texts(patch: pytest.MonkeyPatch) -> list[str]:
    """What is encoded from now on."""
    texts: list[str] = []
    real = TextEncoder.encode
    patch.setattr(TextEncoder, "encode", lambda self, contents: texts.extend(contents) or real(self, contents))
    return texts


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reviews")
    write_log(root, shop())
    analyse(root)
    return root


@pytest.fixture
def root(read_once: Path, tmp_path: Path) -> Path:
    """A shop whose reviews a night has read."""
    return shutil.copytree(read_once, tmp_path / "shop")


def test_words_are_told_much_better_than_by_a_constant(root: Path) -> None:
    facts = Workspace(root).read("review_sentiment").manifest.facts
    judged = facts["judged"]
    assert (facts["rows"], facts["reader"], facts["learned"]["reviews"], judged["reviews"]) == (400, "own", 280, 80)
    assert judged["accuracy"] > judged["constant_accuracy"] + 0.2
    assert judged["mae"] < judged["constant_mae"] / 2
    assert np.array(judged["confusion"]).sum() == 80
    assert facts["told"][0].startswith(
        f"own model, learned from 280 reviews: accuracy {judged['accuracy']:.3f} (always the commonest stars"
    )


def test_the_table_says_what_and_when_but_neither_who_nor_the_words(root: Path) -> None:
    table = Workspace(root).read("review_sentiment")
    rows = table.scan(REVIEW_SENTIMENT).collect()
    assert rows.columns == ["event_id", "item_id", "event_time", "known_at", "sentiment", "likely_stars"]
    given = pl.DataFrame(shop()).join(rows, on="event_id")
    assert given.group_by("value").agg(pl.col("sentiment").mean()).sort("value")["sentiment"].is_sorted()


def test_a_model_that_still_fits_stands_and_reads_what_is_new_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Workspace(root).read("review_sentiment").manifest.facts
    fresh = review(9000, day(100.5), value=5.0, text="Simply perfect, I love it.")
    write_log(root, [*shop(), fresh])
    texts = read_texts(monkeypatch)
    found = analyse(root, date=day(101))
    assert texts == [fresh["text"]]
    assert (found.manifest.facts["version"], found.manifest.facts["rows"]) == (before["version"], 401)


def test_a_model_is_learned_anew_once_a_review_behind_it_is_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Workspace(root).read("review_sentiment").manifest.facts
    write_log(root, shop()[1:])
    texts = read_texts(monkeypatch)
    after = analyse(root).manifest.facts
    assert len(texts) > 399
    assert after["version"] != before["version"]
    assert after["learned"]["reviews"] == 279


def test_no_word_from_the_rankers_window_on_changes_the_model(root: Path, tmp_path: Path) -> None:
    rows = [row | {"text": "Terrible."} if row["event_time"] >= CUTS["ranker"] else row for row in shop()]
    write_log(tmp_path, rows)
    tables = Workspace(root).read("review_sentiment"), analyse(tmp_path)
    early = pl.col("event_time") < CUTS["ranker"]
    found = [table.scan(REVIEW_SENTIMENT).filter(early).collect() for table in tables]
    assert found[0].equals(found[1])


def test_what_is_known_after_the_night_is_not_read(tmp_path: Path) -> None:
    late = [review(9000, day(99), known_at=NIGHT, text="late"), review(9001, NIGHT, text="later")]
    write_log(tmp_path, [*shop(), *late])
    assert analyse(tmp_path, model="").manifest.facts["rows"] == 400


def test_too_few_reviews_leave_the_table_empty_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path, shop(60))
    texts = read_texts(monkeypatch)
    facts = analyse(tmp_path).manifest.facts
    assert (facts["rows"], facts["reader"], texts) == (0, "none", [])
    assert facts["told"][0].startswith("too few reviews with words and 1 to 5 stars to learn from (at least 200 before the ranker's window")


@pytest.mark.parametrize("asked", [True, False])
def test_stars_without_words_or_a_shop_that_does_not_ask_cost_nothing(tmp_path: Path, asked: bool) -> None:
    write_log(tmp_path, [row | {"text": " "} if asked else row for row in shop(3)])
    table = run_stage(analyse_reviews.STAGE, tmp_path, reviews={"read": asked})  # no cut could be drawn of this log
    assert table.manifest.facts["told"] == []
    assert table.scan(REVIEW_SENTIMENT).collect().is_empty()


def test_equal_words_are_read_once() -> None:
    read: list[str] = []

    class Fake:
        version = "1"

        def read(self, texts: list[str]) -> np.ndarray:
            read.extend(texts)
            return np.eye(5)[[4 if "good" in text else 0 for text in texts]]

    rows = pl.DataFrame([review(n, day(1), text=text) for n, text in enumerate(("good", "bad", "good", "old"))], schema=EVENTS.schema)
    known = pl.DataFrame({"event_id": ["e00003"], "sentiment": [0.5], "likely_stars": pl.Series([4], dtype=pl.Int8)})
    found = read_reviews(rows.select("event_id", "item_id", "event_time", "known_at", "text"), known, Fake())
    assert read == ["good", "bad"]
    assert found["sentiment"].to_list() == [1.0, -1.0, 1.0, 0.5]
    assert found["likely_stars"].to_list() == [5, 1, 5, 4]


def test_a_killed_stage_goes_on_behind_the_files_it_has_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path, shop())
    with monkeypatch.context() as patch:
        patch.setattr(analyse_reviews, "judge_reviews", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            analyse(tmp_path)
    texts = read_texts(monkeypatch)
    assert analyse(tmp_path).manifest.facts["rows"] == 400
    assert len(texts) == 280  # those learned from, not those read
