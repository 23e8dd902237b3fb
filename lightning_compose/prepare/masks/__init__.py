"""The step `masks`: the nouns of each caption, and where its positive shows them."""
