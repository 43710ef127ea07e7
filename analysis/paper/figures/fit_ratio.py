"""Strategy 2: a spectrum, its log-log polynomial fits, their ratio, and the density it makes."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.spectra.powerlaw import fit_loglog_polynomial
from analysis.study.results import Results
from analysis.timesteps.weighting import ratio_to_fit, weighted_density

DEGREES = ((2, "--", style.LOW), (3, "-", style.FIT))


@style.styled
def draw(results: Results) -> Figure:
    """Fits (left), ratios of all photographs (middle), weighted density over t (right)."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    k, power = measured.k(study.high)[1:], measured.power(study.high)[:, 1:]
    figure = style.figure(2.7)
    left, middle, right = figure.subplots(1, 3)
    left.plot(k, power[index], color=style.HIGH, label="measured")
    for degree, line, colour in DEGREES:
        _, fit = fit_loglog_polynomial(k, power[index], degree)
        left.plot(k, fit, color=colour, ls=line, label=f"degree {degree}")
    left.set_yscale("log")
    left.set_ylabel("power per mode (latent units²)")
    left.legend()
    for photo, row in zip(results.photographs, power, strict=True):
        middle.plot(
            k,
            ratio_to_fit(k, row, 3),
            color=style.PALE,
            lw=0.6,
            label=f"_{style.literal(photo.title)}",
        )
    shown = f"_{style.literal(results.display.photograph.title)}, in colour"
    middle.plot(k, ratio_to_fit(k, power[index], 3), color=style.FIT, label=shown)
    middle.set_yscale("log")
    style.plain_log(middle.yaxis)
    middle.set_ylabel("R = P / fit of degree 3")
    for ax in (left, middle):
        style.frequency_axis(ax, k)
    t, density, weighted = weighted_density(
        k, ratio_to_fit(k, power[index], 3), study.mu, study.std
    )
    right.plot(t, density, color=style.THEORY, ls=":", label="p(t)")
    right.plot(t, weighted, color=style.FIT, lw=1, label="p(t) R(t), normalised")
    right.set_xlabel("t (0 noise, 1 data)")
    right.set_ylabel("density over t")
    right.set_ylim(0, 1.35 * weighted.max())
    right.legend(loc="upper right")
    return figure
