"""The embedded world: coloured, textured shapes on backgrounds, with captions, masks and contrastive pairs."""
