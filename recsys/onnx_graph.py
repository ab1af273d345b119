"""Write a torch module as an ONNX graph, for a process without torch."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def write_graph(
    module: nn.Module, inputs: tuple[Tensor, ...], path: Path, *, names: tuple[str, ...], output: str, shapes: tuple[Any, ...]
) -> None:
    """Write one file, its weights in it; whether it computes what the module computes is for the caller to check.

    Args:
        module: In evaluation mode, on the CPU.
        inputs: An example, two rows or more, so that no size is taken for a constant 1.
        path: The file.
        names: Of the inputs.
        output: Name of the output.
        shapes: Which axes may have any length; see `torch.onnx.export`.
    """
    with warnings.catch_warnings():  # the exporter warns of its own internals
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            inputs,
            path,
            input_names=list(names),
            output_names=[output],
            dynamo=True,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
