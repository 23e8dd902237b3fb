"""A run through stages: which samples come at which step, on any ranks, after any resume."""

import json
import os
from collections import Counter
from itertools import chain

import pytest
import torch
from batches import batches
from lightning.pytorch.demos.boring_classes import BoringDataModule
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from recorder import CrashAfter, CrashError, quiet_trainer
from staged_runs import THREE, Keys, run

from lightning_compose.callbacks.progress import StepProgress
from lightning_compose.curriculum import Curriculum, Stage, find_curriculum
from lightning_compose.losses import TokenLoss

REPLAY = {**THREE, "complex": Stage(steps=4, stages=["complex"], replay=0.5)}


def crash(data, path, micro_batches, stages=None, **settings):
    """Train until a crash; return the samples of the steps that were finished."""
    module = Keys()
    with pytest.raises(CrashError):
        run(data, stages, module, callbacks=[CrashAfter(micro_batches, path)], **settings)
    return module.finished()


def stages_by_step(keys, stage_of):
    return [Counter(stage_of[key] for key in keys[step]) for step in sorted(keys)]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("sizes", [{}, {"micro_batch_size": 1}, {"micro_batch_size": 4, "num_workers": 2}])
def test_transitions_fall_on_exact_optimizer_steps(make_data, stage_of, sizes):
    module = run(make_data(**sizes))
    assert stages_by_step(module.keys, stage_of) == [
        *[Counter(single=4)] * 2,
        *[Counter(composition=4)] * 3,
        *[Counter(complex=4)] * 2,
    ]


class WritesKeys(Keys):
    """Each rank writes what it saw to a file of its own."""

    def on_train_end(self):
        with open(f"rank{self.global_rank}.json", "w") as file:
            json.dump(self.keys, file)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")
def test_two_ranks_share_the_batches_of_one(make_data, tmp_path):
    one = run(make_data(), REPLAY).keys
    run(make_data(), REPLAY, WritesKeys(), strategy="ddp_fork", devices=2)
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert len(one) == 9
    for step, keys in one.items():
        parts = [rank[str(step)] for rank in ranks]
        assert [len(part) for part in parts] == [2, 2]
        assert sorted(chain.from_iterable(parts)) == sorted(keys)


def test_replay_comes_from_the_stages_before(make_data, stage_of):
    counts = stages_by_step(run(make_data(), REPLAY).keys, stage_of)[5:]
    assert [each["complex"] for each in counts] == [2] * 4
    assert sum(each["single"] for each in counts) > 0
    assert sum(each["composition"] for each in counts) > 0


@pytest.mark.parametrize("schedule", ["gaussian", "mixed"])
def test_soft_schedules_mix_the_stages(make_data, stage_of, schedule):
    counts = stages_by_step(run(make_data(), schedule=schedule).keys, stage_of)
    assert len(counts) == 7
    assert any(len(each) > 1 for each in counts)
    if schedule == "mixed":
        total = sum(counts, Counter())
        assert [total[name] for name in THREE] == [8, 12, 8]


def test_a_stage_of_passes_gives_each_of_its_samples_as_often(make_data):
    data = make_data(global_batch_size=2)
    keys = run(data, {"some": Stage(passes=2, stages=["single"])}).keys
    times = Counter(chain.from_iterable(keys.values()))
    samples = len(times)
    assert len(keys) == samples, "two a step, each of them twice"
    assert set(times.values()) == {2}
    first_pass = list(chain.from_iterable(keys.values()))[:samples]
    assert len(set(first_pass)) == samples


def test_no_stages_are_no_curriculum(make_data):
    with_none, without = run(make_data(), {}, max_steps=5), Keys()
    quiet_trainer(max_steps=5).fit(without, make_data())
    assert with_none.keys == without.keys
    assert find_curriculum(quiet_trainer(callbacks=[Curriculum()])) is None


# -- the length of the run ---------------------------------------------------------------------------


def test_max_steps_is_the_sum_of_the_stages_and_may_be_smaller(make_data):
    assert run(make_data()).global_step == 7
    assert run(make_data(), max_steps=3).global_step == 3
    with pytest.raises(ValueError, match=r"`trainer.max_steps` to be at most 7, the sum of .* stages, got 8"):
        run(make_data(), max_steps=8)


def test_the_length_is_derived_anew_for_every_fit(make_data):
    curriculum = Curriculum(THREE)
    trainer = quiet_trainer(max_steps=-1, max_epochs=-1, callbacks=[curriculum])
    module, data = Keys(), make_data()
    trainer.fit(module, data)
    curriculum.stages["complex"] = Stage(steps=4, stages=["complex"])
    trainer.fit(module, data)
    assert (module.global_step, len(module.keys)) == (9, 9)


def test_a_dry_run_works_and_writes_nothing(make_data, tmp_path):
    module = run(make_data(), {"short": Stage(steps=1)}, fast_dev_run=2, max_steps=-1)
    assert len(module.trained) == 2
    assert not list(tmp_path.iterdir())


# -- resume ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("micro_batches", "second"),
    [
        pytest.param(4, {}, id="on a transition"),
        pytest.param(5, {}, id="inside the first step after it"),
        pytest.param(7, {"num_workers": 2}, id="in the middle of a stage, then workers"),
        pytest.param(13, {"micro_batch_size": 4}, id="in the last stage, then other micro-batches"),
    ],
)
def test_a_resumed_run_goes_on_with_the_next_sample(make_data, tmp_path, micro_batches, second):
    whole = run(make_data(), REPLAY).keys
    path = tmp_path / "c.ckpt"
    before = crash(make_data(), path, micro_batches, REPLAY)
    after = run(make_data(**second), REPLAY, ckpt_path=path).keys
    assert not before.keys() & after.keys()
    assert before | after == whole


@pytest.mark.parametrize(
    ("stages", "stage"),
    [
        pytest.param({**THREE, "single": Stage(steps=1, stages=["single"])}, "single", id="length"),
        pytest.param({**THREE, "composition": Stage(steps=3, stages=["complex"])}, "composition", id="samples"),
        pytest.param(
            {**THREE, "composition": Stage(steps=3, stages=["composition"], replay=0.5)}, "single", id="replay"
        ),
        pytest.param({name.upper(): stage for name, stage in THREE.items()}, "single", id="names"),
        pytest.param({}, "single", id="no curriculum"),
    ],
)
def test_a_changed_past_is_refused_by_the_name_of_the_stage(make_data, tmp_path, stages, stage):
    path = tmp_path / "c.ckpt"
    crash(make_data(), path, 8)
    settings = {} if stages else {"max_steps": 7}
    with pytest.raises(ValueError, match=f"but the stage '{stage}' gave others, or at other steps"):
        run(make_data(), stages, ckpt_path=path, **settings)


def test_a_curriculum_cannot_begin_in_the_middle(make_data, tmp_path):
    path = tmp_path / "c.ckpt"
    crash(make_data(), path, 8, {}, max_steps=7)
    with pytest.raises(ValueError, match="but the stage 'single' gave others"):
        run(make_data(), ckpt_path=path)


def test_the_future_may_change(make_data, tmp_path, stage_of):
    path = tmp_path / "c.ckpt"
    before = crash(make_data(), path, 8)
    assert sorted(before) == [0, 1, 2, 3]
    changed = {
        "single": THREE["single"],
        "composition": Stage(steps=2, stages=["composition"], losses={}),
        "all": Stage(steps=1),
        "complex": Stage(steps=4, stages=["complex"]),
    }
    after = run(make_data(), changed, ckpt_path=path).keys
    assert sorted(after) == [4, 5, 6, 7, 8]
    assert stages_by_step(after, stage_of)[1:] == [Counter(complex=4)] * 4


# -- what people see ---------------------------------------------------------------------------------


def test_the_checkpoint_says_where_it_stands_in_plain_values(make_data, tmp_path):
    crash(make_data(), tmp_path / "c.ckpt", 5)
    saved = torch.load(tmp_path / "c.ckpt", weights_only=True)["curriculum"]
    assert saved["stage"] == "single", "the stage of the last step that was trained"
    assert saved["steps"] == {"single": 2, "composition": 3, "complex": 2}
    assert saved["stages"]["composition"]["stages"] == ["composition"]
    json.dumps(saved)


def test_the_plan_is_drawn_before_the_first_step(make_data, tmp_path):
    class Stops(Keys):
        def training_step(self, batch, batch_idx):
            raise CrashError

    loggers = [CSVLogger("logs"), TensorBoardLogger("board", name="", version="")]
    with pytest.raises(CrashError):
        run(make_data(), module=Stops(), logger=loggers, default_root_dir="run")
    assert Image.open(tmp_path / "run/curriculum.png").size[0] > 500
    assert b"curriculum" in next((tmp_path / "board").glob("events*")).read_bytes()


def test_the_stage_is_logged_and_shown(make_data, capsys, tmp_path):
    callbacks = [StepProgress()]
    run(make_data(), callbacks=callbacks, logger=CSVLogger("logs", name="", version=""), enable_progress_bar=True)
    rows = [line.split(",") for line in (tmp_path / "logs/metrics.csv").read_text().splitlines()]
    column = rows[0].index("train/stage")
    assert [float(row[column]) for row in rows[1:] if row[column]] == [0, 0, 1, 1, 1, 2, 2]
    assert "stage=complex" in capsys.readouterr().err.rsplit("\r", 1)[-1]
    run(make_data(), callbacks=callbacks, max_steps=2, enable_progress_bar=True)
    assert "stage=single" in capsys.readouterr().err.rsplit("\r", 1)[-1]


# -- mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "soft"}, r"`curriculum.schedule` to be one of \['strict', 'gaussian', 'mixed'\], got 'soft'"),
        ({"overlap": 0.0}, "`curriculum.overlap` to be above 0, got 0.0"),
        ({"stages": {"a": Stage(steps=1, replay=0.5)}}, "`curriculum.stages.a`, the first stage, to replay nothing"),
        ({"stages": {"a": Stage(steps=1), "b": Stage()}}, "`curriculum.stages.b` to have either `steps` or `passes`"),
    ],
)
def test_bad_settings_are_refused_at_construction(settings, message):
    with pytest.raises(ValueError, match=message):
        Curriculum(**settings)


def test_a_stage_without_samples_is_named_with_what_there_is(make_data):
    stages = {**THREE, "odd": Stage(steps=1, stages=["single"], categories=["complex"])}
    message = (
        r"stage 'odd' of the curriculum, with `stages` = \['single'\] and `categories` = \['complex'\], "
        r"found none. There are: \d+ single/color"
    )
    with pytest.raises(ValueError, match=message):
        run(make_data(), stages)


def test_an_unknown_loss_is_named_with_the_known_ones(make_data):
    stages = {"only": Stage(steps=1, losses={"tokne_loss": 0.5})}
    with pytest.raises(
        ValueError, match=r"`curriculum.stages.only.losses` to name losses .* 'tokne_loss'. Known: \[\]"
    ):
        run(make_data(), stages)
    trainer = quiet_trainer(callbacks=[Curriculum(stages), TokenLoss()])
    with pytest.raises(ValueError, match=r"Known: \['token_loss'\]"):
        trainer.fit(Keys(), make_data())


@pytest.mark.parametrize(("data", "name"), [(BoringDataModule(), "BoringDataModule"), (batches(2), "NoneType")])
def test_other_data_know_of_no_curriculum(data, name):
    trainer = quiet_trainer(max_epochs=-1, max_steps=-1, callbacks=[Curriculum(THREE)])
    with pytest.raises(TypeError, match=f"Expected a ConPairDataModule, .* got {name}"):
        trainer.fit(Keys(), data)
