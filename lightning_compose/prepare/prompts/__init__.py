"""The step `prompts`: drafts of a writer, chosen until every stage and category has its number."""
