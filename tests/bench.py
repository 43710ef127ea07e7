"""Speed and memory of the estimator, as ratios measured in one run.

``make bench`` prints the tables. Ratios travel between machines, seconds do not; nothing is
asserted, so a busy machine fails no test. Every process here has one thread: BLAS is told so
before numpy is loaded, and `scipy.fft` by ``workers=1``. A ratio is the median over rounds, each
of which times the two in turn; its quartiles stand beside it.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import contextlib  # noqa: E402
import importlib  # noqa: E402
import io  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import scipy.fft  # noqa: E402

from analysis import noise, spectra  # noqa: E402

SHAPES = ((4, 16, 128, 128), (32, 16, 128, 128), (4, 3, 1024, 1024), (2000, 16, 32, 32))
PEER_SHAPES = {(4, 3, 1024, 1024): 6, (4, 16, 128, 128): 20}
STREAMS, BATCH = (200, 2000), 50
Run = Callable[[], object]


def once(run: Run) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, round by round, after one call to warm up."""
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(once(run))
    return times


def ratio(above: list[float], below: list[float]) -> tuple[float, str]:
    """Median ratio of the pairs, and its text with quartiles."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    low, middle, high = statistics.quantiles(each, n=4)
    return middle, f"{middle:6.2f} [{low:.2f}, {high:.2f}]"


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
    """powerbox takes a field at a time; one thread, no window, as many bins as we have rings."""
    import powerbox

    n = z.shape[-1]
    fields = z.reshape(-1, *z.shape[-2:])
    return lambda: [
        powerbox.get_power(f, boxlength=n, bins=n // 2 + 1, ignore_zero_mode=True, nthreads=1)
        for f in fields
    ]


def pysteps_run(z: np.ndarray) -> Run:
    """pysteps takes a field at a time; numpy's FFT, no window."""
    from pysteps.utils import spectral

    fields = z.reshape(-1, *z.shape[-2:])
    return lambda: [spectral.rapsd(f, fft_method=np.fft) for f in fields]


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
        total += spectra.raps(noise.gaussian((BATCH, 16, 128, 128), rng)).sum(axis=0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print the tables."""
    print(f"numpy {np.__version__}, scipy {scipy.__version__}; float32; one thread each\n")
    # First, since a child's peak counts from what its parent held when it was made.
    print(f"peak memory of a stream of 16 x 128 x 128 latents, {BATCH} at a time; aim 1.10")
    peaks = [
        float(subprocess.run([sys.executable, __file__, str(count)], check=True, text=True,
                             capture_output=True).stdout)
        for count in STREAMS
    ]  # fmt: skip
    few, many = STREAMS
    print(
        f"{few}: {peaks[0]:.0f} MiB, {many}: {peaks[1]:.0f} MiB, ratio {peaks[1] / peaks[0]:.3f}\n"
    )

    print("raps (window, mean, transform, rings) over scipy.fft.rfft2; at most 2.00 is aimed at")
    print(f"{'shape':>20} {'rfft2 (ms)':>11} {'raps / rfft2':>22} {'blend / rfft2':>22}")
    for shape in SHAPES:
        rng = noise.generator(0, "bench", *shape)
        z, eps = noise.gaussian(shape, rng), noise.gaussian(shape, rng)
        bare: Run = lambda z=z: scipy.fft.rfft2(z, workers=1)  # type: ignore[misc]  # noqa: E731
        ours: dict[str, Run] = {
            "raps": lambda z=z: spectra.raps(z),  # type: ignore[misc]
            "blend": lambda z=z, eps=eps: noise.blend(z, eps, 0.5),  # type: ignore[misc]
        }
        text, alone = [], 0.0
        for which, run in ours.items():
            times = compare({"rfft2": bare, which: run}, 41 if z.size < 2**21 else 9)
            text.append(ratio(times[which], times["rfft2"])[1])
            alone = alone or 1e3 * statistics.median(times["rfft2"])
        name = " x ".join(map(str, shape))
        print(f"{name:>20} {alone:11.1f} {text[0]:>22} {text[1]:>22}", flush=True)

    print("\npeers over raps; the fastest at least 6 and 20 times is aimed at")
    for shape, aim in PEER_SHAPES.items():
        z = noise.gaussian(shape, noise.generator(0, "bench", *shape))
        for which in PEERS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run = peer(which, z)
                text = run if isinstance(run, str) else ""
                if not isinstance(run, str):
                    times = compare({"raps": lambda z=z: spectra.raps(z), "peer": run}, 3)  # type: ignore[misc]
                    text = ratio(times["peer"], times["raps"])[1]
            print(
                f"{' x '.join(map(str, shape)):>20} {which:>10} {text:>22}  (aim {aim})", flush=True
            )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stream(int(sys.argv[1]))
    else:
        main()
