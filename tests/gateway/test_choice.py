"""The order in which candidates are asked."""

from __future__ import annotations

from math import inf

from tests.support.houses import snapshot_of
from trioproxy.config.model import Limits, Strategy
from trioproxy.config.routed import Candidate, Routed
from trioproxy.config.routes import route
from trioproxy.credentials.health import Health
from trioproxy.credentials.meters import Holder, Measure, Over
from trioproxy.credentials.selection import Counters
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.choice import Barred, line_up, nobody_left

ENTRY = '  - {{name: {name}, base-url: "http://{name}.test/v1", priority: {priority}, api-key-entries: [{keys}], models: [{{name: m}}]}}\n'


def routed(*tiers: int) -> Routed:
    """A model with so many credentials in each tier, the best tier first: ``t0#1``, ``t0#2``, ``t1#1`` ..."""
    text = "openai-compatibility:\n"
    for number, count in enumerate(tiers):
        keys = ", ".join(f"{{api-key: k{number}{key}}}" for key in range(count))
        text += ENTRY.format(name=f"t{number}", priority=10 - number, keys=keys)
    return route(snapshot_of(text), protocol="openai_chat", model="m")


def labels(candidates: list[Candidate]) -> list[str]:
    return [candidate.credential.label for candidate in candidates]


def failed(kind: ErrorKind, retry_after: float | None = None) -> Failure:
    return Failure(kind=kind, message="m", fault=Fault.UPSTREAM, retry_after=retry_after)


def test_equals_rotate_inside_their_tier() -> None:
    turns, health, model = Counters(), Health(), routed(3, 2)
    orders = [labels(line_up(model, Strategy.ROUND_ROBIN, turns, health, 0).queue) for _ in range(4)]
    assert orders == [
        ["t0#1", "t0#2", "t0#3", "t1#1", "t1#2"],
        ["t0#2", "t0#3", "t0#1", "t1#2", "t1#1"],
        ["t0#3", "t0#1", "t0#2", "t1#1", "t1#2"],
        ["t0#1", "t0#2", "t0#3", "t1#2", "t1#1"],
    ]


def test_fill_first_does_not_rotate() -> None:
    turns, health, model = Counters(), Health(), routed(2)
    for _ in range(3):
        assert labels(line_up(model, Strategy.FILL_FIRST, turns, health, 0).queue) == ["t0#1", "t0#2"]


def test_who_rests_firmly_is_left_out_and_who_stumbled_comes_last() -> None:
    health, model = Health(), routed(3, 1)
    one, two, three, _ = (candidate.credential.id for candidate in model.candidates)
    health.failed(one, "m", failed(ErrorKind.RATE_LIMITED, 50), 0)
    health.failed(two, "m", failed(ErrorKind.INTERNAL), 0)
    health.failed(three, "m", failed(ErrorKind.OVERLOADED, 5), 0)
    assert labels(line_up(model, Strategy.FILL_FIRST, Counters(), health, 1).queue) == ["t1#1", "t0#3", "t0#2"]


def test_when_all_rest_firmly_the_soonest_is_told() -> None:
    health, model = Health(), routed(2)
    one, two = (candidate.credential.id for candidate in model.candidates)
    health.failed(one, "m", failed(ErrorKind.RATE_LIMITED, 50), 0)
    health.failed(two, "m", failed(ErrorKind.FORBIDDEN), 0)
    lineup = line_up(model, Strategy.ROUND_ROBIN, Counters(), health, 10)
    assert lineup.queue == []
    failure = nobody_left(model, lineup.barred, 10, 1000).failure
    assert (failure.kind, failure.retry_after, failure.code) == (ErrorKind.MODEL_COOLDOWN, 40, "model_cooldown")
    assert (failure.resets_at, failure.provider, failure.model) == (1040, "t0", "m")
    assert "forbidden, rate_limited" in failure.message
    assert "all 2 credentials" in failure.message


def test_a_rest_that_is_nearly_over_still_asks_for_a_second() -> None:
    health, model = Health(), routed(1)
    health.failed(model.candidates[0].credential.id, "m", failed(ErrorKind.RATE_LIMITED, 10), 0)
    barred = line_up(model, Strategy.ROUND_ROBIN, Counters(), health, 9.9).barred
    failure = nobody_left(model, barred, 9.9, 0).failure
    assert failure.retry_after == 1
    assert "its only credential is" in failure.message


def test_only_where_nobody_ever_could_too_much_was_asked() -> None:
    model = routed(2)
    holder = Holder("k", "k", Limits(max_tokens_per_request=10, concurrent=1))
    never, busy = Over(holder, Measure.REQUEST_TOKENS, inf), Over(holder, Measure.CONCURRENT)
    one, two = model.candidates
    failure = nobody_left(model, [Barred(one, never), Barred(two, never)], 0, 0).failure
    assert (failure.kind, failure.param, failure.lasting) == (ErrorKind.RATE_LIMITED, "max_tokens", True)
    failure = nobody_left(model, [Barred(one, never), Barred(two, busy)], 0, 0).failure
    assert (failure.kind, failure.retry_after, failure.lasting) == (ErrorKind.MODEL_COOLDOWN, 1, False)


def test_who_comes_as_the_last_place_gets_free_is_told_to_come_again() -> None:
    failure = nobody_left(routed(1), [], 0, 1000).failure
    assert (failure.kind, failure.retry_after, failure.resets_at) == (ErrorKind.MODEL_COOLDOWN, 1, 1001)
