import pytest
import torch
from torch import Tensor, nn

from recsys.losses.alignment.contrastive import contrastive
from recsys.training.fine_tuning.gradient_cache import cached_backward


def towers(*, dropout: float = 0.0) -> nn.ModuleList:
    torch.manual_seed(0)
    return nn.ModuleList([nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 4)) for _ in range(2)])


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(24, 6, generator=generator), torch.randn(24, 6, generator=generator)


def loss(left: Tensor, right: Tensor) -> Tensor:
    left, right = nn.functional.normalize(left, dim=-1), nn.functional.normalize(right, dim=-1)
    return contrastive(left, right, torch.arange(len(left)), temperature=torch.tensor(0.1))


def gradients(chunk: int, *, dropout: float = 0.0) -> tuple[float, list[Tensor]]:
    model, (left, right) = towers(dropout=dropout), batch()
    chunks = list(zip(left.split(chunk), right.split(chunk), strict=True))
    torch.manual_seed(2)
    value = cached_backward(lambda part: (model[0](part[0]), model[1](part[1])), chunks, loss)
    return float(value), [weights.grad for weights in model.parameters() if weights.grad is not None]


@pytest.mark.parametrize("chunk", [1, 5, 12])
def test_chunks_have_the_gradient_of_the_whole_batch(chunk: int) -> None:
    whole, chunked = gradients(24), gradients(chunk)
    assert chunked[0] == pytest.approx(whole[0], rel=1e-6)
    for one, other in zip(whole[1], chunked[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_plain_small_batches_have_another_gradient() -> None:
    model, (left, right) = towers(), batch()
    for part in zip(left.split(12), right.split(12), strict=True):
        torch.autograd.backward(loss(model[0](part[0]), model[1](part[1])) / 2)
    own = torch.cat([weights.grad.flatten() for weights in model.parameters() if weights.grad is not None])
    whole = torch.cat([gradient.flatten() for gradient in gradients(24)[1]])
    assert (own - whole).norm() > 0.1 * whole.norm()


def test_dropout_falls_alike_in_both_passes() -> None:
    model, (left, right) = towers(dropout=0.5), batch()
    seen: list[Tensor] = []

    def encode(part: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        vectors = model[0](part[0]), model[1](part[1])
        seen.append(vectors[0].detach())
        return vectors

    cached_backward(encode, list(zip(left.split(8), right.split(8), strict=True)), loss)
    assert len(seen) == 6
    for first, second in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(seen[0], seen[1])


def test_a_vector_the_loss_does_not_read_gets_no_gradient() -> None:
    model, (left, right) = towers(), batch()
    chunks = list(zip(left.split(8), right.split(8), strict=True))
    cached_backward(lambda part: (model[0](part[0]), model[1](part[1])), chunks, lambda one, _other: one.square().mean())
    assert all(weights.grad is not None and not weights.grad.any() for weights in model[1].parameters())
    assert all(weights.grad is not None and weights.grad.any() for weights in model[0].parameters())
