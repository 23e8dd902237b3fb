"""The runs of a study, some side by side, as far as time allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from lightning_compose.cli.run_lock import locked
from lightning_compose.study.logged import evaluations, steps_so_far
from lightning_compose.study.processes import Deadline, Executor, Job
from lightning_compose.study.provenance import record_life
from lightning_compose.study.runs import LOG, Run, begin, finish, require_evaluated
from lightning_compose.study.settings import Study

LAST_LINES = 12
BAR_EVERY_S = 2.0
# Before the end of a slice: for a step and its checkpoint, then for tables and page. Shares of a slice at most.
STOP_BEFORE_S, WRITE_S = 45.0, 25.0
STOP_SHARE, WRITE_SHARE = 0.2, 0.1


class Execution:
    """Execute runs until all are done, have failed, or time is up.

    Args:
        study: Says how many run side by side, with how many threads.
        minutes: What there is until the tables have to be there; None = no limit.
    """

    def __init__(self, study: Study, minutes: float | None) -> None:
        # Idle threads that spin take the time of the runs beside.
        environment = {"OMP_NUM_THREADS": str(study.threads), "OMP_WAIT_POLICY": "PASSIVE"}
        self.study = study
        self.executor = Executor(study.jobs, environment, None if minutes is None else deadline(60 * minutes))
        self.failed: list[str] = []

    def execute(self, runs: Sequence[Run]) -> None:
        """Execute those that are not done yet."""
        pending = [run for run in runs if not run.is_done]
        if not pending:
            return
        shown = _Shown(runs)
        jobs = {self._job(run, shown): run for run in pending}
        self.executor.run(list(jobs), lambda job, code: self._end(jobs[job], code, shown), shown.refresh)
        shown.bar.close()

    def _job(self, run: Run, shown: _Shown) -> Job:
        return Job(run.name, run.command, run.folder / LOG, lambda: self._begin(run, shown))

    def _begin(self, run: Run, shown: _Shown) -> bool:
        if not _begin(run):
            return False
        record_life(run.folder, self.study.threads, self.study.jobs)
        shown.tell("Started", run)
        return True

    def _end(self, run: Run, code: int, shown: _Shown) -> None:
        if self.executor.gave_way(code):
            shown.tell("Stopped", run)
            return
        try:
            if code:
                raise RuntimeError(f"it ended with code {code}")
            require_evaluated(run)
            last = evaluations(run)[-1]
            finish(run, last.flops, last.seconds)
        except (RuntimeError, OSError, ValueError) as error:
            self.failed.append(run.name)
            _say(f"Failed {run.name}: {error}. The end of {run.folder / LOG}:\n{_last_lines(run)}")
        else:
            shown.tell("Done", run)


class _Shown:
    """A bar over the optimizer steps of all runs, where there is a terminal, and a line for what happens to each."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        total = sum(run.steps for run in runs)
        self.bar = tqdm(total=total, initial=_steps(runs), unit="step", smoothing=0.05, disable=None)
        self._due_s = 0.0
        self._describe()

    def tell(self, what: str, run: Run) -> None:
        steps = steps_so_far(run)
        where = "" if run.is_done or not steps else f" at step {steps} of {run.steps}"
        _say(f"{what} {run.name}{where}, {self._describe()}")

    def refresh(self) -> None:
        # Looking takes time, too.
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + BAR_EVERY_S
            self.bar.update(_steps(self.runs) - self.bar.n)

    def _describe(self) -> str:
        text = f"{sum(run.is_done for run in self.runs)} of {len(self.runs)} runs done"
        self.bar.set_description(text)
        return text


def _say(text: str) -> None:
    tqdm.write(text)
    # A pipe or a file would keep it back until the end.
    sys.stdout.flush()


def _steps(runs: Sequence[Run]) -> int:
    return sum(run.steps if run.is_done else steps_so_far(run) for run in runs)


def deadline(slice_s: float) -> Deadline:
    """Return when the runs of a slice that begins now have to give way.

    Args:
        slice_s: Its length in seconds.
    """
    now = time.monotonic()
    return Deadline(
        stop_s=now + slice_s - min(STOP_BEFORE_S, STOP_SHARE * slice_s),
        kill_s=now + slice_s - min(WRITE_S, WRITE_SHARE * slice_s),
    )


def _begin(run: Run) -> bool:
    try:
        # A study that was killed leaves its runs behind, which go on: wait for them.
        with locked(str(run.folder)):
            begin(run)
    except BlockingIOError:
        return False
    return True


def _last_lines(run: Run) -> str:
    lines = (run.folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    # A progress bar rewrites its line: what counts is its last state.
    return "\n".join(f"    {line.rpartition(chr(13))[2]}" for line in lines)
