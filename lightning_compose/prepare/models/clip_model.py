"""What the roles of a CLIP share."""

from __future__ import annotations

from lightning_compose.prepare.models.batched import Batched
from lightning_compose.prepare.models.weights_name import weights_name


class ClipModel(Batched):
    """Holds a CLIP from a folder; a subclass names its role beside this class.

    Args:
        pretrained: Folder of a `CLIPModel` with its tokenizer.
        device: Such as ``"cuda"``.
        batch_size: Images that are looked at together.
        name: For the rows and the dataset card; None = the hub id, or the folder's name.
    """

    def __init__(self, pretrained: str, device: str = "cpu", batch_size: int = 32, name: str | None = None) -> None:
        from lightning_compose.evaluation.clip import Clip

        super().__init__(weights_name(pretrained, name), batch_size)
        self._clip = Clip(pretrained).to(device)
