"""Joint image-text models of a few thousand weights, saved as a hub would lay them out, each with a tokenizer of its own kind."""

from pathlib import Path
from typing import Any

import torch

from recsys.encoders.torchvision_operators import declare_torchvision_operators

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
