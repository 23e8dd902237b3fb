"""Read attention probabilities out of fused attention, without ever building the whole map.

Shape legend of the package::

    b batch    a heads    q pixels    l text tokens    r columns
"""

from lightning_compose.capture.reading import reading_attention

__all__ = ["reading_attention"]
