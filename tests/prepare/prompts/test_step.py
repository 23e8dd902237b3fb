import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from itertools import count

import pytest
from loopback_model import STALLS, LoopbackModel, fails, says

from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.models.writer import Draft, Writer
from lightning_compose.prepare.prompts.settings import PromptsSettings
from lightning_compose.prepare.prompts.step import write_prompts
from lightning_compose.prepare.rows import PromptRow, from_line
from lightning_compose.shapes.preparing.writer import ShapesWriter

SHAPES = "lightning_compose.shapes.preparing.writer.ShapesWriter"
COUNTS = {"single": {"color": 5, "counting": 3}, "composition": {"spatial": 4}}
FILES = ("prompts.jsonl", "prompts.json", "prompts/rejected.jsonl")


class KilledInOrder(ShapesWriter):
    """Its process is killed while it answers an order."""

    def __init__(self, order):
        self.orders = count()
        self.order = order

    def write(self, order):
        if next(self.orders) == self.order:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(order)


class SaysOneThing(Writer):
    name = "one thing"

    def write(self, order):
        return [Draft("A red cup.", "A blue cup.")]


class SaysNothing(Writer):
    name = "nothing"

    def write(self, order):
        return [Draft("", "")]


class NeverBuilt(ShapesWriter):
    def __init__(self):
        raise AssertionError


def settings(writer=SHAPES, arguments=None, counts=COUNTS, **options):
    return PromptsSettings(ModelSettings(writer, arguments or {}), counts, **{"per_order": 2, **options})


def own(writer):
    return f"{__name__}.{writer.__name__}"


def read(workspace, *files):
    return [(workspace / file).read_bytes() for file in files or FILES]


def rows(workspace):
    lines = (workspace / "prompts.jsonl").read_text().splitlines()
    return [from_line(PromptRow, line, "prompts.jsonl") for line in lines]


def test_every_stage_and_category_gets_its_number(tmp_path):
    report = write_prompts(settings(), 0, tmp_path)
    assert report["kept"] == {"single/color": 5, "single/counting": 3, "composition/spatial": 4}
    written = rows(tmp_path)
    assert [row.key for row in written] == sorted(row.key for row in written)
    assert len({row.prompt for row in written}) == 12
    assert {(row.stage, row.category) for row in written} == {tuple(cell.split("/")) for cell in report["kept"]}
    assert all(row.questions and row.model == "shapes-templates" for row in written)
    assert json.loads((tmp_path / "prompts.json").read_text()) == report


def test_the_same_seed_brings_the_same_and_another_others(tmp_path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_prompts(settings(), seed, tmp_path / folder)
    assert read(tmp_path / "a") == read(tmp_path / "b")
    assert read(tmp_path / "a") != read(tmp_path / "c")


def test_orders_at_the_same_time_change_nothing(tmp_path):
    write_prompts(settings(), 0, tmp_path / "one")
    write_prompts(settings(parallel=3), 0, tmp_path / "three")
    assert read(tmp_path / "one") == read(tmp_path / "three")


@pytest.mark.parametrize("order", [0, 1, 4])
def test_after_a_kill_the_rest_is_written_and_no_order_repeated(tmp_path, order):
    write_prompts(settings(), 0, tmp_path / "straight")
    killed = settings(own(KilledInOrder), {"order": order})
    process = multiprocessing.get_context("fork").Process(target=write_prompts, args=(killed, 0, tmp_path / "killed"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    answers = sorted((tmp_path / "killed/prompts/blocks").glob("*.jsonl"))
    assert len(answers) == order
    assert not (tmp_path / "killed/prompts.jsonl").exists()
    before = [file.stat().st_mtime_ns for file in answers]
    write_prompts(settings(), 0, tmp_path / "killed")
    assert read(tmp_path / "killed") == read(tmp_path / "straight")
    assert [file.stat().st_mtime_ns for file in answers] == before


def test_what_is_done_is_left_as_it_is_without_a_writer(tmp_path):
    report = write_prompts(settings(), 0, tmp_path)
    before = read(tmp_path)
    assert write_prompts(settings(own(NeverBuilt)), 0, tmp_path) == report
    assert read(tmp_path) == before


def test_prompts_of_somebody_else_are_not_overwritten(tmp_path):
    (tmp_path / "prompts.jsonl").write_text("mine\n")
    with pytest.raises(FileExistsError, match="leave the section prompts out"):
        write_prompts(settings(), 0, tmp_path)
    assert (tmp_path / "prompts.jsonl").read_text() == "mine\n"


def test_benchmark_prompts_are_kept_out_and_listed(tmp_path):
    write_prompts(settings(), 0, tmp_path / "all")
    taken = rows(tmp_path / "all")[0].prompt
    (tmp_path / "bench.txt").write_text(f"{taken}\n")
    report = write_prompts(settings(benchmarks=[str(tmp_path / "bench.txt")]), 0, tmp_path / "rest")
    assert taken not in [row.prompt for row in rows(tmp_path / "rest")]
    rejected = [json.loads(line) for line in (tmp_path / "rest/prompts/rejected.jsonl").read_text().splitlines()]
    removed = [each for each in rejected if each["reason"] == "benchmark"]
    assert [each["repeats"] for each in removed] == [taken] * len(removed)
    assert report["rejected"]["benchmark"] == len(removed) >= 1
    assert len(rows(tmp_path / "rest")) == 12


def test_a_writer_who_repeats_himself_leaves_a_category_short_and_says_so(tmp_path):
    report = write_prompts(settings(own(SaysOneThing), counts={"single": {"color": 3}}, patience=2), 0, tmp_path)
    assert report["short"] == {"single/color": 2}
    assert report["rejected"] == {"duplicate": 2}
    assert (report["asked"], report["drafted"]) == (6, 3)
    assert [row.prompt for row in rows(tmp_path)] == ["A red cup."]


def test_no_prompt_at_all_is_an_error_and_leaves_the_step_open(tmp_path):
    with pytest.raises(ValueError, match=r"got none that could be kept; rejected: \{'empty': 2\}"):
        write_prompts(settings(own(SaysNothing), counts={"single": {"color": 3}}, patience=2), 0, tmp_path)
    assert not (tmp_path / "prompts.jsonl").exists()


def test_a_server_with_every_fault_loses_no_prompt(tmp_path):
    faults = [fails(500), STALLS, says("garbage"), fails(429, retry_after="0"), says({"drafts": []}), (200, {}, b"<p>")]
    with LoopbackModel(faults, model_answer) as server:
        endpoint = {"model": "m", "base_url": server.base_url, "backoff_s": 0.001, "timeout_s": 2.0, "retries": 8}
        writer = "lightning_compose.prepare.models.endpoint_writer.EndpointWriter"
        report = write_prompts(settings(writer, {"endpoint": endpoint}), 0, tmp_path / "faulty")
        clean = write_prompts(settings(writer, {"endpoint": endpoint}), 0, tmp_path / "clean")
    assert (report["kept"], report["short"]) == (clean["kept"], {})
    assert (report["malformed"], report["retried"], clean["retried"]) == (3, 6, 0)
    happened = report["writer"]
    assert [happened[kind] for kind in ("server_error", "timeout", "rate_limited")] == [1, 1, 1]
    assert happened["calls"] == clean["writer"]["calls"] + 6


def model_answer(request):
    """Answer as a model would: as many drafts as ordered, which follow from the seed."""
    wanted = int(re.search(r"Write (\d+) prompts", request["messages"][-1]["content"])[1])
    things = [f"thing {request['seed']} {number}" for number in range(wanted)]
    return says({"drafts": [{"prompt": f"A red {each}.", "negative_prompt": f"A blue {each}."} for each in things]})


def test_the_step_imports_no_torch():
    code = (
        f"import sys, lightning_compose.prepare.prompts.step, {SHAPES.rpartition('.')[0]}; "
        "sys.exit([each for each in ('torch', 'ray', 'openai', 'lightning') if each in sys.modules] or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
