"""What a survey costs beyond what it cannot do without, as ratios measured in one run.

``make bench`` surveys generated JPEGs of 512 px at 256 and 512 px and prints: the survey over a
bare loop of decoding, resizing, encoding and ``scipy.fft.rfft2``, a shard at a time in turns, in a
plain process and in the survey's, whose C library keeps memory; the speed of two workers over one;
peak memory of many images over that of few, each in a process of its own.
Nothing is asserted, so a busy machine fails no test.

The first is of processor seconds, which others' work moves little; two workers are timed by the
clock, as they have to be, and on a machine without two idle cores they cannot reach the aim.

``bench_survey.py 400`` takes fewer images than 2,000.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import concurrent.futures  # noqa: E402
import functools  # noqa: E402
import importlib.util  # noqa: E402
import multiprocessing  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import scipy.fft  # noqa: E402
from PIL import Image  # noqa: E402

from analysis.encoders import encoder  # noqa: E402
from analysis.encoders.latents import normalise  # noqa: E402
from analysis.images import pixels  # noqa: E402
from analysis.timesteps import noise  # noqa: E402
from analysis.training import survey, survey_sources  # noqa: E402

IMAGES, FEW = 2000, 200
SIDE, SIDES = 512, (256, 512)
ENCODERS = ("pixel", "linear-f8c16")
OVER_BARE, TWO_OVER_ONE, OVER_FEW = 1.25, 1.6, 1.1


def pictures(folder: Path, count: int) -> None:
    """JPEGs with the spectrum of photographs, P ~ k^-2.4; each a field that is moved round."""
    rng = noise.generator(0, "bench-survey")
    k = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    k[0, 0] = np.inf
    fields = []
    for _ in range(10):
        white = np.fft.rfft2(rng.standard_normal((3, SIDE, SIDE)), axes=(1, 2))
        field = np.fft.irfft2(white * k**-1.2, s=(SIDE, SIDE), axes=(1, 2))
        levels = (127 + 45 * field / field.std()).clip(0, 255)
        fields.append(levels.transpose(1, 2, 0).astype(np.uint8))
    for n in range(count):
        moved = np.roll(fields[n % len(fields)], rng.integers(0, SIDE, 2), axis=(0, 1))
        Image.fromarray(moved).save(folder / f"{n:05d}.jpg", quality=95)


def asked(name: str) -> survey.Survey:
    """The survey that is measured."""
    return survey.Survey(name, SIDES)


def bare(paths: tuple[Path, ...], code: encoder.Encoder) -> None:
    """Decode, resize, encode and transform, as a loop without anything else."""
    for path in paths:
        image = pixels.decode(path)
        for side in SIDES:
            x = pixels.of_image(image, side, "lanczos")[np.newaxis]
            scipy.fft.rfft2(normalise(code.encode(x), code.normalisation)[0])


def processor(run: object, *arguments: object) -> float:
    """Seconds of the processor of a call."""
    before = time.process_time()
    run(*arguments)  # type: ignore[operator]
    return time.process_time() - before


@functools.cache
def encoder_of(name: str) -> encoder.Encoder:
    """An encoder, once a process."""
    code, _ = survey._loaded(asked(name), latents=False)
    assert code is not None
    return code


def loop(paths: tuple[Path, ...], name: str) -> float:
    """Processor seconds of `bare`."""
    code = encoder_of(name)
    return processor(bare, paths, code)


def overhead(folder: Path, place: Path) -> None:
    """A survey's shards over the bare loop of the same ones, in a process of its own and in this.

    The survey tells glibc to keep memory, which speeds up the loop in its process as well.
    """
    print(f"Survey at {' and '.join(map(str, SIDES))} px over a bare loop, processor seconds;")
    print(f"at most {OVER_BARE} is aimed at; in brackets quartiles over shards")
    shards = survey_sources.shards(folder)
    context = multiprocessing.get_context("spawn")
    for name in ENCODERS:
        out = place / name
        out.mkdir()
        survey.measure_shard(shards[0], asked(name), out, 8)  # to warm up
        own, same = [], []
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as other:
            other.submit(loop, shards[0].paths[:8], name).result()
            for shard in shards:
                alone = other.submit(loop, shard.paths, name).result()
                took = processor(survey.measure_shard, shard, asked(name), out, None)
                own.append(took / alone)
                same.append(took / loop(shard.paths, name))
        for where, each in (("", own), (" in the survey's process", same)):
            low, middle, high = statistics.quantiles(each, n=4)
            met = "met" if middle <= OVER_BARE else "NOT met"
            print(f"{name:>15}: {middle:.2f} [{low:.2f}, {high:.2f}], {met}{where}", flush=True)


def workers(folder: Path, place: Path) -> None:
    """Two workers over one, by the clock; each begins from nothing."""
    for name in ENCODERS:
        seconds = []
        for count in (1, 2):
            begun = time.perf_counter()
            survey.run(folder, asked(name), place / f"{name}-{count}", workers=count)
            seconds.append(time.perf_counter() - begun)
        faster = seconds[0] / seconds[1]
        met = "met" if faster >= TWO_OVER_ONE else "NOT met"
        print(
            f"Two workers over one, {name}: {faster:.2f}; at least {TWO_OVER_ONE} is aimed at: "
            f"{met} (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)",
            flush=True,
        )


def memory(folder: Path, few: Path, place: Path, count: int) -> None:
    """Peak memory of a survey of many images over that of few."""
    for name in ENCODERS:
        peaks = []
        for source in (few, folder):
            out = place / f"{name}-{source.name}"
            command = [sys.executable, __file__, "--peak", str(source), name, str(out)]
            done = subprocess.run(command, check=True, text=True, capture_output=True)
            peaks.append(float(done.stdout))
        over = peaks[1] / peaks[0]
        met = "met" if over <= OVER_FEW else "NOT met"
        print(
            f"Peak memory, {name}: {count} images {peaks[1]:.0f} MiB, {FEW} {peaks[0]:.0f} MiB, "
            f"ratio {over:.3f}; at most {OVER_FEW} is aimed at: {met}",
            flush=True,
        )


def peak(source: str, name: str, out: str) -> None:
    """Survey in this process, and print its peak resident memory in MiB."""
    survey.run(Path(source), asked(name), Path(out))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(count: int) -> None:
    """Print the tables."""
    if not importlib.util.find_spec("pyarrow"):
        print("survey: pyarrow is not installed: run make test")
        return
    print(f"Survey of {count} generated JPEGs of {SIDE} px, local engine")
    with tempfile.TemporaryDirectory() as one:
        place = Path(one)
        folder, few = place / "many", place / "few"
        for where, images in ((folder, count), (few, FEW)):
            where.mkdir()
            pictures(where, images)
        # Memory first, since a child's peak counts from what its parent held when it was made.
        memory(folder, few, place, count)
        overhead(folder, place)
        workers(folder, place)


if __name__ == "__main__":
    if "--peak" in sys.argv:
        peak(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
