"""The clock of the callbacks: optimizer steps, not micro-batches."""

import pytest

from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.every_n_steps import EveryNSteps


class Steps(EveryNSteps):
    def __init__(self, every_n_steps: int) -> None:
        super().__init__(every_n_steps)
        self.steps: list[int] = []

    def act(self, trainer, pl_module) -> None:
        self.steps.append(trainer.global_step)


@pytest.mark.parametrize(
    ("every_n_steps", "expected"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5]), (0, [5])]
)
@pytest.mark.parametrize("accumulation", [1, 3])
def test_acts_every_n_optimizer_steps_and_once_at_the_end(train, every_n_steps, expected, accumulation):
    steps = Steps(every_n_steps)
    train(5, [steps], accumulation)
    assert steps.steps == expected


def test_the_second_life_goes_on_with_the_same_steps(train, tmp_path):
    checkpoint = Checkpoint(str(tmp_path), every_n_train_steps=100)
    train(3, [checkpoint], enable_checkpointing=True)
    steps = Steps(2)
    train(6, [steps], ckpt_path=str(tmp_path / "last.ckpt"))
    assert steps.steps == [4, 6]


def test_a_negative_interval_is_refused():
    with pytest.raises(ValueError, match="`every_n_steps` to be at least 0, got -1"):
        EveryNSteps(-1)
