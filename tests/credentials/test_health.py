"""Which credential rests, and for how long."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trioproxy.credentials.health import BACKOFF_CAP, EARLY_TRY, MOST_ENTRIES, RESTS, Health, Readiness, Trial
from trioproxy.errors import FACTS, ErrorKind, Failure, Fault


def failure(kind: ErrorKind, *, retry_after: float | None = None, account_wide: bool = False) -> Failure:
    return Failure(kind=kind, message="m", fault=Fault.UPSTREAM, retry_after=retry_after, account_wide=account_wide)


def readiness(health: Health, now: float, model: str = "m") -> Readiness:
    return health.standing("k", model, now).readiness


def test_every_kind_that_cools_has_a_rule_and_no_other() -> None:
    assert set(RESTS) == {kind for kind, facts in FACTS.items() if facts.cools}


@pytest.mark.parametrize(
    ("kind", "seconds", "firm"),
    [
        (ErrorKind.UNAUTHENTICATED, 1800, True),
        (ErrorKind.BILLING, 1800, True),
        (ErrorKind.FORBIDDEN, 1800, True),
        (ErrorKind.MODEL_NOT_FOUND, 300, False),
        (ErrorKind.RATE_LIMITED, 1, True),
        (ErrorKind.CLIENT_TIMEOUT, 60, False),
        (ErrorKind.INTERNAL, 60, False),
        (ErrorKind.UNREACHABLE, 60, False),
        (ErrorKind.TRUNCATED, 60, False),
        (ErrorKind.MALFORMED, 60, False),
        (ErrorKind.OVERLOADED, 60, False),
        (ErrorKind.TIMEOUT, 60, False),
    ],
)
def test_a_failure_rests_its_pair_and_the_rest_ends(kind: ErrorKind, seconds: float, firm: bool) -> None:
    health = Health()
    rest = health.failed("k", "m", failure(kind), 100)
    assert rest is not None
    assert (rest.until, rest.firm, rest.kind) == (100 + seconds, firm, kind)
    assert health.resting("k", "m", 100 + seconds - 0.001) == rest
    assert health.resting("k", "m", 100 + seconds) is None


@pytest.mark.parametrize("kind", [kind for kind, facts in FACTS.items() if not facts.cools])
def test_a_fault_of_the_request_rests_nobody(kind: ErrorKind) -> None:
    health = Health()
    assert health.failed("k", "m", failure(kind), 0) is None
    assert health.resting("k", "m", 0) is None


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        (ErrorKind.UNAUTHENTICATED, True),
        (ErrorKind.BILLING, True),
        (ErrorKind.FORBIDDEN, False),
        (ErrorKind.INTERNAL, False),
    ],
)
def test_only_what_is_about_the_account_rests_its_other_models(kind: ErrorKind, whole: bool) -> None:
    health = Health()
    health.failed("k", "m", failure(kind), 0)
    assert (health.resting("k", "other", 1) is not None) is whole
    assert health.resting("another", "m", 1) is None


def test_the_providers_hint_is_obeyed_and_capped() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=7), 0)
    rest = health.resting("k", "m", 6.9)
    assert rest is not None
    assert rest.until == 7
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=1_587_000), 0, cap=3600)
    rest = health.resting("k", "m", 1)
    assert rest is not None
    assert rest.until == 3600


def test_a_quota_without_a_hint_doubles_up_to_the_cap_and_success_forgets() -> None:
    health = Health()
    now, seen = 0.0, []
    for _ in range(14):
        rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED), now)
        assert rest is not None
        seen.append(rest.until - now)
        now = rest.until
    assert seen[:5] == [1, 2, 4, 8, 16]
    assert seen[-1] == BACKOFF_CAP
    health.succeeded("k", "m")
    rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED), now)
    assert rest is not None
    assert rest.until - now == 1


def test_failures_of_requests_already_under_way_do_not_escalate() -> None:
    health = Health()
    for now in (0.0, 0.1, 0.2):
        rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED), now)
        assert rest is not None
        assert rest.until == now + 1


def test_a_very_long_row_of_failures_stays_at_the_cap() -> None:
    health = Health()
    now = began = 0.0
    for _ in range(1100):
        rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED), now)
        assert rest is not None
        began, now = now, rest.until
    assert now - began == BACKOFF_CAP


def test_a_shorter_rest_does_not_replace_a_longer_firm_one() -> None:
    health = Health()
    firm = health.failed("k", "m", failure(ErrorKind.FORBIDDEN), 0)
    assert health.failed("k", "m", failure(ErrorKind.INTERNAL), 1) == firm
    assert health.resting("k", "m", 2) == firm


def test_a_firm_rest_replaces_a_soft_one() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.INTERNAL), 0)
    firm = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=5), 0)
    assert health.resting("k", "m", 1) == firm


def test_the_firm_rest_of_the_account_outranks_the_models_own() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.INTERNAL), 0, transient=10_000)
    account = health.failed("k", "m", failure(ErrorKind.BILLING), 0)
    assert health.resting("k", "m", 1) == account


def test_a_stumble_costs_what_the_settings_say() -> None:
    health = Health()
    assert health.failed("k", "m", failure(ErrorKind.INTERNAL), 0, transient=0) is None
    rest = health.failed("k", "m", failure(ErrorKind.INTERNAL), 0, transient=5)
    assert rest is not None
    assert rest.until == 5
    hinted = health.failed("k", "m", failure(ErrorKind.OVERLOADED, retry_after=9), 0, transient=5)
    assert hinted is not None
    assert hinted.until == 9


def test_success_clears_the_pair_and_its_account_and_nothing_else() -> None:
    health = Health()
    health.succeeded("k", "m")
    health.failed("k", "m", failure(ErrorKind.INTERNAL), 0)
    health.failed("k", "m", failure(ErrorKind.UNAUTHENTICATED), 0)
    health.failed("k", "n", failure(ErrorKind.FORBIDDEN), 0)
    health.succeeded("k", "m")
    assert health.resting("k", "m", 1) is None
    assert health.resting("k", "n", 1) is not None


def test_what_cools_is_listed_soonest_first_and_can_be_cleared() -> None:
    health = Health()
    health.failed("a", "m", failure(ErrorKind.FORBIDDEN), 0)
    health.failed("b", "m", failure(ErrorKind.INTERNAL), 0)
    health.failed("c", "m", failure(ErrorKind.RATE_LIMITED), 0)
    assert [rest.credential_id for rest in health.cooling(0.5)] == ["c", "b", "a"]
    assert [rest.credential_id for rest in health.cooling(30)] == ["b", "a"]
    assert health.clear("a") == 1
    assert health.clear("a") == 0
    assert health.clear() == 2  # the rest of c is over, but nobody has tried it
    assert health.spotless
    assert health.cooling(1) == []


def test_a_reload_forgets_credentials_that_are_gone() -> None:
    health = Health()
    health.failed("stays", "m", failure(ErrorKind.RATE_LIMITED), 0)
    health.failed("goes", "m", failure(ErrorKind.RATE_LIMITED), 0)
    health.keep({"stays", "new"})
    assert [rest.credential_id for rest in health.cooling(0)] == ["stays"]


def test_made_up_model_names_do_not_grow_the_tables_for_ever() -> None:
    health = Health()
    for number in range(MOST_ENTRIES + 50):
        health.failed("k", f"m{number}", failure(ErrorKind.RATE_LIMITED, retry_after=1000), 0)
    assert len(health.cooling(1)) <= MOST_ENTRIES
    assert health.resting("k", f"m{MOST_ENTRIES + 49}", 1) is not None


def test_a_quota_that_says_in_no_time_says_nothing() -> None:
    health = Health()
    rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=0), 0)
    assert rest is not None
    assert rest.until == 1


def test_what_a_plan_has_used_up_rests_every_model() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=9, account_wide=True), 0)
    assert readiness(health, 1, "another") is Readiness.RESTING


def test_after_the_rest_one_may_try_while_others_may_not() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10), 0)
    assert readiness(health, 9) is Readiness.RESTING
    assert not health.begin("k", "m", 9)
    assert readiness(health, 10) is Readiness.HALF_OPEN
    trial = health.begin("k", "m", 10)
    assert trial
    assert readiness(health, 11) is Readiness.TRIED
    assert not health.begin("k", "m", 11)
    assert health.resting("k", "m", 11) is None


def test_a_try_that_came_to_nothing_leaves_the_next_one_free() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10), 0)
    first = health.begin("k", "m", 10)
    first.end()
    assert readiness(health, 11) is Readiness.HALF_OPEN
    health.begin("k", "m", 11)
    first.end()
    assert readiness(health, 11) is Readiness.TRIED


def test_a_try_that_succeeds_lets_everybody_back() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10), 0)
    trial = health.begin("k", "m", 10)
    health.succeeded("k", "m", 10)
    trial.end()
    assert health.spotless
    assert readiness(health, 10) is Readiness.READY


def test_a_try_that_fails_rests_anew_and_longer() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED), 0)
    trial = health.begin("k", "m", 1)
    rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED), 1)
    trial.end()
    assert rest is not None
    assert rest.until == 3
    assert readiness(health, 2.9) is Readiness.RESTING


def test_a_hint_that_is_not_believed_is_tried_early() -> None:
    health = Health()
    rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=495_669), 0)
    assert rest is not None
    assert (rest.try_at, rest.until) == (EARLY_TRY, 3600)
    assert readiness(health, EARLY_TRY - 1) is Readiness.RESTING
    assert readiness(health, EARLY_TRY) is Readiness.HALF_OPEN
    trial = health.begin("k", "m", EARLY_TRY)
    assert readiness(health, EARLY_TRY) is Readiness.RESTING  # the hint may be right: nobody waits for the verdict
    health.failed("k", "m", failure(ErrorKind.TIMEOUT), EARLY_TRY + 10)
    trial.end()
    assert readiness(health, EARLY_TRY + 11) is Readiness.RESTING
    assert readiness(health, 2 * EARLY_TRY + 10) is Readiness.HALF_OPEN


def test_a_hint_that_is_believed_is_not_tried_early() -> None:
    health = Health()
    rest = health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=3000), 0)
    assert rest is not None
    assert rest.try_at == rest.until == 3000


def test_an_answer_to_an_older_request_ends_no_rest() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10), 5)
    health.succeeded("k", "m", 4)
    assert readiness(health, 6) is Readiness.RESTING
    health.succeeded("k", "m", 5)
    assert readiness(health, 6) is Readiness.READY


def test_the_try_of_a_pair_is_the_try_of_its_account_too() -> None:
    health = Health()
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10), 0)
    health.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10, account_wide=True), 0)
    trial = health.begin("k", "m", 10)
    assert readiness(health, 10, "another") is Readiness.TRIED
    trial.end()
    assert readiness(health, 10, "another") is Readiness.HALF_OPEN


class _Watched(RuleBasedStateMachine):
    """Whatever happens in whatever order: one try at a time, no rest beyond what may be, nothing left of what is cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.health = Health()
        self.now = 0.0
        self.trials: list[tuple[str, str, Trial]] = []

    keys = st.sampled_from(["a", "b"])
    models = st.sampled_from(["m", "n"])

    @rule(seconds=st.floats(0, 4000))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=keys, model=models)
    def somebody_asks(self, key: str, model: str) -> None:
        before = self.health.standing(key, model, self.now).readiness
        trial = self.health.begin(key, model, self.now)
        if before is Readiness.HALF_OPEN:
            assert trial
            assert self.health.standing(key, model, self.now).readiness > Readiness.HALF_OPEN
        if trial:
            self.trials.append((key, model, trial))

    @rule(outcome=st.sampled_from(["good", "bad", "gone"]))
    def a_try_ends(self, outcome: str) -> None:
        if not self.trials:
            return
        key, model, trial = self.trials.pop(0)
        match outcome:
            case "good":
                self.health.succeeded(key, model, self.now)
                assert self.health.standing(key, model, self.now).readiness is Readiness.READY
            case "bad":
                self.health.failed(key, model, failure(ErrorKind.RATE_LIMITED), self.now)
            case _:
                pass
        trial.end()

    @rule(
        key=keys,
        model=models,
        kind=st.sampled_from(sorted(RESTS, key=lambda kind: kind.value)),
        hint=st.none() | st.floats(0, 1e9),
        wide=st.booleans(),
    )
    def it_fails(self, key: str, model: str, kind: ErrorKind, hint: float | None, wide: bool) -> None:
        self.health.failed(key, model, failure(kind, retry_after=hint, account_wide=wide), self.now)

    @rule(key=st.none() | keys)
    def somebody_clears(self, key: str | None) -> None:
        self.health.clear(key)
        for each in ("a", "b") if key is None else (key,):
            assert each not in self.health.noted
            assert self.health.standing(each, "m", self.now).readiness is Readiness.READY

    @invariant()
    def no_rest_is_longer_than_may_be(self) -> None:
        for rest in self.health.cooling(self.now):
            assert rest.since <= rest.try_at <= rest.until <= rest.since + 3600
            assert self.health.standing(rest.credential_id, rest.model or "m", self.now).rest is not None

    @invariant()
    def what_is_noted_is_what_rests(self) -> None:
        for key in ("a", "b"):
            resting = [self.health.standing(key, model, self.now).rest for model in ("m", "n")]
            assert (key not in self.health.noted) == (resting == [None, None])


TestWhateverHappens = _Watched.TestCase
TestWhateverHappens.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def sharing() -> tuple[Health, Health, list[str]]:
    """Two that are told of each other's news by hand, and a word for each time that the first has some."""
    first, heard = Health(), list[str]()
    first.heed = lambda: heard.append("news")
    return first, Health(), heard


def test_what_one_finds_out_another_learns() -> None:
    first, second, heard = sharing()
    first.failed("k", "m", failure(ErrorKind.RATE_LIMITED), 0.0)
    first.failed("k", "m", failure(ErrorKind.RATE_LIMITED), 2.0)
    assert heard == ["news"] * 2
    (note,) = first.take_news()
    assert (first.take_news(), second.notes()) == ([], [])
    second.learn(note)
    assert second.resting("k", "m", 2.0) == first.resting("k", "m", 2.0)
    assert second.notes() == first.notes() == [note]
    assert "k" in second.noted
    # The strikes came along: its own next failure rests as long as the first's would.
    assert note.rest is not None
    assert second.failed("k", "m", failure(ErrorKind.RATE_LIMITED), 5.0) == attrs.evolve(
        note.rest, since=5.0, until=9.0, try_at=9.0
    )
    first.succeeded("k", "m")
    (over,) = first.take_news()
    assert over.rest is None
    second.learn(over)
    assert second.resting("k", "m", 5.0) is not None, "a rest that began later is not over"
    second.learn(attrs.evolve(over, since=5.0))
    assert (second.notes(), second.spotless, second.take_news()) == ([], True, [])
    second.learn(over)


def test_of_two_rests_the_firm_one_holds_and_of_equals_the_longer() -> None:
    first, second, _ = sharing()
    first.failed("k", "m", failure(ErrorKind.TIMEOUT), 0.0)
    (soft,) = first.take_news()
    first.failed("k", "m", failure(ErrorKind.RATE_LIMITED, retry_after=10), 0.0)
    (firm,) = first.take_news()
    for order in ((soft, firm), (firm, soft)):
        health = Health()
        for note in order:
            health.learn(note)
        assert [rest.firm for rest in health.cooling(0.0)] == [True]
    second.learn(firm)
    assert firm.rest is not None
    longer = attrs.evolve(firm, rest=attrs.evolve(firm.rest, until=30.0))
    second.learn(longer)
    second.learn(firm)
    assert [rest.until for rest in second.cooling(0.0)] == [30.0]


def test_what_a_look_or_an_operator_ends_is_news_too_and_only_where_somebody_heeds_it() -> None:
    first, second, heard = sharing()
    for health in (first, second):
        health.failed("a", "m", failure(ErrorKind.UNAUTHENTICATED), 0.0)
        health.failed("b", "m", failure(ErrorKind.TIMEOUT), 0.0)
        health.answered("a")
        assert health.clear() == 1
    assert sorted((note.credential_id, note.rest) for note in first.take_news()) == [("a", None), ("b", None)]
    assert (len(heard), second.take_news()) == (4, [])
