"""Lives of a run: kept one after the other, and sorted by what was alike."""

from lightning_compose.study.provenance import alike, read_lives, record_life


def life(**changes):
    return {"began": "t", "machine": "one", "versions": {"torch": "2"}, "threads": 1, "jobs": 2} | changes


def test_each_life_is_kept(tmp_path):
    assert read_lives(tmp_path) == []
    record_life(tmp_path, threads=1, jobs=2)
    record_life(tmp_path, threads=3, jobs=4)
    first, second = read_lives(tmp_path)
    assert (first["threads"], first["jobs"], second["threads"], second["jobs"]) == (1, 2, 3, 4)
    assert first["began"] <= second["began"]
    assert {"python", "torch"} <= set(first["versions"])


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path):
    record_life(tmp_path, threads=1, jobs=2)
    with (tmp_path / "lives.jsonl").open("a") as file:
        file.write('{"began": "20')
    assert len(read_lives(tmp_path)) == 1


def test_what_is_alike_is_told_once_and_the_most_first():
    other = life(machine="two")
    lives = {"a": [other], "b": [life(), life(began="later")], "c": [life(), other], "d": [life()]}
    assert [(each["machine"], names) for each, names in alike(lives)] == [("one", ["b", "c", "d"]), ("two", ["a", "c"])]
