"""Short runs through three stages, and what was trained on in each step."""

from recorder import Recorder, quiet_trainer

from lightning_compose.curriculum import Curriculum, Stage

THREE = {
    "single": Stage(steps=2, stages=["single"]),
    "composition": Stage(steps=3, stages=["composition"]),
    "complex": Stage(steps=2, stages=["complex"]),
}


class Keys(Recorder):
    """Remembers the keys of the samples in every step that was finished."""

    def __init__(self):
        super().__init__()
        self.keys: dict[int, list[str]] = {}

    def training_step(self, batch, batch_idx):
        self.keys.setdefault(self.global_step, []).extend(batch.keys)
        return super().training_step(batch, batch_idx)

    def finished(self):
        return {step: keys for step, keys in self.keys.items() if step < self.global_step}


def run(data, stages=None, module=None, ckpt_path=None, callbacks=(), schedule="strict", **settings):
    module = module or Keys()
    curriculum = Curriculum(THREE if stages is None else stages, schedule)
    trainer = quiet_trainer(**({"max_steps": -1, "max_epochs": -1, "callbacks": [curriculum, *callbacks]} | settings))
    trainer.fit(module, data, ckpt_path=ckpt_path)
    return module
