from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file, save_file

from feature_store.layout import TableReader, Workspace
from feature_store.schema import CATALOGUE, EVENTS, FETCHED_IMAGES, item_embeddings
from pipelines.pair_items import gather_pair_items
from pipelines.stage import clear_scratch
from pipelines.stages import embed_items, export_query_encoders, fine_tune_encoders
from recsys.encoders.query_files import load_description
from recsys.training.fine_tuning.learner import Learned
from tests.support.embedded_shop import write_encoder
from tests.support.photos import jpeg, write_files
from tests.support.stages import NIGHT, context_of, run_stage
from tests.support.tiny_transformers import save_tiny

FINE_TUNE: dict[str, Any] = {
    "image": "lora",
    "text": "last_layers",
    "batch": 16,
    "chunk": 8,
    "epochs": 2,
    "min_pairs": 10,
    "precision": "fp32",
}
NUMBER = 40
THINGS = ("red wool scarf", "blue steel mug")


def shop(root: Path, *, late_clicks: bool = False) -> Path:
    """Photos and names of two kinds of things; users want two of a kind in a row."""
    colours = ((200, 30, 30), (30, 30, 200))
    write_files(root / "landing/images", {f"{at}.jpg": jpeg(colours[at % 2], seed=at) for at in range(NUMBER)})
    rows = [
        {"item_id": f"i{at}", "title": f"{THINGS[at % 2]} of a {at}", "image_uri": f"{at}.jpg", "in_stock": True} for at in range(NUMBER)
    ]
    frame = pl.DataFrame(rows).with_columns(category=pl.lit([], pl.List(pl.String)), attributes=pl.lit([], CATALOGUE.schema["attributes"]))
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in CATALOGUE.schema.items() if name not in frame.columns]
    with Workspace(root).write("catalogue") as writer:
        writer.write(frame.with_columns(missing).select(list(CATALOGUE.schema)), CATALOGUE)
        writer.commit()
    with Workspace(root).write("fetched_images") as writer:
        writer.write(FETCHED_IMAGES.empty(), FETCHED_IMAGES)
        writer.commit()
    write_clicks(root, late=late_clicks)
    write_encoder(root)
    save_tiny(root / "bert", "bert")
    return root


def write_clicks(root: Path, *, late: bool = False) -> None:
    """Two clicks of each user an hour apart, users one after another; `late`: more of them just before the night."""
    clicks = [
        (f"u{at:02d}", f"i{item}", NIGHT - timedelta(days=50 - at, hours=-hour))
        for at in range(NUMBER - 2)
        for hour, item in enumerate((at, at + 2))
    ]
    clicks += [("late", f"i{at}", NIGHT - timedelta(hours=20 - at)) for at in range(20) if late]
    rows = [
        {"event_id": f"e{number}", "user_id": user, "item_id": item, "event_type": "click", "event_time": when, "known_at": when}
        for number, (user, item, when) in enumerate(clicks)
    ]
    frame = pl.DataFrame(rows)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.schema.items() if name not in frame.columns]
    with Workspace(root).write("events") as writer:
        writer.write(frame.with_columns(missing).cast(dict(EVENTS.schema)).select(list(EVENTS.schema)), EVENTS)
        writer.commit()


def sections(root: Path, **more: Any) -> dict[str, Any]:
    return {
        "fine_tune": {**FINE_TUNE, **more},
        "embed": {
            "text_model": str(root / "bert"),
            "description_fields": ["title"],
            "max_tokens": 16,
            "max_refused_share": 1.0,
            "precision": "fp32",
        },
        "relevance": {"events": ["click"]},
        "cuts": {"ranker": NIGHT - timedelta(days=5), "validation": NIGHT - timedelta(days=4), "test": NIGHT - timedelta(days=3)},
    }


def tune(root: Path, **more: Any) -> TableReader:
    context = context_of(fine_tune_encoders.STAGE, root, **sections(root, **more))
    fine_tune_encoders.STAGE.run(context)
    clear_scratch(fine_tune_encoders.STAGE, context.workspace)
    return context.workspace.read("fine_tuned_encoders")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shop(tmp_path_factory.mktemp("tuned"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learned, "best", property(lambda self: len(self.losses)))  # whatever so few pairs find on this processor
        tune(root)
    return root


def test_it_tells_what_held_out_pairs_find_before_and_after(tuned: Path) -> None:
    facts = Workspace(tuned).read("fine_tuned_encoders").manifest.facts
    names = {f"{kind}@{k}" for kind in ("image_to_text", "text_to_image", "co_click") for k in (1, 5, 10)}
    assert set(facts["measured"]["before"]) == set(facts["measured"]["after"]) == names
    assert facts["rows"] == NUMBER
    assert facts["told"][1].startswith("image to text recall@1/5/10 0.")


def test_items_are_embedded_by_the_encoders_it_has_left(tuned: Path) -> None:
    files = Workspace(tuned).read("fine_tuned_encoders").manifest.files
    assert {"image/weights.safetensors", "text/model.safetensors", "choice.json"} <= set(files)
    own = embedded(tuned)
    run_stage(fine_tune_encoders.STAGE, tuned, **sections(tuned, image="frozen", text="frozen"))
    as_they_came = embedded(tuned)
    for modality, (version, vectors) in own.items():
        assert version != as_they_came[modality][0]
        assert not np.allclose(vectors, as_they_came[modality][1], atol=1e-4)


def test_searches_are_encoded_as_the_items_are(tuned: Path) -> None:
    embedded(tuned)
    table = run_stage(export_query_encoders.STAGE, tuned, **{name: sections(tuned)[name] for name in ("embed",)})
    for one in load_description(table.folder).parity.values():
        assert one.min_cosine_to_items is not None
        assert one.min_cosine_to_items > 0.999


def embedded(root: Path) -> dict[str, tuple[str, np.ndarray[Any, Any]]]:
    table = run_stage(embed_items.STAGE, root, **{name: sections(root)[name] for name in ("embed",)})
    found = {}
    for modality in ("image", "text", "description"):
        rows = table.scan(item_embeddings(table.manifest.facts["dims"][modality]), prefix=f"modality={modality}/").collect()
        found[modality] = (rows["encoder_version"][0], rows["vector"].to_numpy())
    return found


def test_it_learns_from_all_that_items_say_whichever_modality_that_is_part_of(tuned: Path) -> None:
    fields = {"text_fields": ["category"], "description_fields": ["title"]}
    context = context_of(fine_tune_encoders.STAGE, tuned, **{**sections(tuned), "embed": fields})
    items = gather_pair_items(context, None, before=NIGHT)
    assert items.fields[:2] == [("red wool scarf of a 0",), ("blue steel mug of a 1",)]


def test_nothing_is_trained_unless_asked(tmp_path: Path) -> None:
    root = shop(tmp_path)
    table = tune(root, image="frozen", text="frozen")
    assert dict(table.manifest.files) == {}
    assert table.manifest.facts == {"rows": 0}


def test_encoders_are_kept_while_the_recipe_is_the_same_and_trained_anew_when_it_is_not(tmp_path: Path) -> None:
    root = shop(tmp_path)
    first = tune(root, image="frozen", epochs=1).manifest
    write_clicks(root, late=True)
    again = tune(root, image="frozen", epochs=1).manifest
    assert again.facts["carried_over"]
    assert again.content_digest == first.content_digest
    assert not tune(root, image="frozen", epochs=1, seed=5).manifest.facts["carried_over"]


def test_other_weights_under_the_same_name_train_anew(tmp_path: Path) -> None:
    root = shop(tmp_path)
    before = context_of(fine_tune_encoders.STAGE, root, **sections(root, image="frozen", epochs=1)).fingerprint
    tune(root, image="frozen", epochs=1)
    file = root / "bert" / "model.safetensors"
    save_file({name: values * 1.01 for name, values in load_file(file).items()}, file, metadata={"format": "pt"})
    assert context_of(fine_tune_encoders.STAGE, root, **sections(root, image="frozen", epochs=1)).fingerprint != before
    assert not tune(root, image="frozen", epochs=1).manifest.facts["carried_over"]


def test_encoders_that_saw_more_than_a_night_may_know_are_trained_anew(tmp_path: Path) -> None:
    root = shop(tmp_path)
    tune(root, image="frozen", epochs=1)
    settings = sections(root, image="frozen", epochs=1)
    settings["cuts"]["ranker"] -= timedelta(days=1)
    assert not run_stage(fine_tune_encoders.STAGE, root, **settings).manifest.facts["carried_over"]


def test_clicks_at_or_after_the_first_cut_change_nothing(tmp_path: Path) -> None:
    without, late = (tune(shop(tmp_path / name, late_clicks=late), epochs=1, image="frozen") for name, late in (("a", False), ("b", True)))
    assert without.manifest.facts["losses"] == late.manifest.facts["losses"]
    assert without.manifest.facts["measured"] == late.manifest.facts["measured"]


def test_too_few_pairs_leave_the_encoders_as_they_are(tmp_path: Path) -> None:
    facts = tune(shop(tmp_path), min_pairs=1000).manifest.facts
    assert facts["measured"] == {}
    assert "fewer than 1000 pairs" in facts["told"][0]
