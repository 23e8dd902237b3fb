"""Silence what a user can do nothing about, so that what matters stands alone."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

WARNINGS = (
    r".*isinstance\(treespec, LeafSpec\).*",
    r".*does not have many workers.*",
    r".*smaller than the logging interval.*",
    r".*exists and is not empty.*",
    # The frozen encoders stay in evaluation mode, as they should.
    r".*in eval mode at the start of training.*",
    # Lightning calls them, and jsonargparse 5, which will lack them, is not allowed.
    r"(?s).*only one JsonargparseDeprecationWarning.*",
    r"(?s).*(add_instantiator|instantiate_classes|skip_none)\b.*was deprecated.*",
)
MESSAGES = {
    "lightning.pytorch.utilities.rank_zero": ("Tip:", "TPU available", "\nDetected KeyboardInterrupt"),
    "lightning.pytorch.trainer.connectors.signal_connector": ("Received SIGTERM",),
    "lightning.fabric.utilities.seed": ("Seed set to",),
    "transformers.utils.import_utils": ("requires torchvision (not installed)",),
}


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the libraries' advertising, and warnings that do not apply to this package."""
    for name in MESSAGES:
        logging.getLogger(name).addFilter(_is_wanted)
    try:
        with warnings.catch_warnings():
            for message in WARNINGS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for name in MESSAGES:
            logging.getLogger(name).removeFilter(_is_wanted)


def _is_wanted(record: logging.LogRecord) -> bool:
    return not any(unwanted in record.getMessage() for unwanted in MESSAGES[record.name])


@contextmanager
def without_loading_bars() -> Iterator[None]:
    """Hide the bars of reading components from a disk; those of downloads, which take minutes, stay.

    Imports torch.
    """
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    # Not its disable_progress_bar: that takes the downloads' bars away too.
    previous = transformers_logging.set_tqdm_hook(
        lambda bar, args, settings: bar(*args, **settings | {"disable": True})
    )
    try:
        yield
    finally:
        diffusers_logging.enable_progress_bar()
        transformers_logging.set_tqdm_hook(previous)
