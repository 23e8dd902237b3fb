"""What a language model's answer must look like: prompts with their negatives, as pydantic models."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PromptDraft(BaseModel):
    """A prompt and its negative."""

    prompt: str = Field(description="What the image shows, in one sentence.")
    negative_prompt: str = Field(description="The same sentence with one difference that anybody can see.")


class PromptDrafts(BaseModel):
    """As many drafts as were asked for."""

    drafts: list[PromptDraft] = Field(min_length=1)
