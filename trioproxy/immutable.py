"""Objects that nobody changes and every request makes a dozen of.

``attrs.frozen`` refuses a change while the program runs, and pays for that with a call a member whenever an object is made: a fortieth of what
a small request costs. What is :func:`immutable` is equal and hashed as such a one is; that nobody changes it is seen to by the type checker,
for which it is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as immutable
else:
    from functools import partial

    import attrs

    immutable = partial(attrs.define, unsafe_hash=True)

__all__ = ["immutable"]
