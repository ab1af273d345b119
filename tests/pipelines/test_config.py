import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config, ConfigError, load_config, parse_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
def test_every_config_that_ships_can_be_read(path: Path) -> None:
    assert isinstance(load_config(path), Config)


def test_an_unknown_key_is_refused_by_name_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'epoch'; did you mean epochs\?"):
        parse_config({"retriever": {"epoch": 3}})


def test_an_unknown_section_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown key 'zzz'; known are workspace, sources"):
        parse_config({"zzz": {}})


def test_a_value_of_the_wrong_type_is_refused_with_what_was_found() -> None:
    with pytest.raises(ConfigError, match=r"retriever\.epochs: .*found 'many'"):
        parse_config({"retriever": {"epochs": "many"}})


def test_a_password_in_the_config_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match=r"online_store: .*VITRINE_REDIS_PASSWORD") as told:
        parse_config({"online_store": {"place": "redis://:hunter2@cache/0"}})
    assert "hunter2" not in str(told.value)


def numbers(section: object, *path: str) -> Iterator[tuple[tuple[str, ...], int | float]]:
    """Every number of a config, with the keys that lead to it."""
    for entry in dataclasses.fields(section):  # type: ignore[arg-type]
        value = getattr(section, entry.name)
        if dataclasses.is_dataclass(value):
            yield from numbers(value, *path, entry.name)
        elif type(value) in (int, float):
            yield (*path, entry.name), value


def nested(keys: tuple[str, ...], value: float) -> dict[str, Any]:
    head, *rest = keys
    return {head: nested(tuple(rest), value) if rest else value}


STARS = ("relevance", "positive_rating")
"""The one number that may be anything: what a shop's stars count from is its own affair."""


@pytest.mark.parametrize("keys", [keys for keys, _ in numbers(Config()) if keys != STARS], ids=".".join)
def test_no_number_of_a_config_is_below_zero(keys: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=keys[-1]):
        parse_config(nested(keys, -1))


@pytest.mark.parametrize("keys", [keys for keys, value in numbers(Config()) if isinstance(value, float)], ids=".".join)
def test_what_is_no_number_is_no_setting(keys: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=keys[-1]):
        parse_config(nested(keys, math.nan))


@pytest.mark.parametrize("value", [-1.0, math.nan])
@pytest.mark.parametrize(
    "keys",
    [
        ("ranker", "expert_dims"),
        ("ranker", "tower_dims"),
        ("evaluation", "ease_strengths"),
        ("evaluation", "ials_strengths"),
        ("evaluation", "item_knn_neighbours"),
        ("evaluation", "recent_days"),
    ],
    ids=".".join,
)
def test_nor_is_one_of_a_list(keys: tuple[str, str], value: float) -> None:
    section, key = keys
    with pytest.raises(ConfigError, match=key):
        parse_config({section: {key: [value]}})


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan])
def test_an_alignment_loss_that_counts_nothing_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="alignment cosine has weight"):
        parse_config({"retriever": {"alignment": {"cosine": weight}}})


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("order", "x", "'free', 'time' or 'both'"),
        ("epochs", 0, "greater than 0"),
        ("tokens_per_batch", 0, "greater than 0"),
        ("embedding_dim", 0, "greater than 0"),
        ("history_length", 0, "greater than 0"),
        ("learning_rate", 0.0, "greater than 0"),
        ("gradient_clip", 0.0, "greater than 0"),
        ("dropout", 1.0, "less than 1"),
        ("modality_dropout", 2.0, "less than 1"),
        ("ema_decay", 1.5, "less than 1"),
    ],
)
def test_what_would_ruin_a_training_is_refused_before_the_night(key: str, value: object, allowed: str) -> None:
    with pytest.raises(ConfigError, match=rf"retriever\.{key}: .*{allowed}, found {value!r}"):
        parse_config({"retriever": {key: value}})


def test_heads_that_do_not_divide_a_vector_are_refused() -> None:
    with pytest.raises(ConfigError, match="embedding_dim 64 is no multiple of heads 3; choose heads that divide it"):
        parse_config({"retriever": {"heads": 3}})


def test_an_ensemble_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ensemble is 0; it counts the two-towers that are trained: 1, the default, or more"):
        parse_config({"retriever": {"ensemble": 0}})


@pytest.mark.parametrize(("section", "key"), [("retriever", "events_per_epoch"), ("evaluation", "most_users")])
def test_a_number_of_which_0_is_all_is_not_below_0(section: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is -1; .* or 0 for all of them"):
        parse_config({section: {key: -1}})


def test_rows_of_ids_without_ids_are_refused() -> None:
    with pytest.raises(ConfigError, match="id_rows is 5 and use_item_id false: without ids there is no table of them"):
        parse_config({"retriever": {"id_rows": 5, "use_item_id": False}})


def test_a_joint_model_beside_an_encoder_that_it_stands_in_for_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"joint_model stands in for both encoders, yet image_weights, text_model is set too"):
        parse_config({"embed": {"joint_model": "clip", "image_weights": "w.safetensors", "text_model": "bert"}})


def test_zero_shot_labels_without_a_joint_model_are_refused() -> None:
    zero_shot = {"labels": {"zero_shot": {"colour": ["red", "blue"]}}}
    with pytest.raises(ConfigError, match=r"holds photos against words: set \[embed\] joint_model"):
        parse_config(zero_shot)
    assert parse_config({**zero_shot, "embed": {"joint_model": "clip"}}).labels.zero_shot == {"colour": ("red", "blue")}


def test_attributes_that_are_taken_in_are_read_by_a_retriever_that_names_none() -> None:
    users = {"attributes": ["age", "town"]}
    assert parse_config({"users": users}).retriever.user_attributes == ("age", "town")
    assert parse_config({"users": users, "retriever": {"user_attributes": ["age"]}}).retriever.user_attributes == ("age",)
    with pytest.raises(ConfigError, match=r"\[retriever\] user_attributes: 'height' is not taken in; \[users\] attributes names age, town"):
        parse_config({"users": users, "retriever": {"user_attributes": ["height"]}})


def test_own_modalities_take_part_in_the_retriever_where_it_names_none() -> None:
    sources = {"modalities": {"audio": {"file": "landing/audio.parquet"}}}
    assert parse_config({"sources": sources}).retriever.modalities == ("image", "text", "description", "category", "audio")
    assert parse_config({"sources": sources, "retriever": {"modalities": ["text"]}}).retriever.modalities == ("text",)


def test_knowledge_takes_part_where_there_is_any() -> None:
    assert "knowledge" not in parse_config({}).retriever.modalities
    assert parse_config({"knowledge": {"from_attributes": ["region"]}}).retriever.modalities[-1] == "knowledge"
    with pytest.raises(ConfigError, match="there is no modality 'knowledge'"):
        parse_config({"retriever": {"modalities": ["knowledge"]}})


def test_descriptions_take_part_in_the_retriever_unless_nothing_is_read_as_one() -> None:
    embed = {"description_fields": []}
    assert parse_config({"embed": embed}).retriever.modalities == ("image", "text", "category")
    with pytest.raises(ConfigError, match=r"there is no modality 'description'; there are image, text, category"):
        parse_config({"embed": embed, "retriever": {"modalities": ["text", "description"]}})


@pytest.mark.parametrize("name", ["text_fields", "description_fields"])
def test_a_text_field_that_no_item_has_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: there is no text field 'brand'; there are title, description, category, attributes"):
        parse_config({"embed": {name: ["title", "brand"]}})
    with pytest.raises(ConfigError, match=f"{name}: Input should be a valid tuple, found 'title'"):
        parse_config({"embed": {name: "title"}})


def test_a_field_may_be_in_the_text_and_in_the_description_and_is_learned_from_once() -> None:
    embed = parse_config({"embed": {"text_fields": ["attributes", "title"], "description_fields": ["title", "description"]}}).embed
    assert embed.texts == {"text": ("attributes", "title"), "description": ("title", "description")}
    assert embed.all_text_fields == ("title", "description", "attributes")


def test_a_modality_that_nothing_makes_is_refused_by_name() -> None:
    with pytest.raises(
        ConfigError, match=r"\[retriever\] modalities: there is no modality 'sound'; there are image, text, description, category, audio"
    ):
        parse_config({"sources": {"modalities": {"audio": {"file": "a"}}}, "retriever": {"modalities": ["sound"]}})


def test_an_unknown_key_of_an_own_modality_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"\[modalities\.audio\]: unknown key 'dmi'; did you mean dim\?"):
        parse_config({"sources": {"modalities": {"audio": {"file": "a", "dmi": 3}}}})


@pytest.mark.parametrize("name", ["category", "a/b", "Audio", "type", "history"])
def test_a_name_that_cannot_be_a_modality_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"modality '{name}': "):
        parse_config({"sources": {"modalities": {name: {"file": "a"}}}})


def test_an_override_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("[retriever]\nepochs = 3\n", encoding="utf-8")
    assert load_config(path).retriever.epochs == 3
    assert load_config(path, {"retriever.epochs": 5, "ranker.epochs": 2}).retriever.epochs == 5


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Pass --config FILE"):
        load_config(tmp_path / "nowhere.toml")


def test_what_is_not_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("[retriever\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"shop\.toml is not TOML: .*line 1"):
        load_config(path)


@pytest.mark.parametrize("section", ["embed", "features"])
def test_no_workers_are_refused_before_the_night(section: str) -> None:
    with pytest.raises(ConfigError, match=f"{section}: .*workers is 0; it is at least 1"):
        parse_config({section: {"engine": "daft", "workers": 0}})


def test_gpus_are_asked_of_ray_alone() -> None:
    with pytest.raises(ConfigError, match=r"gpus_per_worker = 1\.0 is a request to Ray, and ray_address is empty"):
        parse_config({"embed": {"engine": "daft", "gpus_per_worker": 1.0}})
