"""What each part is worth: arms times seeds, run, measured and told on a page."""
