from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from feature_store.embeddings import encoder_versions
from feature_store.errors import LandingError
from feature_store.layout import TableReader, Workspace
from feature_store.schema import ATTRIBUTE_LABELS, CATALOGUE, FETCHED_IMAGES
from pipelines.contents import TUNED_TEXT
from pipelines.stages import embed_items, label_attributes
from recsys.encoders.text import TextEncoder
from tests.support.embedded_shop import write_encoder
from tests.support.photos import jpeg, write_files
from tests.support.stages import run_stage
from tests.support.tiny_joint import save_tiny_joint, teach_colours
from tests.support.tiny_transformers import save_tiny

NUMBER = 240
COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200)}
LACKING = range(0, NUMBER, 4)


def colour_of(at: int) -> str:
    return list(COLOURS)[at * 7 % 3 % 2]


def write_shop(root: Path) -> Path:
    """Photos and titles tell the colour; a quarter of the items do not say it, and two of these have neither photo nor title."""
    rows = []
    for at in range(NUMBER):
        known = [{"name": "colour", "value": colour_of(at)}] if at not in LACKING else []
        told = {"title": f"a {colour_of(at)} mug", "image_uri": f"{at}.jpg"} if at not in (0, 4) else {"title": None, "image_uri": None}
        rows.append({"item_id": f"i{at}", **told, "attributes": [*known, {"name": "note", "value": "for coffee"}], "in_stock": True})
    schema = {name: CATALOGUE.schema[name] for name in ("item_id", "title", "image_uri", "attributes", "in_stock")}
    frame = pl.DataFrame(rows, schema=schema).with_columns(category=pl.lit([], pl.List(pl.String)))
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in CATALOGUE.schema.items() if name not in frame.columns]
    write_files(root / "landing/images", {f"{at}.jpg": jpeg(COLOURS[colour_of(at)], seed=at) for at in range(NUMBER)})
    for name, table, content in (
        ("catalogue", CATALOGUE, frame.with_columns(missing).select(list(CATALOGUE.schema))),
        ("fetched_images", FETCHED_IMAGES, FETCHED_IMAGES.empty()),
    ):
        with Workspace(root).write(name) as writer:
            writer.write(content, table)
            writer.commit()
    write_encoder(root)
    save_tiny(root / "bert", "bert")
    run_stage(embed_items.STAGE, root, embed=embed(root))
    return root


def embed(root: Path, *, model: str = "bert") -> dict[str, Any]:
    return {"text_model": str(root / model), "max_tokens": 16, "precision": "fp32"}


def label(root: Path, *names: str, model: str = "bert", **more: Any) -> TableReader:
    return run_stage(label_attributes.STAGE, root, embed=embed(root, model=model), labels={"attributes": list(names), **more})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("labels"))


def test_items_that_lack_the_colour_get_it_from_photo_and_title(root: Path) -> None:
    table = label(root, "colour")
    rows = table.scan(ATTRIBUTE_LABELS).collect()
    guessable = {f"i{at}": colour_of(at) for at in LACKING if at not in (0, 4)}
    assert dict(rows.select("item_id", "value").iter_rows()) == guessable
    assert set(rows["attribute"]) == {"colour"}
    assert set(rows["source"]) == {"classifier"}


def test_it_tells_how_good_the_guesses_are_on_held_out_items(root: Path) -> None:
    facts = label(root, "colour").manifest.facts
    assert facts["measured"]["colour"]["accuracy"] == 1
    assert facts["measured"]["colour"]["macro_f1"] == 1
    assert facts["measured"]["colour"]["most_common"] < 0.8
    assert facts["rows"] == len(LACKING) - 2
    assert facts["told"][0].startswith("colour: accuracy 1.000, macro-F1 1.000 on ")


@pytest.mark.parametrize("fields", ["text_fields", "description_fields"])
def test_texts_are_read_without_what_is_to_be_guessed(tmp_path: Path, fields: str) -> None:
    """Titles that say nothing and colours at random: only a text that spells the attribute out could tell it."""
    shop = write_shop(tmp_path)
    catalogue = Workspace(shop).read("catalogue").scan(CATALOGUE).collect()
    random = np.random.default_rng(0).choice(list(COLOURS), NUMBER)
    attributes = pl.Series([[{"name": "colour", "value": value}] for value in random], dtype=CATALOGUE.schema["attributes"])
    with Workspace(shop).write("catalogue") as writer:
        writer.write(catalogue.with_columns(attributes=attributes, title=pl.lit("a mug"), image_uri=pl.lit(None, pl.String)), CATALOGUE)
        writer.commit()
    settings = {**embed(shop), "text_fields": ["title"], "description_fields": [], fields: ["title", "attributes"]}
    run_stage(embed_items.STAGE, shop, embed=settings)
    measured = run_stage(label_attributes.STAGE, shop, embed=settings, labels={"attributes": ["colour"]}).manifest.facts["measured"][
        "colour"
    ]
    assert measured["accuracy"] < 0.75
    assert measured["precision"] is None


def test_nothing_is_guessed_unless_asked(root: Path) -> None:
    manifest = label(root).manifest
    assert manifest.facts["rows"] == 0
    assert manifest.facts["measured"] == {}


def test_an_attribute_that_nobody_has_is_an_error(root: Path) -> None:
    with pytest.raises(LandingError, match="no item has the attribute 'size'"):
        label(root, "size")


def test_an_attribute_of_one_value_is_told_and_left_alone(root: Path) -> None:
    facts = label(root, "note").manifest.facts
    assert facts["rows"] == 0
    assert "note: fewer than two values" in facts["told"][0]


def encoded_texts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call encodes, from now on."""
    counts: list[int] = []
    encode = TextEncoder.encode_tokens

    def counted(self: TextEncoder, tokens: Sequence[Sequence[int]]) -> Any:
        counts.append(len(tokens))
        return encode(self, tokens)

    monkeypatch.setattr(TextEncoder, "encode_tokens", counted)
    return counts


def test_texts_that_the_last_run_has_read_are_not_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = write_shop(tmp_path)
    counts = encoded_texts(monkeypatch)
    first, again = label(shop, "colour").manifest, label(shop, "colour").manifest
    assert sum(counts) == NUMBER - len(LACKING)  # the texts of the others say no colour, and the night has encoded them
    assert again.content_digest == first.content_digest
    counts.clear()
    label(shop, "colour", "note")
    assert sum(counts) == NUMBER - 2  # without the note all texts are others, and two are none


def test_texts_of_another_encoder_are_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = write_shop(tmp_path)
    label(shop, "colour")
    save_tiny(shop / "gpt2", "gpt2")
    run_stage(embed_items.STAGE, shop, embed=embed(shop, model="gpt2"))
    counts = encoded_texts(monkeypatch)
    label(shop, "colour", model="gpt2")
    assert sum(counts) == NUMBER - len(LACKING)


@pytest.fixture(scope="module")
def tuned_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night has fine-tuned its text encoder."""
    shop = write_shop(tmp_path_factory.mktemp("tuned"))
    with Workspace(shop).write("fine_tuned_encoders") as writer:
        save_tiny(writer.folder / TUNED_TEXT, "gpt2")
        writer.commit()
    return shop


@pytest.mark.parametrize(("fields", "flattered"), [(["title", "attributes"], True), (["title"], False)])
def test_what_an_encoder_fitted_to_the_answers_flatters_is_said(tuned_shop: Path, fields: list[str], flattered: bool) -> None:
    settings = {**embed(tuned_shop), "text_fields": fields}
    run_stage(embed_items.STAGE, tuned_shop, embed=settings)
    line = run_stage(label_attributes.STAGE, tuned_shop, embed=settings, labels={"attributes": ["colour"]}).manifest.facts["told"][0]
    assert ("flattered: an encoder was fitted here" in line) == flattered


def test_texts_are_read_by_the_encoder_that_was_fine_tuned(tuned_shop: Path) -> None:
    own = encoder_versions(run_stage(embed_items.STAGE, tuned_shop, embed=embed(tuned_shop)))["text"]
    read = pl.read_ipc(label(tuned_shop, "colour").path(label_attributes.TEXTS))
    assert read["encoder_version"].unique().to_list() == [own]
    assert own != encoder_versions(run_stage(embed_items.STAGE, write_shop(tuned_shop / "other"), embed=embed(tuned_shop)))["text"]


PROMPT = "a {} mug"
ZERO_SHOT = {"zero_shot": {"colour": list(COLOURS)}, "prompt": PROMPT}


def joint(root: Path, *, taught: bool) -> dict[str, Any]:
    """[embed] of a joint model, the shop embedded by it."""
    model = root / ("taught" if taught else "untaught")
    save_tiny_joint(model, "siglip")
    if taught:
        teach_colours(model, COLOURS, PROMPT)
    settings = {"joint_model": str(model), "precision": "fp32"}
    run_stage(embed_items.STAGE, root, embed=settings)
    return settings


def label_by_joint(root: Path, settings: dict[str, Any], **more: Any) -> TableReader:
    return run_stage(label_attributes.STAGE, root, embed=settings, labels={**ZERO_SHOT, **more})


@pytest.fixture(scope="module")
def joint_shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    shop = write_shop(tmp_path_factory.mktemp("joint"))
    return shop, joint(shop, taught=True)


def test_a_joint_model_names_the_colour_of_items_that_lack_it_and_of_no_others(joint_shop: tuple[Path, dict[str, Any]]) -> None:
    table = label_by_joint(*joint_shop)
    rows = table.scan(ATTRIBUTE_LABELS).collect()
    found = dict(rows.select("item_id", "value").iter_rows())
    assert found.items() <= {f"i{at}": colour_of(at) for at in LACKING if at not in (0, 4)}.items()
    assert len(found) > 0.8 * len(LACKING)  # a few are less sure than any that chose the threshold
    assert set(rows["source"]) == {"zero_shot"}
    measured = table.manifest.facts["measured"]["colour"]
    assert (measured["accuracy"], measured["items"]) == (1, NUMBER - len(LACKING))
    assert rows["score"].min() >= measured["threshold"]


def test_a_joint_model_that_does_not_know_colours_labels_nothing(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    table = label_by_joint(shop, joint(shop, taught=False))
    assert table.manifest.facts["measured"]["colour"]["accuracy"] < 0.8
    assert table.manifest.facts["rows"] == 0


@pytest.mark.parametrize(("score", "labelled"), [(0.5, NUMBER - 2), (0.9999999, 0)])
def test_an_attribute_that_no_item_says_is_labelled_at_the_score_of_the_config(
    joint_shop: tuple[Path, dict[str, Any]], score: float, labelled: int
) -> None:
    shop, settings = joint_shop
    zero_shot = {"zero_shot": {"look": list(COLOURS)}, "zero_shot_score": score}
    facts = label_by_joint(shop, settings, **zero_shot).manifest.facts
    assert (facts["rows"], facts["measured"]) == (labelled, {})
    told = f"nothing is measured; {labelled} of {NUMBER} items without it labelled at a score of {score:.2f}"
    assert facts["told"] == [f"look: no item with a photo says it, so {told}"]


def test_what_is_learned_and_what_is_not_stand_side_by_side(joint_shop: tuple[Path, dict[str, Any]]) -> None:
    shop, settings = joint_shop
    table = label_by_joint(shop, settings, attributes=["colour"], zero_shot={"look": list(COLOURS)})
    rows = table.scan(ATTRIBUTE_LABELS).collect()
    assert {*rows.select("attribute", "source").unique().iter_rows()} == {("colour", "classifier"), ("look", "zero_shot")}
