"""All protocols by name, and how paths find their endpoints."""

from __future__ import annotations

import pytest

from trioproxy.protocols.base import Operation
from trioproxy.protocols.table import MOUNTS, NAMES, Template, match, mounted, protocol, protocols


def test_every_folder_offers_the_protocol_of_its_name() -> None:
    assert tuple(protocols()) == NAMES
    assert all(each.name == name for name, each in protocols().items())
    assert all(protocol(name) is protocols()[name] for name in NAMES)
    with pytest.raises(KeyError):
        protocol("soap")


def test_every_protocol_generates() -> None:
    for each in protocols().values():
        assert Operation.GENERATE in {endpoint.operation for endpoint in each.endpoints}


def test_no_two_protocols_share_an_endpoint() -> None:
    paths = [(endpoint.method, endpoint.path) for each in protocols().values() for endpoint in each.endpoints]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/models/gemini-2.5:go", {"model": "gemini-2.5"}),
        ("/v1/models/a/b:go", {"model": "a/b"}),
        ("/v1/models/a%2Fb:go", {"model": "a/b"}),
        ("/v1/models/a:b:go", {"model": "a:b"}),
        ("/v1/models/%E6%98%A5:go", {"model": "春"}),
        ("/v1/models/a%20b:go", {"model": "a b"}),
        ("/v1/models/:go", None),
        ("/v1/models/a:stop", None),
        ("/v1/models/a:go/", None),
        ("/v1/models/a//b:go", None),
        ("/v1/models/./a:go", None),
        ("/v1/models/a/..:go", None),
        ("/v1/models/%2e%2e:go", None),
        ("/v1/models/a%2F%2Fb:go", None),
        ("/v1/models/a%5Cb:go", None),
        ("/v1/models/a%0Ab:go", None),
        ("/v1/models/a\nb:go", None),
        ("/v1/models/a%7Fb:go", None),
        ("/v1/models/%FF:go", None),
        ("/v1/models/a%:go", None),
        ("/v1/models/a%2:go", None),
        ("/v1%2Fmodels/a:go", None),
    ],
)
def test_a_parameter_is_plain_text_or_the_path_is_not_ours(path: str, params: dict[str, str] | None) -> None:
    assert Template("/v1/models/{model}:go").match(path) == params


def test_a_template_without_parameters_is_taken_to_the_letter() -> None:
    template = Template("/v1/a.b")
    assert template.match("/v1/a.b") == {}
    assert template.match("/v1/axb") is None


@pytest.mark.parametrize(
    ("path", "bare", "names"),
    [
        ("/v1/messages", "/v1/messages", NAMES),
        ("/backend-api/codex/responses", "/responses", ("openai_responses",)),
        ("/api/provider/google/v1beta1/publishers/google/models/m:x", "/v1beta/models/m:x", ("gemini",)),
        ("/api/provider/google/v1beta1/models/m:x", "/v1beta/models/m:x", ("gemini",)),
        ("/api/provider/google/v1beta/models/m:x", "/v1beta/models/m:x", ("gemini",)),
        ("/backend-api/codex", "/backend-api/codex", NAMES),
        ("/api/provider/openaix/v1/responses", "/api/provider/openaix/v1/responses", NAMES),
    ],
)
def test_a_mount_is_taken_off(path: str, bare: str, names: tuple[str, ...]) -> None:
    place = mounted(path)
    assert (place.path, place.names) == (bare, names)


def test_every_mount_leads_somewhere() -> None:
    for mount in MOUNTS:
        for name in mount.names:
            endpoint = protocol(name).endpoints[0].path.replace("{model}", "m")
            path = mount.prefix + endpoint.removeprefix(mount.onto)
            assert [found.protocol.name for found in match(path)] == [name]


def test_a_path_without_its_version_is_found() -> None:
    for path in ("/messages", "/v1/messages"):
        [found] = match(path)
        assert (found.protocol.name, found.endpoint.path) == ("anthropic", "/v1/messages")
    assert match("/v1/v1/messages") == ()


def test_parameters_are_found_with_their_endpoint() -> None:
    [found] = match("/v1beta/models/team/model-1:generateContent")
    assert found.protocol.name == "gemini"
    assert found.params == {"model": "team/model-1"}
