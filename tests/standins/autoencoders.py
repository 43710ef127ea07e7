"""Small autoencoders of diffusers with random weights, one of each class, saved as users save."""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.encoders.cards import Card
from analysis.encoders.checkpoints import EACH_CHANNEL

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

FRAMES = ("AutoencoderKLQwenImage", "AutoencoderKLWan")
STATISTICS = {"latents_mean": [0.1, -0.2, 0.3, 0.5], "latents_std": [1.5, 2.0, 2.5, 3.0]}
STRIDES = {
    "AutoencoderKL": 4,
    "AutoencoderKLFlux2": 8,
    "AutoencoderKLQwenImage": 8,
    "AutoencoderKLWan": 8,
    "AutoencoderDC": 4,
    "AutoencoderTiny": 8,
}
CLASSES = tuple(STRIDES)


def build(class_name: str, **other: Any) -> Any:
    """An untrained autoencoder of four latent channels (FLUX.2: three), always the same."""
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"latent_channels": 4}
    if class_name == "AutoencoderKL":
        arguments |= {
            "down_block_types": ("DownEncoderBlock2D",) * 3,
            "up_block_types": ("UpDecoderBlock2D",) * 3,
            "block_out_channels": (4, 8, 8),
            "norm_num_groups": 4,
            "shift_factor": 0.1159,
            "scaling_factor": 0.3611,
            "sample_size": 32,
        }
    elif class_name == "AutoencoderKLFlux2":
        arguments = {
            "block_out_channels": (4, 8, 8, 8),
            "norm_num_groups": 4,
            "latent_channels": 3,
            "layers_per_block": 1,
        }
    elif class_name == "AutoencoderTiny":
        arguments |= {
            "encoder_block_out_channels": (8,) * 4,
            "decoder_block_out_channels": (8,) * 4,
            "num_encoder_blocks": (1,) * 4,
            "num_decoder_blocks": (1,) * 4,
            "scaling_factor": 0.9,
            "shift_factor": 0.05,
        }
    elif class_name == "AutoencoderDC":
        arguments |= {
            "attention_head_dim": 4,
            "encoder_block_types": ("ResBlock", "ResBlock", "EfficientViTBlock"),
            "decoder_block_types": ("ResBlock", "ResBlock", "EfficientViTBlock"),
            "encoder_block_out_channels": (4, 8, 8),
            "decoder_block_out_channels": (4, 8, 8),
            "encoder_layers_per_block": (1, 1, 1),
            "decoder_layers_per_block": (1, 1, 1),
            "encoder_qkv_multiscales": ((), (), (5,)),
            "decoder_qkv_multiscales": ((), (), (5,)),
            "scaling_factor": 0.41407,
        }
    elif class_name in FRAMES:
        arguments = {"base_dim": 4, "z_dim": 4, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1}
        arguments |= STATISTICS
    model = getattr(diffusers, class_name)(**arguments | other)
    if class_name == "AutoencoderKLFlux2":
        model.bn.running_mean.normal_()
        model.bn.running_var.uniform_(1, 4)
    return model.eval().requires_grad_(False)


def save(folder: Path, class_name: str, **other: Any) -> Path:
    """A folder with such an autoencoder, by its own ``save_pretrained``."""
    build(class_name, **other).save_pretrained(folder)
    return folder


def stand_in(card: Card) -> Any:
    """An untrained autoencoder of a card's class, channels, stride and normalisation."""
    stages, each = card.stride.bit_length() - 1, (8,) * card.stride.bit_length()
    other: dict[str, Any] = {"latent_channels": card.channels}
    if card.normalised and card.class_name not in EACH_CHANNEL:
        other["scaling_factor"] = card.scale
        if card.class_name != "AutoencoderDC":
            other["shift_factor"] = card.shift
    if card.class_name in ("AutoencoderKL", "AutoencoderKLFlux2"):
        other |= {"block_out_channels": each, "layers_per_block": 1}
        other["down_block_types"] = ("DownEncoderBlock2D",) * len(each)
        other["up_block_types"] = ("UpDecoderBlock2D",) * len(each)
    elif card.class_name == "AutoencoderTiny":
        other |= {f"{part}_block_out_channels": each for part in ("encoder", "decoder")}
        other |= {f"num_{part}_blocks": (1,) * len(each) for part in ("encoder", "decoder")}
    elif card.class_name == "AutoencoderDC":
        for part in ("encoder", "decoder"):
            other[f"{part}_block_types"] = ("ResBlock",) * stages + ("EfficientViTBlock",)
            other[f"{part}_block_out_channels"] = (8,) * stages + (card.channels,)
            other[f"{part}_layers_per_block"] = (1,) * len(each)
            other[f"{part}_qkv_multiscales"] = ((),) * stages + ((5,),)
        other["attention_head_dim"] = 8
    else:
        other = {"z_dim": card.channels, "dim_mult": [1, 2, 2, 2]}
        other |= {"latents_mean": list(card.mean), "latents_std": list(card.std)}
    model = build(card.class_name, **other)
    if card.class_name == "AutoencoderKLFlux2" and card.mean:
        model.bn.running_mean.copy_(torch.tensor(card.mean))
        model.bn.running_var.copy_(torch.tensor(card.std) ** 2 - model.config.batch_norm_eps)
    return model


def pipeline_functions() -> dict[str, Any]:
    """FLUX.2's pipeline's own functions on latents, by name, from its source.

    Importing the pipeline needs transformers, which the project does not; its functions on latents
    need torch alone.
    """
    path = Path(diffusers.__file__).parent / "pipelines" / "flux2" / "pipeline_flux2.py"
    wanted = ("_patchify_latents", "_unpatchify_latents", "_encode_vae_image", "retrieve_latents")
    found: dict[str, Any] = {"torch": torch}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            node.decorator_list = []
            exec(compile(ast.Module([node], []), str(path), "exec"), found)
    return found


def normalised(model: Any, x: Any) -> Any:
    """The latents' mode as diffusers' own pipelines give it to the denoiser, [N, C, h, w].

    Written out from FluxImg2ImgPipeline, SanaSprintImg2ImgPipeline, WanImageToVideoPipeline and
    QwenImageImg2ImgPipeline; FLUX.2's is the pipeline's own code.
    """
    theirs = pipeline_functions()
    name = type(model).__name__
    if name == "AutoencoderKLFlux2":
        pipeline = SimpleNamespace(vae=model, _patchify_latents=theirs["_patchify_latents"])
        return theirs["_encode_vae_image"](pipeline, x, generator=None)
    if name == "AutoencoderDC":
        return model.encode(x).latent * model.config.scaling_factor
    frames = x.unsqueeze(2) if name in FRAMES else x
    z = theirs["retrieve_latents"](model.encode(frames), sample_mode="argmax")
    if name in FRAMES:
        mean, std = (torch.tensor(model.config[key]) for key in ("latents_mean", "latents_std"))
        return ((z - mean.view(1, -1, 1, 1, 1)) / std.view(1, -1, 1, 1, 1)).squeeze(2)
    return (z - (model.config.shift_factor or 0)) * model.config.scaling_factor
