import json
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders.checkpoints import FILES, VARIATIONAL, read_config, statistics
from analysis.project.errors import FetchError, InputError

diffusers = pytest.importorskip("diffusers")

from tests.standins import autoencoders  # noqa: E402


def test_every_class_is_one_of_diffusers() -> None:
    assert set(VARIATIONAL) == set(autoencoders.CLASSES)
    assert all(hasattr(diffusers, name) for name in VARIATIONAL)


@pytest.mark.parametrize("name", autoencoders.CLASSES)
def test_a_configuration_says_what_the_model_does(name: str, saved: dict[str, Path]) -> None:
    found = read_config(saved[name] / FILES[0])
    model = autoencoders.build(name)
    x = autoencoders.torch.zeros(1, 3, 32, 32)
    z = autoencoders.normalised(model, x)
    patchify = found.get("patchify", 1)
    assert z.shape[1] == found["channels"] * patchify**2
    assert z.shape[2] == 32 // (found["stride"] * patchify)
    assert found["class"] == name
    if name in autoencoders.FRAMES:
        assert list(found["mean"]) == autoencoders.STATISTICS["latents_mean"]
        assert list(found["std"]) == autoencoders.STATISTICS["latents_std"]
    elif name != "AutoencoderKLFlux2":
        assert found["scale"] == model.config.scaling_factor
        assert found["shift"] == getattr(model.config, "shift_factor", 0.0)


def test_what_a_configuration_leaves_out_is_its_classs_default(tmp_path: Path) -> None:
    content = {"_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512]}
    path = tmp_path / FILES[0]
    path.write_text(json.dumps(content))
    # as sd-vae-ft-mse's, which has no scaling_factor and no shift_factor
    assert read_config(path) == {
        "class": "AutoencoderKL", "channels": 4, "stride": 8, "shift": 0.0, "scale": 0.18215,
    }  # fmt: skip
    each = {"latents_mean": [1.0] * 4, "latents_std": [2.0] * 4}
    path.write_text(json.dumps({"_class_name": "AutoencoderKL", **each}))
    found = read_config(path)
    assert (found["mean"], found["std"], found["scale"]) == ((1.0,) * 4, (2.0,) * 4, 0.18215)
    path.write_text(json.dumps({"_class_name": "AutoencoderKLWan"}))
    found = read_config(path)
    assert (found["channels"], found["stride"], found["mean"][0]) == (16, 8, -0.7571)
    # Wan 2.2's pixels are folded before the first layer
    wide = {"_class_name": "AutoencoderKLWan", "z_dim": 48, "patch_size": 2, "in_channels": 12}
    path.write_text(json.dumps(wide))
    assert read_config(path)["stride"] == 16


@pytest.mark.parametrize("text", ["{", "", "\x00"])
def test_a_damaged_configuration_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_text(text)
    with pytest.raises(FetchError, match=r"config\.json: not a configuration"):
        read_config(tmp_path / FILES[0])
    with pytest.raises(FetchError, match="not a configuration"):
        read_config(tmp_path / "nothing.json")
    for other in ([], {}, {"_class_name": "UNet2DConditionModel"}):
        (tmp_path / FILES[0]).write_text(json.dumps(other))
        with pytest.raises(InputError, match="is not one of AutoencoderDC, AutoencoderKL, "):
            read_config(tmp_path / FILES[0])


def test_statistics_are_those_of_the_batch_normalisation(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    folder = saved["AutoencoderKLFlux2"]
    described = read_config(folder / FILES[0])
    found = statistics(folder / FILES[1], described)
    bn = autoencoders.build("AutoencoderKLFlux2").bn
    # in eval mode, without gain: torch's own layer is the truth
    x = autoencoders.torch.randn(1, 12, 2, 2)
    ours = (x.numpy() - np.array(found["mean"])[:, None, None]) / np.array(found["std"])[
        :, None, None
    ]
    np.testing.assert_allclose(ours, bn.eval()(x).numpy(), rtol=1e-5, atol=1e-6)
    assert statistics(folder / FILES[1], {"class": "AutoencoderKL"}) == {}
    other = saved["AutoencoderKL"] / FILES[1]
    with pytest.raises(FetchError, match="no statistics of latents in it") as error:
        statistics(other, described)
    assert "\n" not in str(error.value)
