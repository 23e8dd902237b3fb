"""What became of the prompts, on one page."""
