"""The step `review` without its page, and its command line."""

import json
import sys

import pytest
from made_pairs import made_workspace

from lightning_compose.cli import main
from lightning_compose.prepare.pack import read_results
from lightning_compose.prepare.review import step
from lightning_compose.prepare.review.options import ReviewOptions, read_options
from lightning_compose.prepare.review.pairs import pairs
from lightning_compose.prepare.review.votes import Vote, append, read


@pytest.fixture
def workspace(tmp_path):
    return made_workspace(tmp_path / "w")


def run(workspace, *arguments):
    main(["prepare", "review", "--workspace", str(workspace.root), *arguments])


def refused(capsys, workspace, *arguments):
    with pytest.raises(SystemExit):
        run(workspace, *arguments)
    return capsys.readouterr().err.splitlines()[-1]


def vote(workspace, name, answer):
    pair = pairs(read_results(workspace), False, workspace)[0]
    append(workspace.folder("review") / "votes", [Vote(pair.key, pair.identity, name, answer, "positive")])


def test_agreement_is_told_and_written_without_a_page(workspace, capsys):
    vote(workspace, "anna", "yes")
    vote(workspace, "bob", "no")
    run(workspace, "--agreement")
    told = capsys.readouterr().out
    assert "Krippendorff's alpha: 0.000" in told
    assert "single-color-000000 (anna yes, bob no): a red square on white" in told
    found = json.loads((workspace.folder("review") / "agreement.json").read_text())
    assert found["alpha"] == pytest.approx(0)
    assert found["majority"] == {"nobody": 3, "tie": 1}


def test_label_studio_goes_out_and_comes_in(workspace, capsys, tmp_path):
    run(workspace, "--write_tasks")
    tasks = json.loads((workspace.folder("review") / "label_studio/tasks.json").read_text())
    result = [{"from_name": "answer", "value": {"choices": ["no"]}}]
    export = [{**task, "annotations": [{"completed_by": 1, "result": result}]} for task in tasks]
    (tmp_path / "export.json").write_text(json.dumps(export))
    run(workspace, "--read_annotations", str(tmp_path / "export.json"))
    assert "Took 4 new votes; 0 are about pairs that are there no more" in capsys.readouterr().out
    assert len(read(workspace.folder("review") / "votes", "label-studio-1")) == 4


def test_the_page_is_closed_and_the_agreement_told_when_it_is_interrupted(workspace, capsys, monkeypatch):
    served = []
    monkeypatch.setattr(step, "_serve", lambda queues, options: served.append((queues.of("anna").current(), options)))
    run(workspace, "--port", "8123", "--seed", "3")
    ((pair, options),) = served
    assert (options.port, options.host) == (8123, "127.0.0.1")
    assert [noun.text for noun in pair.nouns] == ["square"]
    assert "Nobody voted yet." in capsys.readouterr().out


def test_a_missing_package_is_named_with_its_extra(workspace, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "lightning_compose.prepare.review.page", raising=False)
    assert "pip install 'lightning_compose[review]'" in refused(capsys, workspace)


def test_refuses(workspace, capsys):
    assert "not allowed with argument" in refused(capsys, workspace, "--agreement", "--write_tasks")
    assert "invalid int value: 'x'" in refused(capsys, workspace, "--port", "x")
    assert "without_majority" in refused(capsys, workspace, "--review.without_majority", "maybe")
    block = workspace.folder("negatives") / "blocks/000000.jsonl"
    block.write_text(block.read_text().replace('"chosen": 0', '"chosen": null'))
    assert "Expected pairs to look at in" in refused(capsys, workspace)


def test_what_is_no_option_of_the_page_is_a_setting():
    options, others = read_options(["--port", "1", "--seed", "2", "--agreement"])
    assert options == ReviewOptions(port=1, agreement=True)
    assert others == ["--seed", "2"]
