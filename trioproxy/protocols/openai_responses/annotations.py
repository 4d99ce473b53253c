"""Annotations of an output text (``url_citation`` and its kin) and the hub's citations, in both directions."""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.neutral.extras import packed, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation
from trioproxy.protocols.openai_responses.fields import refusal
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_annotation", "read_annotations", "write_annotation"]


def read_annotation(annotation: Object) -> Citation:
    """One annotation. The whole of it is noted for our own writer: most kinds (``file_citation``, ``container_file_citation``,
    ``file_path``) name files that only the provider knows."""
    title = annotation.get("title") or annotation.get("filename")
    start, end = annotation.get("start_index"), annotation.get("end_index")
    url = annotation.get("url")
    return Citation(
        url=url if isinstance(url, str) else None,
        title=title if isinstance(title, str) else None,
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        extras=packed(NAME, {}, spelling={"annotation": annotation}),
    )


def read_annotations(annotations: Sequence[JSON], path: str) -> tuple[Citation, ...]:
    """The annotations of a text that a client sent back.

    Raises:
        ClientFault: one of them is no object.
    """
    for number, each in enumerate(annotations):
        if not isinstance(each, dict):
            raise refusal(f"{path}[{number}]", "an object")
    return tuple(read_annotation(each) for each in annotations)


def write_annotation(citation: Citation, length: int, losses: list[Loss], path: str) -> Object | None:
    """The annotation of a citation; None, and a Loss, where it names nothing but a passage. ``length`` is that of the text so far: where
    the offsets are unknown the whole of it is meant."""
    noted = spelling(citation.extras, NAME).get("annotation")
    if noted is not None:
        return dict(noted)
    if citation.url is None:
        losses.append(
            Loss(f"{path}.citations", "an annotation names a URL or a file of the provider, and this one names neither")
        )
        return None
    if citation.cited_text is not None:
        losses.append(Loss(f"{path}.citations.cited_text", "an annotation does not quote its source"))
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start if citation.start is not None else 0,
        "end_index": citation.end if citation.end is not None else length,
    }
