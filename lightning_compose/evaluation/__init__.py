"""Benchmarks of composition: prompts with questions, judges of images, scores a prompt, and comparisons of two runs."""
