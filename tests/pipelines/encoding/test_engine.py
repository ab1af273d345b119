import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.encoding.engine import EncodingEngine, LocalEngine, open_engine
from pipelines.scale.workers import EngineError
from pipelines.stages import embed_items
from recsys.encoders.content import UnencodedPhotos
from tests.support.stages import context_of

AUDIO = {"modalities": {"audio": {"file": "landing/audio.parquet"}}}


def opened(root: Path, *, modality: str = "text", sources: dict[str, Any] | None = None, **embed: Any) -> EncodingEngine:
    return open_engine(modality, UnencodedPhotos(lambda _uri: b""), context_of(embed_items.STAGE, root, embed=embed, sources=sources or {}))


def test_without_any_setting_this_process_encodes(tmp_path: Path) -> None:
    assert isinstance(opened(tmp_path), LocalEngine)


def test_given_vectors_are_looked_up_here_whatever_encodes(tmp_path: Path) -> None:
    assert isinstance(opened(tmp_path, modality="audio", sources=AUDIO, engine="daft"), LocalEngine)


def test_a_missing_extra_is_told_with_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "daft", None)
    with pytest.raises(EngineError, match=r"needs the package daft, which is not installed\. Run `pip install 'vitrine\[scale\]'`"):
        opened(tmp_path, engine="daft")
