"""The embedded world's oracle: what an image shows, and whether that answers a prompt's questions rightly."""
