"""The plugin in whole runs of pytest: what a suite sees of it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.support.raw_server import refusing_port
from tests.testing.making import chat_recording, save
from trioproxy.protocols.table import protocols
from trioproxy.testing import replaying, verdict

pytest_plugins = ["pytester"]

# A run within this one forgets what it imported: everything is imported before.
_EVERYTHING = (verdict, protocols())

# Where the package was installed before it had this plugin, the plugin is named.
NAMED = [] if entry_points(group="pytest11", name="trioproxy") else ["-p", "trioproxy.testing.plugin"]

CLIENT = """
import json
import urllib.error
import urllib.request

def ask(llm, said, model="m-1"):
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": said}]}
    headers = {"content-type": "application/json", "authorization": "Bearer sk-very-secret-key-000000"}
    request = urllib.request.Request(llm.openai_base_url + "/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite beside two recordings."""
    pytester.makepyfile(client=CLIENT)
    save(pytester.path / "fixtures" / "test_it", one=chat_recording("one", "un"), two=chat_recording("two", "deux"))
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_inprocess(*NAMED, "-p", "no:cacheprovider", "-W", "error", *arguments)


def test_a_test_asks_the_recordings_beside_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        from client import ask

        def test_both(llm_replay):
            assert llm_replay.base_url.startswith("http://127.0.0.1:")
            assert llm_replay.anthropic_base_url == llm_replay.gemini_base_url == llm_replay.base_url
            assert llm_replay.unused == ["one", "two"]
            status, body = ask(llm_replay, "two")
            assert status == 200
            assert '"deux"' in body
            assert llm_replay.unused == ["one"]
            [call] = llm_replay.calls
            assert (call.method, call.path, call.status, call.recording) == ("POST", "/v1/chat/completions", 200, "two")
            assert call.body["messages"][-1]["content"] == "two"
            assert call.headers["authorization"] == "REDACTED"
            assert "very-secret" not in repr(call)
            assert llm_replay.misses == []
        """
    )
    run(suite).assert_outcomes(passed=1)


def test_a_marker_says_which_recordings_and_how(suite: pytest.Pytester) -> None:
    save(suite.path / "other", only=chat_recording("three", "trois quatre cinq six"))
    suite.makepyfile(
        test_it="""
        import pytest
        from client import ask

        @pytest.mark.llm_replay("other", match="sequence", faults=["eof@2"])
        def test_faults(llm_replay):
            status, body = ask(llm_replay, "whatever")
            assert status == 200
            assert "quatre" in body
            assert "cinq" not in body
            assert '{"error":' in body
            assert "[DONE]" not in body

        @pytest.mark.llm_replay(folder="other", faults="status=429")
        def test_a_status(llm_replay):
            assert ask(llm_replay, "three")[0] == 429

        @pytest.mark.llm_replay("other", once=False)
        def test_again_and_again(llm_replay):
            assert [ask(llm_replay, "three")[0] for _ in range(3)] == [200] * 3

        @pytest.mark.llm_replay("other")
        def test_once(llm_replay):
            assert [ask(llm_replay, "three")[0] for _ in range(2)] == [200, 404]
            assert "each answers once" in llm_replay.misses[0].miss
        """
    )
    run(suite).assert_outcomes(passed=4)


def test_a_miss_is_told_to_the_client_and_in_the_report(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        from client import ask

        def test_it(llm_replay):
            status, body = ask(llm_replay, "onx")
            assert "The nearest is one." in body
            assert status == 200
        """
    )
    result = run(suite)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- Captured llm_replay call -*",
            "asked in vain of *test_it:",
            '*POST /v1/chat/completions: no recording matches *The nearest is one. It differs at last turn: recorded "one", asked "onx"*',
        ]
    )


def test_what_cannot_be_used_is_said_without_a_traceback(suite: pytest.Pytester) -> None:
    (suite.path / "broken").mkdir()
    (suite.path / "broken" / "bad.json").write_text('{"schema": "trioproxy-fixture/1", "requst": {}}', "utf-8")
    suite.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.llm_replay("nowhere")
        def test_no_folder(llm_replay): ...

        @pytest.mark.llm_replay("broken")
        def test_no_recording(llm_replay): ...

        @pytest.mark.llm_replay(faults="explode")
        def test_no_fault(llm_replay): ...

        @pytest.mark.llm_replay(match="perhaps")
        def test_no_match(llm_replay): ...

        @pytest.mark.llm_replay(spede=1)
        def test_no_option(llm_replay): ...
        """
    )
    result = run(suite)
    result.assert_outcomes(errors=5)
    result.stdout.fnmatch_lines(
        [
            "there is no folder of recordings at *nowhere. Record it: pytest --llm-record --llm-config FILE",
            "*bad.json is no recording: requst is not known; known here: *",
            "fault 'explode' is not known; known are *",
            "match is 'perhaps', expected one of *",
            "*takes a folder and match, speed, faults, once, ignore; it was given spede*",
        ]
    )
    result.stdout.no_fnmatch_line("*provider.py:*")


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist", "loadfile")])
def test_a_strict_run_fails_the_last_test_of_a_folder_that_leaves_some_unused(
    suite: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    suite.makepyfile(
        test_it="""
        from client import ask

        def test_first(llm_replay):
            ask(llm_replay, "one")

        def test_last(llm_replay):
            ask(llm_replay, "one")
        """
    )
    run(suite).assert_outcomes(passed=2)
    result = run(suite, "--llm-replay-strict", *arguments)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_last*", "recordings in *test_it that no test asked for:", "*two"])


def test_a_strict_run_passes_where_all_were_asked_for(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        from client import ask

        def test_first(llm_replay):
            ask(llm_replay, "one")

        def test_last(llm_replay):
            ask(llm_replay, "two")
        """,
        test_other="def test_nothing(): ...",
    )
    run(suite, "--llm-replay-strict").assert_outcomes(passed=3)


def test_asyncio_and_trio_tests_use_the_same_fixture(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\ntrio_mode = true")
    suite.makepyfile(
        test_it="""
        import asyncio
        import trio
        from client import ask

        def test_asyncio(llm_replay):
            status, _ = asyncio.run(asyncio.to_thread(ask, llm_replay, "one"))
            assert status == 200

        async def test_trio(llm_replay):
            status, _ = await trio.to_thread.run_sync(ask, llm_replay, "one")
            assert status == 200

        async def test_trio_by_another_clock(llm_replay, mock_clock):
            status, _ = await trio.to_thread.run_sync(ask, llm_replay, "one")
            assert status == 200
        """
    )
    run(suite).assert_outcomes(passed=3)


def test_workers_of_xdist_have_a_server_each(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import pytest
        from client import ask

        @pytest.mark.parametrize("number", range(6))
        def test_one(llm_replay, number):
            assert ask(llm_replay, "one")[0] == 200
        """
    )
    run(suite, "-n", "2").assert_outcomes(passed=6)


def test_nothing_is_left_behind_by_a_test_in_the_midst_of_an_answer(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import json
        import socket
        import pytest

        @pytest.mark.llm_replay(faults="stall@1")
        def test_stalled(llm_replay):
            body = json.dumps({"model": "m-1", "stream": True, "messages": [{"role": "user", "content": "one"}]})
            with socket.create_connection(("127.0.0.1", int(llm_replay.base_url.rpartition(":")[2]))) as client:
                head = f"POST /v1/chat/completions HTTP/1.1\\r\\nhost: t\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n"
                client.sendall((head + body).encode())
                assert client.recv(65536).startswith(b"HTTP/1.1 200")

        def test_never_asked(llm_replay): ...

        def test_raises(llm_replay):
            raise ValueError
        """
    )
    threads, files = set(threading.enumerate()), len(os.listdir("/dev/fd"))
    run(suite).assert_outcomes(passed=2, failed=1)
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert len(os.listdir("/dev/fd")) == files


def config(suite: pytest.Pytester, url: str) -> Path:
    text = f"""
api-keys: [client-key-of-ours]
openai-compatibility:
  - name: chat
    base-url: {url}/v1
    api-key-entries: [{{api-key: upstream-key-of-ours}}]
    models: [{{name: m-1, alias: best}}]
"""
    path = suite.path / "providers.yaml"
    path.write_text(text, "utf-8")
    return path


RECORDED = """
from client import ask

def test_it(llm_replay, monkeypatch):
    import json, urllib.request
    body = {"model": "best", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "one"}]}
    headers = {"content-type": "application/json", "x-api-key": llm_replay.api_key, "accept-encoding": "gzip"}
    request = urllib.request.Request(llm_replay.anthropic_base_url + "/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    assert "message_stop" in text
    assert '"un"' in text
    with urllib.request.urlopen(llm_replay.base_url + "/healthz") as answer:
        assert answer.status == 200
"""


def test_a_run_records_and_the_next_one_replays_without_a_provider(suite: pytest.Pytester) -> None:
    """Over a translated and renamed model, so that what is kept is the client's side."""
    suite.makepyfile(test_rec=RECORDED)
    with replaying(suite.path / "fixtures" / "test_it") as real:
        path = config(suite, real.base_url)
        result = run(suite, "test_rec.py", "--llm-record", "--llm-config", path.name)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["llm: recording from *providers.yaml"])
    [kept] = (suite.path / "fixtures" / "test_rec").rglob("*.json")
    assert kept.parent.name == "anthropic"
    text = kept.read_text("utf-8")
    assert "/v1/messages" in text
    assert '"model": "best"' in text
    assert "key-of-ours" not in text
    run(suite, "test_rec.py", "--llm-replay-strict").assert_outcomes(passed=1)


def test_the_short_option_and_the_ini_file(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_rec=RECORDED)
    suite.makeini("[pytest]\nllm_config = providers.yaml\nllm_redact =\n    o[nm]e\nllm_redact_fields = role")
    with replaying(suite.path / "fixtures" / "test_it") as real:
        config(suite, real.base_url)
        run(suite, "test_rec.py", "--record").assert_outcomes(passed=1)
    [kept] = (suite.path / "fixtures" / "test_rec").rglob("*.json")
    text = kept.read_text("utf-8")
    assert '"content": "REDACTED"' in text
    assert '"role": "REDACTED"' in text
    suite.makeini("[pytest]\nllm_config = providers.yaml\nllm_redact = (")
    result = run(suite, "test_rec.py", "--record")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*llm_redact holds what is no regular expression*"])


def test_an_option_of_another_plugin_stays_its_own(suite: pytest.Pytester) -> None:
    suite.makeconftest(
        """
        def pytest_addoption(parser):
            parser.addoption("--record", action="store_const", const="theirs")
        """
    )
    suite.makepyfile(test_it="def test_it(pytestconfig): assert pytestconfig.getoption('--record') == 'theirs'")
    run(suite, "test_it.py", "--record").assert_outcomes(passed=1)
    assert run(suite, "test_it.py", "--llm-record").ret == pytest.ExitCode.USAGE_ERROR


def test_what_says_nothing_of_the_question_is_not_recorded(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_rec="""
        from client import ask

        def test_it(llm_replay):
            ask(llm_replay, "one", "best")
        """
    )
    path = config(suite, f"http://127.0.0.1:{refusing_port()}")
    path.write_text(path.read_text("utf-8").replace("api-keys: [client-key-of-ours]", ""), "utf-8")
    result = run(suite, "test_rec.py", "--llm-record", "--llm-config", str(path))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["not everything was recorded:", "*POST /v1/chat/completions: no provider answered*"])
    assert not (suite.path / "fixtures" / "test_rec").exists()


def test_recording_needs_a_configuration_that_can_be_used(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_rec="def test_it(llm_replay): ...")
    assert run(suite, "test_rec.py", "--llm-record").ret == pytest.ExitCode.USAGE_ERROR
    result = run(suite, "test_rec.py", "--llm-record", "--llm-config", "nowhere.yaml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nowhere.yaml: can't be read*"])


def test_a_run_that_asks_for_nothing_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\ndef test_it():\n    heavy = {'trio', 'attrs', 'msgspec', 'h11', 'trioproxy.app'}\n"
        "    assert not heavy & set(sys.modules)\n",
        "utf-8",
    )
    quiet = ["-p", "no:trio", "-p", "no:anyio", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *NAMED, *quiet, "-q", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
