"""The step `negatives`: an image that violates the caption and is otherwise like the positive."""
