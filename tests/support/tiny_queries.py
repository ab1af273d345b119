"""Query encoders so small that their vectors can be told in advance: a word, or the colour of a photo, is a direction."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from recsys.encoders.photo_preparation import PhotoPreparation
from recsys.encoders.query_files import (
    IMAGE_GRAPH,
    TEXT_GRAPH,
    TOKENIZER,
    ImageQueries,
    QueryDescription,
    TextQueries,
    save_description,
)

WORDS = ("<pad>", "<unk>", "red", "green", "blue", "black", "query", "passage")


def add_queries(folder: Path, *, dim: int, padded_to: int = 0) -> None:
    """Lay the files into a release whose queries have `dim` numbers; each of WORDS but the first two is an axis, in their order."""
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(4)
    tokenizer.save(str(folder / TOKENIZER))
    words = np.zeros((len(WORDS), dim), np.float32)
    words[2:, : len(WORDS) - 2] = np.eye(len(WORDS) - 2)
    _text_graph(folder / TEXT_GRAPH, words, dim)
    _image_graph(folder / IMAGE_GRAPH, np.eye(3, dim, dtype=np.float32), dim)
    text = TextQueries(encoder_version="v1", dim=dim, prefix="query ", item_prefix="passage ", padding=0, padded_to=padded_to)
    how = PhotoPreparation(shape=(4, 4), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    image = ImageQueries(encoder_version="v1", dim=dim, preparation=how)
    save_description(folder, QueryDescription(text=text, image=image, one_space=True, parity={}))


def without(folder: Path, modality: str) -> None:
    """Take a modality out of the description."""
    file = folder / "query_encoders.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), modality: None}), encoding="utf-8")


def _text_graph(path: Path, words: np.ndarray, dim: int) -> None:
    """The sum of the words where the mask is set, of length 1."""
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["tokens"]),
        helper.make_node("Cast", ["mask"], ["weight"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weight", "last"], ["weights"]),
        helper.make_node("Mul", ["tokens", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["vector"], axis=1),
    ]
    constants = {"words": words, "last": np.array([2]), "middle": np.array([1])}
    kinds = {"ids": TensorProto.INT64, "mask": TensorProto.BOOL}
    _save(path, nodes, [helper.make_tensor_value_info(name, kind, ["batch", "length"]) for name, kind in kinds.items()], constants, dim)


def _image_graph(path: Path, axes: np.ndarray, dim: int) -> None:
    """The mean colour, of length 1."""
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["colour", "axes"], ["mixed"]),
        helper.make_node("LpNormalization", ["mixed"], ["vector"], axis=1),
    ]
    _save(path, nodes, [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 4, 4])], {"axes": axes}, dim)


def _save(path: Path, nodes: list, inputs: list, constants: dict[str, np.ndarray], dim: int) -> None:
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", dim])
    graph = helper.make_graph(nodes, path.stem, inputs, [output], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
