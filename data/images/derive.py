"""Remake the bundled pictures from Debian's package plasma-workspace-wallpapers.

    python data/images/derive.py FOLDER [OUTPUT]

FOLDER is the unpacked package (``dpkg-deb -x plasma-workspace-wallpapers_*.deb FOLDER``) or its
folder ``usr/share/wallpapers``. The JPEGs are written to OUTPUT, by default the folder of this
script; the rows for ``data/images.toml`` are printed. Needs Pillow only.

One rule for all twelve: of the largest picture, the SIDE x SIDE pixels in the middle, not
resampled; written as JPEG of quality 95 without chroma subsampling, with no metadata but a
comment that names author, licence and change.
"""

import hashlib
import json
import sys
from pathlib import Path

from PIL import Image

SIDE = 1600  # pixels; the short side of eleven of the twelve
QUALITY = 95
VERSION = "4:5.27.5-2"
PROJECT = "https://invent.kde.org/plasma/plasma-workspace-wallpapers"

# id -> folder in the package
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


def wallpapers(folder: Path) -> Path:
    """The folder that holds one folder a wallpaper."""
    inner = folder / "usr" / "share" / "wallpapers"
    path = inner if inner.is_dir() else folder
    missing = [name for name in PICTURES.values() if not (path / name / "metadata.json").is_file()]
    if missing:
        sys.exit(f"{path}: not the unpacked package; missing: {', '.join(missing)}")
    return path


def box(width: int, height: int, side: int) -> tuple[int, int, int, int]:
    """The square of ``side`` pixels in the middle: left, top, right, bottom."""
    if side > min(width, height):
        raise ValueError(f"no {side} x {side} pixels in {width} x {height}")
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def largest(folder: Path) -> Path:
    """The file in ``contents/images`` with most pixels (the rest are links to it, or smaller)."""
    files = sorted(path for path in (folder / "contents" / "images").iterdir() if path.is_file())

    def pixels(path: Path) -> int:
        with Image.open(path) as image:
            return image.width * image.height

    return max((path for path in files if not path.is_symlink()), key=pixels)


def derive(name: str, source: Path, output: Path) -> str:
    """Write ``output/name.jpg`` from the wallpaper folder ``source``; its row for images.toml."""
    about = json.loads((source / "metadata.json").read_text(encoding="utf-8"))["KPlugin"]
    title, author = about["Name"], about["Authors"][0]["Name"]
    license_ = LICENSES[about["License"]]
    original = largest(source)
    with Image.open(original) as image:
        picture = image.crop(box(*image.size, SIDE))
    picture.info.clear()  # no EXIF (one source has a GPS block), no profile (all are sRGB)
    target = output / f"{name}.jpg"
    picture.save(
        target,
        "JPEG",
        quality=QUALITY,
        subsampling=0,  # 4:4:4
        optimize=True,
        comment=f"{title}, by {author}; {license_}; {PROJECT}; cropped to {SIDE} x {SIDE}".encode(),
    )
    row = {
        "id": name,
        "file": f"images/{name}.jpg",
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "title": title,
        "author": author,
        "license": license_,
        "source": f"{PROJECT}, Debian {VERSION}, {original.relative_to(source.parent).as_posix()}",
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in row.items()]
    return "\n".join(["[[sets.bundled.images]]", *lines, ""])


def main(arguments: list[str]) -> None:
    if not 1 <= len(arguments) <= 2:
        sys.exit((__doc__ or "").strip())
    source = wallpapers(Path(arguments[0]))
    output = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).resolve().parent
    for name, folder in PICTURES.items():
        print(derive(name, source / folder, output))


if __name__ == "__main__":
    main(sys.argv[1:])
