"""A diffusers folder of Stable Diffusion 3 medium in its published size, without weights."""

from pathlib import Path

from benchmarks.full_size import write_configs


def write_sd3_configs(folder: Path) -> Path:
    """Write the configs that the computation of memory is made with."""
    return write_configs("sd3-medium", folder)
