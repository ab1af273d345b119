"""Transformers models of a few thousand weights, saved as a hub would lay them out, with a tokenizer of whole words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from recsys.encoders.torchvision_operators import declare_torchvision_operators

WORDS = ("<pad>", "<unk>", "a", "red", "blue", "wool", "scarf", "mug", "of", "steel", "for", "coffee", "passage", ":", "cursed")
SIZES: dict[str, Any] = {"vocab_size": len(WORDS), "pad_token_id": 0}
LAYERS: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
T5: dict[str, Any] = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
KINDS = ("bert", "roberta", "gpt2", "llama", "t5", "t5_encoder")
POSITIONS = {"bert": 64, "roberta": 65, "gpt2": 64}
"""Tokens that those with a table of positions have room for; RoBERTa's begins behind its padding token."""


def save_tiny(folder: Path, kind: str, *, padding_side: str = "right") -> Path:
    """Write an untrained model of one of KINDS into a folder; equal kinds have equal weights."""
    save_tokenizer(folder, padding_side=padding_side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        _model(kind).save_pretrained(folder)
    return folder


def save_classifier(folder: Path, labels: Sequence[str]) -> Path:
    """Write an untrained BERT with a head over these labels into a folder; equally many labels have equal weights."""
    save_tokenizer(folder)
    import transformers

    names = dict(enumerate(labels))
    config = transformers.BertConfig(
        **SIZES, **LAYERS, max_position_embeddings=64, id2label=names, label2id={v: k for k, v in names.items()}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def save_tokenizer(folder: Path, *, padding_side: str = "right") -> None:
    """Write the tokenizer of WORDS."""
    declare_torchvision_operators()
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "padding_side": padding_side}
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)


def _model(kind: str) -> Any:
    import transformers as of

    if kind == "bert":
        return of.BertModel(of.BertConfig(**SIZES, **LAYERS, max_position_embeddings=64))
    if kind == "roberta":
        return of.RobertaModel(of.RobertaConfig(**SIZES, **LAYERS, max_position_embeddings=66))
    if kind == "gpt2":
        return of.GPT2Model(of.GPT2Config(**SIZES, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=0))
    if kind == "llama":
        return of.LlamaModel(of.LlamaConfig(**SIZES, **LAYERS, bos_token_id=0, eos_token_id=0))
    return (of.T5Model if kind == "t5" else of.T5EncoderModel)(of.T5Config(**SIZES, **T5))
