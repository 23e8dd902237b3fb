"""A set's features: what the frozen encoders make of its images and captions, computed once and kept beside it."""

from lightning_compose.data.cache.reader import FeatureCache

__all__ = ["FeatureCache"]
