"""Fine-tune the encoders on the shop's own photos, texts and clicks, where [fine_tune] asks for it.

As in `train_encoders` every vector of the shop hangs on the outcome, so it is kept while its *recipe* (encoders as they come, settings,
code of the training) stays the same; to train anew, change `[fine_tune] seed`. Clicks are those before the first cut of the night that
trains: nothing that any model is judged by. Where a later night has an earlier cut, because its date was set back, training starts anew.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from feature_store.layout import TableReader, TableWriter, Workspace
from feature_store.manifest import write_text_atomically
from pipelines.config import Config
from pipelines.contents import TUNED_IMAGE, TUNED_TEXT
from pipelines.inputs import resolve_cuts
from pipelines.model_files import model_digest
from pipelines.pair_items import gather_pair_items
from pipelines.stage import Stage, StageContext
from recsys.encoders.image import DESCRIPTION, load_image_model, save_image_encoder
from recsys.encoders.precision import best_device
from recsys.encoders.projection import copy_dense
from recsys.encoders.text import text_source
from recsys.encoders.text_tower import load_text_tower
from recsys.training import fine_tuning
from recsys.training.fine_tuning.fine_tune import FineTuned, enough, fine_tune
from recsys.training.fine_tuning.learner import Recalls, num_batches
from recsys.training.fine_tuning.sides import FixedSide, PhotoSide, Side, TextSide

CHOICE = "choice.json"


def run(context: StageContext) -> None:
    """Write the table `fine_tuned_encoders`: `image/` and `text/`, each only where it differs from the encoder as it came."""
    fingerprint = context.fingerprint
    with context.workspace.write(STAGE.writes) as writer:
        if not context.config.fine_tune.asked:
            context.commit(writer, facts={"rows": 0}, fingerprint=fingerprint)
            return
        recipe = json.loads(json.dumps(_recipe(context)))
        cut = resolve_cuts(context.config, context.read("events"), date=context.date).ranker
        last = _standing(context, recipe, cut)
        if last is not None:
            for file in last.manifest.files:
                writer.keep(last, file)
            context.commit(writer, facts={**last.manifest.facts, "carried_over": True}, fingerprint=fingerprint)
            return
        facts = _make(context, writer, cut)
        if facts["measured"]:
            choice = {"recipe": recipe, "seen_until": cut.isoformat()}
            write_text_atomically(writer.folder / CHOICE, json.dumps(choice, indent=1) + "\n")
        context.commit(writer, facts={**facts, "carried_over": False}, fingerprint=fingerprint)


def _recipe(context: StageContext) -> Mapping[str, Any]:
    embed = context.config.embed
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(fine_tuning.__path__[0]).glob("*.py"))))
    texts = ("text_pooling", "text_prefix", "max_tokens")
    return {
        "settings": asdict(context.config.fine_tune),
        "image": context.read("image_encoder").manifest.content_digest,
        "text_model": [embed.text_model, model_digest(text_source(embed.text_model))],
        "text_fields": embed.all_text_fields,
        **{name: getattr(embed, name) for name in texts},
        "code": code.hexdigest(),
    }


def _standing(context: StageContext, recipe: Mapping[str, Any], cut: datetime) -> TableReader | None:
    """What another night has made by the same recipe, if it saw nothing at or after this night's cut."""
    if not context.workspace.exists(STAGE.writes):
        return None
    last = context.workspace.read(STAGE.writes)
    if CHOICE not in last.manifest.files:
        return None
    choice = json.loads(last.path(CHOICE).read_text(encoding="utf-8"))
    return last if choice["recipe"] == recipe and datetime.fromisoformat(choice["seen_until"]) <= cut else None


def _make(context: StageContext, writer: TableWriter, cut: datetime) -> dict[str, Any]:
    config, embed, base = context.config.fine_tune, context.config.embed, context.read("image_encoder")
    image = load_image_model(base.folder) if DESCRIPTION in base.manifest.files else None
    items = gather_pair_items(context, image[1] if image else None, before=cut)
    if not enough(items, config):
        lines = [f"fewer than {config.min_pairs} pairs to learn from, or none to choose by: the encoders stay as they are"]
        return {"rows": len(items), "measured": {}, "told": lines}
    tower = load_text_tower(text_source(embed.text_model), torch.float32, pooling=embed.text_pooling)
    photos: Side = PhotoSide(items, *image, config) if image else FixedSide(items.has_photo, torch.zeros(len(items), 1))
    texts = TextSide(items, tower, prefix=embed.text_prefix, max_tokens=embed.max_tokens, config=config)
    steps = config.epochs * num_batches(items, config)
    bar = iter(context.progress.track(range(steps), what=f"fine-tuning on {len(items)} items", total=steps))
    tuned = fine_tune(items, photos, texts, config, device=best_device(), scratch=context.scratch, on_step=lambda: next(bar, None))
    for _ in bar:  # training may stop early; the bar ends all the same
        pass
    if tuned.epoch and config.image != "frozen" and image:
        model, spec = image
        (writer.folder / TUNED_IMAGE).mkdir()
        save_image_encoder(writer.folder / TUNED_IMAGE, spec, model)
    if tuned.epoch and config.text != "frozen":
        tower.model.save_pretrained(writer.folder / TUNED_TEXT)
        tower.tokenizer.save_pretrained(writer.folder / TUNED_TEXT)
        copy_dense(text_source(embed.text_model), writer.folder / TUNED_TEXT)
    measured = {"before": tuned.before, "after": tuned.after}
    return {"rows": len(items), "epoch": tuned.epoch, "losses": tuned.losses, "measured": measured, "told": told(tuned)}


def told(tuned: FineTuned) -> list[str]:
    """Lines for the terminal: what held-out pairs find, by the encoders as they came and by those that are left."""
    kinds = list(dict.fromkeys(name.partition("@")[0] for name in tuned.before))
    what = f"epoch {tuned.epoch} is the best" if tuned.epoch else "no epoch is better than the encoders as they came, which stay"
    return [what, *(f"{kind.replace('_', ' ')} {_told(tuned.before, kind)} -> {_told(tuned.after, kind)}" for kind in kinds)]


def _told(recalls: Recalls, kind: str) -> str:
    found = {name.partition("@")[2]: value for name, value in recalls.items() if name.partition("@")[0] == kind}
    return f"recall@{'/'.join(found)} {' '.join(f'{value:.3f}' for value in found.values())}"


def _extra(config: Config, _workspace: Workspace) -> Mapping[str, str]:
    return {"text model": model_digest(text_source(config.embed.text_model))} if config.fine_tune.asked else {}


STAGE = Stage(
    name="fine_tune_encoders",
    reads=("catalogue", "fetched_images", "image_encoder", "events"),
    writes="fine_tuned_encoders",
    config=("fine_tune", "embed", "relevance", "cuts"),
    run=run,
    extra=_extra,
)
