"""Transcripts of unfinished calls: found again after a crash, gone once their call is written."""

import os
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest

import pipeline.call
import pipeline.conclusion
from pipeline.batch import process_call
from pipeline.errors import StageFailed
from pipeline.records import SpeakerTranscript, Word
from pipeline.transcription.kept import DAY_S, KeptTranscripts, key_of
from tests import factories

SAMPLE = Path(__file__).parents[2] / "sample_audio/calls/2026-03-02-maya-router.wav"
HEARD = SpeakerTranscript(
    words=(Word(word="Hello", start_s=0.0, end_s=0.5, probability=0.9),),
    language="en",
    dropped_words=0,
    coverage=1.0,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return platformdirs.user_state_path("callcoach") / "transcripts"


def kept(sha256: str = "call", **limits: float) -> KeptTranscripts:
    changed = [f"batch.transcript_cache_{name}={value}" for name, value in limits.items()]
    return KeptTranscripts(sha256, factories.settings(*changed).batch)


def never() -> SpeakerTranscript:
    raise AssertionError("was recognized again")


def test_found_again_until_forgotten(folder: Path) -> None:
    """The very same transcript comes back, and after the call is written nothing is left of it."""
    assert kept().get_or_make("k", lambda: HEARD) == HEARD
    assert kept().get_or_make("k", never) == HEARD
    (path,) = folder.iterdir()
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    kept("other").forget()
    assert path.exists()
    kept().forget()
    assert list(folder.iterdir()) == []


def test_a_damaged_file_is_made_again(folder: Path) -> None:
    """Half a file, or one of another version, is not believed."""
    kept().get_or_make("k", lambda: HEARD)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    assert kept().get_or_make("k", lambda: HEARD) == HEARD
    assert kept().get_or_make("k", never) == HEARD


def test_off(folder: Path) -> None:
    """With no room nothing is written at all."""
    assert kept(bytes=0).get_or_make("k", lambda: HEARD) == HEARD
    assert not folder.exists()


def test_room_and_age_are_limited(folder: Path) -> None:
    """The oldest goes first when there is no room; what is too old goes in any case."""
    for name in ("first", "second", "third"):
        kept(name).get_or_make("k", lambda: HEARD)
    size = next(folder.iterdir()).stat().st_size
    for index, name in enumerate(("first", "second", "third")):
        os.utime(folder / f"{name}.k.json", (time.time() - DAY_S * (3 - index),) * 2)
    kept("fourth", bytes=3 * size).get_or_make("k", lambda: HEARD)
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {"second", "third", "fourth"}
    kept("fifth", days=1.5).get_or_make("k", lambda: HEARD)
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {"third", "fourth", "fifth"}


def test_calls_that_are_never_written_are_forgotten(folder: Path) -> None:
    """What another call has left too long goes with the next call that is written; all of it without room."""
    for name in ("failed", "younger", "written"):
        kept(name).get_or_make("k", lambda: HEARD)
    os.utime(folder / "failed.k.json", (time.time() - DAY_S * 2,) * 2)
    kept("written", days=1.5).forget()
    assert [path.name for path in folder.iterdir()] == ["younger.k.json"]
    kept("written", bytes=0).forget()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_nothing(folder: Path) -> None:
    """The transcript is used all the same."""
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    assert kept().get_or_make("k", lambda: HEARD) == HEARD


def test_anything_that_it_depends_on_makes_another_key() -> None:
    """Sound, rate, speech, language, settings and weights."""
    sound, settings = np.zeros(80, np.float32), factories.settings().recognizer
    plain = (sound, 8000, [(0.0, 0.5)], "en", settings, "weights")
    others = (
        sound + 1,
        16000,
        [(0.0, 0.6)],
        "de",
        factories.settings("recognizer.beam_size=1").recognizer,
        "w",
    )
    keys = {key_of(*plain)}  # type: ignore[arg-type]
    for index, other in enumerate(others):
        keys.add(key_of(*plain[:index], other, *plain[index + 1 :]))  # type: ignore[arg-type]
    assert len(keys) == 1 + len(others)


def test_after_a_crash_nothing_is_recognized_again(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real model: a stage after the transcript fails, and the next try begins behind it."""
    settings = factories.settings("recognizer.model=tiny.en", "output.audio=none")
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise StageFailed("out of memory")

        patch.setattr(pipeline.conclusion, "judge", fail)
        assert process_call(SAMPLE, tmp_path / "out", settings).error == "out of memory"
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setattr(pipeline.call, "transcribe", never)
    assert process_call(SAMPLE, tmp_path / "out", settings).done
    assert list(folder.iterdir()) == []
