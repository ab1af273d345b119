import pytest
from torch import nn

from pipelines.modality_names import NAME, check_modality_name


@pytest.mark.parametrize("name", sorted(name for name in dir(nn.ModuleDict()) if NAME.fullmatch(name)))
def test_no_modality_has_the_name_of_what_every_module_can_do(name: str) -> None:
    with pytest.raises(ValueError, match="means something else already"):
        check_modality_name(name)


def test_plain_names_pass() -> None:
    for name in ("audio", "video_2", "knowledge_graph"):
        check_modality_name(name)
