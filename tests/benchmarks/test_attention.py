"""The table of times with attention fused and by matrix products."""

import pytest

from benchmarks import attention


def test_each_variant_is_told_beside_the_first_of_its_kind():
    seconds = {str(index): [index + 1.0, index + 1.0] for index in range(len(attention.VARIANTS))}
    told = attention.rows(seconds)
    assert [row[-1] for row in told] == ["1.00", "2.00", "3.00", "4.00", "1.00", "1.20", "1.40", "1.60"]
    assert told[3] == ("bfloat16", "matrix products", "no", "4000", "4.00")
    assert told[4][:3] == ("float32", "fused", "yes")


def test_all_variants_train_the_base(capsys):
    attention.main(["--batch_size", "2", "--rounds", "1"])
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(table) == 1 + 1 + len(attention.VARIANTS)
    assert all(float(line.split("|")[-2]) > 0 for line in table[2:])


@pytest.mark.parametrize("read", [False, True])
def test_a_step_leaves_a_gradient_in_every_weight(read):
    model = attention.StableDiffusion(pretrained=str(attention.BASE), fused_attention=False, encoders=False)
    attention._step(model, (attention.torch.float32, False, read), 2)()
    assert all(each.grad is not None for each in model.unet.parameters())
