"""Behaviours beside the training: pictures, checkpoints, progress."""
