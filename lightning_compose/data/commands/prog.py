"""How a user calls these commands."""

PROG = "python -m lightning_compose shards"
