"""Open a model of transformers by name or folder; what is wrong with it is said in one way, whatever it is for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from recsys.encoders.protocol import EncoderError
from recsys.encoders.torchvision_operators import declare_torchvision_operators


def load_pretrained(
    source: str, dtype: torch.dtype, *, setting: str, class_of: Callable[[Any], Any], takes: str = "", may_lack: str | None = None
) -> tuple[Any, Sequence[str]]:
    """A model, and the names of the weights that its files lack.

    Args:
        source: Name or folder of the model.
        dtype: Number format of its weights.
        setting: Of [embed], which names it.
        class_of: Its config -> the class of transformers that loads it; may refuse it with an EncoderError.
        takes: What the setting takes beside a folder and a name.
        may_lack: Weights with this in their name may be missing; None: no weights may.

    Raises:
        EncoderError: It cannot be loaded, is refused, or lacks weights.
    """
    declare_torchvision_operators()
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    local = Path(source).is_dir()
    try:
        config = AutoConfig.from_pretrained(source, local_files_only=local)
        kind = class_of(config)
        model, info = kind.from_pretrained(source, local_files_only=local, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"cannot load the {setting.replace('_', ' ')} {source!r}: {error}. "
            f"[embed] {setting} takes {takes}a folder, or a name that a model hub within reach knows."
        ) from error
    lacking = sorted(info["missing_keys"])
    if any(may_lack is None or may_lack not in name for name in lacking):
        raise EncoderError(f"the weights of {source!r} lack {', '.join(lacking[:3])}: it holds another model than its config says.")
    return model, lacking


def load_tokenizer(source: str) -> Any:
    """The tokenizer of a model; where its class needs a package that is not installed, what its tokenizer.json says.

    Raises:
        EncoderError: It cannot be read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    local = Path(source).is_dir()
    try:
        return AutoTokenizer.from_pretrained(source, local_files_only=local)
    except ImportError as error:
        try:
            return PreTrainedTokenizerFast.from_pretrained(source, local_files_only=local)
        except (OSError, ValueError) as second:
            raise EncoderError(f"the tokenizer of {source!r} cannot be read: {error} It has no tokenizer.json either: {second}") from error
    except (OSError, ValueError) as error:
        raise EncoderError(f"the tokenizer of {source!r} cannot be read: {error}") from error
