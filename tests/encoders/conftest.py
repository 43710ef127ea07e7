from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each class of diffusers, untrained, as ``save_pretrained`` writes it."""
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from tests.standins import autoencoders

    folder = tmp_path_factory.mktemp("saved")
    return {name: autoencoders.save(folder / f"own-{name}", name) for name in autoencoders.CLASSES}
