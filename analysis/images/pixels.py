"""Pixels: how an image file becomes an array.

In a fixed order: decode, upright by EXIF, grey to colour, alpha on white, square crop in the
middle, resize, [-1, 1]. Values are taken as sRGB; an embedded colour profile is **ignored** (so
CMYK is converted plainly), as loaders of diffusion training do.
"""

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from analysis.images import resize
from analysis.images.resize import Resample
from analysis.project import extras
from analysis.project.errors import InputError

# What Pillow may try (without this list a file could start Ghostscript), and how names end.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
# 11,585 squared, of which reading takes 2 GB at most; half a megabyte of PNG can hold more.
MAX_PIXELS = 2**27
MODES = "1 L LA La P PA RGB RGBA RGBa CMYK YCbCr I;16 I;16L I;16B I;16N"  # of a defined white


def decode(path: Path) -> Image.Image:
    """The upright first frame of an image file; InputError if it is none, damaged, too large."""
    with opened(path) as image:
        up = ImageOps.exif_transpose(image)  # and a 16-bit PPM is read as 32 bits:
        return up.convert("I;16") if (image.format, up.mode) == ("PPM", "I") else up


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file of which the header is read; errors of `decode`, inside of it as well."""
    tolerant = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # another package may have set it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
            with _identified(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                yield image
    except Image.DecompressionBombError:  # Pillow's, too
        raise InputError(
            f"{path}: refused: it has more than {MAX_PIXELS / 1e6:.0f} million pixels, which would "
            "take too much memory: make it smaller"
        ) from None
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ...
        raise InputError(f"{path}: cannot be read as an image: {error or type(error)}") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant


def _identified(path: Path) -> Image.Image:
    """An image file as Pillow reads it, or pillow-heif, which is loaded for what Pillow doesn't."""
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        if extras.absent(["pillow_heif"]):
            raise
    import pillow_heif

    pillow_heif.register_heif_opener()
    return Image.open(path, formats=("HEIF",))


def planes(image: Image.Image) -> Iterator[NDArray[np.float32]]:
    """Red, green and blue of an image of any mode, one after the other; alpha on white.

    One at a time, since three of a large image would fill the memory. 16 bits of grey are kept,
    divided by 65535. Of 16-bit *colour* Pillow reads the high byte only.

    Yields:
        ``[H, W]``, float32, in [0, 1].
    """
    if image.mode.startswith("I;16"):
        for _ in range(3):
            yield np.asarray(image, np.float32) / np.float32(65535)
        return
    mode = "RGBA" if image.has_transparency_data else "RGB"
    image = image if image.mode == mode else image.convert(mode)

    def unit(band: str) -> NDArray[np.float32]:
        values = np.array(image.getchannel(band), np.float32)
        values /= np.float32(255)
        return values

    alpha = unit("A") if mode == "RGBA" else None
    for band in "RGB":
        yield unit(band) if alpha is None else unit(band) * alpha + (1 - alpha)


def _shrunk(
    values: Iterable[NDArray[np.float32]], size: int, resample: Resample
) -> NDArray[np.float32]:
    """Square planes in [0, 1] as ``[3, size, size]`` in [-1, 1]."""
    small = np.stack([resize.resize(plane, size, resample) for plane in values])
    return resize.clip(small * 2 - 1)[0]


def load(
    path: Path, size: int, resample: Resample = "lanczos", jpeg: int = 0
) -> NDArray[np.float32]:
    """An image file as ``[3, size, size]``, float32, sRGB values in [-1, 1].

    The square in the middle is resized, each channel in float32: 16-bit values count and nothing
    is rounded to 8 bits. What a filter overshoots beyond [-1, 1] is clipped, once, at the end: it
    is the range encoders are trained on. If the side is ``size``, nothing is resampled.
    ``jpeg``, if not 0, is a quality: the square is first coded so (`resize.jpeg`), in 8 bits.
    InputError: no readable image, smaller than ``size`` (never upscaled), unknown filter, quality.
    """
    if jpeg:
        coded = resize.jpeg(np.asarray(np.rint(square(path, size) * 255), np.uint8), jpeg)
        return _shrunk(planes(Image.fromarray(coded)), size, resample)
    return _shrunk(planes(crop(path, size)), size, resample)


def of_image(image: Image.Image, size: int, resample: Resample = "lanczos") -> NDArray[np.float32]:
    """The square in the middle of a decoded image, ``[3, size, size]``, as `load` makes it."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return _shrunk(planes(image.crop((left, top, left + side, top + side))), size, resample)


def square(path: Path, size: int) -> NDArray[np.float32]:
    """The square in the middle of a file, ``[side, side, 3]``, sRGB in [0, 1]; errors of `crop`."""
    return np.stack([*planes(crop(path, size))], axis=2)


def crop(path: Path, size: int) -> Image.Image:
    """The square in the middle of an image file, decoded, in the file's own mode.

    InputError: no readable image, of no defined white, or smaller than ``size``.
    """
    image = decode(path)
    refuse_unusable(path, image.mode, *image.size, size)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def refuse_unusable(path: Path, mode: str, width: int, height: int, size: int) -> None:
    if mode not in MODES.split():
        raise InputError(f"{path}: mode {mode} has no defined white; save it as 8-bit RGB")
    side = min(width, height)
    if not 1 <= size <= side:
        why = f"{width} x {height} pixels, short side {side}, asked for {size}"
        remedy = "never upscaled silently; choose a smaller size or a larger image"
        raise InputError(f"{path}: refused: {why}: {remedy}")


def thumbnail(path: Path, size: int) -> NDArray[np.uint8]:
    """The square for a figure: ``[size, size, 3]``, uint8, in [0, 255]; errors as of ``load``."""
    image = Image.fromarray(np.asarray(np.rint(square(path, size) * 255), np.uint8))
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0))
