"""What a user reads of their own pictures: intervals, figures, captions and tables; fresh each."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from tests.conftest import synthetic_photograph
from tests.fresh import User

SIDES = ("--from", "64", "--to", "128")


def pictures(folder: Path, count: int, side: int = 160) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        picture = synthetic_photograph(number, side, gamma=1.6 + 0.4 * number)
        Image.fromarray(picture).save(folder / f"{'abcdef'[number]}.png")
    return folder


@pytest.mark.slow
def test_intervals_of_few_pictures(user: User, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "mine", 3)

    def recommended(at: Path, *more: str) -> str:
        said = user.run("recommend", "--encoder", "pixel", "--images", str(at), *SIDES, *more)
        assert said.code == 0, said.all
        return said.out + said.err

    # Student's t on ln s, from each picture's own number.
    each = []
    for path in sorted(folder.iterdir()):
        alone = tmp_path / path.stem
        alone.mkdir()
        shutil.copy2(path, alone)
        each.append(json.loads(recommended(alone, "--format", "json", "--quiet"))["measured"])
    logs = np.log(each)
    ends = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    text = recommended(folder)
    assert f"[{np.exp(ends[0]):.3f}, {np.exp(ends[1]):.3f}]" in text
    assert "95 % intervals over photographs (Student's t on ln s)" in text

    # Two pictures, one of them twice: the same file counts once, and two give no interval.
    (folder / "b.png").unlink()
    shutil.copy2(folder / "a.png", folder / "z.png")
    text = recommended(folder)
    assert "a.png and z.png are the same picture: counted once" in text
    assert "2 photographs of" in text
    assert text.count("(no interval below three images)") == 4
    assert "[" not in text.partition("Settings")[0]
