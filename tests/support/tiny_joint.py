"""Joint image-text models of a few thousand weights, saved as a hub would lay them out, each with a tokenizer of its own kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from recsys.encoders.image import normalise
from recsys.encoders.joint import load_joint_text, open_joint_image_encoder
from recsys.encoders.torchvision_operators import declare_torchvision_operators
from tests.support.photos import jpeg

KINDS = ("clip", "siglip", "chinese_clip")
SIDE = 32
LAYERS: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION: dict[str, Any] = {**LAYERS, "image_size": SIDE, "patch_size": 8}
WORDS = ("a", "red", "blue", "wool", "scarf", "mug", "of", "steel", "for", "coffee", "红", "色", "杯", "子", "cursed")
POSITIONS = {"clip": 12, "siglip": 10, "chinese_clip": 16}


def save_tiny_joint(folder: Path, kind: str, *, seed: int = 1) -> Path:
    """Write an untrained model of one of KINDS, its tokenizer and its image processor; equal seeds have equal weights."""
    declare_torchvision_operators()
    tokenizer = _tokenizer(kind)
    tokenizer.save_pretrained(folder)
    _processor(kind).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(kind, tokenizer)
        for parameter in model.parameters():  # published ones are small; drawn wider, what is read tells
            parameter.data.mul_(4)
        model.save_pretrained(folder)
    return folder


def teach_colours(folder: Path, colours: Mapping[str, tuple[int, int, int]], prompt: str, *, steps: int = 40) -> None:
    """Fit the SigLIP of a folder until photos of a colour lie nearest to the prompt that names it."""
    from transformers import AutoModel

    encoder = open_joint_image_encoder(str(folder), precision="fp32")
    photos = [encoder.prepare(jpeg(colour, seed=1000 + at)) for colour in colours.values() for at in range(8)]
    pixels, wanted = normalise(torch.stack(photos), encoder.spec), torch.arange(len(colours)).repeat_interleave(8)
    tower = load_joint_text(str(folder), torch.float32)
    ids, _ = tower.pad(tower.tokenizer([prompt.replace("{}", name) for name in colours])["input_ids"])
    model = AutoModel.from_pretrained(folder)
    for parameter in model.parameters():
        parameter.data.div_(4)  # as published; drawn wider, attention is too sharp to learn
    model.logit_scale.data.fill_(2.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        shown, said = model.get_image_features(pixel_values=pixels), model.get_text_features(input_ids=ids)
        cosines = F.normalize(shown.pooler_output, dim=-1) @ F.normalize(said.pooler_output, dim=-1).T
        optimizer.zero_grad()
        F.cross_entropy(model.logit_scale.exp() * cosines, wanted).backward()
        optimizer.step()
    model.save_pretrained(folder)


def _tokenizer(kind: str) -> Any:
    import transformers as of
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    if kind == "clip":
        letters = sorted({letter for word in WORDS[:10] for letter in word})
        pieces = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
        return of.CLIPTokenizer(vocab={piece: at for at, piece in enumerate(pieces)}, merges=[], model_max_length=POSITIONS[kind])
    if kind == "siglip":
        pieces = [("</s>", 0.0), ("<unk>", -10.0), *((f"▁{word}", -2.0) for word in WORDS)]
        words = Tokenizer(models.Unigram(pieces, unk_id=1))
        words.normalizer = normalizers.Lowercase()
        words.pre_tokenizer = pre_tokenizers.Metaspace()
        words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 0)])
        special = {"pad_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>"}
        return of.PreTrainedTokenizerFast(tokenizer_object=words, model_input_names=["input_ids"], **special)
    return of.BertTokenizer(vocab={word: at for at, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS))})


def _processor(kind: str) -> Any:
    import transformers as of

    square = {"height": SIDE, "width": SIDE}
    if kind == "clip":
        return of.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=square)
    if kind == "siglip":
        return of.SiglipImageProcessor(size=square)
    return of.ChineseCLIPImageProcessor(size=square, do_center_crop=False)


def _model(kind: str, tokenizer: Any) -> Any:
    import transformers as of

    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {**LAYERS, "vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS[kind]}
    if kind == "clip":
        return of.CLIPModel(of.CLIPConfig(text_config=text | special, vision_config=VISION, projection_dim=12))
    if kind == "siglip":
        return of.SiglipModel(of.SiglipConfig(text_config=text | special | {"projection_size": 16}, vision_config=VISION))
    return of.ChineseCLIPModel(of.ChineseCLIPConfig(text_config=text | {"pad_token_id": 0}, vision_config=VISION, projection_dim=12))
