"""Tables are read as a person wrote them; what cannot be meant is an error with row and column."""

import json

import pytest

from lightning_compose.data.user_table import TableError, TableRow, read_table

FULL = TableRow(2, "a.png", "a cup, a dog", "b.png", "a dog", ("cup", "dog"), ("m.png", None), "single", "color")
PLAIN = TableRow(3, "c.jpg", "a cat", None, None, (), (), "composition", "other")


@pytest.fixture
def table(tmp_path):
    def write(text, suffix=".csv", encoding="utf-8"):
        path = tmp_path / f"table{suffix}"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_csv(table):
    text = (
        "positive,caption,negative,negative_caption,nouns,masks,stage,category\r\n"
        'a.png,"a cup, a dog",b.png,a dog,cup; dog,m.png;,single,color\r\n'
        "c.jpg,a cat,,,,,,\r\n"
    )
    assert read_table(table(text)) == [FULL, PLAIN]
    assert read_table(table(text, encoding="utf-8-sig")) == [FULL, PLAIN]
    as_json = text.replace("cup; dog", '"[""cup"", ""dog""]"').replace("m.png;", '"[""m.png"", null]"')
    assert read_table(table(as_json)) == [FULL, PLAIN]


def test_json_lines(table):
    full = {
        "positive": "a.png",
        "caption": " a cup, a dog ",
        "negative": "b.png",
        "negative_caption": "a dog",
        "nouns": ["cup", "dog"],
        "masks": ["m.png", None],
        "stage": "single",
        "category": "color",
    }
    lines = ["", json.dumps(full), json.dumps({"positive": "c.jpg", "caption": "a cat", "nouns": None})]
    assert read_table(table("\n".join(lines), ".jsonl")) == [FULL, PLAIN]


@pytest.mark.parametrize(
    ("nouns", "masks", "expected"),
    [
        ("cup;", "", (("cup",), (None,))),
        (" ; cup; ;dog ;", " ", (("cup", "dog"), (None, None))),
        ("cup;", "m.png", (("cup",), ("m.png",))),
        ("cup;", "m.png;", (("cup",), ("m.png",))),
        ("cup", "m.png; ;", (("cup",), ("m.png",))),
        ("cup;dog;", "m.png;", (("cup", "dog"), ("m.png", None))),
        ("cup;;dog", "m.png;;n.png", (("cup", "dog"), ("m.png", "n.png"))),
        ("cup;;dog", "m.png;n.png", (("cup", "dog"), ("m.png", "n.png"))),
        (" ", "", ((), ())),
    ],
)
def test_blanks_in_lists_are_dropped(table, nouns, masks, expected):
    (row,) = read_table(table(f"positive,caption,nouns,masks\na.png,a cup and a dog,{nouns},{masks}\n"))
    assert (row.nouns, row.masks) == expected


def test_blank_rows_and_columns_of_a_spreadsheet_are_dropped(table):
    (row,) = read_table(table("positive,caption,\na.png,a cup,,\n,,\n , ,\n"))
    assert (row.number, row.positive, row.caption) == (2, "a.png", "a cup")


def test_a_column_with_a_slip_is_recognised(table):
    with pytest.raises(TableError, match=r"column captions: Expected .* Did you mean 'caption'\?"):
        read_table(table("positive,captions\na.png,a cup\n"))


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("positive,caption\na.png,\n", 2, "caption"),
        ("positive,caption\na.png,a cup\n ,a cup\n", 3, "positive"),
        ("positive\na.png\n", 2, "caption"),
        ("positive,caption,mood\na.png,a cup,fine\n", 2, "mood"),
        ("positive,caption\na.png,a cup, a dog\n", 2, None),
        ('positive,caption\na.png,"a cup\n', 2, None),
        ("positive,caption\n", None, None),
        ("", None, None),
        ("positive,caption,stage\na.png,a cup,first\n", 2, "stage"),
        ("positive,caption,category\na.png,a cup,taste\n", 2, "category"),
        ("positive,caption,nouns\na.png,a cup,[cup\n", 2, "nouns"),
        ("positive,caption,nouns,masks\na.png,a cup,cup,m.png;n.png\n", 2, "masks"),
        ("positive,caption,nouns,masks\na.png,a cup,cup;,m.png;n.png\n", 2, "masks"),
        ("positive,caption,nouns,masks\na.png,a cup,cup;;,;m.png;\n", 2, "masks"),
        ("positive,caption,masks\na.png,a cup,m.png\n", 2, "masks"),
        ("positive,caption,\na.png,a cup,fine\n", 2, ""),
    ],
)
def test_bad_csv(table, text, row, column):
    with pytest.raises(TableError, match="Expected") as caught:
        read_table(table(text))
    assert (caught.value.row, caught.value.column) == (row, column)
    places = [str(table(text)), *([f"row {row}"] if row else []), *([f"column {column}"] if column else [])]
    assert str(caught.value).startswith(f"{', '.join(places)}: Expected")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("{", None),
        ("[]", None),
        ("[" * 100_000, None),
        ('{"positive": "a.png", "caption": 7}', "caption"),
        ('{"positive": "a.png", "caption": "a", "nouns": [7]}', "nouns"),
        ('{"positive": "a.png", "caption": "a", "nouns": {"a": 1}}', "nouns"),
        ('{"positive": "a.png", "caption": "a", "nouns": true}', "nouns"),
    ],
)
def test_bad_json_lines(table, line, column):
    with pytest.raises(TableError, match="Expected") as caught:
        read_table(table('{"positive": "a.png", "caption": "a"}\n' + line, ".jsonl"))
    assert (caught.value.row, caught.value.column) == (2, column)


def test_other_files_are_no_tables(table, tmp_path):
    with pytest.raises(TableError, match="or"):
        read_table(table("", ".xlsx"))
    with pytest.raises(TableError, match="UTF-8"):
        read_table(table("positive,caption\n\N{LATIN SMALL LETTER O WITH DIAERESIS}.png,a", encoding="latin-1"))
    with pytest.raises(TableError, match="No such file"):
        read_table(tmp_path / "none.csv")
