"""Networks: the two kinds of encoder that need torch, as functions from arrays to arrays.

torch and diffusers are imported inside functions only. Networks run in float32, in eval mode,
without gradients, on the CPU; the number of threads is torch's own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.settings import FetchError

if TYPE_CHECKING:
    from torch import nn

Network = Callable[[np.ndarray], dict[str, np.ndarray]]
WIDTH = 64  # channels inside the tiny encoder


def tiny(path: Path, channels: int) -> Network:
    """The tiny encoder of FLUX.2's latent space (TAEF2, Ollin Boer Bohan, MIT).

    3x3 convolution to 64 channels and one residual block; three stages of a stride-2 convolution
    and three residual blocks; 3x3 convolution to the latents. A block is relu(y + conv relu conv
    relu conv (y)); y is its input x, in the last stage x + 1x1 relu groupnorm 1x1 (x), where the
    four groups are normalised over the whole image.

    Args:
        path: the weights, a state dictionary written by ``torch.save``.
        channels: number of latent channels.

    Returns:
        pixels float32 [N, 3, H, W] in [0, 1] -> ``mean`` [N, channels, H/8, W/8].

    Raises:
        FetchError: the file is damaged, or not of this network: every entry has to be used.
    """
    import torch

    network = _tiny_network(channels)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds, also from zipfile and pickle
        raise FetchError(f"{path}: not the weights of a tiny encoder: {_line(error)}") from None
    network.requires_grad_(False).eval()

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        with torch.no_grad():
            return {"mean": network(torch.from_numpy(x)).numpy()}

    return run


def autoencoder_kl(folder: Path) -> tuple[Network, dict[str, float]]:
    """A variational autoencoder that diffusers' ``save_pretrained`` wrote, as safetensors.

    Returns:
        pixels float32 [N, 3, H, W] in [-1, 1] -> ``mean`` and ``logvar`` [N, C, h, w] (diffusers
        limits logvar to [-30, 20]); and what its configuration says: channels, stride, shift,
        scale.

    Raises:
        FetchError: the files are damaged, or weights are lacking or left over.
    """
    import torch
    from diffusers import AutoencoderKL
    from diffusers.utils import logging

    logging.disable_progress_bar()
    try:
        model, info = AutoencoderKL.from_pretrained(
            folder,
            torch_dtype=torch.float32,
            use_safetensors=True,
            low_cpu_mem_usage=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # diffusers raises many kinds for a damaged file
        raise FetchError(
            f"{folder}: not an autoencoder that diffusers can read: {_line(error)}: "
            "delete it and fetch it again"
        ) from None
    wrong = [
        key for kind in ("missing", "unexpected", "mismatched") for key in info[f"{kind}_keys"]
    ]
    if wrong:
        raise FetchError(f"{folder}: weights do not fit config.json, first '{wrong[0]}'")
    model.requires_grad_(False).eval()

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        with torch.no_grad():
            gaussian = model.encode(torch.from_numpy(x)).latent_dist
        return {"mean": gaussian.mean.numpy(), "logvar": gaussian.logvar.numpy()}

    return run, {
        "channels": model.config.latent_channels,
        "stride": 2 ** (len(model.config.block_out_channels) - 1),
        "shift": model.config.shift_factor or 0.0,
        "scale": model.config.scaling_factor,
    }


def _tiny_network(channels: int) -> "nn.Sequential":
    """The tiny encoder, untrained; its entries are named as in the published file."""
    from torch import Tensor, nn

    def conv(inputs: int, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)

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

    layers: list[nn.Module] = [conv(3, WIDTH), Block(pooled=False)]
    for stage in range(3):
        layers.append(nn.Conv2d(WIDTH, WIDTH, kernel_size=3, stride=2, padding=1, bias=False))
        layers.extend(Block(pooled=stage == 2) for _ in range(3))
    return nn.Sequential(*layers, conv(WIDTH, channels))


def _line(error: Exception) -> str:
    """An error's message on one line, its beginning if it is long; its kind if it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."
