"""Content the night embeds: photos and texts by an encoder, own modalities as they are given in [sources.modalities]."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from feature_store.checks import REASON
from feature_store.errors import LandingError
from feature_store.given_vectors import read_given_vectors
from feature_store.layout import TableReader, Workspace
from pipelines.config import Config
from pipelines.landing import landing_digests, list_source
from pipelines.model_files import model_digest
from pipelines.photos import ItemPhotos
from pipelines.stage import StageContext
from recsys.encoders.config import EmbedConfig
from recsys.encoders.content import Content, ImageContent, TextContent, UnencodedPhotos
from recsys.encoders.given import GivenContent
from recsys.encoders.image import DESCRIPTION, open_image_encoder
from recsys.encoders.joint import open_joint_image_encoder
from recsys.encoders.text import open_text_encoder, text_source

TUNED_IMAGE, TUNED_TEXT = "image", "text"
"""Folders of the table `fine_tuned_encoders`, where there are such encoders."""


def modalities_of(config: Config) -> Mapping[str, str]:
    """Name in the table `item_embeddings` -> what one calls the contents."""
    texts = {name: f"{name}s" for name in config.embed.texts}
    return {"image": "photos"} | texts | {name: f"{name} vectors" for name in config.sources.modalities}


def open_content(modality: str, context: StageContext, catalogue: pl.DataFrame, photos: ItemPhotos) -> tuple[Content, Mapping[str, int]]:
    """One of `modalities_of`, ready to be read.

    Args:
        modality: Its name.
        context: Of the stage that embeds.
        catalogue: The items whose contents will be read.
        photos: Where their photos are.

    Returns:
        The content; and of an own modality, how many rows of its files are of no item of the catalogue, and how many a later one replaced.

    Raises:
        EncoderError: There is no such encoder.
        LandingError: The files of an own modality are not there or cannot be used.
        MixedEncodersError: Its vectors come from more than one encoder.
    """
    embed, tuned = context.config.embed, context.read("fine_tuned_encoders")
    if modality in context.config.sources.modalities:
        return _given(modality, context, catalogue)
    if modality in embed.texts:
        return open_texts(embed, tuned, modality=modality), {}
    how: dict[str, Any] = {
        "precision": embed.precision,
        "batch": embed.image_batch,
        "projected_to": embed.image_dim,
        "compiled": embed.compile_images,
    }
    if embed.joint_model:
        return ImageContent(open_joint_image_encoder(embed.joint_model, **how), photos.read), {}
    base = context.read("image_encoder")
    if DESCRIPTION not in base.manifest.files:
        return UnencodedPhotos(photos.read), {}
    folder = tuned.folder / TUNED_IMAGE if has_folder(tuned, TUNED_IMAGE) else base.folder
    return ImageContent(open_image_encoder(folder, **how), photos.read), {}


def has_folder(table: TableReader, folder: str) -> bool:
    """Whether any file of a table lies in this folder of it."""
    return any(file.startswith(f"{folder}/") for file in table.manifest.files)


def open_texts(embed: EmbedConfig, tuned: TableReader, *, modality: str = "text") -> TextContent:
    """One of `EmbedConfig.texts`, through the encoder as it comes or, where there is one, that of the table `fine_tuned_encoders`."""
    own = replace(embed, text_model=str(tuned.folder / TUNED_TEXT)) if has_folder(tuned, TUNED_TEXT) and not embed.joint_model else embed
    return TextContent(open_text_encoder(own), embed.texts[modality])


def content_digests(config: Config, workspace: Workspace) -> Mapping[str, str]:
    """What embedding depends on beside tables: photos, the text model, and the files and settings of own modalities."""
    digests = {"photos": _photos_digest(config), "text model": _text_model_digest(config.embed)}
    for name, given in config.sources.modalities.items():
        files = landing_digests([given.file], workspace)
        digests[f"modality {name}"] = f"{given.dim} {files}"
    return digests


def _given(name: str, context: StageContext, catalogue: pl.DataFrame) -> tuple[Content, Mapping[str, int]]:
    source = context.config.sources.modalities[name]
    try:
        given = read_given_vectors(list_source([source.file], context.workspace), catalogue["item_id"], dim=source.dim)
    except LandingError as error:
        raise LandingError(
            f"[sources.modalities.{name}] {source.file}: {error}. Put a Parquet or JSON-lines file there, or take the section out."
        ) from error
    taken, refused = given.rows.filter(pl.col(REASON).is_null()), given.rows.filter(pl.col(REASON).is_not_null())
    content = GivenContent(
        {item_id: row for row, item_id in enumerate(taken["item_id"])},
        taken["vector"].to_numpy() if len(taken) else np.empty((0, given.dim), np.float32),
        dict(refused.select("item_id", REASON).iter_rows()),
        version=given.version,
    )
    return content, {"unknown": given.unknown, "repeated": given.repeated}


def _text_model_digest(embed: EmbedConfig) -> str:
    return "" if embed.joint_model else model_digest(text_source(embed.text_model))  # by a joint model's files `train_encoders` goes


def _photos_digest(config: Config) -> str:
    """Paths, sizes and times of all photos: a file that was replaced under its old name must be seen."""
    digest = hashlib.sha256()
    root = config.resolve(config.sources.images)
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            try:
                status = (Path(folder) / name).stat()
            except OSError:
                continue
            digest.update(
                f"{Path(folder).relative_to(root) / name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
            )
    return digest.hexdigest()
