"""Recipes of the parts that the embedded world ships trained: the tokenizer and the autoencoder."""
