"""A shop whose items are embedded by small encoders."""

from pathlib import Path
from typing import Any

import polars as pl
from safetensors.torch import load_file, save_file

from feature_store.layout import TableReader, Workspace
from feature_store.schema import CATALOGUE, item_embeddings
from pipelines.stage import clear_scratch
from pipelines.stages import embed_items, fetch_images
from recsys.encoders.image import ImageEncoderSpec, new_model, save_image_encoder
from tests.support.photos import jpeg, write_files
from tests.support.stages import context_of, run_stage
from tests.support.tiny_transformers import WORDS, save_tiny

EMBED: dict[str, Any] = {"shard_items": 8, "max_tokens": 16, "max_refused_share": 1.0}
SPEC = ImageEncoderSpec(
    model="mobilenetv3_small_050", options=(), pooling="levels", size=32, crop=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)
SAVING_SLOWLY = """
import time
from pipelines.stages import embed_items
save = embed_items._save
def slowly(*arguments):
    save(*arguments)
    time.sleep(0.5)
embed_items._save = slowly
"""


def write_catalogue(
    root: Path,
    photos: list[str | None],
    titles: dict[int, str | None] | None = None,
    *,
    descriptions: dict[int, str] | None = None,
    fetch: bool = True,
) -> None:
    names, told = {at: f"thing {at}" for at in range(len(photos))} | (titles or {}), descriptions or {}
    rows = [{"item_id": f"i{at}", "title": names[at], "description": told.get(at), "image_uri": uri} for at, uri in enumerate(photos)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("item_id", "title", "description", "image_uri"), pl.String)).with_columns(
        category=pl.lit([], pl.List(pl.String)), in_stock=pl.lit(True), attributes=pl.lit([], CATALOGUE.schema["attributes"])
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in CATALOGUE.schema.items() if name not in frame.columns]
    with Workspace(root).write("catalogue") as writer:
        writer.write(frame.with_columns(missing).select(list(CATALOGUE.schema)), CATALOGUE)
        writer.commit()
    if fetch:
        run_stage(fetch_images.STAGE, root)


def write_encoder(root: Path, *, seed: int = 1) -> None:
    with Workspace(root).write("image_encoder") as writer:
        save_image_encoder(writer.folder, SPEC, new_model(SPEC.model, (), seed=seed))
        writer.commit()
    write_nothing_tuned(root)


def write_nothing_tuned(root: Path) -> None:
    with Workspace(root).write("fine_tuned_encoders") as writer:
        writer.commit()


def cursed_model(folder: Path) -> Path:
    """A text model whose weights of one word are damaged."""
    file = save_tiny(folder, "bert") / "model.safetensors"
    weights = load_file(file)
    weights["embeddings.word_embeddings.weight"][WORDS.index("cursed")] = float("nan")
    save_file(weights, file, metadata={"format": "pt"})
    return folder


def shop(root: Path, number: int = 20) -> Path:
    names = [f"{at}.jpg" for at in range(number)]
    write_files(root / "landing" / "images", {name: jpeg((30, at * 9 % 255, 90), seed=at) for at, name in enumerate(names)})
    write_catalogue(root, list(names))
    write_encoder(root)
    return root


def embed(root: Path, *, sources: dict[str, Any] | None = None, **more: Any) -> TableReader:
    context = context_of(embed_items.STAGE, root, embed={**EMBED, **more}, sources=sources or {})
    embed_items.STAGE.run(context)
    clear_scratch(embed_items.STAGE, context.workspace)
    return context.workspace.read("item_embeddings")


def rows_of(table: TableReader, modality: str) -> pl.DataFrame:
    return table.scan(item_embeddings(table.manifest.facts["dims"][modality]), prefix=f"modality={modality}/").collect()


def shards_of(root: Path) -> list[Path]:
    """What a run that has not ended has finished."""
    return list((root / "scratch").rglob("part-*.parquet"))
