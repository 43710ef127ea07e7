"""Networks: the encoders that need torch, as functions from arrays to arrays.

torch and diffusers are imported inside functions only. Networks run in eval mode, without
gradients, in float32 unless another type is asked for; what they take and give is float32 always.
On a GPU, TF32 is off, so that float32 means float32 there too.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from analysis.encoders import trained
from analysis.encoders.checkpoints import AGAIN, FRAMES, VARIATIONAL, described
from analysis.project.downloads import one_line
from analysis.project.errors import FetchError, InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["float32", "bfloat16", "float16"]
WIDTH = 64  # channels inside the tiny encoder
HELD = 6  # activations of full size alive at once: see `Network.bytes_for`
HELD_VIDEO = 18  # where convolutions are in three dimensions, which unfold their input


@dataclass(frozen=True)
class Network:
    """An autoencoder as functions.

    Args:
        encode: pixels float32 [N, 3, H, W] -> ``mean`` and, if variational, ``logvar``, float32
            [N, C, h, w] each.
        decode: raw latents float32 [N, C, h, w] -> pixels float32 [N, 3, H, W]; None without one.
        described: what is known of it after loading, by the names of a card's fields.
        width: channels of the widest activation at the full size of the image.
        itemsize: bytes a number.
        held: activations of full size that are alive at once.
    """

    encode: Callable[[np.ndarray], dict[str, np.ndarray]]
    decode: Callable[[np.ndarray], np.ndarray] | None
    described: Mapping[str, Any]
    width: int
    itemsize: int = 4
    held: int = HELD

    def bytes_for(self, height: int, width: int) -> int:
        """Memory that encoding one image takes beyond the weights, by rule: an estimate.

        The widest layers work at the full size of the image. A residual block there holds its
        input, two results of convolutions, what is normalised and activated, and the workspace of
        a convolution: six arrays of ``width`` channels. On a CPU the rule is 1.2 times what was
        measured for AutoencoderKL of full width, 1.5 times for TAEF2. Three-dimensional
        convolutions need three times as much (measured for AutoencoderKLQwenImage: 17 arrays).
        """
        return self.held * self.width * height * width * self.itemsize


def tiny(
    path: Path, channels: int, stride: int, device: Device = "auto", dtype: Dtype = "float32"
) -> Network:
    """A tiny encoder distilled from a large one: TAEF2 or TAESANA (Ollin Boer Bohan, MIT).

    Pixels in [0, 1] become 64 channels (TAEF2: one 3x3 convolution; TAESANA: two of stride 2, to 32
    and 64 channels, with ReLU) and go through one residual block; then three stages of a stride-2
    convolution and three residual blocks; a 3x3 convolution gives the latents. A block is
    relu(y + conv relu conv relu conv (y)); y is its input x, in TAEF2's last stage x + 1x1 relu
    groupnorm 1x1 (x), where the four groups are normalised over the whole image.

    Args:
        path: the weights, a state dictionary written by ``torch.save``.
        channels: number of latent channels.
        stride: 8 for TAEF2, 32 for TAESANA.
        device: where it runs; ``auto``: CUDA, else Apple's GPU, else the CPU.
        dtype: the type it computes in.

    Raises:
        FetchError: the file is damaged, or not of this network: every entry has to be used.
        InputError: the device is not here.
    """
    import torch

    network = _tiny_network(channels, stride)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds, also from zipfile and pickle
        raise FetchError(f"{path}: not the weights of a tiny encoder: {one_line(error)}") from None
    place, number = _place(device), _number(dtype)
    network.requires_grad_(False).eval().to(place, number)

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        with _exact():
            return {"mean": _array(network(torch.from_numpy(x).to(place, number)))}

    # What is widest at the full size: TAESANA's stem is 32 channels at half of it.
    width = WIDTH if stride == 8 else 8
    return Network(run, None, {"stride": stride}, width, number.itemsize)


def trained_here(
    path: Path, channels: int, device: Device = "auto", dtype: Dtype = "float32"
) -> Network:
    """An autoencoder that was trained here (module `trained`), from its weights and recipe.

    Of a variational one the latents are the means.

    Args:
        path: the weights, as `trained.written` gives them.
        channels: what the card says.
        device: where it runs; ``auto``: CUDA, else Apple's GPU, else the CPU.
        dtype: the type it computes in.

    Raises:
        FetchError: the file is damaged, or not of such a network.
        InputError: the device is not here.
    """
    import torch

    try:
        recipe, state = trained.read(path)
        encoder, decoder = trained.modules(recipe.widths, recipe.variant == "kl")
        both = torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        both.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    except Exception as error:  # safetensors and torch raise many kinds
        raise FetchError(f"{path}: not an autoencoder trained here: {one_line(error)}") from None
    place, number = _place(device), _number(dtype)
    both.requires_grad_(False).eval().to(place, number)

    def encode(x: np.ndarray) -> dict[str, np.ndarray]:
        with _exact():
            return {"mean": _array(encoder(torch.from_numpy(x).to(place, number))[:, :channels])}

    def decode(raw: np.ndarray) -> np.ndarray:
        with _exact():
            return _array(decoder(torch.from_numpy(raw).to(place, number)))

    shape = {"channels": trained.CHANNELS, "stride": trained.STRIDE}
    # Nothing is wide at the full size: the first layer has its channels at a quarter of it.
    return Network(encode, decode, shape, 3, number.itemsize)


def autoencoder(
    folder: Path,
    class_name: str,
    device: Device = "auto",
    dtype: Dtype = "float32",
    tiling: bool = False,
) -> Network:
    """An autoencoder that diffusers' ``save_pretrained`` wrote, as safetensors.

    It takes pixels in [-1, 1]. diffusers limits logvar to [-30, 20]. A video autoencoder is given
    one frame.

    Args:
        folder: holds ``FILES``.
        class_name: one of ``VARIATIONAL``.
        device: where it runs; ``auto``: CUDA, else Apple's GPU, else the CPU.
        dtype: the type it computes in.
        tiling: encode and decode overlapping tiles that are blended, of the class's own size; an
            image that fits one tile is encoded whole.

    Raises:
        FetchError: the files are damaged, or weights are lacking or left over.
        InputError: the folder holds another class, the class cannot be tiled as it is, or the
            device is not here.
    """
    import torch

    known = described(folder, class_name)
    place, number = _place(device), _number(dtype)
    model = _from_pretrained(folder, class_name, number)
    if tiling:
        if class_name == "AutoencoderTiny" and known["channels"] != 4:
            raise InputError(
                f"{folder}: diffusers tiles an AutoencoderTiny of 4 channels only, this one has "
                f"{known['channels']}: leave tiling off"
            )
        model.enable_tiling()
    model.requires_grad_(False).eval().to(place)

    def still(x: np.ndarray) -> "Tensor":
        y = torch.from_numpy(x).to(place, number)
        return y.unsqueeze(2) if class_name in FRAMES else y

    def array(y: "Tensor") -> np.ndarray:
        return _array(y.squeeze(2) if class_name in FRAMES else y)

    def encode(x: np.ndarray) -> dict[str, np.ndarray]:
        with _exact():
            out = model.encode(still(x))
            if VARIATIONAL[class_name]:
                gaussian = out.latent_dist
                return {"mean": array(gaussian.mean), "logvar": array(gaussian.logvar)}
            return {"mean": array(out.latent if class_name == "AutoencoderDC" else out.latents)}

    def decode(raw: np.ndarray) -> np.ndarray:
        with _exact():
            return array(model.decode(still(raw)).sample)

    held = HELD_VIDEO if class_name in FRAMES else HELD
    return Network(encode, decode, known, _width(model.config), number.itemsize, held)


def _width(config: Mapping[str, Any]) -> int:
    if "base_dim" in config:
        return math.ceil(config["base_dim"] / (config.get("patch_size") or 1) ** 2)
    names = ("block_out_channels", "encoder_block_out_channels")
    key = names["encoder_block_out_channels" in config]
    return int(config[key][0])


def _from_pretrained(folder: Path, class_name: str, number: "torch.dtype") -> Any:
    import diffusers
    from diffusers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of entries that its own save_pretrained wrote
    try:
        model, info = getattr(diffusers, class_name).from_pretrained(
            folder,
            torch_dtype=number,
            use_safetensors=True,
            low_cpu_mem_usage=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # diffusers raises many kinds for a damaged file
        raise FetchError(
            f"{folder}: not an autoencoder that diffusers can read: {one_line(error)}: {AGAIN}"
        ) from None
    finally:
        logging.set_verbosity(before)
    wrong = [
        key for kind in ("missing", "unexpected", "mismatched") for key in info[f"{kind}_keys"]
    ]
    if wrong:
        raise FetchError(
            f"{folder}: weights do not fit config.json, first '{wrong[0]}': both have to be of one "
            f"autoencoder: {AGAIN}"
        )
    return model


def _place(device: str) -> "torch.device":
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next((name for name, there in here.items() if there), "cpu")
    if device not in get_args(Device) or not here.get(device, True):
        raise InputError(f"no device '{device}' here: choose auto or cpu")
    return torch.device(device)


def _number(dtype: str) -> "torch.dtype":
    import torch

    if dtype not in get_args(Dtype):
        raise InputError(f"dtype is '{dtype}'; choose {', '.join(get_args(Dtype))}")
    found: torch.dtype = getattr(torch, dtype)
    return found


@contextmanager
def _exact() -> Iterator[None]:
    """No gradients, and float32 that is float32 on CUDA as well."""
    import torch

    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def _array(y: "Tensor") -> np.ndarray:
    return y.float().cpu().numpy()


def _tiny_network(channels: int, stride: int) -> "nn.Sequential":
    """A tiny encoder, untrained; its entries are named as in the published file."""
    from torch import Tensor, nn

    def conv(inputs: int, outputs: int, step: int = 1, bias: bool = True) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, kernel_size=3, stride=step, padding=1, bias=bias)

    class Block(nn.Module):
        def __init__(self, pooled: bool) -> None:
            super().__init__()
            three = [layer for _ in range(3) for layer in (conv(WIDTH, WIDTH), nn.ReLU())]
            self.conv = nn.Sequential(*three[:-1])
            self.pool = None
            if pooled:
                self.pool = nn.Sequential(
                    nn.Conv2d(WIDTH, 4 * WIDTH, kernel_size=1, bias=False),
                    nn.GroupNorm(4, 4 * WIDTH),
                    nn.ReLU(),
                    nn.Conv2d(4 * WIDTH, WIDTH, kernel_size=1, bias=False),
                )

        def forward(self, x: Tensor) -> Tensor:
            if self.pool is not None:
                x = x + self.pool(x)
            return nn.functional.relu(x + self.conv(x))

    fine = stride == 8
    stem: list[nn.Module] = [conv(3, WIDTH)]
    if not fine:
        stem = [conv(3, 32, 2), nn.ReLU(), conv(32, WIDTH, 2), nn.ReLU()]
    layers = [*stem, Block(pooled=False)]
    for stage in range(3):
        layers.append(conv(WIDTH, WIDTH, 2, bias=False))
        layers.extend(Block(pooled=fine and stage == 2) for _ in range(3))
    return nn.Sequential(*layers, conv(WIDTH, channels))
