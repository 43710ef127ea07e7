"""Two recordings of noise to listen to: one sampled densely, one sparsely."""

from analysis.paper.text import fixed
from analysis.paper.widgets.parts import raw_html
from analysis.project.markdown import Markdown
from analysis.study.results import Results


def markup(results: Results) -> Markdown:
    """A player for each recording, with its level in the caption."""
    players = []
    for name, how, sound in zip(
        ("fine", "coarse"), ("Densely", "Sparsely"), results.sounds, strict=True
    ):
        label = f"{how} sampled noise, {fixed(sound.level, 1)} dB re full scale"
        players.append(
            f'<figure><figcaption>{label}</figcaption><audio controls preload="none" '
            f'src="../data/results/sound/noise-{name}.wav" aria-label="{label}"></audio></figure>'
        )
    return raw_html('<div class="sounds">', *players, "</div>")
