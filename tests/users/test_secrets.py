"""What is nobody's business: none of it is in a site, in results or in what a build says.

A study of somebody's own photographs is built where everything that could leak is planted: a token,
the user's name, home and host, an address with a password, and what a camera writes into a file.
"""

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

from tests.conftest import git, synthetic_photograph
from tests.standins.fresh import User, copy

TOKEN = "hf_PlantedTokenOfNobody0123456789abcd"
NAME, HOST = "planteduser", "plantedhost"
SECRETS = {
    "token": TOKEN,
    "user and home": NAME,
    "host": HOST,
    "password": "plantedpassword",
    "server": "plantedserver",
    "mail": "plantedmail",
    "camera": "plantedcamera",
}
STUDY = """
title = "Mine"
images = "{folder}"
encoders = ["pixel", "linear-f8c16"]
resolutions = [128, 256]
"""
# The interpreter reads this first: the machine is called as we like.
MACHINE = f"""
import os, platform, socket
socket.gethostname = socket.getfqdn = platform.node = lambda *_: "{HOST}"
uname = os.uname()
os.uname = lambda: os.uname_result((uname[0], "{HOST}", *uname[2:]))
"""


# Looking ------------------------------------------------------------------------------------------


def layers(content: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them: streams of a PDF or PNG, members, data addresses."""
    yield content
    if content.startswith(b"%PDF"):
        yield re.sub(rb"\\([0-3][0-7]{2})", lambda octal: bytes([int(octal[1], 8)]), content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for info in packed.infolist():
                yield info.filename.encode() + info.comment
                yield from layers(packed.read(info))
    for match in re.finditer(rb"x[\x01\x5e\x9c\xda]", content):
        try:
            yield zlib.decompressobj().decompress(content[match.start() :], 2**24)
        except zlib.error:
            continue
    for match in re.finditer(rb";base64,([A-Za-z0-9+/]{16,}=*)", content):
        yield from layers(base64.b64decode(match[1] + b"=="))


def spellings(secret: str) -> tuple[bytes, ...]:
    """A text as files spell it: as it is, in PDF's strings of two bytes, and in hexadecimal."""
    wide = secret.encode("utf-16-be")
    return secret.encode(), wide, wide.hex().encode(), secret.encode().hex().encode()


def leaks(content: bytes) -> set[str]:
    """Which of `SECRETS` are somewhere in the bytes."""
    return {
        what
        for layer in map(bytes.lower, layers(content))
        for what, secret in SECRETS.items()
        if any(spelling.lower() in layer for spelling in spellings(secret))
    }


def found(*folders: Path) -> list[str]:
    """Each file of the folders that has one, or is called by one, and which."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    assert files
    named = {path: path.name.encode() + b"\n" + path.read_bytes() for path in files}
    return [f"{path}: {sorted(what)}" for path, text in named.items() if (what := leaks(text))]


def png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", f"{TOKEN} ", zip=True)
    content = io.BytesIO()
    Image.new("L", (4, 4)).save(content, "PNG", pnginfo=info)
    return content.getvalue()


def pdf(title: bool) -> bytes:
    writer, content = PdfWriter(), io.BytesIO()
    writer.add_blank_page(9, 9)
    if title:
        writer.add_metadata({"/Title": f"é {TOKEN}"})  # two bytes a letter
    else:
        stream = StreamObject()
        stream.set_data(f"% {TOKEN}".encode() * 9)
        writer.root_object[NameObject("/Planted")] = writer._add_object(stream.flate_encode())
    writer.write(content)
    return content.getvalue()


def npz() -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, a=np.frombuffer(TOKEN.encode(), np.uint8))
    return content.getvalue()


@pytest.mark.parametrize(
    "hidden",
    [
        lambda: f"<svg><metadata>{TOKEN}</metadata></svg>".encode(),
        lambda: b'<image href="data:image/png;base64,' + base64.b64encode(png()) + b'"/>',
        png,
        lambda: pdf(title=True),
        lambda: pdf(title=False),
        npz,
    ],
    ids=["svg", "png in svg", "png", "pdf's title", "pdf's stream", "npz"],
)
def test_what_is_hidden_is_found(hidden: Callable[[], bytes]) -> None:
    assert leaks(hidden()) == {"token"}
    assert leaks(b"nothing") == set()


# Building -----------------------------------------------------------------------------------------


@pytest.fixture
def planted(tmp_path: Path) -> User:
    """Somebody with three photographs in their home, and everything planted."""
    home = tmp_path / NAME
    pictures = home / "holiday"
    pictures.mkdir(parents=True)
    for seed in range(3):
        exif = Image.Exif()
        exif[0x010F], exif[0x013B] = SECRETS["camera"], SECRETS["mail"]  # maker and artist
        picture = Image.fromarray(synthetic_photograph(seed, 256))
        picture.save(pictures / f"{seed}.jpg", quality=95, exif=exif, comment=SECRETS["camera"])
    machine = home / "machine"
    machine.mkdir()
    (machine / "sitecustomize.py").write_text(MACHINE, encoding="utf-8")
    names = dict.fromkeys(("USER", "LOGNAME", "USERNAME"), NAME)
    environment = {
        **names,
        "PYTHONPATH": str(machine),
        "HOSTNAME": HOST,
        "EMAIL": f"{NAME}@{SECRETS['mail']}.invalid",
        "HF_TOKEN": TOKEN,
        "HUGGING_FACE_HUB_TOKEN": TOKEN,
    }
    user = User(copy(home / "checkout"), home, environment)
    user.write("data/studies/mine.toml", STUDY.format(folder=pictures))
    git(user.project, "init", "-q")
    git(user.project, "config", "user.name", NAME)
    git(user.project, "config", "user.email", f"{NAME}@{SECRETS['mail']}.invalid")
    address = f"https://{NAME}:{SECRETS['password']}@{SECRETS['server']}.invalid/a/b.git"
    git(user.project, "remote", "add", "origin", address)
    git(user.project, "add", "--all")
    git(user.project, "commit", "-q", "-m", "one")
    return user


def test_a_study_of_a_folder_tells_nothing_of_who_made_it(planted: User, tmp_path: Path) -> None:
    out = tmp_path / "sent"
    said = [
        planted.run("build", "--study", "mine", "--renderer", "builtin", seconds=600),
        planted.run("compute", "--study", "mine", "--update-results"),
        planted.run("results", "export", "pixel", "--study", "mine", "--to", str(out)),
        planted.run("check", "--study", "mine"),
        planted.run("explain", "fig-measured-shift"),
    ]
    for one in said:
        assert one.code == 0, one.all
    results = planted.project / "data" / "results" / "mine"
    assert found(planted.project / "_site", results, out) == []
    assert leaks("".join(one.all for one in said).encode()) == set()
