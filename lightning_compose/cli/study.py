"""study: arms times seeds, trained, evaluated and written up; what is done is not done again."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightning_compose.cli import PROG
from lightning_compose.cli.config_files import CommandLine, read_command_line
from lightning_compose.cli.errors import OneLineParser, closest
from lightning_compose.cli.run_lock import locked
from lightning_compose.evaluation.table import aligned
from lightning_compose.study.collect import collect
from lightning_compose.study.estimate import all_runs, effort_rows
from lightning_compose.study.execute import Execution
from lightning_compose.study.logged import steps_so_far
from lightning_compose.study.places import from_root
from lightning_compose.study.runs import Run, plan, reference_cost, require_same_settings
from lightning_compose.study.settings import Study, read_study
from lightning_compose.study.tables import BASE
from lightning_compose.study.tuning import all_tries, choose, write_choices

FAILED = 1
PAGE = "results.md"


def run(arguments: Sequence[str]) -> None:
    """Run the command; see `lightning_compose.cli.main`."""
    line = read_command_line(arguments)
    options = _parser().parse_args(line.arguments)
    study = read_study(line.config)
    _require_known(options.only, study)
    options.only = _with_reference(options.only, study)
    if options.list:
        print(aligned([("run", "state"), *_states(study, options)]))
        return
    if options.plan:
        print(aligned(_effort(study, options)))
        return
    with _alone(options.out):
        execution = _execute(study, options)
        _write(study, line, options)
    _end(study, options, execution)


def _execute(study: Study, options: argparse.Namespace) -> Execution:
    *_, left = _effort(study, options)
    print("Not done yet: {1} runs, {2} steps, {3} evaluations of {4} images together".format(*left), flush=True)
    execution = Execution(study, options.minutes)
    execution.execute(_tried(study, options))
    write_choices(study, options.out)
    # The reference, on which all others wait; then these.
    for _ in range(2):
        execution.execute(_selected(_planned(study, options.out), options.only))
    return execution


def _tried(study: Study, options: argparse.Namespace) -> list[Run]:
    return _selected(_checked(all_tries(study, options.out)), [each.partition(":")[0] for each in options.only])


def _planned(study: Study, out: Path) -> list[Run]:
    return _checked(plan(study, out, choose(study, out), reference_cost(study, out)))


def _with_reference(only: Sequence[str], study: Study) -> list[str]:
    first = f"{study.reference}:{study.seeds[0]}"
    others = [each for each in only if each.partition(":")[0] not in (BASE, study.reference)]
    return [*only, first] if others else list(only)


def _checked(runs: list[Run]) -> list[Run]:
    for each in runs:
        require_same_settings(each)
    return runs


def _selected(runs: Sequence[Run], only: Sequence[str]) -> list[Run]:
    return [each for each in runs if not only or each.name in only or each.arm in only]


def _write(study: Study, line: CommandLine, options: argparse.Namespace) -> None:
    runs = _planned(study, options.out)
    if not any(each.is_done for each in runs):
        print("No run is done yet: there is nothing to write up")
        return
    tables = collect(study, runs, options.out, [_command(line, options)])
    # Imports matplotlib.
    from lightning_compose.study.page import write_page

    page = options.page or options.out / PAGE
    write_page(tables, options.out, page)
    print(f"Results of {sum(each.is_done for each in runs)} runs: {page}")


def _command(line: CommandLine, options: argparse.Namespace) -> str:
    configs = [part for file in line.files for part in ("--config", from_root(file))]
    page = ["--page", from_root(options.page)] if options.page else []
    return f"{PROG} study {shlex.join([*configs, '--out', from_root(options.out), *page])}"


def _end(study: Study, options: argparse.Namespace, execution: Execution) -> None:
    still_open = [name for name, state in _states(study, options) if state != "done"]
    if execution.failed:
        print(f"Failed: {', '.join(execution.failed)}. The same command tries them again.")
    elif still_open:
        print(f"{len(still_open)} runs are not done yet. The same command goes on.")
    if execution.executor.received:
        raise SystemExit(128 + execution.executor.received)
    if execution.failed:
        raise SystemExit(FAILED)


# -- what there is ---------------------------------------------------------------------------------------


def _states(study: Study, options: argparse.Namespace) -> list[tuple[str, str]]:
    planned = _planned(study, options.out)
    known = [*_tried(study, options), *_selected(planned, options.only)]
    names = {each.name for each in planned}
    waiting = [each for each in _selected(all_runs(study, options.out), options.only) if each.name not in names]
    chosen = choose(study, options.out)
    reference = f"waits for {study.reference}:{study.seeds[0]}"
    return [(each.name, _state(each)) for each in known] + [
        (each.name, reference if each.arm in chosen else "waits for tuning") for each in waiting
    ]


def _effort(study: Study, options: argparse.Namespace) -> list[tuple[str, ...]]:
    return effort_rows(_tried(study, options), _selected(all_runs(study, options.out), options.only))


def _state(each: Run) -> str:
    if each.is_done:
        return "done"
    steps = steps_so_far(each)
    return f"step {steps} of {each.steps}" if steps else "open"


def _require_known(only: Sequence[str], study: Study) -> None:
    names = [BASE, *(f"{arm.name}:{seed}" for arm in study.arms for seed in study.seeds)]
    known = [*names, *(arm.name for arm in study.arms)]
    for name in only:
        if name not in known:
            raise ValueError(
                f"Expected --only to name an arm, or an arm and a seed, got {name!r}.{closest(name, known)} "
                f"Known: {names}."
            )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    try:
        with locked(str(out)):
            yield
    except BlockingIOError as error:
        raise BlockingIOError(
            f"Expected '{out}' to be free, got a folder in which another study is running. Wait for it, stop it, or "
            "set another --out."
        ) from error


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"Expected a number above 0, got {text!r}.")
    return minutes


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=f"{PROG} study",
        description="Run a study, or go on with it: --config FILE (repeatable, merged in order) says what is compared.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs, tables and page")
    parser.add_argument("--minutes", type=_minutes, help="stop in time, to go on later; left out = until all is done")
    parser.add_argument("--page", type=Path, help=f"where the page goes; left out = {PAGE} in the folder")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ARM[:SEED]", help="only these, such as plain:0; repeatable"
    )
    parser.add_argument("--plan", action="store_true", help="say what it takes and what is left of it, and do nothing")
    parser.add_argument("--list", action="store_true", help="say what is done and what is open, and do nothing")
    return parser
