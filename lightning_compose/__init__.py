"""Teach text-to-image diffusion models to compose."""

__version__ = "0.1.0"
