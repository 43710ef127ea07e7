"""Encoders as a user meets them: every card, an own folder, an own function, in fresh processes."""

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from analysis.cards import Card, cards
from analysis.checkpoints import FILES
from tests import autoencoders
from tests.conftest import PROJECT, synthetic_photograph
from tests.fresh import User, copy
from tests.hub import Hub, Repo, running

pytestmark = pytest.mark.slow

TOKEN = "hf_of_somebody_who_accepted_the_licence"
HUB_CARDS = {name: card for name, card in cards().items() if card.repo}
AGAIN = ("flux1", "flux2-klein", "sd15", "sd3", "taesdxl", "qwen-image")
"""Cards measured a second time, from the cache: each way of pinning, most of the classes."""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photographs of a reader's."""
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(3):
        Image.fromarray(synthetic_photograph(seed, 768)).save(folder / f"p{seed}.png")
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which the tests of cards share; each has a home and a store."""
    return copy(tmp_path_factory.mktemp("cards") / "checkout")


def saved(card: Card, folder: Path) -> dict[str, bytes]:
    """The files of an untrained autoencoder of a card's class, shape and normalisation."""
    autoencoders.stand_in(card).save_pretrained(folder)
    return {name: (folder / name).read_bytes() for name in FILES}


def served(card: Card, files: dict[str, bytes]) -> Repo:
    """A repository that has them where the card says."""
    known = dict(zip(card.hub_names(), files.values(), strict=True))
    commits = {"commits": (card.revision,)} if card.revision else {}
    return Repo(known, gated=card.gated, readers=(TOKEN,), **commits)


def pinned_to(card: Card, weights: bytes, table: Path) -> None:
    """In data/encoders.toml, the hash of other weights where the card pins the real ones'."""
    before, head, rest = table.read_text(encoding="utf-8").partition(f"\n[{card.name}]\n")
    own, mark, after = rest.partition("\n[")
    own = re.sub(r"^bytes = .*\n", "", own, flags=re.M)
    if card.sha256:
        assert card.sha256 in own
        own = own.replace(card.sha256, hashlib.sha256(weights).hexdigest())
    table.write_text(before + head + own + mark + after, encoding="utf-8")


@contextlib.contextmanager
def reader_of(card: Card, checkout: Path, place: Path) -> Iterator[tuple[User, Hub]]:
    """Somebody who may read a card's repository, on a Hub that is here."""
    files = saved(card, place / "saved")
    shutil.copy(PROJECT / "data" / "encoders.toml", checkout / "data")
    pinned_to(card, files[FILES[1]], checkout / "data" / "encoders.toml")
    home = place / "home"
    home.mkdir()
    with running(Hub({card.repo: served(card, files)}, (TOKEN,))) as hub:
        settings = {"HF_ENDPOINT": hub.endpoint, "ANALYSIS_CACHE": str(place / "store")}
        settings |= {"HF_TOKEN": TOKEN} if card.gated else {}
        yield User(checkout, home, settings), hub


@pytest.mark.parametrize("name", [name for name, card in HUB_CARDS.items() if card.pinned])
def test_a_card_is_measured_from_nothing_and_from_the_cache(
    name: str, checkout: Path, photographs: Path, tmp_path: Path
) -> None:
    card = HUB_CARDS[name]
    sides = [str(n * card.latent_stride) for n in (24, 48)]
    asked = ("recommend", "--encoder", name, "--from", sides[0], "--to", sides[1])
    asked += ("--images", str(photographs), "--format", "json")
    with reader_of(card, checkout, tmp_path) as (reader, hub):
        done = reader.run(*asked)
        assert done.code == 0, done.all
        found = json.loads(done.out)
        assert found["encoder"] == card.name
        assert found["origin"] == "computed now"
        if name not in AGAIN:
            return
        hub.repos.clear()
        offline = {"HF_HUB_OFFLINE": "1", "ANALYSIS_CACHE": str(tmp_path / "another store")}
        again = reader.run(*asked, **offline)
        assert again.code == 0, again.all
        assert json.loads(again.out) == found
