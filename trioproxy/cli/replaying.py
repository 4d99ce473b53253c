"""A configuration whose one provider is a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import attrs

from trioproxy.app import App
from trioproxy.cli.configuration import fail, read_text
from trioproxy.config.model import ModelEntry, Replay
from trioproxy.errors import ProxyError
from trioproxy.upstream.question import Question
from trioproxy.upstream.replay import read_folder
from trioproxy.wire.jsoncodec import dumps

__all__ = ["replaying_app"]


def replaying_app(replay: Replay, *, host: str | None = None, port: int | None = None, anonymous: bool = False) -> App:
    """An app that answers from a folder; ends the command where that can't be used. Any model may be asked for; those that were recorded are
    listed. With ``anonymous`` it may listen where others than this machine can ask."""
    document = {
        "allow-anonymous": anonymous,
        "providers": {"replay": {"type": "replay", "folder": replay.folder}},
    }
    snapshot = read_text(dumps(document).decode(), "the recordings", host=host, port=port)
    try:
        recorded = read_folder(Path(replay.folder))
        asked = {Question.of(fixture.request).model for fixture in recorded.values()}
        models = tuple(ModelEntry(name=model, alias=model) for model in sorted(asked) if model)
        credentials = tuple(
            attrs.evolve(credential, replay=replay, models=models, open_names=True)
            for credential in snapshot.credentials
        )
        app = App.of(attrs.evolve(snapshot, credentials=credentials))
        app.open_folders()
    except ProxyError as error:
        fail(error.failure.message)
    return app
