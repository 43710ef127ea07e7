"""Strategy 2: a spectrum, its log-log polynomial fits, their ratio, and the density it makes."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import number, plain
from analysis.spectra.powerlaw import fit_loglog_polynomial
from analysis.study.results import Results
from analysis.timesteps.weighting import ratio_to_fit, weighted_density

FITS, RATIOS, DENSITIES = "spectrum and fits", "ratio to the fit of degree 3", "density of t"
DEGREES = (2, 3)


def data(results: Results) -> Data:
    """Fits to one photograph, ratios of all with that one last, and the density weighted by it."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    shown = results.photographs.index(results.display.photograph)
    k, power = measured.k(study.high)[1:], measured.power(study.high)[:, 1:]
    order = sorted(range(len(power)), key=lambda index: index == shown)
    ratios = [ratio_to_fit(k, row, DEGREES[-1]) for row in power]
    t, density, weighted = weighted_density(k, ratios[shown], study.mu, study.std)
    curves = (
        Series(FITS, "measured", k, power[shown]),
        *(
            Series(FITS, f"degree {degree}", k, fit_loglog_polynomial(k, power[shown], degree)[1])
            for degree in DEGREES
        ),
        *(Series(RATIOS, results.photographs[curve].title, k, ratios[curve]) for curve in order),
        Series(DENSITIES, "p(t)", t, density),
        Series(DENSITIES, "p(t) R(t), normalised", t, weighted),
    )
    x = "frequency (cycles/image)"
    axes = {
        FITS: (x, "power per mode (latent units²)"),
        RATIOS: (x, "R = P / fit of degree 3"),
        DENSITIES: ("t (0 noise, 1 data)", "density over t"),
    }
    return Data(curves, axes=axes)


@style.styled
def draw(data: Data) -> Figure:
    """Fits (left), ratios of all photographs (middle), weighted density over t (right)."""
    figure, (left, middle, right) = style.panels(3, 2.7, 2.4)
    looks = (
        {"color": style.HIGH},
        {"color": style.LOW, "ls": "--"},
        {"color": style.FIT},
    )
    for curve, look in zip(data.of(FITS), looks, strict=True):
        style.line(left, curve, **look)
    *others, shown = data.of(RATIOS)
    for curve in others:
        style.line(middle, curve, color=style.PALE, lw=0.6, label=None)
    style.line(middle, shown, color=style.FIT, label=None)
    density, weighted = data.of(DENSITIES)
    style.line(right, density, color=style.THEORY, ls=":")
    style.line(right, weighted, color=style.FIT, lw=1)
    for ax, panel in zip((left, middle, right), data.panels, strict=True):
        style.label(ax, data, panel, always=True)
    for ax in (left, middle):
        ax.set_yscale("log")
        style.frequency_axis(ax, shown.x)
    style.plain_log(middle.yaxis)
    right.set_ylim(0, 1.35 * weighted.y.max())
    left.legend()
    right.legend(loc="upper right")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    ratios = [end for curve in found.of(RATIOS) for end in (curve.y.min(), curve.y.max())]
    density, weighted = found.of(DENSITIES)
    return (
        "Left: a measured spectrum with two polynomial fits. Middle: ratios of measured to fitted "
        f"power for {len(found.of(RATIOS))} images, noisy curves around one, from "
        f"{number(min(ratios), 2)} to {number(max(ratios), 2)}. Right: a logit-normal density over "
        f"t, {plain(density.y.max(), 2)} at its highest, and its weighted version, which follows "
        f"it with small bumps up to {plain(weighted.y.max(), 2)}."
    )
