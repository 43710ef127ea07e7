"""Encoders side by side: each number against another way to it, and the committed table."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import fft

from analysis.encoders import cards, trained, weights
from analysis.encoders.encoder import load
from analysis.images import catalogue, pixels
from analysis.project import files
from analysis.spectra import periodogram
from analysis.spectra.bands import Bands
from analysis.study import archive
from analysis.study.experiments import encoder_table
from analysis.study.experiments.encoder_table import Row, Settings, Table
from analysis.study.plan import Plan
from analysis.study.results import assemble
from analysis.study.settings import load_study
from analysis.study.store import MissError, Store

ROOT = files.root()
TINY = Settings(
    encoders=("pixel", "average-f8c3", "unshuffle-f8c192"), sides=(64, 128),
    bands=Bands(first_ring=1, low=0.5, middle=0.75),
)  # fmt: skip


def test_a_row_is_made_of_spectra_of_latents(project: Path) -> None:
    store = Store()
    pixel, average, unshuffle = Table(TINY, store).rows()
    photos = catalogue.image_set("bundled").photos
    x = np.stack([pixels.load(catalogue.fetch(photo, store.downloads), 128) for photo in photos])
    z = x.reshape(3, 3, 16, 8, 16, 8).mean(axis=(3, 5))
    window = TINY.window.kind, TINY.window.beta
    each = periodogram.raps(z, *window)
    np.testing.assert_allclose(average.arrays["power_128"], each.mean(axis=1), rtol=1e-5, atol=1e-9)
    alike = (each / z.var(axis=(2, 3)).mean(axis=0)[:, None]).mean(axis=1)
    np.testing.assert_allclose(average.arrays["equal_128"], alike, rtol=1e-5, atol=1e-9)
    back = z.repeat(8, axis=2).repeat(8, axis=3)
    error = np.mean((back - x) ** 2, axis=(1, 2, 3))
    assert average.psnr == pytest.approx(np.mean(10 * np.log10(4 / error)), abs=1e-4)
    assert np.isinf(pixel.psnr) and np.isinf(unshuffle.psnr)
    # Pictures of power k^-2 on two grids: the rule, and the same content but for aliases.
    assert pixel.shift().exponent == pytest.approx(1, abs=0.05)
    assert pixel.coherence().value > 0.99 > unshuffle.coherence().value > 0.3
    assert pixel.spread == pytest.approx(
        np.std(np.log(pixel.shift().curves).mean(axis=1), ddof=1), abs=0.01
    )


@pytest.mark.parametrize(("A", "beta"), [(1.0, 0.0), (200.0, 1.9)])
def test_a_power_law_is_that_of_orthonormal_cosine_coefficients(A: float, beta: float) -> None:
    """SPEED's unit: a coefficient of index u has u / 2 cycles per image, noise has power 1."""
    n = 64
    cycles = np.hypot(*np.meshgrid(np.arange(n), np.arange(n))) / 2
    deviation = np.sqrt(A * np.maximum(cycles, 0.5) ** -beta)
    drawn = deviation * np.random.default_rng(5).standard_normal((12, 16, n, n))
    z = fft.idctn(drawn, axes=(2, 3), norm="ortho")
    power = periodogram.raps(z, Settings().window.kind, Settings().window.beta).mean(axis=1)
    card = cards.card("linear-f8c16")
    side = n * card.latent_stride
    found = Row(card, {f"power_{side}": power}, Settings()).power_law(side)
    # 0.025 of the exponent and 7 % of A are the window's, and 192 fields scatter by 0.01 and 3 %.
    assert found.gamma == pytest.approx(beta, abs=0.05)
    assert found.beta == pytest.approx(A, rel=0.15)


def test_a_row_is_measured_once_and_a_table_answers_only_its_own_choices(project: Path) -> None:
    store = Store()
    path = encoder_table.commit(store, settings=TINY)
    done = len(store.computed)
    assert path == project / "data" / "results" / "experiment" / "encoders.json" and done == 3
    encoder_table.commit(store, settings=TINY)
    assert len(store.computed) == done
    rows = encoder_table.committed(store, TINY)
    content = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    for row in rows:
        assert not archive.differs(
            content[row.card.name], archive.rounded(row.numbers()), 1e-5, 1e-7
        )
    assert "unshuffle-f8c192" in encoder_table.text(rows)
    with pytest.raises(MissError, match="made from other"):
        encoder_table.committed(store, dataclasses.replace(TINY, confidence=0.9))


def test_what_is_trained_is_found_by_its_card(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    small = trained.Recipe(
        "plain", 0, photographs="bundled", sides=(128, 64), crop=16, steps=3, widths=(4, 8)
    )
    before = cards.cards()
    name = "trained-plain-0"
    monkeypatch.setattr(trained, "RECIPES", {name: small})
    store = Store()
    assert encoder_table.train(store) == [name]
    assert encoder_table.train(store) == [], "what is there is kept"
    after = cards.cards()
    assert {n for n, card in after.items() if card != before[n]} == {name}
    path = files.data() / "encoders" / f"{name}.safetensors"
    assert trained.read(path)[0] == small
    assert load(after[name], downloads=store.downloads).encode(
        np.zeros((1, 3, 16, 16), np.float32)
    )["mean"].shape == (1, 16, 2, 2)
    first = path.read_bytes()
    assert encoder_table.train(Store(project / "other"), anew=True) == [name]
    assert path.read_bytes() == first, "the same seed gives the same weights"
    assert not list(project.rglob("training/*")), "checkpoints go when they are not needed"


def test_the_committed_table_has_the_numbers_of_the_committed_measurements() -> None:
    store = Store(compute="never")
    rows = {row.card.name: row for row in encoder_table.committed(store)}
    assert len(rows) >= 16
    assert trained.RECIPES.keys() <= rows.keys()
    measured = assemble(Plan(load_study("bundled"), store)).measured
    for name in ("pixel", "linear-f8c16", "taef2"):
        assert rows[name].shift().whole.value == pytest.approx(
            measured[name].shift.whole.value, rel=1e-4
        )


ANEW = os.environ.get("RECOMPUTE", "average-f8c3,trained-eq-0")
"""Rows that are measured again: names between commas, or all."""


@pytest.mark.slow
@pytest.mark.parametrize("name", Settings().encoders if ANEW == "all" else ANEW.split(","))
def test_a_row_measured_anew_is_the_committed_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From pictures and weights, with nothing stored.

    Spectra agree to 1e-4 of each ring, what is lost to 0.001 dB: float32 convolutions are summed
    in another order by each machine, 1e-6 to 1e-5 of a ring's power. Six digits are stored.
    """
    pytest.importorskip("torch")
    card = cards.card(name)
    if name in encoder_table.PUBLISHED:
        places = ROOT.parent / "shared" / "weights", ROOT / "data" / "cache" / "downloads"
        path = weights.find(card.sha256, card.bytes, [*weights.folders(), *places])
        if path is None:
            pytest.skip(f"the weights of {name} are not here; ANALYSIS_WEIGHTS names their folder")
        monkeypatch.setenv("ANALYSIS_WEIGHTS", str(path.parent))
    (known,) = [row for row in encoder_table.committed(Store()) if row.card.name == name]
    table = Table(Settings(), Store(tmp_path / "store"))
    anew = Row(card, table.measure(card), Settings())
    assert anew.arrays.keys() == known.arrays.keys()
    for part, array in anew.arrays.items():
        look = {"rtol": 0, "atol": 1e-3} if part == "psnr" else {"rtol": 1e-4, "atol": 1e-12}
        np.testing.assert_allclose(array, known.arrays[part], **look, err_msg=part)
    assert not archive.differs(
        archive.rounded(anew.numbers()), archive.rounded(known.numbers()), 1e-4, 1e-6
    )
