"""Settings that must hold before torch is imported, and what several tests share."""

import os

# OpenMP's idle threads spin: on two cores that makes small operations ten times slower beside a second process.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
