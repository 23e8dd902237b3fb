"""The page on which annotators vote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from lightning_compose.prepare.review.queue import Queue, Queues
from lightning_compose.prepare.review.view import FINISHED, STYLE, pair_view, progress
from lightning_compose.prepare.review.votes import Answer

TITLE = "Review of pairs"
BUTTONS: tuple[tuple[Answer, str], ...] = (("yes", "Yes (y)"), ("no", "No (n)"), ("skip", "Cannot say (s)"))
# Keys do what the buttons do, but in a field of text, and with Ctrl or Alt, where they mean something else.
KEYS = """
<script>
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), textarea");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const names = {y: "#yes", n: "#no", s: "#skip", u: "#undo", m: "#masks input"};
  document.querySelector(names[event.key.toLowerCase()] ?? "#none")?.click();
});
</script>
"""
# Whoever loads the page again comes back to the queue.
REMEMBER = """(name) => {
  history.replaceState(null, "", "?annotator=" + encodeURIComponent(name.trim()));
  return [name];
}"""
SILENT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def open_page(queues: Queues, host: str, port: int) -> tuple[gr.Blocks, str]:
    """Serve the page, in threads of their own.

    Args:
        queues: Of all annotators.
        host: Address to listen at.
        port: Likewise.

    Returns:
        What closes it, and its address.

    Raises:
        OSError: When somebody listens there already.
    """
    page = _page(queues)
    _, address, _ = page.launch(
        server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, show_error=True, share=False,
        ssr_mode=False, footer_links=[], css=STYLE, head=KEYS,
    )  # fmt: skip
    return page, address


def _page(queues: Queues) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False, title=TITLE) as page:
        name, start, entrance = _entrance()
        with gr.Column(visible=False) as booth:
            view = gr.HTML(elem_id="view")
            with gr.Row():
                buttons = [gr.Button(text, elem_id=answer) for answer, text in BUTTONS]
                undo = gr.Button("Undo (u)", elem_id="undo")
            masks = gr.Checkbox(label="Masks (m)", elem_id="masks")
        # They come back with a vote, which then tells who gave it, and which pair was seen. What is not in the page at
        # all loses its value.
        who, shown = (gr.Textbox(visible="hidden") for _ in range(2))
        pair: list[Any] = [view, shown, masks]
        for (answer, _), button in zip(BUTTONS, buttons, strict=True):
            button.click(_voting(queues, answer), [who, shown], pair, **SILENT)
        undo.click(_undoing(queues), [who, shown], pair, **SILENT)
        masks.input(_masking(queues), [who, masks], pair, **SILENT)
        page.load(_arriving(queues), None, [*pair, who, entrance, booth], **SILENT)
        for enter in (start.click, name.submit):
            enter(_starting(queues), [name], [*pair, who, entrance, booth], js=REMEMBER, **SILENT)
    return page


def _entrance() -> tuple[gr.Textbox, gr.Button, gr.Row]:
    with gr.Row() as entrance:
        name = gr.Textbox(label="Your name", elem_id="name")
        start = gr.Button("Start", elem_id="start")
    return name, start, entrance


def _arriving(queues: Queues) -> Callable[..., list[Any]]:
    def arrive(request: gr.Request) -> list[Any]:
        name = str(request.query_params.get("annotator", ""))
        return _entered(queues, name) if name else [gr.skip() for _ in range(6)]

    return arrive


def _starting(queues: Queues) -> Callable[..., list[Any]]:
    def start(name: str) -> list[Any]:
        return _entered(queues, name)

    return start


def _voting(queues: Queues, answer: Answer) -> Callable[..., list[Any]]:
    def vote(name: str, shown: str) -> list[Any]:
        queue = _queue(queues, name)
        queue.vote(shown, answer)
        return _seen(queue)

    return vote


def _undoing(queues: Queues) -> Callable[..., list[Any]]:
    def undo(name: str, shown: str) -> list[Any]:
        queue = _queue(queues, name)
        queue.undo(shown)
        return _seen(queue)

    return undo


def _masking(queues: Queues) -> Callable[..., list[Any]]:
    def mask(name: str, with_masks: bool) -> list[Any]:
        return _seen(_queue(queues, name), with_masks)

    return mask


def _entered(queues: Queues, name: str) -> list[Any]:
    return [*_seen(_queue(queues, name)), name, gr.update(visible=False), gr.update(visible=True)]


def _seen(queue: Queue, with_masks: bool = False) -> list[Any]:
    """Return the view, the key of its pair and whether it has masks."""
    pair = queue.current()
    bar = progress(queue.done(), len(queue))
    if pair is None:
        return [f'{bar}<p class="question">{FINISHED}</p>', "", False]
    return [bar + pair_view(pair, queue.left(pair), with_masks), pair.key, with_masks]


def _queue(queues: Queues, name: str) -> Queue:
    try:
        return queues.of(name)
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error
