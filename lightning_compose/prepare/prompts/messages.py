"""An order for prompts, in words for a language model: subject, rules, templates, examples, what there is already."""

from __future__ import annotations

from lightning_compose.prepare.models.writer import Order
from lightning_compose.prepare.prompts.category_guides import GUIDES, SUBJECTS, Guide
from lightning_compose.prepare.prompts.drafts import PromptDraft, PromptDrafts
from lightning_compose.prepare.prompts.stage_rules import STAGE_RULES

SYSTEM = """\
You write prompts for text-to-image models, in plain English. Each prompt has a negative: a prompt of an image that \
differs from the first one as little as possible, so that it does not match the first prompt.
Prompts show things that a camera could see, no text, no brands, no names of people, nothing abstract.
They never repeat each other: vary objects, attributes and places widely, common and rare ones.
Answer in JSON."""


def writing_messages(order: Order) -> list[dict[str, str]]:
    """Return the messages that ask a language model for drafts: the rules, an answer by example, the order.

    Raises:
        ValueError: When there is no guide to prompts of this stage and category.
    """
    guide = _guide(order)
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": _request(order, guide, len(guide.examples))},
        {"role": "assistant", "content": _answer(guide)},
        {"role": "user", "content": f"{_request(order, guide, order.count)}{_avoid(order)}"},
    ]


def _guide(order: Order) -> Guide:
    guide = GUIDES.get((order.stage, order.category))
    if guide is None:
        known = [f"{stage}/{category}" for stage, category in GUIDES]
        raise ValueError(f"Expected prompts of one of {known}, got {order.stage}/{order.category}. Set its count to 0.")
    return guide


def _request(order: Order, guide: Guide, count: int) -> str:
    rule = STAGE_RULES[order.stage]
    return (
        f"Write {count} prompts, each with its negative.\n"
        f"Subject: {SUBJECTS[order.category]}.\n"
        f"Content: {rule.content}.\n"
        f"Templates, not to be followed word by word: {' | '.join(guide.templates)}\n"
        f"Length: one sentence of at most {rule.max_words} words.\n"
        f"Negative: {rule.negative}"
    )


def _answer(guide: Guide) -> str:
    drafts = [PromptDraft(prompt=prompt, negative_prompt=negative) for prompt, negative in guide.examples]
    return PromptDrafts(drafts=drafts).model_dump_json()


def _avoid(order: Order) -> str:
    if not order.avoid:
        return "\nDo not repeat the examples."
    listed = "\n".join(f"- {prompt}" for prompt in order.avoid)
    return f"\nDo not repeat the examples, nor any of these, which there are already:\n{listed}"
