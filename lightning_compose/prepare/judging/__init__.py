"""What images show, by a judge that answers questions: what the steps `verify` and `negatives` share."""
