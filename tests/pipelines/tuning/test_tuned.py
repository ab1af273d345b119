"""Whose word counts: --set, then tuned.toml while it fits, then the config."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config, load_config
from pipelines.tuning.tuned import Tuned, load_night_config, read_tuned, write_tuned
from recsys.training.config import RetrieverConfig
from tests.support.taste_shop import Watched

CHANGES = {"dropout": 0.125, "order": "time", "embedding_dim": 32}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A config beside which lies what a search from its settings has found."""
    path = tmp_path / "config.toml"
    path.write_text(f'workspace = "{tmp_path}"\n[retriever]\ndropout = 0.5\n', encoding="utf-8")
    write_tuned(tmp_path / "tuned.toml", Tuned(own=load_config(path).retriever, changes=CHANGES), ["By a test."])
    return path


def load(path: Path, **overrides: Any) -> tuple[Config, list[str]]:
    """The night's config and the lines it says; `retriever__dropout` overrides `retriever.dropout`."""
    watched = Watched()
    dotted = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_night_config(path, dotted, progress=watched), watched.lines


def test_what_is_written_is_read(tmp_path: Path) -> None:
    tuned = Tuned(own=RetrieverConfig(modalities=("image",), use_item_id=False, learning_rate=1e-5), changes=CHANGES)
    write_tuned(tmp_path / "tuned.toml", tuned, ["Two", "lines"])
    assert read_tuned(tmp_path / "tuned.toml") == tuned
    assert (tmp_path / "tuned.toml").read_text(encoding="utf-8").startswith("# Two\n# lines\n[retriever]\ndropout = 0.125\n")


def test_the_night_takes_what_was_found_over_the_config_and_says_so(path: Path) -> None:
    config, lines = load(path)
    assert (config.retriever.dropout, config.retriever.order, config.retriever.embedding_dim) == (0.125, "time", 32)
    assert lines == ["retriever settings from tuned.toml: dropout 0.125, order time, embedding_dim 32"]


def test_what_is_given_on_the_command_line_wins(path: Path) -> None:
    config, lines = load(path, retriever__dropout=0.4, retriever__epochs=2)
    assert (config.retriever.dropout, config.retriever.order, config.retriever.epochs) == (0.4, "time", 2)
    assert lines == ["retriever settings from tuned.toml: order time, embedding_dim 32"]


def test_it_can_be_switched_off(path: Path) -> None:
    config, lines = load(path, tune__use=False)
    assert (config.retriever.dropout, lines) == (0.5, [])


def test_once_the_config_has_changed_the_config_alone_counts(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "blocks = 3\n", encoding="utf-8")
    config, (line,) = load(path)
    assert (config.retriever.dropout, config.retriever.blocks) == (0.5, 3)
    assert "tuned.toml is not used" in line
    assert "has changed since the search: blocks is 3, was 2. Run `vitrine tune` again" in line


def test_more_threads_are_no_change_of_the_config(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "threads = 3\n", encoding="utf-8")
    config, _ = load(path)
    assert (config.retriever.dropout, config.retriever.threads) == (0.125, 3)


@pytest.mark.parametrize(("text", "message"), [("[own]\nwidth = 3\n", "unknown key 'width'"), ("[own\n", "is not TOML")])
def test_what_cannot_be_read_is_told_and_not_used(path: Path, text: str, message: str) -> None:
    path.with_name("tuned.toml").write_text(text, encoding="utf-8")
    config, (line,) = load(path)
    assert config.retriever.dropout == 0.5
    assert message in line


def test_without_a_search_the_config_is_the_nights(path: Path) -> None:
    path.with_name("tuned.toml").unlink()
    assert load(path) == (load_config(path), [])
