"""Sets of WebDataset tars with an index beside them: written, indexed and read here, and nowhere else."""

from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.indexing import index_shards
from lightning_compose.data.shards.reader import ShardSet
from lightning_compose.data.shards.writer import ShardWriter

__all__ = ["ShardError", "ShardSet", "ShardWriter", "index_shards"]
