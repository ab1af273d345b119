"""What a part is worth, in a world where even users like even items, and text and category say which is which."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipelines.ablation import Stranger, run_ablation
from pipelines.ablation_variants import ALIGNMENT_WEIGHT, select, variants_of
from pipelines.cli import app
from pipelines.config import Config, ConfigError
from pipelines.lock import BusyError, alone
from pipelines.nightly import end_of_log, run_stage
from pipelines.progress import Progress
from pipelines.stages.train_retriever import STAGE as TRAIN_RETRIEVER
from recsys.evaluation.slices import NEW_ITEMS
from recsys.layers.fusion import FUSIONS
from recsys.losses.alignment import ALIGNMENT_LOSSES
from recsys.models.baselines.build import build_baseline
from tests.support.tables import write_tables
from tests.support.taste_shop import FULL, Watched, nightly_log, taste_shop
from tests.support.taste_world import SMALL, taste_items


def ahead(report: dict[str, Any], name: str, metric: str = "ndcg@10") -> dict[str, float]:
    (found,) = [entry["difference"] for entry in report["comparisons"] if (entry["second"], entry["metric"]) == (name, metric)]
    return found  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return taste_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def report(config: Config) -> dict[str, Any]:
    return run_ablation(config, only=("text", "history", "gated"), progress=Watched())


def test_there_is_a_variant_for_each_part_of_the_config_that_the_catalogue_has() -> None:
    full = replace(SMALL, modalities=("image", "text", "category"))  # the world has no photos
    others = [kind for kind in FUSIONS if kind != "attention"]
    assert [variant.key for variant in variants_of(full, taste_items())] == [
        "text",
        "category",
        "content",
        "history",
        "item_id",
        *others,
        "linear",
        "likeness",
        "hstu_blocks",
        "order_free",
        "order_time",
        "next_3",
        "next_0",
    ]


def test_what_is_named_further_ahead_is_compared_only_where_histories_keep_an_order() -> None:
    variants = select(variants_of(replace(SMALL, order="free"), taste_items()), ["histories"])
    assert [variant.config.order for variant in variants] == ["time", "both"]
    last = select(variants_of(replace(SMALL, order="time", next_events=5), taste_items()), ["next_0"])[0]
    assert last.config == replace(SMALL, order="time", next_events=0)
    assert last.part == "naming one of the next 5 events instead of any later event"


def test_with_two_sides_to_align_there_is_a_variant_for_each_alignment_loss_if_it_is_asked_for() -> None:
    items = taste_items()
    seen = replace(
        items, vectors={**items.vectors, "image": items.vectors["text"]}, presence={**items.presence, "image": items.presence["text"]}
    )
    variants = variants_of(replace(SMALL, modalities=("image", "text"), alignment={"cosine": 0.2}), seen)
    aligned = select(variants, ["alignments"])
    assert {variant.key for variant in aligned} == set(ALIGNMENT_LOSSES) - {"cosine"}
    assert all(dict(variant.config.alignment) == {"cosine": 0.2, variant.key: ALIGNMENT_WEIGHT} for variant in aligned)
    assert not {variant.key for variant in aligned} & {variant.key for variant in select(variants, [])}


def test_without_text_is_without_descriptions_which_also_go_alone() -> None:
    items = taste_items()
    told = {"text": items.vectors["text"], "description": items.vectors["text"]}
    items = replace(items, vectors=told, presence=dict.fromkeys(told, items.presence["text"]))
    full = replace(SMALL, modalities=("text", "description", "category"))
    text, description = select(variants_of(full, items), ["text", "description"])
    assert (text.part, text.config.modalities) == ("text and description", ("category",))
    assert (description.part, description.config.modalities) == ("description", ("text", "category"))


def test_without_content_nothing_but_the_item_id_is_left() -> None:
    (content,) = select(variants_of(SMALL, taste_items()), ["content"])
    assert content.config == replace(SMALL, modalities=())


@pytest.mark.parametrize("modalities", [("text",), ("image", "text")])  # the world has no photos
def test_one_kind_of_content_is_all_content_and_is_left_out_once(modalities: tuple[str, ...]) -> None:
    keys = [variant.key for variant in variants_of(replace(SMALL, modalities=modalities), taste_items())]
    assert "text" in keys
    assert "content" not in keys


def test_content_cannot_go_where_there_is_no_item_id_to_stay() -> None:
    assert "content" not in [variant.key for variant in variants_of(replace(SMALL, use_item_id=False), taste_items())]


def test_a_variant_differs_from_the_full_retriever_in_one_setting() -> None:
    for variant in variants_of(SMALL, taste_items()):
        changed = {name for name, value in asdict(variant.config).items() if value != asdict(SMALL)[name]}
        told = {
            "text": {"modalities"},
            "category": {"modalities"},
            "content": {"modalities"},
            "history": set(),
            "item_id": {"use_item_id"},
            "linear": {"parts"},
            "likeness": {"parts"},
            "hstu_blocks": {"block_kind"},
            "order_free": {"order"},
            "order_time": {"order"},
            "next_3": {"next_events"},
            "next_0": {"next_events"},
        }
        assert changed == told.get(variant.key, {"fusion"})


def test_where_items_share_rows_of_ids_the_variant_without_ids_has_none() -> None:
    (found,) = select(variants_of(replace(SMALL, id_rows=10), taste_items()), ["item_id"])
    assert found.config == replace(SMALL, use_item_id=False)


def test_an_ensemble_has_a_variant_that_is_a_single_model() -> None:
    (found,) = select(variants_of(replace(SMALL, ensemble=3), taste_items()), ["ensemble"])
    assert found.config == SMALL


def test_attributes_of_users_have_a_variant_that_reads_none() -> None:
    (found,) = select(variants_of(replace(SMALL, user_attributes=("age",)), taste_items()), ["user_attributes"])
    assert found.config == SMALL


def test_a_variant_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"no variant 'photo' .* it is of text, category, content, history, item_id"):
        select(variants_of(SMALL, taste_items()), ["text", "photo"])


def test_to_a_stranger_scorer_nobody_has_a_past() -> None:
    past = nightly_log()
    scorer = build_baseline("item_knn", past, taste_items())
    scores = Stranger(scorer, "without history").scores(past, np.array([0, 1, -1]))
    assert np.array_equal(scores, scorer.scores(past, np.array([-1, -1, -1])))


def test_histories_are_worth_much_where_they_alone_tell_the_kind_of_user(report: dict[str, Any]) -> None:
    assert ahead(report, "without history")["low"] > 0.1


def test_a_list_as_long_as_the_catalogue_finds_everything_whatever_is_left_out(report: dict[str, Any]) -> None:
    difference = ahead(report, "without text", "recall@100")
    assert (difference["mean"], difference["low"], difference["high"]) == (0, 0, 0)


def test_choices_of_items_that_nobody_had_met_are_judged_apart(report: dict[str, Any]) -> None:
    assert report["new_item_choices"] == 60
    assert report["metrics"]["full"][f"recall@100 | {NEW_ITEMS}"][0] == 1


def test_only_what_was_asked_for_is_shown(report: dict[str, Any]) -> None:
    assert list(report["metrics"]) == ["full", "without text", "without history", "gated fusion"]


def test_a_finished_variant_is_read_back_to_the_same_numbers(config: Config, report: dict[str, Any]) -> None:
    again = Watched()
    assert run_ablation(config, only=("text", "history", "gated"), progress=again) == report
    assert again.trained == []


def test_a_killed_run_goes_on_to_the_numbers_of_one_that_was_not(tmp_path: Path, report: dict[str, Any]) -> None:
    config = taste_shop(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_ablation(config, only=("text", "history", "gated"), progress=Watched(dies_in="without text"))
    after = Watched()
    assert run_ablation(config, only=("text", "history", "gated"), progress=after) == report
    assert after.trained == ["without text", "gated fusion"]


def test_a_users_value_is_the_mean_over_seeds(config: Config, report: dict[str, Any]) -> None:
    both = run_ablation(config, only=("history",), seeds=2, progress=Progress(Console(quiet=True)))
    second = run_ablation(replace(config, retriever=replace(FULL, seed=1)), only=("history",), progress=Watched())
    single = [one["metrics"]["full"]["ndcg@10"][0] for one in (report, second)]
    assert both["metrics"]["full"]["ndcg@10"][0] == pytest.approx(np.mean(single))


def test_fewer_epochs_may_be_asked_for(config: Config) -> None:
    few = run_ablation(config, only=("history",), epochs=1, progress=Watched())
    assert few["epochs"] == {"full": [1]}


def test_ensembles_of_several_seeds_share_no_member(config: Config) -> None:
    two = replace(config, retriever=replace(FULL, ensemble=2))
    report = run_ablation(two, only=("history",), seeds=2, epochs=1, progress=Watched())
    assert (report["seeds"], report["epochs"]) == ([0, 2], {"full": [1, 1, 1, 1]})


def test_another_log_makes_what_was_finished_worthless(tmp_path: Path) -> None:
    config = taste_shop(tmp_path)
    run_ablation(config, only=("history",), epochs=1, progress=Watched())
    write_tables(tmp_path, nightly_log().keep(np.arange(len(nightly_log().item_index)) != 3), taste_items())  # one event less
    anew = Watched()
    run_ablation(config, only=("history",), epochs=1, progress=anew)
    assert anew.trained == ["full"]
    assert len(list((tmp_path / "scratch/ablation").iterdir())) == 1


def test_the_nights_own_twin_is_not_trained_again(tmp_path: Path, report: dict[str, Any]) -> None:
    config, watched = taste_shop(tmp_path), Watched()
    workspace = config.open_workspace()
    run_stage(TRAIN_RETRIEVER, config, workspace, end_of_log(workspace), Progress(Console(quiet=True)), forced=False)
    assert run_ablation(config, only=("text", "history", "gated"), progress=watched) == report
    assert watched.trained == ["without text", "gated fusion"]


def test_the_command_prints_a_table_and_verdicts_and_writes_the_numbers(config: Config, report: dict[str, Any], tmp_path: Path) -> None:
    toml = [f"workspace = {json.dumps(config.workspace)}", "[evaluation]", "bootstrap_resamples = 200", "[cuts]"]
    toml += [f'{name} = "{getattr(config.cuts, name).isoformat()}"' for name in ("ranker", "validation", "test")]
    toml += ["[retriever]", *(f"{name} = {json.dumps(value)}" for name, value in asdict(FULL).items())]
    path = tmp_path / "config.toml"
    path.write_text("\n".join(toml), encoding="utf-8")
    result = CliRunner().invoke(app, ["ablate", "--config", str(path), "--only", "text,history,gated"], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    assert re.search(r"^NDCG@10: helps: .*history", result.stdout, re.MULTILINE)
    assert json.loads((Path(config.workspace) / "reports/ablation.json").read_text(encoding="utf-8")) == json.loads(json.dumps(report))


def test_beside_another_ablation_or_an_erasure_none_begins(config: Config) -> None:
    with alone(config.open_workspace().root / "ablation.lock", work="ablation"), pytest.raises(BusyError):
        run_ablation(config, progress=Watched())
