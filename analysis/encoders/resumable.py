"""What trainings share that can be stopped: one thread, and Adam's state as a checkpoint.

Every draw of theirs depends on the seed and the step's number alone. With the state of the last
checkpoint a training therefore goes on to the same weights.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.project.files import write_atomic

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Parameters = Mapping[str, nn.Parameter]

MOMENTS = ("exp_avg", "exp_avg_sq")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, whatever there are: sums in another order would be other numbers."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def save(
    checkpoint: Path,
    done: int,
    parameters: "Parameters",
    adam: "torch.optim.Adam",
    errors: "Tensor",
) -> None:
    """Write a checkpoint.

    Args:
        checkpoint: the file.
        done: how many steps are done.
        parameters: by name.
        adam: their optimiser, after at least one step.
        errors: one a step, of which those done are known.
    """
    import safetensors.torch
    import torch

    state = {"done": torch.tensor(done), "errors": errors}
    for name, parameter in parameters.items():
        state[name] = parameter.detach()
        state |= {f"{key} {name}": adam.state[parameter][key] for key in MOMENTS}
    written = {name: tensor.contiguous() for name, tensor in state.items()}
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(checkpoint, safetensors.torch.save(written))


def resume(
    checkpoint: Path, parameters: "Parameters", adam: "torch.optim.Adam", errors: "Tensor"
) -> int:
    """Go back to a checkpoint's state, in place: how many steps are done; 0 where there is none."""
    import safetensors.torch
    import torch

    if not checkpoint.is_file():
        return 0
    state = safetensors.torch.load_file(checkpoint)
    done = int(state["done"])
    errors.copy_(state["errors"])
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(state[name])
            adam.state[parameter] = {"step": torch.tensor(float(done))}
            for key in MOMENTS:  # in the parameter's own order of memory
                adam.state[parameter][key] = torch.empty_like(parameter)
                adam.state[parameter][key].copy_(state[f"{key} {name}"])
    return done
