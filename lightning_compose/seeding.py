"""Random numbers that depend on what they are for, never on what was drawn before them.

Every draw is named by (seed, stream, index): the index is the sample's place in the whole run, so the numbers
survive a change of workers, of ranks, and a resume. The global generators are never touched.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, stream: str, index: int = 0) -> np.random.Generator:
    """Return a fresh generator for one draw.

    Args:
        seed: The run's seed.
        stream: What the numbers are for, such as ``"noise"``; two streams are independent.
        index: Which of the stream's draws, in ``[0, 2**64)``: mostly the global sample index.

    The generator is counter-based (Philox; Salmon et al., 2011): no state to store, no warm-up, no collisions.
    """
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype=np.uint64)
    # The upper words of the counter are the index, the lower ones count the numbers drawn from it.
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, index, 0]))
