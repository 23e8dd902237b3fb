"""From prompts to shards of pairs: steps over a workspace of JSON lines and images, each resumable."""
