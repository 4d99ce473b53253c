"""What a response came to, seen from the data of its events as they pass: its id, its output, how it ended."""

from __future__ import annotations

from trioproxy.wire.jsoncodec import JSON, JSONError, loads_object

__all__ = ["Outcome"]

_TERMINAL = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "error": "error",
}
# Deltas are nearly all there is, and nothing of theirs is needed: what holds none of these words is not parsed.
_TELLING = (b"output_item.done", b"response.completed", b"response.incomplete", b"response.failed", b'"error"')


class Outcome:
    """Watches one response. ``output`` are its items; ``ended`` is ``completed``, ``incomplete``, ``failed`` or ``error``, None before."""

    def __init__(self) -> None:
        self.response_id: str | None = None
        self.ended: str | None = None
        self._done: dict[int, JSON] = {}
        self._whole: list[JSON] = []

    @property
    def kept(self) -> bool:
        """Whether the response can be continued."""
        return self.response_id is not None and self.ended in ("completed", "incomplete")

    @property
    def output(self) -> list[JSON]:
        """The items of the response: those of its last event, where that has them all."""
        done = [self._done[index] for index in sorted(self._done)]
        return self._whole if len(self._whole) >= len(done) else done

    def see(self, data: bytes) -> None:
        """Take the data of one event. What is no event of a response is passed over."""
        if not any(word in data for word in _TELLING):
            return
        try:
            event = loads_object(data)
        except JSONError:
            return
        kind = event.get("type")
        if kind == "response.output_item.done":
            index = event.get("output_index")
            self._done[index if isinstance(index, int) else len(self._done)] = event.get("item")
        elif isinstance(kind, str) and kind in _TERMINAL:
            self.ended = _TERMINAL[kind]
            response = event.get("response")
            if isinstance(response, dict):
                response_id, output = response.get("id"), response.get("output")
                self.response_id = response_id if isinstance(response_id, str) else None
                self._whole = output if isinstance(output, list) else []
