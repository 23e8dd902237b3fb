"""Metrics of composition, a file each; they are fed verdicts, pixels and tokens, and know neither judges nor models."""
