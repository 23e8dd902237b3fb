"""Label Studio: tasks out, annotations in, and what comes back is what was asked."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from made_pairs import COLORS, made_workspace
from PIL import Image

from lightning_compose.prepare.pack import read_results
from lightning_compose.prepare.review.annotations import take_annotations
from lightning_compose.prepare.review.ballots import read_ballots
from lightning_compose.prepare.review.label_studio import write_tasks
from lightning_compose.prepare.review.pairs import pairs
from lightning_compose.prepare.review.votes import read


@pytest.fixture
def shown(tmp_path):
    workspace = made_workspace(tmp_path / "w", 9)
    return pairs(read_results(workspace), False, workspace)


@pytest.fixture
def tasks(shown, tmp_path):
    assert write_tasks(shown, tmp_path / "tasks", 0) == len(shown)
    return json.loads((tmp_path / "tasks/tasks.json").read_text())


def middle(folder, served):
    assert served.startswith("/data/local-files/?d=images/")
    image = Image.open(folder / served.removeprefix("/data/local-files/?d="))
    return tuple(np.asarray(image.convert("RGB"))[16, 16])


def test_each_image_is_beside_its_caption_on_a_side_that_is_drawn(tasks, tmp_path):
    assert {each["data"]["left"] for each in tasks} == {"positive", "negative"}
    for data in (each["data"] for each in tasks):
        for side in ("left", "right"):
            (color,) = re.findall("<mark>(.*)</mark>", data[f"{side}_caption"])
            assert middle(tmp_path / "tasks", data[f"{side}_image"]) == COLORS[color]
            assert "positive" not in data[f"{side}_image"]


def test_the_sides_are_the_same_when_they_are_written_again(tasks, shown, tmp_path):
    (tmp_path / "tasks/images/old.webp").touch()
    write_tasks(shown, tmp_path / "tasks", 0)
    assert json.loads((tmp_path / "tasks/tasks.json").read_text()) == tasks
    assert len(list((tmp_path / "tasks/images").iterdir())) == 2 * len(tasks)


def test_the_interface_shows_what_the_tasks_hold(tasks, tmp_path):
    root = ElementTree.parse(tmp_path / "tasks/labels.xml").getroot()
    values = {each.get("value", "").removeprefix("$") for each in root.iter() if each.get("value", "").startswith("$")}
    assert values == set(tasks[0]["data"]) - {"key", "pair", "left"}
    assert [each.get("value") for each in root.iter("Choice")] == ["yes", "no", "skip"]


def test_a_positive_alone_has_a_task(tmp_path):
    workspace = made_workspace(tmp_path / "w", 1)
    block = workspace.folder("negatives") / "blocks/000000.jsonl"
    block.write_text(block.read_text().replace('"chosen": 0', '"chosen": null'))
    write_tasks(pairs(read_results(workspace), True, workspace), tmp_path / "tasks", 0)
    (task,) = json.loads((tmp_path / "tasks/tasks.json").read_text())
    assert task["data"]["left"] == "positive"
    assert task["data"]["right_image"].startswith("data:image/gif")


def annotation(who, answer, **more):
    result = [{"from_name": "answer", "to_name": "left", "type": "choices", "value": {"choices": [answer]}}]
    return {"completed_by": who, "result": result if answer else [], **more}


def exported(tasks, tmp_path, *annotations):
    """An export in which each task has these annotations."""
    file = tmp_path / "export.json"
    file.write_text(json.dumps([{"id": 7, **task, "annotations": list(annotations)} for task in tasks]))
    return file


def test_annotations_come_back_as_votes(tasks, shown, tmp_path):
    bob = {"id": 2, "email": "Bob@example.org"}
    given = [annotation(1, "yes"), annotation(bob, "no"), annotation(3, None, was_cancelled=True)]
    assert take_annotations(exported(tasks, tmp_path, *given), shown, tmp_path / "votes") == (27, 0)
    ballots = read_ballots(tmp_path / "votes", shown)
    assert {name: set(answers.values()) for name, answers in ballots.items()} == {
        "label-studio-1": {"yes"},
        "bob@example.org": {"no"},
        "label-studio-3": {"skip"},
    }
    sides = {each["data"]["key"]: each["data"]["left"] for each in tasks}
    assert {vote.key: vote.left for vote in read(tmp_path / "votes", "label-studio-1")} == sides


def test_a_later_export_adds_what_is_new(tasks, shown, tmp_path):
    twice = [annotation(1, "yes"), annotation(1, "no")]
    assert take_annotations(exported(tasks, tmp_path, *twice), shown, tmp_path / "votes") == (9, 0)
    assert take_annotations(exported(tasks, tmp_path, *twice), shown, tmp_path / "votes") == (0, 0)
    changed = [*twice, annotation(1, "skip"), annotation(2, "yes")]
    assert take_annotations(exported(tasks, tmp_path, *changed), shown, tmp_path / "votes") == (18, 0)
    assert read_ballots(tmp_path / "votes", shown)["label-studio-1"] == {pair.key: "skip" for pair in shown}


def test_annotations_of_pairs_that_are_there_no_more_are_counted(tasks, shown, tmp_path):
    assert take_annotations(exported(tasks, tmp_path, annotation(1, "yes")), shown[1:], tmp_path / "votes") == (8, 1)


@pytest.mark.parametrize(
    "content", ["", "{}x", '[{"data": {}}]', '[{"data": {}, "annotations": [{"result": []}]}]', "[3]"]
)
def test_another_file_is_refused(content, shown, tmp_path):
    file = tmp_path / "export.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="to be Label Studio's export of these tasks as JSON"):
        take_annotations(file, shown, tmp_path / "votes")


@pytest.mark.parametrize("given", [annotation(1, "maybe"), annotation({"email": "../../x"}, "yes")])
def test_answers_and_names_that_are_none_are_refused_before_any_vote_is_taken(given, tasks, shown, tmp_path):
    export = exported(tasks, tmp_path, annotation(1, "yes"), given)
    with pytest.raises(ValueError, match="Label Studio's export"):
        take_annotations(export, shown, tmp_path / "votes")
    assert not (tmp_path / "votes").exists()
