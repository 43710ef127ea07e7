"""Checkpoints: what ``save_pretrained`` of diffusers writes of an autoencoder, not yet loaded.

A folder with ``config.json``, which names the class and its arguments, and the weights as
safetensors. What is read here are the numbers that diffusers' pipelines normalise latents with.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.encoders import weights
from analysis.project.downloads import one_line
from analysis.project.errors import FetchError, InputError

FILES = ("config.json", "diffusion_pytorch_model.safetensors")  # what save_pretrained writes
VARIATIONAL = {
    "AutoencoderKL": True,
    "AutoencoderKLFlux2": True,
    "AutoencoderKLQwenImage": True,
    "AutoencoderKLWan": True,
    "AutoencoderDC": False,
    "AutoencoderTiny": False,
}
"""The classes of diffusers that can be loaded, and whether they give a variance."""

AGAIN = "write it again with save_pretrained, or copy it again from where it is whole"
FRAMES = ("AutoencoderKLQwenImage", "AutoencoderKLWan")  # an image is a video of one frame
EACH_CHANNEL = (*FRAMES, "AutoencoderKLFlux2")  # latents are normalised by channel


def unfit(folder: Path) -> str | None:
    """Why a folder holds no autoencoder that can be read, and what to do; None if it may.

    Only names of files are looked at.
    """
    if not folder.is_dir():
        return f"no folder {folder}: give one that save_pretrained wrote"
    for file in FILES:
        if not (folder / file).is_file():
            remedy = weights.instead(lambda name: (folder / name).is_file(), str(folder / "vae"))
            remedy = remedy or "save the autoencoder with save_pretrained, and give that folder"
            return f"no {file} in {folder}: {remedy}"
    return None


def read_config(path: Path) -> dict[str, Any]:
    """What a configuration that ``save_pretrained`` wrote says, by the names of a card's fields.

    The numbers are those that diffusers' pipelines normalise latents with; those of
    AutoencoderKLFlux2 are in its weights, but for ``batch_norm_eps``. What the configuration leaves
    out is its class's default.

    Raises:
        FetchError: it is damaged.
        InputError: it is of no class, or of one that is not in ``VARIATIONAL``.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise FetchError(f"{path}: not a configuration ({one_line(error)}): {AGAIN}") from None
    name = content.get("_class_name") if isinstance(content, dict) else None
    if name not in VARIATIONAL:
        raise InputError(f"{path}: class {name!r} is not one of {', '.join(sorted(VARIATIONAL))}")
    import diffusers

    parameters = inspect.signature(getattr(diffusers, name).__init__).parameters
    return _described({key: p.default for key, p in parameters.items()} | content)


def described(folder: Path, class_name: str) -> dict[str, Any]:
    """What configuration and weights in a folder say of an autoencoder, by a card's fields.

    Raises:
        FetchError: a file is damaged.
        InputError: it is of another class.
    """
    found = read_config(folder / FILES[0])
    if found["class"] != class_name:
        raise InputError(f"{folder}: config.json is of {found['class']}, not of {class_name}")
    found |= statistics(folder / FILES[1], found)
    return {key: value for key, value in found.items() if key not in ("class", "batch_norm_eps")}


def _described(config: Mapping[str, Any]) -> dict[str, Any]:
    name = config["_class_name"]
    found: dict[str, Any] = {"class": name}
    if name in FRAMES:
        patch = config.get("patch_size") or 1
        found |= {"channels": config["z_dim"], "stride": patch * 2 ** (len(config["dim_mult"]) - 1)}
    else:
        encoder = name in ("AutoencoderTiny", "AutoencoderDC")
        stages = len(config["encoder_block_out_channels" if encoder else "block_out_channels"])
        found |= {"channels": config["latent_channels"], "stride": 2 ** (stages - 1)}
    if name == "AutoencoderKLFlux2":
        eps = config["batch_norm_eps"]
        return found | {"patchify": config["patch_size"][0], "batch_norm_eps": eps}
    if config.get("latents_mean") and config.get("latents_std"):
        found |= {"mean": tuple(config["latents_mean"]), "std": tuple(config["latents_std"])}
    if name not in EACH_CHANNEL:
        found |= {"shift": config.get("shift_factor") or 0.0, "scale": config["scaling_factor"]}
    return found


def statistics(path: Path, described: Mapping[str, Any]) -> dict[str, Any]:
    """Mean and std of each channel by the batch normalisation in the weights, where there is one.

    std = sqrt(running variance + epsilon), as ``Flux2Pipeline`` has it.
    """
    if described["class"] != "AutoencoderKLFlux2":
        return {}
    import safetensors
    import torch

    try:
        with safetensors.safe_open(path, framework="pt") as file:
            mean, variance = (file.get_tensor(f"bn.running_{x}").float() for x in ("mean", "var"))
    except Exception as error:  # safetensors raises its own kind for damage and for a lacking name
        raise FetchError(
            f"{path}: no statistics of latents in it ({one_line(error)}): {AGAIN}"
        ) from None
    std = torch.sqrt(variance + described["batch_norm_eps"])
    return {"mean": tuple(mean.tolist()), "std": tuple(std.tolist())}
