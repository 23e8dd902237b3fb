import torch

from benchmarks.report import machine, render

ROWS = [
    {"model": "m", "size_px": size_px, "batch_size": 2, "precision": "float32", "variant": name, "time_ms": 1.5}
    for size_px in (64, 128)
    for name in ("plain", "other")
]
TABLES = """m, 64 px, batch of 2, float32

| variant | time, ms |
| --- | ---: |
| plain | 1.5 |
| other | 1.5 |

m, 128 px, batch of 2, float32

| variant | time, ms |
| --- | ---: |
| plain | 1.5 |
| other | 1.5 |"""


def test_a_table_a_setting():
    assert render(ROWS) == TABLES


def test_the_machine_is_named():
    assert machine(torch.device("cpu")).endswith(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
