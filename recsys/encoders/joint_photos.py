"""What the image processor of a joint model says, as data."""

from pathlib import Path
from typing import Any

from PIL import Image

from recsys.encoders.photo_preparation import PhotoPreparation
from recsys.encoders.protocol import EncoderError


def read_processor(source: str, *, side: int) -> PhotoPreparation:
    """How photos are prepared for a model.

    Args:
        source: Name or folder of the model.
        side: Pixels per side that the model reads.

    Raises:
        EncoderError: There is no processor, or it does not lead to what the model reads.
    """
    from transformers import AutoImageProcessor

    try:
        processor: Any = AutoImageProcessor.from_pretrained(source, local_files_only=Path(source).is_dir())
    except (OSError, ValueError) as error:
        raise EncoderError(f"the model {source!r} has no image processor: {error}. Put its preprocessor_config.json there.") from error
    size, crop = processor.size, processor.crop_size if getattr(processor, "do_center_crop", None) else None
    whole = size.height is not None and size.width is not None
    preparation = PhotoPreparation(
        shorter_side=None if whole else size.shortest_edge,
        shape=(size.height, size.width) if whole else None,
        interpolation=Image.Resampling(processor.resample).name.lower(),
        crop=None if crop is None else (crop.height, crop.width),
        mean=tuple(processor.image_mean) if processor.do_normalize else (0.0, 0.0, 0.0),
        std=tuple(processor.image_std) if processor.do_normalize else (1.0, 1.0, 1.0),
    )
    resized = processor.do_resize and (whole or (size.shortest_edge and not size.longest_edge))
    counted = processor.do_rescale and abs(processor.rescale_factor * 255 - 1) < 1e-6
    if not (resized and counted and (preparation.crop or preparation.shape) == (side, side)):
        raise EncoderError(
            f"the image processor of {source!r} does not make photos of {side} x {side} pixels in [0, 1], which the model reads: "
            f"size {size}, crop {crop}, rescale_factor {processor.rescale_factor}. Correct its preprocessor_config.json."
        )
    return preparation
