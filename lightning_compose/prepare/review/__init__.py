"""The step `review`: people look at the pairs, and pack leaves out what most of them reject."""
