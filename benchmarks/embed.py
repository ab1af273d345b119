"""How fast the stage `embed_items` encodes, beside the bare model and beside the script one would write first.

    python benchmarks/embed.py [--items 512 --data ../shared/data/ml-latest-small --repeats 3]

Over the same items, in turns, the best of `--repeats` each: what the stage does with a shard (read, digest, decode or tokenize, encode,
check, build the rows of the table); the model's forward pass alone over batches of the same make that lie ready in memory, in the same
precision; and the obvious script: one process, one thread for all but the model, batches of 32 in catalogue order, Pillow and timm's
transforms for photos, padding to the longest for texts. It runs twice, in the stage's precision and in fp32, which is what such scripts do.
The data folder holds `items.parquet` with item_id, title, text and image_path (relative to the folder), as ../shared/data/ml-latest-small.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor

from feature_store.schema import item_embeddings
from pipelines.encoding.shard import embed_shard
from recsys.encoders.backbone import Backbone, build_model, load_model
from recsys.encoders.config import EmbedConfig
from recsys.encoders.content import Content, ImageContent, TextContent
from recsys.encoders.image import ImageEncoder, ImageEncoderSpec, normalise, specify
from recsys.encoders.photo_files import read_photo
from recsys.encoders.precision import best_device, resolve_precision
from recsys.encoders.text import length_batches, minilm_folder, open_text_encoder

FIELDS = ("title", "description")
OBVIOUS_BATCH = 32
Run = Callable[[], object]


def main() -> None:
    """Read the arguments, measure, print a table for photos and one for texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=512)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ml-latest-small"))
    parser.add_argument("--image-model", default="mobilenetv2_100")
    parser.add_argument("--image-options", nargs="*", default=["pad_type=same"])
    parser.add_argument("--image-weights", type=Path, help="untrained weights cost the same, so none are needed")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--text-model", default="minilm")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    embed = EmbedConfig(text_model=asked.text_model, precision=asked.precision)
    items = pl.read_parquet(asked.data / "items.parquet").select(
        pl.col("item_id").cast(pl.String), "title", description="text", image_uri="image_path"
    )
    torch.manual_seed(0)
    model = (
        load_model(asked.image_model, asked.image_options, asked.image_weights)
        if asked.image_weights
        else build_model(asked.image_model, asked.image_options)
    )
    spec = specify(
        model,
        asked.image_model,
        asked.image_options,
        pooling=embed.image_pooling,
        size=asked.image_size,
        normalisation="auto",
        whole_photo=False,
    )
    with_photo = items.filter(pl.col("image_uri").is_not_null()).head(asked.items)
    _measure("photos", with_photo, _photo_runs(with_photo, model, spec, asked.data, embed), asked.repeats)
    _measure("texts", items.head(asked.items), _text_runs(items.head(asked.items), embed), asked.repeats)


def _photo_runs(items: pl.DataFrame, model: torch.nn.Module, spec: ImageEncoderSpec, root: Path, embed: EmbedConfig) -> Mapping[str, Run]:
    encoder = ImageEncoder(model, spec, precision=embed.precision, batch=embed.image_batch)
    content = ImageContent(encoder, partial(read_photo, root))
    device = best_device()
    backbone = Backbone(model, pooling=spec.pooling).eval().to(device)
    pixels = torch.stack([encoder.prepare(read_photo(root, uri)) for uri in items["image_uri"]])
    ready = [normalise(part.to(device), spec) for part in pixels.split(embed.image_batch)]

    def bare(dtype: torch.dtype) -> None:
        for part in ready:
            _forward(backbone, part, dtype)

    def obvious(dtype: torch.dtype) -> None:
        from timm.data.transforms_factory import create_transform

        transform: Any = create_transform((3, spec.size, spec.size), mean=spec.mean, std=spec.std, crop_pct=spec.crop)
        for part in items["image_uri"].to_frame().iter_slices(OBVIOUS_BATCH):
            photos = [transform(Image.open(root / uri).convert("RGB")) for uri in part["image_uri"]]
            _forward(backbone, torch.stack(photos).to(device), dtype)

    return _runs(content, items, "image", embed, bare, obvious)


def _text_runs(items: pl.DataFrame, embed: EmbedConfig) -> Mapping[str, Run]:
    content = TextContent(open_text_encoder(embed), FIELDS)
    from transformers import AutoModel, AutoTokenizer

    source = minilm_folder() if embed.text_model == "minilm" else embed.text_model
    tokenizer, device = AutoTokenizer.from_pretrained(source), best_device()
    dtypes = (torch.float32, resolve_precision(embed.precision, device))
    models: dict[torch.dtype, Any] = {dtype: AutoModel.from_pretrained(source, dtype=dtype).eval().to(device) for dtype in dtypes}
    texts = [". ".join(part for part in row if part) for row in items.select(FIELDS).iter_rows()]

    def padded(texts: Sequence[str]) -> Mapping[str, Tensor]:
        return dict(tokenizer(texts, padding=True, truncation=True, max_length=embed.max_tokens, return_tensors="pt").to(device))

    lengths = [len(ids) for ids in tokenizer(texts, truncation=True, max_length=embed.max_tokens)["input_ids"]]
    ready = [padded([texts[row] for row in rows]) for rows in length_batches(lengths, embed.text_tokens_per_batch)]

    def bare(dtype: torch.dtype) -> None:
        with torch.inference_mode():
            for part in ready:
                models[dtype](**part).last_hidden_state.cpu()

    def obvious(dtype: torch.dtype) -> None:
        with torch.inference_mode():
            for start in range(0, len(texts), OBVIOUS_BATCH):
                part = padded(texts[start : start + OBVIOUS_BATCH])
                weight = part["attention_mask"][:, :, None]
                hidden = models[dtype](**part).last_hidden_state
                ((hidden * weight).sum(dim=1) / weight.sum(dim=1)).float().cpu().numpy()

    return _runs(content, items, "text", embed, bare, obvious)


def _runs(
    content: Content,
    items: pl.DataFrame,
    modality: str,
    embed: EmbedConfig,
    bare: Callable[[torch.dtype], None],
    obvious: Callable[[torch.dtype], None],
) -> Mapping[str, Run]:
    dtype, nothing = resolve_precision(embed.precision, best_device()), item_embeddings(content.dim).empty()

    def stage() -> None:
        for shard in items.iter_slices(embed.shard_items):
            embed_shard(shard, content, nothing, modality=modality)

    return {
        "the stage": stage,
        "bare forward": lambda: bare(dtype),
        "obvious script, same precision": lambda: obvious(dtype),
        "obvious script, fp32": lambda: obvious(torch.float32),
    }


@torch.inference_mode()
def _forward(backbone: Backbone, values: Tensor, dtype: torch.dtype) -> None:
    with torch.autocast(values.device.type, dtype, enabled=dtype != torch.float32):
        backbone(values).cpu()


def _measure(what: str, items: pl.DataFrame, runs: Mapping[str, Run], repeats: int) -> None:
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(repeats + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:  # the first turn fills caches
                best[name] = min(best[name], time.perf_counter() - started)
    table = Table(title=f"{len(items)} {what}, {torch.get_num_threads()} threads, best of {repeats}")
    for heading in ("", f"{what}/s", "the stage's speed over it"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, seconds in best.items():
        table.add_row(name, f"{len(items) / seconds:.1f}", f"{seconds / best['the stage']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
