"""Samples, shards and the DataModule that streams them."""
