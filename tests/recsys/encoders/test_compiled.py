"""A tower compiled once gives what it gives uncompiled."""

import shutil

import pytest
import torch
from torch import Tensor, nn

from recsys.encoders.compiled import CompiledTower, cpp_compiler
from recsys.encoders.protocol import EncoderError

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, of itself


class Tower(nn.Module):
    """The smallest thing that sees a photo."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.seeing = nn.Conv2d(3, 4, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        return nn.functional.normalize(self.seeing(pixels).mean(dim=(2, 3)), dim=-1)


@pytest.mark.skipif(not shutil.which(cpp_compiler()), reason="no C++ compiler: apt-get install g++")
def test_full_and_smaller_batches_give_what_the_tower_gives_and_are_compiled_once() -> None:
    tower = Tower().eval()
    compiled = CompiledTower(tower, batch=4, device=CPU)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    with torch.inference_mode():
        pixels = torch.rand(6, 3, 8, 8).contiguous(memory_format=torch.channels_last)
        for some in (pixels[:4], pixels[4:], pixels[:1]):
            torch.testing.assert_close(compiled(some), tower(some), atol=1e-5, rtol=0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before + 1


def test_a_machine_that_cannot_compile_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EncoderError, match=r"compile_images needs a C\+\+ compiler.*apt-get install g\+\+"):
        CompiledTower(Tower(), batch=4, device=CPU)
