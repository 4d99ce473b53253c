"""Token counts of one exchange, in one arithmetic.

OpenAI and Gemini count cached tokens inside the input, Anthropic beside it; OpenAI and Anthropic count reasoning inside the
output, Gemini beside it. Here: ``input`` is everything that was read (cache reads and writes included), ``output`` everything
that was written (reasoning included); the others are parts of these two. Readers convert on the way in, writers on the way out.
"""

from __future__ import annotations

from trioproxy.immutable import immutable

__all__ = ["Usage"]


@immutable(kw_only=True)
class Usage:
    """Token counts; None where the provider did not say. ``cache_read`` and ``cache_write`` are inside ``input``,
    ``reasoning`` is inside ``output``. ``tier`` is the tier of service they are billed at: ``default``, ``flex``,
    ``priority``, ``scale`` or ``batch``."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    tier: str | None = None

    @property
    def total(self) -> int:
        """Input and output, an unknown count being 0."""
        return (self.input or 0) + (self.output or 0)

    def updated(self, later: Usage) -> Usage:
        """This report replaced, field by field, by what a later report of the same stream knows (reports are cumulative)."""
        return Usage(
            input=later.input if later.input is not None else self.input,
            output=later.output if later.output is not None else self.output,
            cache_read=later.cache_read if later.cache_read is not None else self.cache_read,
            cache_write=later.cache_write if later.cache_write is not None else self.cache_write,
            reasoning=later.reasoning if later.reasoning is not None else self.reasoning,
            tier=later.tier if later.tier is not None else self.tier,
        )
