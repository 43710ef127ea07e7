"""Remake the bundled pictures from the packages of Debian that they come from.

    python data/images/derive.py SET FOLDER [OUTPUT]

SET is ``bundled`` or ``wallpapers``. FOLDER is where the packages that README.md names are unpacked
(``dpkg-deb -x PACKAGE.deb FOLDER``, one after the other), or its folder ``usr/share/wallpapers`` or
``usr/share/backgrounds``. The JPEGs are written to OUTPUT, by default where they lie in this
folder; the rows for ``data/images.toml`` are printed. Needs Pillow only.

One rule for all pictures of a set: the SIDE x SIDE pixels in the middle, not resampled; written as
JPEG of quality 95 without chroma subsampling, with no metadata but a comment that names author,
licence and change.
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
# pixels; 1600 is the short side of eleven of the twelve bundled ones, and 1024 the most that the
# study needs: the second set is larger, and 1600 would take 18 MB
SIDE = {"bundled": 1600, "wallpapers": 1024}
BLOCK = 16  # pixels; the largest unit that a JPEG is encoded in
QUALITY = 95
VERSION = "4:5.27.5-2"
PROJECT = "https://invent.kde.org/plasma/plasma-workspace-wallpapers"

# id of the bundled set -> folder in the package
PICTURES = {
    "by-the-water": "BytheWater",
    "cold-ripple": "ColdRipple",
    "colorful-cups": "ColorfulCups",
    "darkest-hour": "DarkestHour",
    "evening-glow": "EveningGlow",
    "fallen-leaf": "FallenLeaf",
    "grey": "Grey",
    "kite": "Kite",
    "one-stands-out": "OneStandsOut",
    "path": "Path",
    "volna": "Volna",
    "summer-1am": "summer_1am",
}
# licence as the package's metadata.json writes it -> SPDX
LICENSES = {"LGPLv3": "LGPL-3.0-only", "CC-BY-SA-4.0": "CC-BY-SA-4.0"}


def unpacked(folder: Path, inside: str, files: list[str]) -> Path:
    """The folder of the packages that holds all ``files``; exits with what is missing."""
    inner = folder / "usr" / "share" / inside
    path = inner if inner.is_dir() else folder
    if missing := [name for name in files if not (path / name).is_file()]:
        sys.exit(f"{path}: not the unpacked packages; missing: {', '.join(missing)}")
    return path


def box(width: int, height: int, side: int) -> tuple[int, int, int, int]:
    """The square of ``side`` pixels in the middle: left, top, right, bottom.

    Left and top are multiples of BLOCK, so that the blocks of the source's JPEG stay where they
    are; so the square is up to 15 px beside the middle.
    """
    if side > min(width, height):
        raise ValueError(f"no {side} x {side} pixels in {width} x {height}")
    left, top = ((length - side) // 2 // BLOCK * BLOCK for length in (width, height))
    return left, top, left + side, top + side


def largest(folder: Path) -> Path:
    """The file in ``contents/images`` with most pixels (the rest are links to it, or smaller)."""
    files = sorted(path for path in (folder / "contents" / "images").iterdir() if path.is_file())

    def pixels(path: Path) -> int:
        with Image.open(path) as image:
            return image.width * image.height

    return max((path for path in files if not path.is_symlink()), key=pixels)


def derive(set_: str, row: dict[str, str], original: Path, target: Path) -> str:
    """Write ``target`` from the file ``original``; the row for images.toml, its sha256 renewed."""
    side, project = SIDE[set_], row["source"].split(", ")[0]
    with Image.open(original) as image:
        picture = image.crop(box(*image.size, side))
    picture.info.clear()  # no EXIF (one source has a GPS block), no profile (all are sRGB)
    made = f"{row['title']}, by {row['author']}; {row['license']}; {project}; cropped to"
    target.parent.mkdir(exist_ok=True)
    picture.save(
        target,
        "JPEG",
        quality=QUALITY,
        subsampling=0,  # 4:4:4
        optimize=True,
        comment=f"{made} {side} x {side}".encode(),
    )
    row = row | {"sha256": hashlib.sha256(target.read_bytes()).hexdigest()}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in row.items()]
    return "\n".join([f"[[sets.{set_}.images]]", *lines, ""])


def described(name: str, folder: Path) -> tuple[dict[str, str], Path]:
    """The row of a bundled picture, as the ``metadata.json`` of its folder says, and its file."""
    about = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))["KPlugin"]
    original = largest(folder)
    row = {
        "id": name,
        "file": f"images/{name}.jpg",
        "sha256": "",
        "title": about["Name"],
        "author": about["Authors"][0]["Name"],
        "license": LICENSES[about["License"]],
        "source": f"{PROJECT}, Debian {VERSION}, {original.relative_to(folder.parent).as_posix()}",
    }
    return row, original


def sources(set_: str, folder: Path) -> list[tuple[dict[str, str], Path]]:
    """Each picture's row and the file that it is made from.

    The packages of ``wallpapers`` say author and licence in three places, one of them outside
    (README.md), so its rows are written by hand in images.toml, and are read from there.
    """
    if set_ == "bundled":
        inside = unpacked(folder, "wallpapers", [f"{p}/metadata.json" for p in PICTURES.values()])
        return [described(name, inside / picture) for name, picture in PICTURES.items()]
    rows = tomllib.loads((HERE.parent / "images.toml").read_text("utf-8"))["sets"][set_]["images"]
    files = [row["source"].split(", ")[-1] for row in rows]
    inside = unpacked(folder, "backgrounds", files)
    return [(row, inside / file) for row, file in zip(rows, files, strict=True)]


def main(arguments: list[str]) -> None:
    if not 2 <= len(arguments) <= 3 or arguments[0] not in SIDE:
        sys.exit((__doc__ or "").strip())
    output = Path(arguments[2]) if len(arguments) == 3 else HERE
    for row, original in sources(arguments[0], Path(arguments[1])):
        target = output / Path(row["file"]).relative_to("images")
        print(derive(arguments[0], row, original, target))


if __name__ == "__main__":
    main(sys.argv[1:])
