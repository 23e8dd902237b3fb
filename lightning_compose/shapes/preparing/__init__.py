"""The embedded world's own models for `prepare`: who writes, asks, judges and corrects without a download."""
