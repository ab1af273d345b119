import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from feature_store.layout import TableReader
from feature_store.splits import Cuts
from pipelines.judging import Evaluation, evaluate_models
from pipelines.reports.evaluation_page import render_page
from pipelines.reports.showcase import build_showcases
from pipelines.stages.evaluate_models import STAGE
from recsys.data.interactions import Interactions
from recsys.data.ranking_features import feature_names
from recsys.data.ranking_items import build_ranking_items, save_ranking_items
from recsys.evaluation.config import SASREC, EvaluationConfig, GateConfig
from recsys.evaluation.judge import FullRanking
from recsys.evaluation.stars import judge_stars
from recsys.models.architecture import TowerShape, build_ensemble
from recsys.models.ranker import RankerShape, SavedRanker, save_ranker
from recsys.models.retriever import SavedRetriever, save_retriever
from tests.support.behaviour import day, items_of, random_interactions
from tests.support.rated_items import NOTHING_KNOWN
from tests.support.stages import run_stage
from tests.support.tables import write_tables

NUM_ITEMS, DIM = 25, 4
LOG = random_interactions(8, num_users=60, num_items=NUM_ITEMS, num_events=900)
ITEMS = items_of(
    NUM_ITEMS,
    vectors={"text": np.random.default_rng(0).normal(size=(NUM_ITEMS, DIM)).astype(np.float32)},
    categories=["<b>mug</b>" if item % 2 else "cup" for item in range(NUM_ITEMS)],
)
CUTS = Cuts(ranker=day(60), validation=day(80), test=day(90), date=day(100))
CONFIG = EvaluationConfig(bootstrap_resamples=200)
RANKER = {
    "blend": 0.6,
    "retrieval_order": {"10": 0.2, "20": 0.25},
    "slate": {"10": 0.3, "20": 0.35},
    "tasks": {"liked": {"positives": 12.0, "auc": 0.7, "gauc": 0.65, "normalised_entropy": 0.9, "ece": 0.01}},
}


REVIEWS = {
    "rows": 900,
    "reader": "own",
    "learned": {"until": "2025-03-01T00:00:00+00:00", "reviews": 700},
    "judged": asdict(judge_stars(np.array([1, 5, 5]), np.array([1, 5, 4]), np.array([1.5, 4.5, 4.0]), earlier=np.array([1, 0, 0, 0, 3]))),
}


UNTOLD = {"members": [], "epochs": []}
"""A training that tells nothing of itself."""


class Oracle:
    """Knows the window and ranks by it: what a perfect retriever would do."""

    name = "retriever"

    def __init__(self, window: Interactions) -> None:
        self.window = window

    def scores(self, past: Interactions, rows: np.ndarray) -> np.ndarray:
        wanted = self.window.keep(self.window.relevant).matrix().toarray()
        own = self.window.rows_of(past.user_ids[rows])
        return np.where((own >= 0)[:, None] & (rows >= 0)[:, None], wanted[own], 0).astype(np.float32)


class Backwards(Oracle):
    """Puts last what is wanted."""

    def scores(self, past: Interactions, rows: np.ndarray) -> np.ndarray:
        return -super().scores(past, rows)


def evaluate(*, index_recall: float = 1.0) -> Evaluation:
    past, window = LOG.before(CUTS.validation), LOG.between(CUTS.validation, CUTS.test)
    models = [FullRanking(Oracle(window))]
    index = {"recall_at_100": index_recall, "bytes": 100}
    return evaluate_models(
        models, past, window, ITEMS, phase="validation", cuts=CUTS, config=CONFIG, gates=GateConfig(), index=index, ranker=RANKER
    )


def test_a_model_that_knows_the_answers_is_perfect_beats_the_baselines_and_passes() -> None:
    evaluation = evaluate()
    assert evaluation.report["models"]["retriever"]["new"]["ndcg@10"][0] == pytest.approx(1)
    assert list(evaluation.report["models"]) == ["retriever", *(name for name in EvaluationConfig().baselines if name != SASREC)]
    assert evaluation.report["first"] == "retriever"
    assert {gate.name for gate in evaluation.gates} >= {"retriever beats popularity", "retriever beats item_knn", "index recall"}


def test_a_retriever_that_is_no_better_than_popularity_says_what_to_look_at() -> None:
    past, window = LOG.before(CUTS.validation), LOG.between(CUTS.validation, CUTS.test)
    nothing_learned = {"members": [{"history": [{"loss": 5.32}, {"loss": 5.31}, {"loss": 5.33}]}], "epochs": [2]}
    evaluation = evaluate_models(
        [FullRanking(Backwards(window))],
        past,
        window,
        ITEMS,
        phase="validation",
        cuts=CUTS,
        config=CONFIG,
        gates=GateConfig(),
        index={"recall_at_100": 1.0, "bytes": 100},
        ranker=RANKER,
        training=nothing_learned,
    )
    (gate,) = [gate for gate in evaluation.gates if gate.name == "retriever beats popularity"]
    assert not gate.passed
    assert "Look at: " in gate.message
    assert "the loss went from 5.32 to 5.31 only" in gate.message


def test_an_index_below_its_promise_fails_the_night() -> None:
    assert [gate.name for gate in evaluate(index_recall=0.5).gates if not gate.passed and gate.name == "index recall"] == ["index recall"]


def test_the_report_is_the_same_each_time_and_times_are_kept_apart() -> None:
    first, again = evaluate(), evaluate()
    assert json.dumps(first.report) == json.dumps(again.report)
    assert first.per_user.equals(again.per_user)
    assert set(first.costs["ease"]) == {"fit_seconds", "judge_seconds"}


class References(HTMLParser):
    """What a page would fetch, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "srcset"}]
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_closes_its_tags_and_escapes_what_comes_from_outside() -> None:
    evaluation = evaluate()
    titles = [f"<script>alert({item})</script>" for item in range(NUM_ITEMS)]
    shown = build_showcases(evaluation.judgements[0], evaluation.truth, titles=titles, image=None, num_users=10)
    page = render_page(evaluation.report, evaluation.costs, shown)
    references = References()
    references.feed(page)
    assert references.open == []
    assert [link for link in references.links if not link.startswith(("data:", "#"))] == []
    assert not re.search(r"url\((?!#)", page)
    assert "<script" not in page
    assert "<b>mug</b>" not in page
    assert "retriever beats popularity" in page


PARITY = {
    "rows": 7,
    "release_id": "20260101-0000",
    "why": "",
    "newest": "2026-01-01T12:00:00+00:00",
    "tolerance": 1e-4,
    "k": 20,
    "overlap": 1.0,
    "lowest_overlap": 1.0,
    "left_out": {},
    "features": [{"name": "price_gap", "absolute": 0.25, "relative": 1.0, "requests": 2, "taken": False, "judged": True}],
}


def write_night(root: Path) -> None:
    """The tables of a night up to the index, small and real; the towers are untrained."""
    workspace = write_tables(root, LOG, ITEMS)
    shape = TowerShape(
        num_items=NUM_ITEMS,
        num_categories=0,
        content_dims={"text": DIM},
        modalities=("text",),
        embedding_dim=8,
        content_dim=DIM,
        match_dim=0,
        fusion="attention",
        use_item_id=True,
        fused_learning_rate=0.0,
        history_length=10,
        blocks=1,
        heads=2,
        dropout=0.0,
        ages=False,
    )
    vectors = np.random.default_rng(1).normal(size=(NUM_ITEMS, 10)).astype(np.float32)
    with workspace.write("retriever") as writer:
        model = build_ensemble(shape)
        save_retriever(writer.folder / "validation", SavedRetriever(model=model, shape=shape, item_vectors=vectors, training=UNTOLD))
        writer.commit()
    for compared in ("champion_twin", "sasrec"):
        with workspace.write(compared) as writer:
            save_retriever(writer.folder / "validation", SavedRetriever(model=model, shape=shape, item_vectors=vectors, training=UNTOLD))
            writer.commit()
    with workspace.write("leak_audit") as writer:
        writer.commit(facts={"rows": 40, "leaks": ["popularity at validation"], "unasked": []})
    with workspace.write("parity") as writer:
        writer.commit(facts=PARITY)
    with workspace.write("review_sentiment") as writer:
        writer.commit(facts=REVIEWS)
    with workspace.write("index") as writer:
        writer.commit(facts={"recall_at_100": 1.0})
    described = build_ranking_items(ITEMS, NOTHING_KNOWN, moment=CUTS.validation)
    shape_of_ranker = RankerShape(
        feature_names=feature_names(described.modalities), tasks=("liked",), num_experts=2, expert_dims=(4,), tower_dims=()
    )
    with workspace.write("ranker") as writer:
        ranker = SavedRanker(model=shape_of_ranker.build(), shape=shape_of_ranker, task_weights=(1.0,), blend=0.5, history_length=10)
        save_ranker(writer.folder, ranker)
        save_ranking_items(writer.folder / "validation", described)
        writer.commit(facts=RANKER)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TableReader:
    root = tmp_path_factory.mktemp("night")
    write_night(root)
    return run_stage(STAGE, root, date=day(100), evaluation={"bootstrap_resamples": 100, "report_users": 3})


def test_the_stage_writes_values_report_costs_and_page(table: TableReader) -> None:
    assert set(table.manifest.files) == {"per_user.parquet", "report.json", "costs.json", "report.html"}
    values = pl.read_parquet(table.path("per_user.parquet"))
    assert set(values["model"]) == {"slate", "retriever", *EvaluationConfig().baselines}
    assert set(values["scope"]) == {"new", "all"}
    assert table.manifest.facts["rows"] == values.height


def test_an_untrained_retriever_is_refused_by_name_in_the_facts(table: TableReader) -> None:
    refused = [gate["name"] for gate in table.manifest.facts["gates"] if not gate["passed"]]
    assert "retriever beats item_knn" in refused
    assert table.manifest.facts["passed"] is False


def test_a_leak_that_the_audit_has_found_refuses_the_night_by_name_on_the_page_too(table: TableReader) -> None:
    gate = next(gate for gate in table.manifest.facts["gates"] if gate["name"] == "leak_audit")
    assert not gate["passed"]
    assert "popularity at validation saw what nobody could know by then" in gate["message"]
    assert gate["message"] in table.path("report.html").read_text(encoding="utf-8")


def test_what_was_served_and_should_not_have_been_refuses_the_night_and_stands_on_the_page(table: TableReader) -> None:
    gate = next(gate for gate in table.manifest.facts["gates"] if gate["name"] == "parity")
    assert not gate["passed"]
    page = table.path("report.html").read_text(encoding="utf-8")
    assert "is not what raw events say of price_gap (by up to 0.25 in 2 of them)" in page
    assert "Served and made again" in page


def test_the_champions_twin_is_compared_user_by_user(table: TableReader) -> None:
    gate = next(gate for gate in table.manifest.facts["gates"] if gate["name"] == "retriever keeps up with the champion")
    assert gate["passed"]
    assert "challenger - champion in recall@100: +0.0000 [+0.0000, +0.0000]" in gate["message"]  # the twin is the model itself


def test_the_report_is_strict_json(table: TableReader) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    report = json.loads(table.path("report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert report["counts"]["candidates"] == NUM_ITEMS
    assert list(report["cuts"]) == ["ranker", "validation", "test", "date"]


def test_the_page_tells_what_the_rankers_held_out_users_said(table: TableReader) -> None:
    page = table.path("report.html").read_text(encoding="utf-8")
    assert "The retriever keeps 60% of the final word" in page
    assert "<td>0.3000</td>" in page
    assert "<td>0.6500</td>" in page


def test_the_page_tells_how_well_reviews_are_read(table: TableReader) -> None:
    page = table.path("report.html").read_text(encoding="utf-8")
    assert "learned from 700 reviews before 2025-03-01, reads words of 900 reviews" in page
    assert "<td>as read from the words</td><td>0.667</td><td>0.667</td>" in page  # 2 of 3; off by 0.5, 0.5 and 1
    assert 'aria-label="given against likeliest' in page
