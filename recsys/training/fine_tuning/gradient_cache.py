"""The gradient of a large contrastive batch with the memory of a small one."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

Chunk = TypeVar("Chunk")
Vectors = tuple[Tensor, ...]


def cached_backward(
    encode: Callable[[Chunk], Vectors], chunks: Sequence[Chunk], loss: Callable[..., Float[Tensor, ""]]
) -> Float[Tensor, ""]:
    """Add the gradient of a loss over all chunks together, holding the activations of one of them (Gao et al., RepL4NLP 2021).

    Every chunk is encoded without a graph; the loss says which gradient each vector gets; then each chunk is encoded again, by the same
    chance (dropout), and hands its vectors' gradients on. A single chunk is encoded once.

    Args:
        encode: Vectors of a chunk, each (rows of the chunk, ...); no row may depend on the others of its chunk.
        chunks: Parts of the batch, in order.
        loss: Of all vectors of the batch, joined over the chunks, in the order in which `encode` gives them.

    Returns:
        The loss, without a graph.
    """
    if len(chunks) == 1:
        value = loss(*encode(chunks[0]))
        torch.autograd.backward(value)
        return value.detach()
    chances, encoded = [], []
    for chunk in chunks:
        chances.append(_chance())
        with torch.no_grad():
            encoded.append(encode(chunk))
    joined = [torch.cat(parts).requires_grad_() for parts in zip(*encoded, strict=True)]
    value = loss(*joined)
    torch.autograd.backward(value)
    gradients = [_gradient(vectors).split([len(parts[at]) for parts in encoded]) for at, vectors in enumerate(joined)]
    for number, (chunk, chance) in enumerate(zip(chunks, chances, strict=True)):
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            _set_chance(chance)
            learning = [(vectors, parts[number]) for vectors, parts in zip(encode(chunk), gradients, strict=True) if vectors.requires_grad]
            torch.autograd.backward([vectors for vectors, _ in learning], [gradient for _, gradient in learning])
    return value.detach()


def _gradient(vectors: Tensor) -> Tensor:
    return torch.zeros_like(vectors) if vectors.grad is None else vectors.grad


def _chance() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []


def _set_chance(chance: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(chance[0])
    if chance[1]:
        torch.cuda.set_rng_state_all(chance[1])
