"""What a linear map reads off the text encoder's tokens: who has which colour, and who is where.

python -m benchmarks.text_probe

The U-Net's cross-attention makes keys and values of the tokens by linear maps: what these do not find in a token, a
single layer does not get from it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from tqdm import tqdm
from transformers import AutoConfig, AutoTokenizer, CLIPTextModel, PreTrainedTokenizerBase

from lightning_compose.backbones.components import seeded
from lightning_compose.data.schema import Noun
from lightning_compose.data.tokens import token_mask
from lightning_compose.documentation import write_csv
from lightning_compose.evaluation.table import markdown
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.description import Description
from lightning_compose.shapes.generate import list_nouns
from lightning_compose.shapes.pairs import draw_pair

BASE = Path(__file__).parents[1] / "lightning_compose/assets/shapes-base"
SEED = 31  # of captions that no set of ours has
HEADER = ("where", "what", "caption of", "asked", "commonest answer", "random weights", "trained")

# Of a question: where its answer should be, what it is, and how many nouns the caption has.
Question = tuple[str, str, str]
# A caption's number, a token's, and the answer.
Asked = tuple[int, int, str]


def facts(description: Description, nouns: Sequence[Noun], offsets: Tensor) -> Iterator[tuple[Question, int, str]]:
    """Yield what a caption states, with a token that could know it.

    Args:
        description: What the caption states.
        nouns: As `list_nouns` returns them: the mask of a noun is the number of its group, or behind them the place.
        offsets: int ``[l, 2]``, the characters of every token; those of BOS and EOS are empty.

    Yields:
        Question, token and answer.
    """
    several = "several nouns" if len(description.groups) > 1 else "one noun"
    for noun in nouns:
        if noun.mask is None or noun.mask >= len(description.groups):
            continue
        group = description.groups[noun.mask]
        spans = [noun.spans[0], *(span for each in noun.attributes for span in each.spans)]
        last = int(token_mask(offsets, spans).nonzero().max())
        for name in ("shape", "color", "texture"):
            answer = getattr(group, name)
            if answer is not None:
                yield ("end of the phrase", name, several), last, answer
    for relation in description.relations[:1]:
        subject = description.groups[relation.subject].shape
        (target,) = (noun for noun in nouns if noun.mask == relation.object)
        tokens = {
            "last mention of the object": int(token_mask(offsets, target.spans[-1:]).nonzero().max()),
            "end of the caption": len(offsets) - 1,
        }
        for where, token in tokens.items():
            yield (where, "relation", several), token, relation.name
            yield (where, "relation and its subject", several), token, f"{subject} {relation.name}"


def draw(
    tokenizer: PreTrainedTokenizerBase, first: int, count: int
) -> tuple[list[list[int]], dict[Question, list[Asked]]]:
    """Draw pairs `first` to `first + count`; return the token ids of both captions of each, and all that they state."""
    ids: list[list[int]] = []
    asked: dict[Question, list[Asked]] = {}
    for index in range(first, first + count):
        pair = draw_pair(SEED, "train", index)
        for description in (pair.description, pair.negative_description):
            caption = phrase(description, pair.style)
            encoded = tokenizer(caption.text, return_offsets_mapping=True)
            offsets = torch.tensor(encoded["offset_mapping"])
            for question, token, answer in facts(description, list_nouns(caption), offsets):
                asked.setdefault(question, []).append((len(ids), token, answer))
            ids.append(encoded["input_ids"])
    return ids, asked


@torch.no_grad()
def encode(model: CLIPTextModel, ids: Sequence[Sequence[int]], batch_size: int = 256) -> list[Tensor]:
    """Return the last hidden states of every caption, ``[l, d]`` each."""
    states: list[Tensor] = []
    for start in tqdm(range(0, len(ids), batch_size), desc="captions", unit="batch"):
        rows = [torch.tensor(each) for each in ids[start : start + batch_size]]
        # Attention is causal: what stands behind the end changes nothing before it.
        hidden = model(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)).last_hidden_state
        states += [each[: len(row)].clone() for each, row in zip(hidden, rows, strict=True)]
    return states


def probe(features: Tensor, labels: Tensor, held_out: Tensor, iterations: int = 100) -> float:
    """Return how many held-out labels a linear map of the features finds, in [0, 1].

    Args:
        features: ``[n, d]``.
        labels: int64 ``[n]``.
        held_out: bool ``[n]``; logistic regression is fitted to the others.
        iterations: Of L-BFGS.
    """
    features = (features - features[~held_out].mean(dim=0)) / features[~held_out].std(dim=0).clamp(min=1e-6)
    weight = torch.zeros(features.shape[1], int(labels.max()) + 1, requires_grad=True)
    bias = torch.zeros(weight.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=iterations, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(features[~held_out] @ weight + bias, labels[~held_out])
        value = value + 1e-4 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    found = (features[held_out] @ weight + bias).argmax(dim=1) == labels[held_out]
    return found.float().mean().item()


def row(question: Question, asked: Sequence[Asked], towers: Mapping[str, Sequence[Tensor]]) -> tuple[str, ...]:
    """Return a row of the table: every fifth pair of captions is held out.

    Raises:
        ValueError: When none of those states what is asked.
    """
    answers = sorted({answer for _, _, answer in asked})
    labels = torch.tensor([answers.index(answer) for _, _, answer in asked])
    held_out = torch.tensor([caption // 2 % 5 == 0 for caption, _, _ in asked])
    if not held_out.any():
        raise ValueError(f"Expected a held-out caption that states {question}, got none. Draw more pairs.")
    commonest = Counter(labels[held_out].tolist()).most_common(1)[0][1] / int(held_out.sum())
    shares = [
        probe(torch.stack([states[caption][token] for caption, token, _ in asked]), labels, held_out)
        for states in towers.values()
    ]
    return (*question, str(int(held_out.sum())), *(f"{100 * each:.1f} %" for each in (commonest, *shares)))


def measure(pretrained: str | Path, pairs: int) -> list[tuple[str, ...]]:
    """Return a row a question, for a pipeline's text encoder with its own and with random weights."""
    tokenizer = AutoTokenizer.from_pretrained(Path(pretrained) / "tokenizer")
    folder = Path(pretrained) / "text_encoder"
    with seeded("text_probe"):
        random = CLIPTextModel(AutoConfig.from_pretrained(folder)).eval()
    trained = CLIPTextModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids, asked = draw(tokenizer, 0, pairs)
    towers = {"random weights": encode(random, ids), "trained": encode(trained, ids)}
    return [row(each, asked[each], towers) for each in sorted(asked)]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure what a text encoder's tokens tell a linear map.")
    parser.add_argument("--pretrained", default=str(BASE), help="a diffusers folder of a Stable Diffusion")
    parser.add_argument("--pairs", type=int, default=12_000, help="pairs of captions drawn; a fifth is held out")
    parser.add_argument("--csv", type=Path, help="a file that the table is written to, too")
    options = parser.parse_args(argv)
    rows = measure(options.pretrained, options.pairs)
    print(markdown([HEADER, *rows]))
    if options.csv:
        write_csv(options.csv, [dict(zip(HEADER, each, strict=True)) for each in rows])


if __name__ == "__main__":
    main()
