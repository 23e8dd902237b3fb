"""How a contrastive pair of each category is made."""
