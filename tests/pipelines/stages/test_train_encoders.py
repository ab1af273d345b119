import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.layout import Workspace
from pipelines.stage import clear_scratch, is_current
from pipelines.stages import fetch_images, train_encoders
from recsys.encoders.protocol import EncoderError
from recsys.training.image_encoder import CHECKPOINT
from tests.support.embedded_shop import write_catalogue
from tests.support.killing import kill_once
from tests.support.photo_host import PhotoHost, give
from tests.support.photos import jpeg, write_files
from tests.support.stages import context_of, run_stage
from tests.support.tiny_joint import save_tiny_joint

EMBED: dict[str, Any] = {"train_epochs": 3, "train_batch": 8, "train_min_photos": 10, "image_size": 32, "max_tokens": 16}
WEIGHTS = Path(__file__).parents[3] / "../shared/weights/mobilenetv2_100_tf_in1k_fp16.safetensors"


def shop(root: Path, number: int = 16) -> Path:
    names = [f"{at}.jpg" for at in range(number)]
    write_files(root / "landing" / "images", {name: jpeg((at * 9, 40, 90), seed=at) for at, name in enumerate(names)})
    write_catalogue(root, list(names))
    return root


def train(root: Path, **more: Any) -> tuple[str, dict[str, Any]]:
    context = context_of(train_encoders.STAGE, root, embed={**EMBED, **more})
    train_encoders.STAGE.run(context)
    clear_scratch(train_encoders.STAGE, context.workspace)
    manifest = Workspace(root).read("image_encoder").manifest
    return manifest.content_digest, dict(manifest.facts)


def test_equal_seeds_train_equal_encoders_and_others_do_not(tmp_path: Path) -> None:
    first, facts = train(shop(tmp_path / "a"))
    again, _ = train(shop(tmp_path / "b"))
    other, _ = train(shop(tmp_path / "c"), seed=7)
    assert facts["encoder"] == "trained"
    assert facts["rows"] == 16
    assert first == again
    assert first != other


def test_another_alignment_trains_another_encoder(tmp_path: Path) -> None:
    first, _ = train(shop(tmp_path))
    other, facts = train(tmp_path, train_alignment="matching")
    assert not facts["carried_over"]
    assert all(np.isfinite(facts["losses"]))
    assert other != first


def test_it_learns_from_all_that_items_say_whichever_modality_that_is_part_of(tmp_path: Path) -> None:
    shop(tmp_path)
    write_catalogue(tmp_path, [f"{at}.jpg" for at in range(16)], descriptions={at: f"number {at * at}" for at in range(16)})
    first, facts = train(tmp_path)
    joined, again = train(tmp_path, text_fields=["title", "description", "category", "attributes"], description_fields=[])
    assert (joined, again["carried_over"]) == (first, True)
    _, without = train(tmp_path, description_fields=[])
    assert without["losses"] != facts["losses"]


def test_a_joint_model_is_not_trained_and_known_again_by_its_files(tmp_path: Path) -> None:
    shop(tmp_path)
    model = save_tiny_joint(tmp_path / "model", "clip")
    first, facts = train(tmp_path, joint_model=str(model))
    assert (facts["encoder"], facts["rows"]) == ("joint", 0)
    assert train(tmp_path, joint_model=str(model))[1]["carried_over"]
    save_tiny_joint(model, "clip", seed=2)
    assert train(tmp_path, joint_model=str(model))[0] != first


def test_a_trained_encoder_is_kept_when_the_catalogue_grows(tmp_path: Path) -> None:
    first, _ = train(shop(tmp_path))
    shop(tmp_path, number=20)
    later, facts = train(tmp_path)
    assert later == first
    assert facts["carried_over"]
    assert train(tmp_path, train_epochs=2)[0] != first


def test_too_few_usable_photos_are_told_and_counted_again_each_night_until_they_are_mended(tmp_path: Path) -> None:
    shop(tmp_path, number=12)
    broken = {f"{at}.jpg": b"no photo" for at in range(5)}
    write_files(tmp_path / "landing" / "images", broken)
    _, facts = train(tmp_path)
    assert (facts["encoder"], facts["rows"], facts["photos"]) == ("none", 7, 12)
    (told,) = facts["told"]
    assert told.startswith("7 of 12 photos can be used, at least 10 are needed ([embed] train_min_photos): there is no image encoder")
    write_files(tmp_path / "landing" / "images", dict.fromkeys(broken, jpeg()))
    context = context_of(train_encoders.STAGE, tmp_path, embed=EMBED)
    assert not is_current(train_encoders.STAGE, context.workspace, context.config, context.date)
    assert train(tmp_path)[1]["encoder"] == "trained"
    assert is_current(train_encoders.STAGE, context.workspace, context.config, context.date)


def test_a_shop_without_photos_is_told_nothing(tmp_path: Path) -> None:
    write_catalogue(tmp_path, [None] * 3)
    _, facts = train(tmp_path)
    assert (facts["encoder"], facts["photos"], facts["told"]) == ("none", 0, [])
    context = context_of(train_encoders.STAGE, tmp_path, embed=EMBED)
    assert is_current(train_encoders.STAGE, context.workspace, context.config, context.date)


def test_photos_on_a_web_server_are_learned_from_as_well(tmp_path: Path) -> None:
    with PhotoHost() as host:
        host.answers.update({f"/{at}.jpg": give(jpeg((at * 9, 40, 90), seed=at)) for at in range(12)})
        write_catalogue(tmp_path, [host.url(path) for path in host.answers], fetch=False)
        run_stage(fetch_images.STAGE, tmp_path, fetch_images={"allow_private_addresses": True})
    _, facts = train(tmp_path, train_epochs=1)
    assert (facts["encoder"], facts["rows"]) == ("trained", 12)


@pytest.mark.slow
def test_killed_in_the_middle_it_resumes_to_the_same_weights(tmp_path: Path) -> None:
    settings = {"train_epochs": 40}
    undisturbed, _ = train(shop(tmp_path / "a"), **settings)
    killed = shop(tmp_path / "b")
    script = (
        "from pathlib import Path; from pipelines.stages import fetch_images, train_encoders; from tests.support.stages import run_stage;"
        f"run_stage(train_encoders.STAGE, Path({str(killed)!r}), embed={ {**EMBED, **settings}!r})"
    )
    kill_once(lambda: any((killed / "scratch").rglob(CHECKPOINT)), [sys.executable, "-c", script])
    assert list((killed / "scratch").rglob(CHECKPOINT))
    assert not Workspace(killed).exists("image_encoder")
    assert train(killed, **settings)[0] == undisturbed


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no weights file .*nowhere\.safetensors"):
        train(shop(tmp_path), image_weights="nowhere.safetensors")


@pytest.mark.skipif(not WEIGHTS.exists(), reason="../shared/weights is not there")
def test_given_weights_are_copied_so_that_the_table_stands_alone(tmp_path: Path) -> None:
    _, facts = train(shop(tmp_path), image_model="mobilenetv2_100", image_weights=str(WEIGHTS), image_model_options=["pad_type=same"])
    assert facts["encoder"] == "given"
    assert Workspace(tmp_path).read("image_encoder").path("weights.safetensors").read_bytes() == WEIGHTS.read_bytes()
