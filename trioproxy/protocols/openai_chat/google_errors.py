"""What Google says in the errors of its compatible endpoint: a list of one error in the form of its own API, whose details hold the reason
and the time to wait (https://cloud.google.com/apis/design/errors#error_details).

Refuses to know: what kind of failure follows, which is for ``errors.py`` to say.
"""

from __future__ import annotations

import attrs

from trioproxy.protocols.retry_after import read_duration
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["GoogleDetails", "google_details", "unlisted"]


@attrs.frozen(kw_only=True)
class GoogleDetails:
    """The reason (``API_KEY_INVALID``), the field that is at fault, and the seconds to wait; None for what is not said."""

    reason: str | None = None
    field: str | None = None
    delay: float | None = None


def unlisted(document: JSON) -> JSON:
    """The error itself where it is the only one of a list."""
    return document[0] if isinstance(document, list) and len(document) == 1 else document


def google_details(error: Object) -> GoogleDetails:
    """What ``details`` say."""
    details = error.get("details")
    found = GoogleDetails()
    for each in details if isinstance(details, list) else []:
        match each:
            case {"@type": str() as kind, "reason": str() as reason} if kind.endswith("ErrorInfo"):
                found = attrs.evolve(found, reason=reason)
            case {"@type": str() as kind, "retryDelay": str() as delay} if kind.endswith("RetryInfo"):
                found = attrs.evolve(found, delay=read_duration(delay))
            case {"fieldViolations": [{"field": str() as field}, *_]}:
                found = attrs.evolve(found, field=field)
            case _:
                pass
    return found
