"""Speed and memory of the estimator, as ratios measured in one run.

``make bench`` prints a table a function, each with what is aimed at and whether it is met. Ratios
travel between machines, seconds do not; nothing is asserted, so a busy machine fails no test. A
ratio is the median over rounds; its quartiles stand beside it. In each round all that is compared
takes its turn of a tenth of a second, in as many calls as fit (as timeit does it), so that a short
call does not pay for the caches that a long one left cold.

`raps` takes the fastest transform that is installed (`periodogram.TRANSFORMS`), and the second line
says which; the bare transform is scipy's always.

Threads: BLAS has one, and is told so before numpy is loaded. Everything else has as many as its
column says: `scipy.fft` and `periodogram.raps` by their ``workers``. The peers are called as their
documentation has it, in the fastest way found: all fields at once where they take several, the
faster FFT where there is a choice. None of them spreads fields over cores (xrft can by dask, which
takes twice as long here).
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import contextlib  # noqa: E402
import importlib.metadata  # noqa: E402
import importlib.util  # noqa: E402
import io  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import scipy.fft  # noqa: E402

from analysis.spectra import periodogram  # noqa: E402
from analysis.timesteps import noise  # noqa: E402

CORES = os.cpu_count() or 1
SHAPES = ((4, 16, 128, 128), (32, 16, 128, 128), (4, 3, 1024, 1024), (2000, 16, 32, 32))
OVER_RFFT2 = 2.0
PEER_SHAPES = {(4, 3, 1024, 1024): 6.0, (4, 16, 128, 128): 20.0}
TURN = 0.1  # seconds
STREAMS, BATCH, OVER_FEW = (200, 2000), 50, 1.1
OVER_LOOP = 1.05
Run = Callable[[], object]


def once(run: Run, calls: int = 1) -> float:
    """Seconds of one of so many calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def compare(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds a call of each, round by round, after one call to warm up."""
    for run in runs.values():
        run()
    calls = {name: max(1, round(TURN / once(run))) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(once(run, calls[name]))
    return times


def ratio(above: list[float], below: list[float]) -> tuple[float, str]:
    """Median ratio of the pairs, and its text with quartiles."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    low, middle, high = statistics.quantiles(each, n=4)
    return middle, f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def verdict(met: bool) -> str:
    """How a table says whether an aim is reached."""
    return "met" if met else "NOT met"


def xrft_run(z: np.ndarray) -> Run:
    """xrft takes a batch; its Hann window, since its Kaiser cannot be given a beta."""
    import xarray
    import xrft

    field = xarray.DataArray(z, dims=("b", "c", "y", "x"))

    def run() -> object:
        return xrft.isotropic_power_spectrum(
            field, dim=["y", "x"], detrend="constant", window="hann", window_correction=True,
            truncate=True,
        ).values  # fmt: skip

    return run


def powerbox_run(z: np.ndarray) -> Run:
    """powerbox takes further axes, the last ones; no window, as many bins as we have rings."""
    import powerbox

    n = z.shape[-1]
    fields = np.ascontiguousarray(np.moveaxis(z.reshape(-1, n, n), 0, -1))
    return lambda: (
        powerbox.get_power(
            fields, boxlength=n, bins=n // 2 + 1, res_ndim=2, ignore_zero_mode=True
        ).power
    )


def pysteps_run(z: np.ndarray) -> Run:
    """pysteps takes a field at a time, and the FFT; no window."""
    from pysteps.utils import spectral

    fields = z.reshape(-1, *z.shape[-2:])
    return lambda: [spectral.rapsd(f, fft_method=scipy.fft) for f in fields]


PEERS = {"xrft": xrft_run, "powerbox": powerbox_run, "pysteps": pysteps_run}


def peer(name: str, z: np.ndarray) -> Run | str:
    """A call of one peer, or why there is none."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(name)
            run = PEERS[name](z)
            run()
    except ImportError as error:
        return "not installed" if error.name == name else f"not importable: {error}"
    except Exception as error:
        return f"fails: {type(error).__name__}: {error}"
    return run


def stream(count: int) -> None:
    """Spectra of many latents in batches; prints the peak resident memory in MiB."""
    rng = np.random.default_rng(0)
    total: Any = 0.0
    for _ in range(count // BATCH):
        total += periodogram.raps(noise.gaussian((BATCH, 16, 128, 128), rng)).sum(axis=0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def memory() -> None:
    """Peak memory of a long stream over that of a short one, each in a process of its own."""
    few, many = STREAMS
    print(f"Peak memory of a stream of 16 x 128 x 128 latents, {BATCH} at a time")
    peaks = [
        float(subprocess.run([sys.executable, __file__, str(count)], check=True, text=True,
                             capture_output=True).stdout)
        for count in STREAMS
    ]  # fmt: skip
    over = peaks[1] / peaks[0]
    print(
        f"{few}: {peaks[0]:.0f} MiB, {many}: {peaks[1]:.0f} MiB, ratio {over:.3f};"
        f" at most {OVER_FEW} is aimed at: {verdict(over <= OVER_FEW)}"
    )


def estimator() -> None:
    """The whole estimate over the bare transform of the same array, at as many workers."""
    print("raps (window, mean, transform, rings) over scipy.fft.rfft2 at as many workers;")
    print(f"at most {OVER_RFFT2} is aimed at")
    columns = {workers: f"{workers} worker{'s' * (workers > 1)}" for workers in {1, CORES}}
    print(f"{'shape':>20} {'rfft2 (ms)':>11}" + "".join(f"{c:>30}" for c in columns.values()))
    for shape in SHAPES:
        z = noise.gaussian(shape, noise.generator(0, "bench", *shape))
        cells = ""
        for workers in columns:
            times = compare(
                {
                    "rfft2": lambda z=z, n=workers: scipy.fft.rfft2(z, workers=n),  # type: ignore[misc]
                    "raps": lambda z=z, n=workers: periodogram.raps(z, workers=n),  # type: ignore[misc]
                },
                25,
            )
            if not cells:
                cells = f"{1e3 * statistics.median(times['rfft2']):11.1f}"
            middle, text = ratio(times["raps"], times["rfft2"])
            cells += f"{text + ' ' + verdict(middle <= OVER_RFFT2):>30}"
        print(f"{' x '.join(map(str, shape)):>20} {cells}", flush=True)


def peers() -> None:
    """Others' estimators over ours, and over the bare transform, the bound at as many workers."""
    print("Peers over raps at one worker and at all cores, and over the bare rfft2 at one worker")
    print(
        f"{'shape':>20} {'peer':>10} {'time (ms)':>10}"
        f"{'over raps, 1':>24}{f'over raps, {CORES}':>24}{'over rfft2, 1':>24}"
    )
    for shape, aim in PEER_SHAPES.items():
        z = noise.gaussian(shape, noise.generator(0, "bench", *shape))
        name = " x ".join(map(str, shape))
        found: dict[float, tuple[str, list[float]]] = {}
        for which in PEERS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run = peer(which, z)
                if isinstance(run, str):
                    print(f"{name:>20} {which:>10} {run}", flush=True)
                    continue
                times = compare(
                    {
                        "peer": run,
                        "one": lambda z=z: periodogram.raps(z),  # type: ignore[misc]
                        "all": lambda z=z: periodogram.raps(z, workers=CORES),  # type: ignore[misc]
                        "rfft2": lambda z=z: scipy.fft.rfft2(z, workers=1),  # type: ignore[misc]
                    },
                    15 if z.size < 2**21 else 7,
                )
            against = [ratio(times["peer"], times[other]) for other in ("one", "all", "rfft2")]
            middle = statistics.median(times["peer"])
            found[middle] = which, [number for number, _ in against]
            print(
                f"{name:>20} {which:>10} {1e3 * middle:10.0f}"
                + "".join(f"{text:>24}" for _, text in against),
                flush=True,
            )
        if found:
            which, (one, every, bare) = found[min(found)]
            print(
                f"{'':>20} fastest is {which}; at least {aim:g} is aimed at:"
                f" {verdict(one >= aim)} by 1 worker ({one:.1f}),"
                f" {verdict(every >= aim)} by {CORES} ({every:.1f});"
                f" the bare transform would have {bare:.1f} by 1"
            )


def encoding() -> None:
    """Encoding through the package over a bare loop of diffusers over the same batches."""
    try:
        import torch
        from diffusers import AutoencoderKL
    except ImportError as error:
        print(f"encoding: {error.name} is not installed: run make test")
        return
    from analysis.encoders import cards, encoder

    torch.set_num_threads(1)
    torch.manual_seed(0)
    count, side, batch = 8, 256, 4
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "random"
        AutoencoderKL(
            block_out_channels=(32, 32, 64, 64), layers_per_block=2, latent_channels=16,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=8,
        ).save_pretrained(place)  # fmt: skip
        bare = AutoencoderKL.from_pretrained(place).eval().requires_grad_(False)
        ours = encoder.load(cards.card(str(place)), downloads=Path(folder), device="cpu")
        x = noise.gaussian((count, 3, side, side), noise.generator(0, "bench")).clip(-1, 1)

        def loop() -> object:
            out = []
            with torch.no_grad():
                for i in range(0, count, batch):
                    found = bare.encode(torch.from_numpy(x[i : i + batch])).latent_dist
                    out.append((found.mean.numpy(), found.logvar.numpy()))
            return out

        times = compare({"bare": loop, "ours": lambda: ours.encode(x, batch=batch)}, 9)
    middle, text = ratio(times["ours"], times["bare"])
    print(
        f"Encoding {count} images of {side} px, {batch} at a time, by a random AutoencoderKL, over "
        f"the bare loop: {text}; at most {OVER_LOOP} is aimed at: {verdict(middle <= OVER_LOOP)}"
    )


def main() -> None:
    """Print the tables."""
    print(f"numpy {np.__version__}, scipy {scipy.__version__}; float32; {CORES} cores")
    fastest = next(name for name in periodogram.TRANSFORMS if importlib.util.find_spec(name))
    print(f"raps by the transform of {fastest} {importlib.metadata.version(fastest)}")
    # Memory first, since a child's peak counts from what its parent held when it was made.
    for table in (memory, estimator, peers, encoding):
        print()
        table()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stream(int(sys.argv[1]))
    else:
        main()
