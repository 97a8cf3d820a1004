"""Which files a run takes."""

import os
from pathlib import Path

import pytest

from pipeline.audio.discover import discover, why_unreadable
from pipeline.errors import InputRejected


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_folders_are_searched_sorted_and_without_hidden_files(tmp_path: Path) -> None:
    """Protects the order of a batch and leaves alone what is no recording."""
    _touch(
        tmp_path,
        "b.WAV",
        "a.mp3",
        "sub/deep/c.opus",
        ".hidden.wav",
        ".trash/d.wav",
        "calls.csv",
        "a.json",
        "e.txt",
    )
    found = [path.relative_to(tmp_path).as_posix() for path in discover([tmp_path])]
    assert found == ["a.mp3", "b.WAV", "sub/deep/c.opus"]


def test_a_file_that_is_named_is_taken_whatever_its_name(tmp_path: Path) -> None:
    """Protects recordings with unusual extensions: the user's word counts."""
    _touch(tmp_path, "call.dat", ".hidden.wav")
    files = [tmp_path / "call.dat", tmp_path / ".hidden.wav"]
    assert discover(files) == files


def test_each_file_is_taken_once_in_the_order_given(tmp_path: Path) -> None:
    """Protects against analyzing a call twice when folder and file are both named."""
    _touch(tmp_path, "a.wav", "b.wav")
    assert discover([tmp_path / "b.wav", tmp_path, tmp_path / "b.wav"]) == [
        tmp_path / "b.wav",
        tmp_path / "a.wav",
    ]


def test_results_of_an_earlier_run_are_no_calls(tmp_path: Path) -> None:
    """Protects against analyzing playback copies when results lie beside the calls."""
    _touch(tmp_path, "a.wav", "out/a/analysis.json", "out/a/audio.ogg")
    assert discover([tmp_path]) == [tmp_path / "a.wav"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """Protects a run from a folder that contains itself."""
    _touch(tmp_path, "a.wav")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert discover([tmp_path]) == [tmp_path / "a.wav"]


def test_what_is_called_as_a_recording_is_but_cannot_be_one(tmp_path: Path) -> None:
    """A recording whose disk is gone is no quiet night: it is given, to be refused with its reason."""
    _touch(tmp_path, "a.wav", "folder.wav/b.wav")
    (tmp_path / "gone.WAV").symlink_to(tmp_path / "missing.wav")
    (tmp_path / "gone.vtt").symlink_to(tmp_path / "missing.vtt")
    (tmp_path / "itself.mp3").symlink_to(tmp_path / "itself.mp3")
    (tmp_path / "device.ogg").symlink_to("/dev/null")
    (tmp_path / "other.txt").symlink_to(tmp_path / "missing.txt")
    (tmp_path / "linked.wav").symlink_to(tmp_path / "a.wav")
    os.mkfifo(tmp_path / "pipe.flac")
    os.mkfifo(tmp_path / "pipe.json")
    found = {path.name: why_unreadable(path) or "" for path in discover([tmp_path])}
    assert sorted(name for name, why in found.items() if "link that leads to no file" in why) == [
        "gone.WAV",
        "itself.mp3",
    ]
    assert sorted(name for name, why in found.items() if "is not a file" in why) == [
        "device.ogg",
        "pipe.flac",
    ]
    assert sorted(name for name, why in found.items() if not why) == ["a.wav", "b.wav", "linked.wav"]
    assert discover([tmp_path / "gone.WAV"]) == [tmp_path / "gone.WAV"]


def test_a_link_to_a_transcript_that_is_gone(tmp_path: Path) -> None:
    """Captions alone are a call, so a link to captions that are gone is told, too."""
    (tmp_path / "gone.vtt").symlink_to(tmp_path / "missing.vtt")
    assert discover([tmp_path]) == [tmp_path / "gone.vtt"]


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    """Protects against a misspelled folder that looks like an empty batch."""
    with pytest.raises(InputRejected, match=r"missing: does not exist"):
        discover([tmp_path / "missing"])


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    """Protects the night on which nobody called."""
    assert discover([tmp_path]) == []


def test_transcripts_beside_recordings(tmp_path: Path) -> None:
    """Captions and metadata of a recording are no calls of their own; a transcript alone is one."""
    _touch(tmp_path, "a.wav", "a.vtt", "b.wav", "c.vtt", "out/analysis.json", "out/transcript.vtt")
    metadata, turns = '{"agent_id": "maya"}', '{"agent_id": "maya", "turns": []}'
    for name in ("a.json", "b.wav.json", "c.json", "other.json"):
        (tmp_path / name).write_text(metadata)
    for name in ("d.json", "e.json"):
        (tmp_path / name).write_text(turns)
    _touch(tmp_path, "e.vtt")
    (tmp_path / "broken.json").write_text("{")
    expected = ["a.wav", "b.wav", "c.vtt", "d.json", "e.json"]
    assert [path.name for path in discover([tmp_path])] == expected


def test_sidecars_that_a_shell_lists_are_no_calls(tmp_path: Path) -> None:
    """``analyze folder/*`` takes the recordings; a file that nothing explains is kept, to be refused."""
    _touch(tmp_path, "a.wav", "b.wav", "c.vtt")
    for name in ("a.json", "b.wav.json", "c.json", "other.json"):
        (tmp_path / name).write_text('{"agent_id": "maya"}')
    found = discover(sorted(tmp_path.iterdir()))
    assert [path.name for path in found] == ["a.wav", "b.wav", "c.vtt", "other.json"]
