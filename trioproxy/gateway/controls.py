"""The table of what is answered here and by no provider."""

from __future__ import annotations

from trioproxy import __version__
from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.gateway import explaining, figures, management, models, status
from trioproxy.gateway.control import Access, Control, ControlCall
from trioproxy.gateway.exchange import RequestHead
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.protocols.table import Template, mounted

__all__ = ["CONTROLS", "find_controls"]


def _alive(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    return json_reply({"status": "ok"})


def _banner(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    return json_reply(
        {
            "message": f"trioproxy {__version__}",
            "endpoints": [
                "POST /v1/chat/completions",
                "POST /v1/responses",
                "POST /v1/messages",
                "POST /v1beta/models/{model}:generateContent",
                "POST /v1beta/models/{model}:streamGenerateContent",
                "GET /v1/models",
                "GET /v1/providers",
                "GET /v1/capabilities",
                "GET /v1/routing/explain",
                "GET /v1/metrics/providers",
                "GET /metrics",
                "GET /healthz",
                "GET /readyz",
            ],
        }
    )


_PUT = ("PUT",)
_MANAGED = "/v0/management"

CONTROLS = (
    Control(path="/", answer=_banner, access=Access.ANYBODY),
    Control(path="/healthz", answer=_alive, access=Access.ANYBODY),
    Control(path="/health", answer=_alive, access=Access.ANYBODY),
    Control(path="/readyz", answer=status.ready, access=Access.ANYBODY),
    Control(path="/v1/metrics", answer=figures.exposition, access=Access.NEARBY),
    Control(path="/v1/metrics/providers", answer=figures.providers, access=Access.NEARBY),
    Control(path="/v1/models", answer=models.models),
    Control(path="/v1/models/{model}", answer=models.model),
    Control(path="/v1beta/models", answer=models.models),
    Control(path="/v1beta/models/{model}", answer=models.model),
    Control(path="/v1alpha/models", answer=models.models),
    Control(path="/v1alpha/models/{model}", answer=models.model),
    Control(path="/v1/capabilities", answer=status.capabilities),
    Control(path="/v1/routing/explain", answer=explaining.explained),
    Control(path="/v1/providers", answer=status.providers),
    Control(path="/v1/providers/{name}/enabled", answer=status.enabled),
    Control(path="/v1/providers/{name}/enabled", answer=status.switch, methods=_PUT),
    Control(path="/v1/providers/{name}/models", answer=status.models_of),
    Control(path="/v1/providers/{name}/capabilities", answer=status.capabilities_of),
    Control(path="/v1/providers/{name}/status", answer=status.status_of),
    Control(path="/v1/providers/{name}", answer=status.provider),
    Control(path=f"{_MANAGED}/config", answer=management.config, access=Access.MANAGER),
    Control(path=f"{_MANAGED}/credentials", answer=management.credentials, access=Access.MANAGER),
    Control(
        path=f"{_MANAGED}/credentials/{{name}}/enabled",
        answer=management.switch,
        methods=_PUT,
        access=Access.MANAGER,
    ),
    Control(
        path=f"{_MANAGED}/providers/{{name}}/enabled",
        answer=status.switch,
        methods=_PUT,
        access=Access.MANAGER,
    ),
    Control(path=f"{_MANAGED}/explain", answer=explaining.explained, access=Access.MANAGER),
    Control(path=f"{_MANAGED}/cooldowns", answer=management.cooldowns, access=Access.MANAGER),
    Control(
        path=f"{_MANAGED}/cooldowns", answer=management.clear_cooldowns, methods=("DELETE",), access=Access.MANAGER
    ),
    Control(path=f"{_MANAGED}/usage", answer=management.usage, access=Access.MANAGER),
)

_TEMPLATES = tuple((control, Template(control.path)) for control in CONTROLS)


def find_controls(head: RequestHead) -> tuple[ControlCall, ...]:
    """The endpoints of this table that the path names, each with its methods. Where several templates fit, the first in the table counts."""
    spellings = mounted(head.path).spellings
    found: list[ControlCall] = []
    for control, template in _TEMPLATES:
        if found and control.path != found[0].control.path:
            continue
        for spelling in spellings:
            params = template.match(spelling)
            if params is not None:
                found.append(ControlCall(control=control, head=head, params=params))
                break
    return tuple(found)
