"""Choose the image encoder of the shop: given weights, published weights, a joint model, or a small one trained once on its own photos.

A trained encoder is kept. Every vector of the shop hangs on it, so it is not trained again because the catalogue grew: it is carried over
while its *recipe* (model, preprocessing, training settings, seed, digest of given weights, code of the training) stays the same. What a
night makes is therefore a function of its recipe and of the first catalogue that had enough photos; to train anew, change `[embed] seed`.
"""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import torch

from feature_store.layout import TableWriter, Workspace
from feature_store.manifest import file_digest, write_text_atomically
from feature_store.schema import CATALOGUE
from pipelines.config import Config
from pipelines.learning_photos import load_photos
from pipelines.model_files import model_digest
from pipelines.photos import ItemPhotos
from pipelines.stage import Stage, StageContext
from recsys.encoders import backbone, image, photo_decoding, photo_formats
from recsys.encoders.config import EmbedConfig
from recsys.encoders.image import ImageEncoderSpec, save_image_encoder, specify
from recsys.encoders.item_text import compose_text
from recsys.encoders.precision import best_device
from recsys.encoders.protocol import EncoderError, check_vectors
from recsys.encoders.text import open_text_encoder
from recsys.losses.alignment import ALIGNMENT_LOSSES
from recsys.training import image_encoder as training
from recsys.training.image_encoder import Photos, num_batches, train_image_encoder

CHOICE = "choice.json"
TRAINED_SIZE, GIVEN_SIZE = 96, 160
TOO_FEW = "too few photos"
"""Fingerprint of a table without encoder though photos are named: nothing is current by it, so the next night counts again; a file that was
mended changes no table that this stage reads."""
RECIPE_CODE: tuple[ModuleType, ...] = (training, backbone, image, photo_decoding, photo_formats)


def recipe(embed: EmbedConfig) -> dict[str, Any]:
    """What the encoder is made from; an encoder of an equal recipe is carried over.

    Raises:
        EncoderError: The weights file is missing.
    """
    if embed.joint_model:
        return {"kind": "joint", "joint_model": embed.joint_model, "files": model_digest(embed.joint_model)}
    chosen: dict[str, Any] = {
        name: getattr(embed, name)
        for name in ("image_model", "image_model_options", "image_size", "image_normalisation", "image_pooling", "image_pretrained")
    }
    if embed.image_weights:
        return {**chosen, "kind": "given", "weights": _weights_digest(embed)}
    if embed.image_pretrained:
        return {**chosen, "kind": "published"}
    trained = ("train_epochs", "train_batch", "train_alignment", "train_photos", "train_min_photos", "seed")
    texts = ("text_model", "text_pooling", "text_prefix", "max_tokens")
    losses = [import_module(ALIGNMENT_LOSSES[name](1).__module__) for name in ("contrastive", embed.train_alignment)]
    code = hashlib.sha256("".join(inspect.getsource(module) for module in (*RECIPE_CODE, *losses)).encode()).hexdigest()
    learning = {name: getattr(embed, name) for name in trained + texts} | {"text_fields": embed.all_text_fields}
    return {**chosen, "kind": "trained", "code": code, **learning}


def run(context: StageContext) -> None:
    """Carry the encoder over, or make it; too few photos and no weights make a table that says there is none."""
    embed, table = context.config.embed, STAGE.writes
    wanted = json.loads(json.dumps(recipe(embed)))
    with context.workspace.write(table) as writer:
        if context.workspace.exists(table):
            last = context.workspace.read(table)
            choice = json.loads(last.path(CHOICE).read_text(encoding="utf-8"))
            if choice["recipe"] == wanted and choice["encoder"] != "none":
                for file in last.manifest.files:
                    writer.keep(last, file)
                context.commit(writer, facts={**last.manifest.facts, "carried_over": True})
                return
        facts = _make(context, writer)
        write_text_atomically(writer.folder / CHOICE, json.dumps({"encoder": facts["encoder"], "recipe": wanted}, indent=1) + "\n")
        context.commit(writer, facts={**facts, "carried_over": False}, fingerprint=TOO_FEW if facts.get("told") else None)


def _make(context: StageContext, writer: TableWriter) -> dict[str, Any]:
    embed = context.config.embed
    if embed.joint_model:
        return {"rows": 0, "encoder": "joint", "model": embed.joint_model}
    if embed.image_weights or embed.image_pretrained:
        model = backbone.build_model(embed.image_model, embed.image_model_options, pretrained=not embed.image_weights)
        spec = _spec(embed, model, usual=GIVEN_SIZE, normalisation=embed.image_normalisation, whole_photo=False)
        save_image_encoder(writer.folder, spec, Path(embed.image_weights) if embed.image_weights else model)
        image.open_image_encoder(writer.folder, precision=embed.precision)  # weights that do not fit fail here, not in the next stage
        return {"rows": 0, "encoder": "given" if embed.image_weights else "published", "model": embed.image_model}
    model = backbone.build_model(embed.image_model, embed.image_model_options)
    normalisation = "half" if embed.image_normalisation == "auto" else embed.image_normalisation
    spec = _spec(embed, model, usual=TRAINED_SIZE, normalisation=normalisation, whole_photo=True)
    catalogue = _sampled(context.read("catalogue").scan(CATALOGUE).collect(), at_most=embed.train_photos, seed=embed.seed)
    rows, pixels, digests = load_photos(catalogue, ItemPhotos(context.config, context.read("fetched_images")).read, size=spec.size)
    counts = {"rows": len(rows), "photos": len(catalogue)}
    least = max(2, embed.train_min_photos)
    if len(rows) < least:
        told = (
            f"{len(rows)} of {len(catalogue)} photos can be used, at least {least} are needed ([embed] train_min_photos): there is no "
            "image encoder, and no photo takes part. Add or mend photos, name [embed] image_weights, or lower train_min_photos."
        )
        return {**counts, "encoder": "none", "model": "", "told": [told] if len(catalogue) else []}
    photos = _pair(catalogue, rows, pixels, _groups(digests), embed, context.scratch)
    steps = embed.train_epochs * num_batches(len(rows), embed.train_batch)
    bar = iter(context.progress.track(range(steps), what=f"learning from {len(rows)} photos", total=steps))
    trained, losses = train_image_encoder(
        photos,
        spec,
        epochs=embed.train_epochs,
        batch=embed.train_batch,
        alignment=embed.train_alignment,
        seed=embed.seed,
        device=best_device(),
        scratch=context.scratch,
        on_step=lambda: next(bar, None),
    )
    for _ in bar:  # a resumed run took fewer steps; the bar ends all the same
        pass
    save_image_encoder(writer.folder, spec, trained)
    return {**counts, "encoder": "trained", "model": embed.image_model, "losses": losses}


def _sampled(catalogue: pl.DataFrame, *, at_most: int, seed: int) -> pl.DataFrame:
    """The items with a photo, or a sample of so many of them."""
    has = np.flatnonzero(catalogue["image_uri"].is_not_null().to_numpy())
    if len(has) > at_most:
        has = np.sort(np.random.default_rng(seed).choice(has, at_most, replace=False))
    return catalogue[has]


def _pair(
    catalogue: pl.DataFrame, rows: list[int], pixels: torch.Tensor, photo_group: torch.Tensor, embed: EmbedConfig, scratch: Path
) -> Photos:
    texts = [compose_text(catalogue.row(row, named=True), embed.all_text_fields) for row in rows]
    cached = scratch / "texts.npy"
    if cached.exists():
        vectors = np.load(cached)
    else:
        vectors = check_vectors(open_text_encoder(replace(embed, text_dim=0)).encode(texts), what="text")
        with (partial := scratch / "texts.partial").open("wb") as file:
            np.save(file, vectors)
        partial.replace(cached)
    has_text = torch.tensor([bool(text) for text in texts])
    return Photos(pixels=pixels, texts=torch.from_numpy(vectors), has_text=has_text, text_group=_groups(texts), photo_group=photo_group)


def _groups(contents: list[Any]) -> torch.Tensor:
    numbers: dict[Any, int] = {}
    return torch.tensor([numbers.setdefault(content, len(numbers)) for content in contents], dtype=torch.int64)


def _spec(embed: EmbedConfig, model: torch.nn.Module, **more: Any) -> ImageEncoderSpec:
    return specify(model, embed.image_model, embed.image_model_options, pooling=embed.image_pooling, size=embed.image_size, **more)


def _weights_digest(embed: EmbedConfig) -> str:
    path = Path(embed.image_weights)
    if not path.is_file():
        raise EncoderError(f"there is no weights file {path}. [embed] image_weights takes a path, relative to where the command runs.")
    return file_digest(path)


def _extra(config: Config, _workspace: Workspace) -> Mapping[str, str]:
    if config.embed.joint_model:
        return {"joint model": model_digest(config.embed.joint_model)}
    return {"weights": _weights_digest(config.embed)} if config.embed.image_weights else {}


STAGE = Stage(
    name="train_encoders",
    reads=("catalogue", "fetched_images"),
    writes="image_encoder",
    config=("embed",),
    dated=False,
    run=run,
    extra=_extra,
)
