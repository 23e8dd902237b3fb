"""The page in a headless Chromium: three annotators at once, browsers and servers that die, and nothing is lost.

It needs the extra `review`, selenium, and Chromium with its driver; the rest of the review is tested without them.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from made_pairs import QUESTION, write_step
from made_prompts import prompt_row

from lightning_compose.data.shards import ShardSet
from lightning_compose.prepare.review.agreement import alpha
from lightning_compose.prepare.review.votes import read, standing
from lightning_compose.prepare.rows import (
    Judged,
    MaskedNoun,
    MasksRow,
    NegativeJudged,
    NegativesRow,
    VerifiedRow,
    to_line,
)
from lightning_compose.prepare.workspace import Workspace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAIRS = (7, 300, 420, 510, 640, 1000)
PATIENCE_S = 240
# Of each annotator on the pairs by their numbers: y, n or s.
ANSWERS = {"anna": "yynyyy", "bob": "ynnysy", "cleo": "nynnyy"}


def embedded_workspace(folder: Path) -> Workspace:
    """Pairs of the embedded world, as if they had been judged."""
    workspace = Workspace(folder)
    folder.mkdir()
    shards = ShardSet(ROOT / "data_shards/shapes")
    rows = [_rows(workspace, f"pair-{number}", shards.read(row)) for number, row in enumerate(PAIRS)]
    workspace.prompts_file.write_text("".join(to_line(prompt_row(row.key)) for row, _, _ in rows))
    for step, of_step in zip(("verify", "negatives", "masks"), zip(*rows, strict=True), strict=True):
        write_step(workspace, step, of_step)
    return workspace


def _rows(workspace, key, sample):
    for name in ("positive", "negative"):
        (workspace.root / f"{key}-{name}.webp").write_bytes(getattr(sample, name).data)
    positive = Judged(f"{key}-positive.webp", 0, ("yes",), 1.0, True, 0.5)
    negative = NegativeJudged(f"{key}-negative.webp", 0, ("no",), True, 0.5)
    annotation = sample.annotation
    nouns = tuple(
        MaskedNoun(each.text, each.spans, each.attributes, annotation.masks[each.mask], ((0.0, 0.0, 1.0, 1.0),), (1.0,))
        for each in annotation.nouns
    )
    verified = VerifiedRow(key, annotation.caption, (QUESTION,), (positive,), 0, False, None, {})
    return (
        verified,
        NegativesRow(key, annotation.negative_caption, (negative,), 0, "generated", None, {}),
        MasksRow(key, nouns, None, {}),
    )


class Server:
    """The command, in a process of its own."""

    def __init__(self, workspace: Workspace) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._command = [sys.executable, "-m", "lightning_compose", "prepare", "review"]
        self._command += ["--workspace", str(workspace.root), "--port", str(self._port)]
        self.address = f"http://127.0.0.1:{self._port}/"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.address in self.process.stdout.readline()

    def end(self, how: signal.Signals) -> str:
        """Return what it still told."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=PATIENCE_S)[0]


class Annotator:
    """A browser with the page in it."""

    def __init__(self, name: str, server: Server, by_form: bool = False) -> None:
        webdriver = pytest.importorskip("selenium.webdriver")
        options = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1000,760"):
            options.add_argument(flag)
        options.binary_location = shutil.which("chromium")
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.name, self.browser = name, webdriver.Chrome(options=options, service=service)
        if by_form:
            self.browser.get(server.address)
            self.wait(lambda: self.all("#name textarea, #name input"))[0].send_keys(name.title())
            self.all("#start")[0].click()
        else:
            self.browser.get(f"{server.address}?annotator={name}")
        self.wait(lambda: self.all(".done"))

    def wait(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, PATIENCE_S).until(lambda _: condition())

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def seen(self) -> tuple[str, ...]:
        """All texts of the view."""
        script = "return [...document.querySelectorAll('#view p, #view figcaption')].map(each => each.innerText)"
        return tuple(self.browser.execute_script(script))

    def done(self) -> int:
        return int(self.all(".done")[0].text.split()[0])

    def press(self, key: str) -> None:
        """Press a key and wait for what it does."""
        from selenium.webdriver.common.action_chains import ActionChains

        before = self.seen()
        ActionChains(self.browser).send_keys(key).perform()
        self.wait(lambda: self.seen() != before)

    def answer(self, number_of: dict[frozenset, int]) -> int:
        """Vote on the pair that is seen; return its number."""
        captions = frozenset(each.text for each in self.all("figcaption"))
        number = number_of[captions]
        self.press(ANSWERS[self.name][number])
        return number


@pytest.fixture
def browsers():
    """Annotators to be, whose browsers are closed in the end."""
    pytest.importorskip("gradio")
    pytest.importorskip("selenium")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("Chromium or its driver is not installed.")
    opened = []
    yield opened
    for each in opened:
        each.browser.quit()


def test_three_annotators_and_what_may_befall_them(tmp_path, browsers):
    workspace = embedded_workspace(tmp_path / "w")
    captions = [(row.caption, other.caption) for row, other in _judged(workspace)]
    number_of = {frozenset(pair): number for number, pair in enumerate(captions)}
    server = Server(workspace)
    try:
        browsers += [Annotator(name, server, by_form=name == "anna") for name in ANSWERS]
        anna, bob, cleo = browsers
        assert len({each.seen() for each in browsers}) > 1, "all of them have the same order and sides"
        _look_closer(anna, tmp_path)
        orders = {name: [] for name in ANSWERS}
        for each in (anna, bob, cleo, bob, bob, anna):
            orders[each.name].append(each.answer(number_of))
        _undo(anna, orders["anna"])
        bob.browser.quit()
        browsers[1] = bob = Annotator("bob", server)
        assert bob.done() == 3
        server.end(signal.SIGKILL)
        assert len(_votes(workspace, "anna")) == 1
        server.start()
        for each in (anna, cleo):
            each.browser.refresh()
            each.wait(lambda each=each: each.all(".done"))
        assert (anna.done(), cleo.done()) == (1, 1)
        bob.browser.refresh()
        bob.wait(lambda: bob.all(".done"))
        for each in (anna, bob, cleo):
            while each.done() < len(PAIRS):
                orders[each.name].append(each.answer(number_of))
    finally:
        told = server.end(signal.SIGINT)
    assert all(sorted(order) == list(range(len(PAIRS))) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) > 1
    _check_votes(workspace, told)


def _judged(workspace):
    return zip(workspace.rows("verify", VerifiedRow), workspace.rows("negatives", NegativesRow), strict=True)


def _look_closer(anna, folder):
    """Have the masks shown, and a picture taken."""
    anna.press("m")
    anna.browser.save_screenshot(str(folder / "review.png"))
    assert (folder / "review.png").stat().st_size < 300_000
    anna.press("m")


def _undo(anna, order):
    """Take the second vote back: its pair is there again."""
    before = anna.seen()
    anna.press("u")
    order.pop()
    assert anna.done() == 1
    assert anna.seen() != before


def _votes(workspace, name):
    identities = {vote.key: vote.pair for vote in read(workspace.folder("review") / "votes", name)}
    return standing(read(workspace.folder("review") / "votes", name), identities)


def _check_votes(workspace, told):
    names = {"y": "yes", "n": "no", "s": "skip"}
    given = {
        name: {f"pair-{number}": names[each] for number, each in enumerate(answers)}
        for name, answers in ANSWERS.items()
    }
    kept = {name: {key: vote.answer for key, vote in _votes(workspace, name).items()} for name in ANSWERS}
    assert kept == given
    found = json.loads((workspace.folder("review") / "agreement.json").read_text())
    assert found["alpha"] == pytest.approx(alpha(given, list(given["anna"])))
    assert found["majority"] == {"no": 1, "yes": 5}
    assert f"Krippendorff's alpha: {found['alpha']:.3f}" in told
