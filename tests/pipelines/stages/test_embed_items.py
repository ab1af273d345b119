import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from rich.console import Console

from feature_store.errors import LandingError
from feature_store.layout import TableReader, Workspace
from pipelines.own_errors import told
from pipelines.stages import embed_items, train_encoders
from recsys.encoders.image import ImageEncoder
from recsys.encoders.precision_check import PrecisionError
from recsys.encoders.text import TextEncoder
from tests.support.embedded_shop import (
    EMBED,
    SAVING_SLOWLY,
    cursed_model,
    embed,
    rows_of,
    shards_of,
    shop,
    write_catalogue,
    write_encoder,
    write_nothing_tuned,
)
from tests.support.killing import kill_once
from tests.support.photos import jpeg, write_files
from tests.support.stages import context_of, run_stage
from tests.support.tiny_transformers import save_tiny

AUDIO: dict[str, Any] = {"modalities": {"audio": {"file": "landing/audio.parquet"}}}


def write_audio(root: Path, given: dict[str, Any], *, version: str | None = None) -> None:
    rows = pl.DataFrame({"item_id": list(given), "vector": pl.Series(list(given.values()), dtype=pl.List(pl.Float64))})
    rows.with_columns(version=pl.lit(version, pl.String)).write_parquet(root / "landing" / "audio.parquet")


def embed_audio(root: Path, given: dict[str, Any], *, version: str | None = None, dim: int = 0, **more: Any) -> TableReader:
    write_audio(root, given, version=version)
    sources = {"modalities": {"audio": {**AUDIO["modalities"]["audio"], "dim": dim}}}
    return embed(root, sources=sources, **more)


def test_every_item_has_one_row_per_modality_in_catalogue_order(tmp_path: Path) -> None:
    table = embed(shop(tmp_path))
    for modality in ("image", "text"):
        assert rows_of(table, modality)["item_id"].to_list() == [f"i{at}" for at in range(20)]
    assert len([file for file in table.manifest.files if file.startswith("modality=image/")]) == 3  # 20 items, 8 a shard


def test_a_second_run_encodes_nothing_and_changes_no_byte(tmp_path: Path) -> None:
    first = embed(shop(tmp_path))
    second = embed(tmp_path)
    assert first.manifest.facts["encoded"] == {"image": 20, "text": 20, "description": 0}
    assert second.manifest.facts["encoded"] == {"image": 0, "text": 0, "description": 0}
    assert second.manifest.content_digest == first.manifest.content_digest


def test_five_new_photos_are_encoded_and_no_more(tmp_path: Path) -> None:
    before = rows_of(embed(shop(tmp_path)), "image")
    write_files(tmp_path / "landing" / "images", {f"{at}.jpg": jpeg((250, 250, 0), seed=100 + at) for at in range(3, 8)})
    table = embed(tmp_path)
    changed = rows_of(table, "image")["vector"] != before["vector"]
    assert table.manifest.facts["encoded"] == {"image": 5, "text": 0, "description": 0}
    assert changed.arg_true().to_list() == [3, 4, 5, 6, 7]


def test_other_shard_sizes_keep_what_is_known(tmp_path: Path) -> None:
    embed(shop(tmp_path))
    assert embed(tmp_path, shard_items=7).manifest.facts["encoded"] == {"image": 0, "text": 0, "description": 0}


def test_another_encoder_encodes_everything_again(tmp_path: Path) -> None:
    embed(shop(tmp_path))
    write_encoder(tmp_path, seed=2)
    table = embed(tmp_path)
    assert table.manifest.facts["encoded"] == {"image": 20, "text": 0, "description": 0}
    assert rows_of(table, "image")["encoder_version"].n_unique() == 1


def test_too_many_refused_photos_stop_the_stage_before_anything_is_written(tmp_path: Path) -> None:
    shop(tmp_path)
    for at in range(3):
        (tmp_path / "landing" / "images" / f"{at}.jpg").write_bytes(b"<html>")
    with pytest.raises(embed_items.TooManyRefusedError, match=r"3 of 20 photos cannot be used, 15\.0%; at most 10\.0%"):
        embed(tmp_path, max_refused_share=0.1)
    assert not Workspace(tmp_path).exists("item_embeddings")


def test_a_command_tells_too_many_refused_photos_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop(tmp_path, number=2)
    (tmp_path / "landing" / "images" / "0.jpg").write_bytes(b"<html>")
    with pytest.raises(typer.Exit), told(Console(stderr=True)):
        embed(tmp_path, max_refused_share=0.1)
    assert capsys.readouterr().err.startswith("error: 1 of 2 photos cannot be used, 50.0%; at most 10.0% may be. First: i0: corrupt")


def test_spoilt_vectors_lie_in_quarantine_and_the_others_stand(tmp_path: Path) -> None:
    model = str(cursed_model(tmp_path / "model"))
    write_catalogue(tmp_path, [None] * 3, {1: "a cursed mug"})
    write_encoder(tmp_path)
    table = embed(tmp_path, text_model=model)
    refused = pl.read_parquet(table.path("quarantine/part-0000.parquet"))
    assert rows_of(table, "text")["presence"].to_list() == [True, False, True]
    assert refused.select("item_id", "modality").rows() == [("i1", "text")]
    assert refused["reason"][0].startswith("vector: not finite")
    assert refused["digest"][0] == rows_of(table, "text")["content_digest"][1]


def test_too_many_spoilt_vectors_stop_the_stage(tmp_path: Path) -> None:
    write_catalogue(tmp_path, [None] * 2, {1: "a cursed mug"})
    write_encoder(tmp_path)
    with pytest.raises(embed_items.TooManyRefusedError, match="1 of 2 texts cannot be used"):
        embed(tmp_path, text_model=str(cursed_model(tmp_path / "model")), max_refused_share=0.1)


def test_what_the_number_format_costs_stands_in_the_manifest(tmp_path: Path) -> None:
    precision = embed(shop(tmp_path), precision="bf16").manifest.facts["precision"]
    assert precision["image"]["compared"] == precision["text"]["compared"] == 20
    assert 0.99 < precision["image"]["min_cosine"] < 1
    assert 0.5 < precision["text"]["neighbour_overlap"] <= 1


def test_fp32_is_compared_with_nothing(tmp_path: Path) -> None:
    precision = embed(shop(tmp_path), precision="fp32").manifest.facts["precision"]
    assert precision["text"] == precision["text"] | {"compared": 0, "min_cosine": None}


def test_a_night_without_news_keeps_what_the_last_one_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = embed(shop(tmp_path), precision="bf16").manifest.facts["precision"]
    monkeypatch.setattr(TextEncoder, "in_fp32", None)  # whoever calls it fails
    monkeypatch.setattr(ImageEncoder, "in_fp32", None)
    assert embed(tmp_path, precision="bf16").manifest.facts["precision"] == first


def test_too_costly_a_number_format_stops_the_stage_before_anything_is_encoded(tmp_path: Path) -> None:
    context = context_of(embed_items.STAGE, shop(tmp_path), embed={**EMBED, "precision": "bf16", "min_precision_cosine": 1.0})
    with pytest.raises(PrecisionError, match=r'image vectors .* Set \[embed\] precision = "fp32"'):
        embed_items.STAGE.run(context)
    assert not list(context.scratch.rglob("part-*"))


def test_vectors_kept_in_fp16_take_half_the_room_and_say_what_it_costs(tmp_path: Path) -> None:
    whole = embed(shop(tmp_path / "a"), precision="fp32")
    half = embed(shop(tmp_path / "b"), precision="fp32", storage="fp16")
    bytes_ = {name: sum(table.path(file).stat().st_size for file in table.files()) for name, table in (("whole", whole), ("half", half))}
    assert bytes_["half"] < 0.65 * bytes_["whole"]
    assert half.manifest.facts["storage"] == dict.fromkeys(("image", "text", "description"), "fp16")
    for modality in ("image", "text"):
        check = half.manifest.facts["precision"][modality]
        assert check["compared"] == 20
        assert 0.9999 < check["min_cosine"] == check["min_cosine_kept"] < 1.0001  # nothing else was lost


def test_what_was_kept_whole_can_be_kept_in_half_and_not_the_other_way(tmp_path: Path) -> None:
    nothing, everything = {"image": 0, "text": 0, "description": 0}, {"image": 20, "text": 20, "description": 0}
    embed(shop(tmp_path))
    half = embed(tmp_path, storage="fp16")
    again = embed(tmp_path, storage="fp16")
    assert half.manifest.facts["encoded"] == again.manifest.facts["encoded"] == nothing
    assert again.manifest.content_digest == half.manifest.content_digest
    assert embed(tmp_path).manifest.facts["encoded"] == everything


def test_given_vectors_are_kept_as_they_came(tmp_path: Path) -> None:
    table = embed_audio(shop(tmp_path, number=2), {"i0": [1e6, 2.0]}, storage="fp16")
    assert table.manifest.facts["storage"]["audio"] == "fp32"
    assert rows_of(table, "audio")["vector"][0].to_list() == [1e6, 2.0]


def test_an_item_without_words_has_no_text(tmp_path: Path) -> None:
    write_catalogue(tmp_path, [None, None], {0: None})
    write_encoder(tmp_path)
    table = embed(tmp_path)
    assert rows_of(table, "text")["presence"].to_list() == [False, True]
    assert table.manifest.facts["absent"] == {"image": 2, "text": 1, "description": 2}


def test_descriptions_are_encoded_apart_from_what_an_item_is_called(tmp_path: Path) -> None:
    write_catalogue(tmp_path, [None, None], {1: None}, descriptions={1: "for coffee. and tea"})
    write_encoder(tmp_path)
    table = embed(tmp_path, precision="fp32")
    said = {"text": ["thing 0", None], "description": [None, "for coffee. and tea"]}
    for modality, texts in said.items():
        rows = rows_of(table, modality)
        assert rows["presence"].to_list() == [text is not None for text in texts]
        (vector,) = TextEncoder(max_tokens=16, precision="fp32").encode([text for text in texts if text])
        assert rows["vector"].drop_nulls().to_numpy()[0] == pytest.approx(vector, abs=1e-6)


def test_another_title_encodes_the_text_anew_and_another_description_the_description(tmp_path: Path) -> None:
    def encoded(titles: dict[int, str | None], descriptions: dict[int, str]) -> dict[str, int]:
        write_catalogue(tmp_path, [None] * 3, titles, descriptions=descriptions)
        found: dict[str, int] = embed(tmp_path).manifest.facts["encoded"]
        return found

    write_encoder(tmp_path)
    assert encoded({}, {0: "blue", 1: "red"}) == {"image": 0, "text": 3, "description": 2}
    assert encoded({0: "mug"}, {0: "blue", 1: "red"}) == {"image": 0, "text": 1, "description": 0}
    assert encoded({0: "mug"}, {0: "blue", 1: "green"}) == {"image": 0, "text": 0, "description": 1}
    assert encoded({0: "mug"}, {0: "blue", 1: "green"}) == {"image": 0, "text": 0, "description": 0}


def test_without_description_fields_there_is_no_such_modality(tmp_path: Path) -> None:
    write_catalogue(tmp_path, [None], descriptions={0: "blue"})
    write_encoder(tmp_path)
    assert embed(tmp_path).manifest.facts["dims"].keys() == {"image", "text", "description"}
    table = embed(tmp_path, description_fields=[])
    assert table.manifest.facts["dims"].keys() == {"image", "text"}
    assert [file for file in table.manifest.files if "description" in file] == []


def test_a_shop_without_encoder_has_no_images(tmp_path: Path) -> None:
    write_files(tmp_path / "landing" / "images", {"0.jpg": jpeg()})
    write_catalogue(tmp_path, ["0.jpg", None, None])
    train_encoders.STAGE.run(context_of(train_encoders.STAGE, tmp_path, embed=EMBED))
    assert Workspace(tmp_path).read("image_encoder").manifest.facts["encoder"] == "none"
    write_nothing_tuned(tmp_path)
    table = embed(tmp_path)
    assert rows_of(table, "image")["presence"].to_list() == [False] * 3
    assert table.manifest.facts["quarantined"] == 0


def test_photos_that_cannot_be_used_lie_in_quarantine_though_no_encoder_reads_any(tmp_path: Path) -> None:
    write_files(tmp_path / "landing" / "images", {"0.jpg": jpeg(), "1.jpg": b"no photo"})
    write_catalogue(tmp_path, ["0.jpg", "1.jpg", "gone.jpg", None])
    run_stage(train_encoders.STAGE, tmp_path)
    write_nothing_tuned(tmp_path)
    table = embed(tmp_path, max_refused_share=0.0)
    refused = dict(pl.read_parquet(table.path("quarantine/part-0000.parquet")).select("item_id", "reason").iter_rows())
    assert {item: reason.partition(":")[0] for item, reason in refused.items()} == {"i1": "corrupt", "i2": "missing"}
    assert (table.manifest.facts["refused"]["image"], table.manifest.facts["absent"]["image"]) == (2, 2)


def test_given_vectors_become_a_modality_of_that_name(tmp_path: Path) -> None:
    table = embed_audio(shop(tmp_path, number=3), {"i2": [1.0, 2.0], "i0": [3.0, 0.5]})
    rows = rows_of(table, "audio")
    assert rows["vector"].to_list() == [[3.0, 0.5], None, [1.0, 2.0]]
    assert rows["presence"].to_list() == [True, False, True]
    assert table.manifest.facts["dims"]["audio"] == 2


def test_vectors_that_cannot_be_used_lie_in_quarantine_by_item(tmp_path: Path) -> None:
    given = {"i0": [1.0, 2.0], "i1": [0.0, 0.0], "i2": [float("nan"), 1.0], "i3": [1.0, 2.0, 3.0], "i4": [1.0, None], "i5": [1e30, 1.0]}
    table = embed_audio(shop(tmp_path, number=6), given)
    refused = dict(pl.read_parquet(table.path("quarantine/part-0000.parquet")).select("item_id", "reason").iter_rows())
    assert refused == {
        "i1": "vector: its length is zero",
        "i2": "vector: not finite in its file",
        "i3": "vector: 3 numbers, not 2",
        "i4": "vector: not finite in its file",
        "i5": "vector: not finite in its file",  # its square is beyond float32
    }
    assert rows_of(table, "audio")["presence"].to_list() == [True] + [False] * 5


def test_too_many_vectors_of_another_length_stop_the_stage_and_are_named(tmp_path: Path) -> None:
    with pytest.raises(embed_items.TooManyRefusedError, match=r"2 of 2 audio vectors cannot be used.* i0: vector: 2 numbers, not 4"):
        embed_audio(shop(tmp_path, number=3), {"i0": [1.0, 2.0], "i1": [1.0, 2.0]}, dim=4, max_refused_share=0.5)


def test_vectors_of_items_that_the_catalogue_does_not_have_are_counted(tmp_path: Path) -> None:
    table = embed_audio(shop(tmp_path, number=2), {"i0": [1.0, 2.0], "gone": [1.0, 2.0]})
    assert table.manifest.facts["left_behind"] == {"audio": {"unknown": 1, "repeated": 0}}


def test_vectors_of_a_named_version_are_kept_and_all_of_a_file_without_one_are_taken_anew(tmp_path: Path) -> None:
    shop(tmp_path, number=2)
    embed_audio(tmp_path, {"i0": [1.0, 2.0]}, version="ears-2")
    table = embed_audio(tmp_path, {"i0": [1.0, 2.0], "i1": [2.0, 2.0]}, version="ears-2")
    assert (table.manifest.facts["kept"]["audio"], table.manifest.facts["encoded"]["audio"]) == (1, 1)
    assert rows_of(table, "audio")["encoder_version"].unique().to_list() == ["ears-2"]
    nameless = embed_audio(tmp_path, {"i0": [1.0, 2.0], "i1": [2.0, 2.0]})
    assert nameless.manifest.facts["encoded"] == {"image": 0, "text": 0, "description": 0, "audio": 2}


def test_a_modality_that_the_config_no_longer_names_is_gone(tmp_path: Path) -> None:
    embed_audio(shop(tmp_path, number=2), {"i0": [1.0, 2.0]})
    table = embed(tmp_path)
    assert table.manifest.facts["dims"].keys() == {"image", "text", "description"}
    assert [file for file in table.manifest.files if "audio" in file] == []


def test_a_modality_without_a_file_is_refused_by_name(tmp_path: Path) -> None:
    context = context_of(embed_items.STAGE, shop(tmp_path, number=2), embed=EMBED, sources={"modalities": {"audio": {"file": "nowhere"}}})
    with pytest.raises(LandingError, match=r"\[sources\.modalities\.audio\] nowhere: there is no file"):
        embed_items.STAGE.run(context)


def test_other_vectors_change_the_fingerprint(tmp_path: Path) -> None:
    shop(tmp_path, number=2)
    found = []
    for number in (1.0, 2.0):
        write_audio(tmp_path, {"i0": [number, 2.0]})
        found.append(context_of(embed_items.STAGE, tmp_path, embed=EMBED, sources=AUDIO).fingerprint)
    assert found[0] != found[1]


def test_a_replaced_photo_changes_the_fingerprint(tmp_path: Path) -> None:
    shop(tmp_path, number=3)
    context = context_of(embed_items.STAGE, tmp_path, embed=EMBED)
    before = context.fingerprint
    (tmp_path / "landing" / "images" / "1.jpg").write_bytes(jpeg((1, 2, 3)))
    assert context.fingerprint != before


def test_other_weights_of_the_text_model_change_the_fingerprint(tmp_path: Path) -> None:
    shop(tmp_path, number=2)
    settings, found = {**EMBED, "text_model": str(tmp_path / "model")}, []
    for make in (save_tiny, lambda folder, _: cursed_model(folder)):
        make(tmp_path / "model", "bert")
        found.append(context_of(embed_items.STAGE, tmp_path, embed=settings).fingerprint)
    assert found[0] != found[1]


@pytest.mark.slow
def test_killed_in_the_middle_it_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    undisturbed = embed(shop(tmp_path / "a"), shard_items=4)
    killed = shop(tmp_path / "b")
    run = f"from pathlib import Path; from tests.support.embedded_shop import embed; embed(Path({str(killed)!r}), shard_items=4)"
    kill_once(lambda: len(shards_of(killed)) >= 2, [sys.executable, "-c", SAVING_SLOWLY + run])
    assert 2 <= len(shards_of(killed)) < 15  # 5 shards of each modality
    resumed = embed(killed, shard_items=4)
    assert resumed.manifest.content_digest == undisturbed.manifest.content_digest
    assert resumed.manifest.facts == undisturbed.manifest.facts
