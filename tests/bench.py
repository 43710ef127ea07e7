"""Speed of the estimator against the bare Fourier transform, as ratios measured in one run.

``make bench`` prints the table. Ratios travel between machines, seconds do not; nothing is
asserted, so a busy machine fails no test.
"""

import statistics
import time
from collections.abc import Callable

import scipy.fft

from analysis import noise, spectra

SHAPES = ((4, 16, 128, 128), (32, 16, 128, 128), (4, 3, 1024, 1024), (2000, 16, 32, 32))


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Median time of a call after one to warm up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print one line a shape."""
    print(f"{'shape':>20} {'rfft2 (ms)':>11} {'raps / rfft2':>13} {'blend / rfft2':>14}")
    for shape in SHAPES:
        rng = noise.generator(0, "bench", *shape)
        z, eps = noise.gaussian(shape, rng), noise.gaussian(shape, rng)
        repeats = 3 if z.size > 2**24 else 7
        bare = seconds(lambda z=z: scipy.fft.rfft2(z, workers=1), repeats)
        full = seconds(lambda z=z: spectra.raps(z), repeats)
        blend = seconds(lambda z=z, eps=eps: noise.blend(z, eps, 0.5), repeats)
        name = " x ".join(map(str, shape))
        print(f"{name:>20} {1e3 * bare:11.1f} {full / bare:13.2f} {blend / bare:14.2f}")


if __name__ == "__main__":
    main()
