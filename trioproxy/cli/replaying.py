"""A configuration whose one provider is a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import attrs

from trioproxy.app import App
from trioproxy.cli.configuration import fail, read_text
from trioproxy.config.model import ModelEntry, Snapshot
from trioproxy.errors import ProxyError
from trioproxy.upstream.matching import MatchMode
from trioproxy.upstream.question import Question
from trioproxy.upstream.replay import read_folder
from trioproxy.wire.jsoncodec import dumps

__all__ = ["replaying_app"]


def replaying_app(
    folder: Path,
    *,
    speed: float,
    match: str,
    host: str | None = None,
    port: int | None = None,
    fault: str | None = None,
) -> App:
    """An app that answers from ``folder``; ends the command where the folder can't be used. Any model may be asked for; those that were
    recorded are listed."""
    provider = {"type": "replay", "folder": str(folder.resolve()), "speed": speed}
    text = dumps({"providers": {"replay": provider}}).decode()
    snapshot = read_text(text, "the recordings", host=host, port=port)
    try:
        app = App.of(_arranged(snapshot, folder, MatchMode(match)))
        app.fault = fault
        app.open_folders()
    except ProxyError as error:
        fail(error.failure.message)
    return app


def _arranged(snapshot: Snapshot, folder: Path, match: MatchMode) -> Snapshot:
    asked = {Question.of(fixture.request).model for fixture in read_folder(folder).values()}
    models = tuple(ModelEntry(name=model, alias=model) for model in sorted(asked) if model)
    return attrs.evolve(
        snapshot,
        credentials=tuple(
            attrs.evolve(credential, replay_match=match.value, models=models, open_names=True)
            for credential in snapshot.credentials
        ),
    )
