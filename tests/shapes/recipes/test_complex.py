"""Complex: many objects with several attributes, of which two at most change."""

from collections import Counter

from lightning_compose.seeding import generator
from lightning_compose.shapes.recipes.complex import draft_complex
from lightning_compose.shapes.relations import holds

DRAFTS = [draft_complex(generator(0, "complex", index), "train") for index in range(120)]
DRAFTS = [draft for draft in DRAFTS if draft is not None]


def test_most_draws_succeed():
    assert len(DRAFTS) > 60


def test_one_or_two_objects_change():
    changes = Counter()
    for draft in DRAFTS:
        pairs = zip(draft.positive.objects, draft.negative.objects, strict=True)
        changed = [(old, new) for old, new in pairs if old != new]
        fields = {name for old, new in changed for name in old.__slots__ if getattr(old, name) != getattr(new, name)}
        assert len(changed) in (1, 2)
        assert fields <= {"x", "y"} or len(fields) == 1
        changes.update(fields - {"y"})
    assert set(changes) == {"x", "color", "texture", "shape"}


def test_attributes_and_relations_are_stated():
    for draft in DRAFTS:
        assert all(group.color for group in draft.description.groups)
        for relation in draft.description.relations:
            assert holds(relation.name, draft.positive, relation.subject, relation.object)
    assert {len(draft.positive.objects) for draft in DRAFTS} == {3, 4, 5}
    assert 0.3 < sum(bool(draft.description.relations) for draft in DRAFTS) / len(DRAFTS) < 0.9
    assert sum(any(group.texture for group in draft.description.groups) for draft in DRAFTS) > 0.8 * len(DRAFTS)
