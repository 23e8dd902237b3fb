"""The step `verify`: which candidate shows its prompt, and correcting the prompts that none shows."""
