import torch

from benchmarks.measure import flops, median_quotient, peak_bytes, round_seconds

CPU = torch.device("cpu")


def test_steps_alternate_after_rounds_that_are_not_timed(monkeypatch):
    ran = []
    monkeypatch.setattr("benchmarks.measure._seconds", lambda step, device, clock: step() or len(ran))
    times = round_seconds({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=3, device=CPU)
    assert ran == ["a", "b"] * 5
    assert times == {"a": [5, 7, 9], "b": [6, 8, 10]}


def test_time_passes():
    assert round_seconds({"a": lambda: None}, rounds=1, device=CPU)["a"][0] > 0


def test_a_machine_that_slows_down_does_not_move_the_quotient():
    assert median_quotient([2, 20, 40], [1, 10, 10]) == 2


def test_the_peak_is_what_exists_at_once_whatever_an_earlier_step_left():
    left = []

    def step() -> None:
        for _ in range(3):
            torch.empty(1000, dtype=torch.uint8)
        kept = [torch.empty(500, dtype=torch.uint8) for _ in range(4)]
        left.append(kept[0])

    assert [peak_bytes(step, CPU, held=7) for _ in range(2)] == [2007, 2007]


def test_the_peak_counts_what_a_kernel_allocates_for_itself():
    query = torch.randn(1, 1, 256, 8)
    fused = peak_bytes(lambda: torch.nn.functional.scaled_dot_product_attention(query, query, query), CPU, held=0)
    explicit = peak_bytes(lambda: (query @ query.transpose(-1, -2)).softmax(dim=-1) @ query, CPU, held=0)
    assert fused > query.nbytes
    assert explicit > 256 * 256 * 4


def test_attention_counts_as_its_two_products():
    query = torch.empty(2, 3, 16, 8, device="meta")
    attend = torch.nn.functional.scaled_dot_product_attention
    assert flops(lambda: attend(query, query, query)) == 2 * 2 * (2 * 3 * 16 * 16 * 8)


def test_steps_may_switch_autocast_off():
    def step() -> None:
        with torch.autocast("meta", enabled=False):
            torch.empty(2, 2, device="meta") @ torch.empty(2, 2, device="meta")

    assert flops(step) == 16
