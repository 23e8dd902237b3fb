from lightning_compose.prepare.models.writer import Draft
from lightning_compose.prepare.prompts.near_duplicates import KnownTexts
from lightning_compose.prepare.prompts.orders import Orders
from lightning_compose.prepare.prompts.selection import Selection

COLOR, SHAPE = ("single", "color"), ("single", "shape")


def make(wanted, **options):
    selection = Selection(wanted, 0.8, KnownTexts(0.8))
    return selection, Orders(selection, **{"seed": 0, "per_order": 2, "avoid": 2, "patience": 2, **options})


def bring(selection, orders, order, *things):
    orders.tell(order, selection.take(order, [Draft(f"A red {each}.", f"A blue {each}.") for each in things], "m"))


def test_a_round_orders_of_each_what_it_lacks():
    selection, orders = make({COLOR: 3, SHAPE: 1})
    color, shape = orders.next_round()
    assert [(each.stage, each.category, each.count) for each in (color, shape)] == [(*COLOR, 2), (*SHAPE, 1)]
    bring(selection, orders, color, "cup", "hat")
    bring(selection, orders, shape, "fan")
    (rest,) = orders.next_round()
    assert (rest.category, rest.count, rest.avoid) == ("color", 1, ("A red cup.", "A red hat."))
    bring(selection, orders, rest, "box")
    assert orders.next_round() == []


def test_only_the_newest_are_named_to_avoid():
    selection, orders = make({COLOR: 9}, avoid=1)
    bring(selection, orders, orders.next_round()[0], "cup", "hat")
    assert orders.next_round()[0].avoid == ("A red hat.",)


def test_no_prompt_need_be_avoided():
    selection, orders = make({COLOR: 9}, avoid=0)
    bring(selection, orders, orders.next_round()[0], "cup", "hat")
    assert orders.next_round()[0].avoid == ()


def test_seeds_differ_by_round_category_and_seed_and_repeat():
    def seeds(seed):
        _, orders = make({COLOR: 3, SHAPE: 1}, seed=seed)
        return [order.seed for _ in range(2) for order in orders.next_round()]

    assert len({*seeds(0), *seeds(1)}) == 8
    assert seeds(0) == seeds(0)
    assert all(0 <= each < 2**31 for each in seeds(0))


def test_what_brings_nothing_new_is_left_after_some_patience():
    selection, orders = make({COLOR: 3})
    for things in (["cup"], ["cup"], ["hat"], ["cup"], ["cup"]):
        bring(selection, orders, orders.next_round()[0], *things)
    assert orders.next_round() == []
