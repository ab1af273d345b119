"""From drawn photos to an answer over HTTP, and a second night that has nothing to do."""

import contextlib
import json
import runpy
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from feature_store.errors import OnlineStoreError
from feature_store.manifest import file_digest
from feature_store.online.protocol import ItemChanges
from feature_store.schema import CATALOGUE, EVENTS
from pipelines.cli import app
from pipelines.demo import ask, running_api
from pipelines.explain import explain_item
from pipelines.final_test import RECORD, evaluate_phase
from pipelines.inputs import load_interactions
from pipelines.nightly import Night, run_night
from pipelines.online_store import open_online_store
from pipelines.progress import Progress
from pipelines.recommend import RecommendError, Wanted, recommend
from pipelines.releases import ReleaseShelf
from pipelines.reports.explanation_tables import explanation_tables
from pipelines.stage import StageContext
from pipelines.stages.export_query_encoders import STAGE as EXPORT_QUERY_ENCODERS
from pipelines.stages.publish_release import STAGE as PUBLISH_RELEASE
from recsys.data.excerpt import Excerpt
from recsys.data.interactions import microseconds
from recsys.data.knowledge import MAX_ENTITIES
from recsys.data.ranking_items import centred_units
from recsys.encoders.item_text import compose_text
from recsys.models.retriever import load_retriever
from recsys.slate.added_items import new_item_rules
from recsys.slate.batch import ReleaseScorer
from recsys.slate.filters import Wishes, build_shelf
from recsys.slate.histories import user_history
from recsys.slate.query_encoder import open_query_encoders
from recsys.slate.recommend import candidates
from recsys.slate.release_reader import read_release
from tests.support.sampled_shop import ask as sampled
from tests.support.sampled_shop import rewrite, sampling_api, skewed
from tests.support.small_night import draw, small_config, small_night

pytestmark = pytest.mark.slow

NEWCOMER = "newcomer"
"""Of whom the shop knows a side and no event."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    draw(root)
    return root


@pytest.fixture(scope="module")
def night(workspace: Path) -> Night:
    night = small_night(workspace)
    ReleaseShelf(workspace / "releases").promote(night.release_id, why="a test does not ask how good it is")
    return night


@pytest.fixture(scope="module")
def other_night(workspace: Path, night: Night) -> Night:
    """The next one, with other settings and users of whom more is known: its models are those of the tables from here on."""
    assert ReleaseShelf(workspace / "releases").champion().release_id == night.release_id  # type: ignore[union-attr]
    path = workspace / "landing" / "users" / "1.csv"
    path.parent.mkdir()
    users = [*(f"U{number:04d}" for number in range(220)), NEWCOMER]
    lines = [f"{user},2000-01-01T00:00:00Z,{('left', 'right')[place % 2]}" for place, user in enumerate(users)]
    path.write_text("\n".join(["user_id,known_at,attribute.side", *lines]) + "\n", encoding="utf-8")
    other = {"embedding_dim": 8, "fusion": "late_ensemble", "ensemble": 2}
    config = small_config(workspace, retriever=other, users={"attributes": ["side"]})
    return run_night(config, progress=Progress(Console(quiet=True)))


@pytest.fixture(scope="module")
def events(workspace: Path, night: Night) -> pl.DataFrame:
    return small_config(workspace).open_workspace().read("events").scan(EVENTS).collect()


def test_every_stage_has_run_and_the_release_is_whole(workspace: Path, night: Night) -> None:
    assert [result.name for result in night.results if result.skipped] == []
    folder = workspace / "releases" / night.release_id
    told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert {name: file_digest(folder / name) for name in told["files"]} == {name: entry["sha256"] for name, entry in told["files"].items()}
    assert max(told["parity"].values()) < 1e-4


def test_the_release_reads_of_long_histories_what_the_retriever_was_chosen_by(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    config = small_config(workspace)
    tables = config.open_workspace()
    retriever = load_retriever(tables.read("retriever").folder / "released")
    release = read_release(workspace / "releases" / night.release_id)
    assert release.excerpt == Excerpt(4, older=retriever.model.in_order < 1)
    past = load_interactions(tables.read("events"), release.items, config.relevance, before=datetime.max.replace(tzinfo=UTC))
    rows = np.flatnonzero(np.diff(past.distinct().offsets) > release.excerpt.length)
    assert len(rows) > 20
    np.testing.assert_allclose(ReleaseScorer(release).scores(past, rows), retriever.scorer().scores(past, rows), atol=1e-4)


def test_a_release_holds_no_user(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    release = workspace / "releases" / night.release_id
    content = b"".join(path.read_bytes() for path in release.rglob("*") if path.is_file())
    assert [user for user in events["user_id"].unique() if user.encode() in content] == []


def test_the_night_has_asked_everybody_who_sees_the_future_and_nobody_did(workspace: Path, night: Night) -> None:
    gates = ReleaseShelf(workspace / "releases").describe(night.release_id)["gates"]
    (gate,) = [gate for gate in gates if gate["name"] == "leak_audit"]
    assert gate["passed"]
    assert "could not be asked" not in gate["message"]


def test_corrupt_photos_are_refused_and_counted(night: Night) -> None:
    refused = next(result.facts["quarantined"] for result in night.results if result.name == "embed_items")
    assert refused == 3  # of 90 products some 75 have a photo; one in twenty of those is damaged


def test_the_notebook_reads_the_report(workspace: Path, night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_WORKSPACE", str(workspace))
    monkeypatch.setenv("MPLBACKEND", "agg")
    told = runpy.run_path(str(Path(__file__).parents[2] / "notebooks" / "evaluation_report.py"))
    assert set(told["worst_first"]) >= {"slate", "retriever", "popularity", "ease"}
    assert told["means"] == sorted(told["means"])
    assert told["lead"].len() > 0


def test_the_second_night_has_nothing_to_do(workspace: Path, night: Night) -> None:
    again = small_night(workspace)
    assert [result.name for result in again.results if not result.skipped] == []
    assert again.release_id == night.release_id


def test_the_query_encoders_travel_in_a_release_and_find_its_items(workspace: Path, night: Night) -> None:
    assert night.release_id
    config = small_config(workspace, release={"query_encoders": True})
    for stage in (EXPORT_QUERY_ENCODERS, PUBLISH_RELEASE):
        context = StageContext(
            workspace=config.open_workspace(), config=config, date=night.date, progress=Progress(Console(quiet=True)), stage=stage
        )
        stage.run(context)
    release = read_release(workspace / "releases" / config.open_workspace().read("release").manifest.facts["release_id"])
    encoders = open_query_encoders(release.folder)
    assert encoders.text is not None
    texts = [compose_text(item, config.embed.text_fields) for item in release.catalogue.head(20).iter_rows(named=True)]
    centre = new_item_rules(release).centres["text"]
    queries = centred_units(encoders.text.encode(texts, of_items=True), np.ones(20, bool), centre)
    assert (queries @ release.ranking_items.vectors["text"].T).argmax(axis=1).tolist() == list(range(20))


def test_the_api_answers_for_known_and_unknown_users_and_sees_what_is_posted(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    config = small_config(workspace)
    active = events.filter(pl.col("event_type") == "click")["user_id"].value_counts().sort("count", "user_id")["user_id"][-1]
    seen = set(events.filter(pl.col("user_id") == active, pl.col("event_type") != "impression")["item_id"])
    with running_api(config.open_workspace(), images=config.resolve(config.sources.images)) as url:
        answer = ask(f"{url}/v1/recommendations", {"user_id": active, "k": 5})
        listed = [item["item_id"] for item in answer["items"]]
        assert answer["source"] == "personal"
        assert answer["release_id"] == night.release_id
        assert len(set(listed)) == 5
        assert not set(listed) & seen
        ask(f"{url}/v1/events", {"user_id": active, "item_id": listed[0], "event_type": "click"})
        after = ask(f"{url}/v1/recommendations", {"user_id": active, "k": 5})
        assert listed[0] not in [item["item_id"] for item in after["items"]]
        assert ask(f"{url}/v1/recommendations", {"user_id": "nobody", "k": 5})["source"] == "popular"
        assert len(ask(f"{url}/v1/candidates", {"user_id": active, "k": 20})["items"]) == 20
        with urllib.request.urlopen(f"{url}/v1/items/{listed[0]}/similar?k=3") as response:
            assert len(json.load(response)["items"]) == 3


def test_a_sampled_answer_is_made_again_by_the_next_night_which_a_tampered_history_refuses(
    workspace: Path, night: Night, events: pl.DataFrame
) -> None:
    assert ReleaseShelf(workspace / "releases").champion().release_id == night.release_id  # type: ignore[union-attr]
    shop = small_config(workspace).open_workspace()
    with sampling_api(shop) as api:
        for user_id in events["user_id"].unique().sort()[:5]:
            sampled(api, user_id)
    again = small_night(workspace)
    assert [result.skipped for result in again.results if result.name in ("check_parity", "evaluate_models")] == [False, True]
    assert "5 sampled answers of release" in again.results[0].facts["told"][0]
    assert "no feature differs by more than 0.0001" in again.results[0].facts["told"][0]
    rewrite(shop, lambda sample: skewed(sample, "history_age", by=0.5))
    refused = small_night(workspace)
    assert not refused.promoted
    assert any("what was served is not what raw events say of history_age" in refusal for refusal in refused.refusals)


@pytest.mark.parametrize("asked", [{"stage": "retrieval"}, {"stage": "slate"}, {"model": "ease"}, {"model": "item_knn"}], ids=str)
def test_a_file_of_users_gets_unseen_items_in_ranks_without_gaps(
    workspace: Path, night: Night, events: pl.DataFrame, asked: dict[str, str]
) -> None:
    users = [*events["user_id"].unique().sort().head(30), "nobody"]
    found = recommend(small_config(workspace), Wanted(users=users, k=10, release_id=night.release_id, **asked), progress=Progress())
    seen = events.filter(pl.col("event_type") != "impression").select("user_id", "item_id").unique()
    assert found.columns == ["user_id", "item_id", "rank", "score"]
    assert found["user_id"].n_unique() == 31
    assert found.join(seen, on=["user_id", "item_id"]).is_empty()
    assert np.array_equal(found["rank"].to_numpy().reshape(31, 10), np.tile(np.arange(1, 11), (31, 1)))


def test_candidates_that_are_named_are_the_only_ones(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    named = events["item_id"].unique().sort().head(15).to_list()
    wanted = Wanted(users=["nobody"], k=100, candidates=named, release_id=night.release_id)
    assert set(recommend(small_config(workspace), wanted, progress=Progress())["item_id"]) <= set(named)


def test_a_recommendation_is_explained_by_parts_and_events(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    config = small_config(workspace)
    user = events.filter(pl.col("event_type") == "click")["user_id"].value_counts().sort("count", "user_id")["user_id"][-1]
    listed = recommend(config, Wanted(users=[user], k=3, release_id=night.release_id), progress=Progress())
    for item_id, score in listed.select("item_id", "score").iter_rows():
        told = explain_item(config, user, item_id, newest=5)
        assert told.score == pytest.approx(score, abs=1e-4)
        assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-4)
        content = {f"{kind}.{name}" for kind in ("fused", "match") for name in ("image", "text", "description", "category")}
        assert {"fused.id", *content, "bias", "popularity"} < set(told.parts)
        assert len(told.events) == 4  # as many as the user tower reads here
        assert [event.worth for event in told.events] == sorted((event.worth for event in told.events), reverse=True)


def test_the_command_line_tells_an_explanation_as_json(workspace: Path, night: Night, events: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(f'workspace = "{workspace}"\n', encoding="utf-8")
    user, item_id = events.filter(pl.col("event_type") == "click").select("user_id", "item_id").row(0)
    told = CliRunner().invoke(app, ["explain", user, item_id, "--config", str(tmp_path / "shop.toml"), "--json"])
    assert json.loads(told.output)["release_id"] == night.release_id


def test_an_item_that_does_not_exist_is_named(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    assert night.release_id
    with pytest.raises(RecommendError, match="no item 'x'"):
        explain_item(small_config(workspace), events["user_id"][0], "x")


def test_only_an_item_that_the_release_lacks_is_asked_of_the_online_store(workspace: Path, night: Night, events: pl.DataFrame) -> None:
    away = small_config(workspace, online_store={"place": "redis://127.0.0.1:1/0"})
    user, item_id = events.filter(pl.col("event_type") == "click").select("user_id", "item_id").row(0)
    assert explain_item(away, user, item_id).release_id == night.release_id
    with pytest.raises(OnlineStoreError, match="cannot be reached"):
        explain_item(away, user, "x")


def test_what_a_stranger_is_shown_is_explained_too(workspace: Path, night: Night) -> None:
    config = small_config(workspace)
    listed = recommend(config, Wanted(users=["nobody"], k=3, release_id=night.release_id), progress=Progress())
    for item_id, score in listed.select("item_id", "score").iter_rows():
        told = explain_item(config, "nobody", item_id)
        assert (told.known, told.events) == (False, [])
        assert told.score == pytest.approx(score, abs=1e-4)
        assert sum(told.parts.values()) == pytest.approx(score, abs=1e-4)
    lines = list(explanation_tables(config, told))
    assert "has no event of nobody: this is the retriever's score for a stranger" in str(lines[0])


def test_the_test_window_is_judged_by_a_command_of_its_own_which_is_recorded(workspace: Path, night: Night) -> None:
    assert night.release_id
    report, page = evaluate_phase(small_config(workspace), phase="test", progress=Progress())
    assert report["phase"] == "test"
    assert {"slate", "retriever", "item_knn"} <= set(report["models"])
    assert page.is_file()
    assert len((workspace / "reports" / RECORD).read_text(encoding="utf-8").splitlines()) == 1


def test_other_settings_are_compared_with_a_twin_of_the_champion(workspace: Path, night: Night, other_night: Night) -> None:
    assert other_night.release_id != night.release_id
    told = ReleaseShelf(workspace / "releases").describe(other_night.release_id)
    (gate,) = [gate for gate in told["gates"] if gate["name"] == "retriever keeps up with the champion"]
    assert "challenger - champion in recall@100" in gate["message"]


def test_an_ensemble_is_released_as_one_model_that_scores_as_it_is_explained(
    workspace: Path, other_night: Night, events: pl.DataFrame
) -> None:
    config, user = small_config(workspace), events.filter(pl.col("event_type") == "click")["user_id"][0]
    listed = recommend(config, Wanted(users=[user], k=3, release_id=other_night.release_id), progress=Progress())
    for item_id, score in listed.select("item_id", "score").iter_rows():
        told = explain_item(config, user, item_id, release_id=other_night.release_id)
        assert told.score == pytest.approx(score, abs=1e-4)
        assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-4)


def test_a_newcomer_of_whom_something_is_known_is_no_stranger(workspace: Path, other_night: Night) -> None:
    config = small_config(workspace)
    release = read_release(workspace / "releases" / other_night.release_id)
    assert release.user_attributes == {"side": ["left", "right"]}
    wanted = Wanted(users=[NEWCOMER, "nobody"], k=5, release_id=other_night.release_id)
    scores = recommend(config, wanted, progress=Progress()).partition_by("user_id", as_dict=True)
    with contextlib.closing(open_online_store(config)) as store:
        history = user_history(store.user(NEWCOMER), release)
    assert history.without_events
    now = microseconds(other_night.date)
    served = candidates(release, build_shelf(release.items, ItemChanges()), history, k=5, now=now, wishes=Wishes(in_stock=False))
    by_command = scores[(NEWCOMER,)]
    assert release.items.vocabulary.ids(served.item_index) == by_command["item_id"].to_list()
    assert served.scores.tolist() == pytest.approx(by_command["score"].to_list(), abs=1e-4)
    assert by_command["score"].to_list() != pytest.approx(scores[("nobody",)]["score"].to_list(), abs=1e-4)


def test_a_late_ensemble_tells_what_each_modality_adds_to_a_score(workspace: Path, other_night: Night, events: pl.DataFrame) -> None:
    user, item_id = events.filter(pl.col("event_type") == "click").select("user_id", "item_id").row(0)
    told = explain_item(small_config(workspace), user, item_id, release_id=other_night.release_id)
    parted = [f"{kind}.{name}" for kind in ("fused", "match") for name in ("image", "text", "description", "category")]
    beside = [part.name for part in read_release(workspace / "releases" / other_night.release_id).parts]  # as validation has it
    assert list(told.parts) == ["fused.id", *parted, *beside, "bias", "popularity"]
    assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-6)


def test_a_release_whose_model_is_no_longer_in_the_tables_is_explained_as_far_as_it_tells(
    workspace: Path, night: Night, other_night: Night, events: pl.DataFrame
) -> None:
    assert other_night.release_id != night.release_id
    user, item_id = events.filter(pl.col("event_type") == "click").select("user_id", "item_id").row(0)
    told = explain_item(small_config(workspace), user, item_id, release_id=night.release_id)
    assert {"fused", "match.text", "bias"} < set(told.parts)
    assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-4)


def test_an_own_modality_and_knowledge_go_all_the_way_into_the_release(workspace: Path, night: Night) -> None:
    ids = small_config(workspace).open_workspace().read("catalogue").scan(CATALOGUE).collect()["item_id"][:60]
    vectors = np.random.default_rng(0).normal(size=(len(ids), 6))
    pl.DataFrame({"item_id": ids, "vector": pl.Series(vectors, dtype=pl.Array(pl.Float64, 6))}).write_parquet(workspace / "sound.parquet")
    config = small_config(workspace, sources={"modalities": {"sound": {"file": "sound.parquet"}}}, knowledge={"from_attributes": ["brand"]})
    heard = run_night(config, progress=Progress(Console(quiet=True)))
    folder = workspace / "releases" / heard.release_id
    graph = onnxruntime.InferenceSession(folder / "item_tower.onnx", providers=["CPUExecutionProvider"])
    inputs = {wanted.name: wanted.shape[1:] for wanted in graph.get_inputs()}
    assert (inputs["vector.sound"], inputs["presence.sound"]) == ([6], [])
    brands = json.loads((folder / "knowledge.json").read_text(encoding="utf-8"))["brand"]
    assert len(brands) > 1
    assert inputs["entities.brand"] == [MAX_ENTITIES]
    release = read_release(folder)
    assert int(release.ranking_items.presence["sound"].sum()) == 60
    assert "sound_nearest" in release.ranking["feature_names"]
    told = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert "modality sound: present" in told["slices"]
    assert any("challenger - champion" in gate["message"] for gate in told["gates"])  # the champion has no sound, nor has its twin
