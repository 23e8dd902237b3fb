"""Measurements of the package beside references: run from the repository's root."""

import os

# Before torch is imported: OpenMP's idle threads spin, and slow whatever runs beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Advice to install torchvision, and a line for each start of a profile.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("KINETO_LOG_LEVEL", "6")
