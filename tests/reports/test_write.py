"""Every file of a call is written whole, privately, and can be made again."""

import dataclasses
import json
from pathlib import Path

import pytest

from pipeline.errors import InputRejected
from pipeline.records import Analysis
from pipeline.reports import analysis_json, playback, write
from tests import factories

SETTINGS = factories.settings()


def short(call_id: str = "late-bill-001") -> Analysis:
    """The first lines of the call: encoding the whole of it would only cost time."""
    return factories.analysis(factories.LATE_BILL[:4], call_id=call_id, duration_s=16.0, rich=False)


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_all_files_of_the_contract(tmp_path: Path) -> None:
    """The names are fixed: people's scripts read them."""
    one = short()
    folder = write.write_call(one, factories.recording(one), tmp_path / "out", SETTINGS)
    assert folder == tmp_path / "out" / "late-bill-001"
    assert names(folder) == {
        "analysis.json", "report.html", "report.md", "transcript.vtt", "turns.rttm", "contact_lens.json",
        "audio.ogg", "sound.json",
    }  # fmt: skip
    assert analysis_json.loads((folder / "analysis.json").read_bytes()) == one
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    loudness = json.loads((folder / "contact_lens.json").read_text())["Transcript"][0]["LoudnessScore"]
    assert len(loudness) == 5
    assert max(loudness) > 40


def test_second_result_replaces_the_first(tmp_path: Path) -> None:
    """Files of an earlier result that the new one does not have are gone; a coach's own file stays."""
    one = short()
    folder = write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    (folder / "notes.txt").write_text("talked it over")
    silent = factories.settings("output.audio=none")
    write.write_call(one, factories.recording(one), tmp_path, silent, html=False)
    assert names(folder) == {
        "analysis.json", "report.md", "transcript.vtt", "turns.rttm", "contact_lens.json", "notes.txt",
        "sound.json",
    }  # fmt: skip
    assert names(tmp_path) == {"late-bill-001"}


def test_failed_write_leaves_the_first_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies while rendering leaves no part of a new result."""
    one = short()
    folder = write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    def dies(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr(write, "render_markdown", dies)
    with pytest.raises(MemoryError):
        write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
    assert names(tmp_path) == {"late-bill-001"}


@pytest.mark.parametrize(
    "call_id",
    [
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "..",
        ".",
        "",
        "CON",
        "naïve ☎",
        "x" * 300,
        "a\x00b",
        ".hidden",
        "dot.",
    ],
)
def test_folder_names_are_safe(call_id: str) -> None:
    """A call id comes from a file name or a table and must not leave the folder of the batch."""
    name = write.folder_name(call_id)
    assert Path(name).name == name
    assert name not in (".", "..", "")
    assert not name.startswith(".")
    assert len(name) <= 100
    assert name.isascii()
    assert name.isprintable()


def test_folder_names_are_the_id_where_possible_and_differ() -> None:
    """Ordinary ids are kept; two odd ones never share a folder."""
    assert write.folder_name("2026-03-02_call.17@x") == "2026-03-02_call.17@x"
    assert write.folder_name("a b") != write.folder_name("a/b")


def test_embedded_audio(tmp_path: Path) -> None:
    """By setting the page carries its sound."""
    one = short()
    embedded = factories.settings("output.audio=embedded")
    folder = write.write_call(one, factories.recording(one), tmp_path, embedded)
    assert 'src="data:audio/ogg;base64,T2dnUw' in (folder / "report.html").read_text()


def test_rerender_from_the_analysis(tmp_path: Path) -> None:
    """Reports come back from analysis.json and audio.ogg alone, and the analysis is left as it is."""
    one = short()
    folder = write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    kept = (folder / "analysis.json").read_bytes()
    before = (folder / "report.html").read_text()
    for name in ("report.html", "report.md", "transcript.vtt", "turns.rttm", "contact_lens.json"):
        (folder / name).unlink()
    assert write.rerender(folder, SETTINGS) == folder
    assert (folder / "analysis.json").read_bytes() == kept
    after = (folder / "report.html").read_text()
    assert after.count("<button") == before.count("<button")
    assert 'class="wave agent" d="M' in after


def test_rerender_draws_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of the sound is enough; where it does not fit the copy, that is decoded once and for all."""
    one = short()
    folder = write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    digest = (folder / "sound.json").read_bytes()
    loudness = (folder / "contact_lens.json").read_text()
    with monkeypatch.context() as patched:
        patched.delattr(playback, "read_digest")
        write.rerender(folder, SETTINGS)
    assert 'class="wave agent" d="M' in (folder / "report.html").read_text()
    assert (folder / "contact_lens.json").read_text() == loudness
    for spoilt in (None, b"{", digest.replace(b'"audio_bytes":', b'"audio_bytes":1')):
        (folder / "sound.json").unlink() if spoilt is None else (folder / "sound.json").write_bytes(spoilt)
        write.rerender(folder, SETTINGS)
        restored = playback.load_digest(
            (folder / "sound.json").read_bytes(), SETTINGS.output.waveform_points, audio_bytes(folder)
        )
        assert restored is not None


def audio_bytes(folder: Path) -> int:
    return (folder / "audio.ogg").stat().st_size


def test_rerender_without_audio(tmp_path: Path) -> None:
    """Without the playback copy there is a report without a player."""
    one = short()
    folder = write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    (folder / "audio.ogg").unlink()
    write.rerender(folder, SETTINGS)
    assert "<audio" not in (folder / "report.html").read_text()


def test_rerender_says_what_is_wrong(tmp_path: Path) -> None:
    """The message names the folder and what to do."""
    with pytest.raises(InputRejected, match=r"holds no analysis\.json; give the folder"):
        write.rerender(tmp_path, SETTINGS)
    (tmp_path / "analysis.json").write_text("{}")
    with pytest.raises(InputRejected, match="schema_version is None"):
        write.rerender(tmp_path, SETTINGS)


def test_damaged_audio_is_said(tmp_path: Path) -> None:
    """A half-copied playback copy names itself instead of a traceback."""
    folder = write.write_call(short(), None, tmp_path, SETTINGS)
    (folder / "audio.ogg").write_bytes(b"not a sound")
    with pytest.raises(InputRejected, match=r"audio\.ogg: cannot be decoded; remove it"):
        write.rerender(folder, SETTINGS)


def test_transcript_alone(tmp_path: Path) -> None:
    """A call that came as a transcript has every file but the sound."""
    folder = write.write_call(short(), None, tmp_path, SETTINGS)
    assert len(names(folder)) == 6
    assert "audio.ogg" not in names(folder)
    assert "<audio" not in (folder / "report.html").read_text()


def test_redacted_sound_is_not_written(tmp_path: Path) -> None:
    """With redactions the copy is silent there and the waveform is flat."""
    one = dataclasses.replace(short(), redactions=(factories.redaction(4.0, 12.0, 1),))
    folder = write.write_call(one, factories.recording(one), tmp_path, SETTINGS)
    peaks, _ = playback.read_digest(folder / "audio.ogg", 16, 16.0)
    assert peaks[:, 5:11].max() < 0.01
    assert peaks[0, 1:3].max() > 0.1


def test_empty_call(tmp_path: Path) -> None:
    """A recording without speech is written like any other."""
    one = dataclasses.replace(
        factories.empty(), call=dataclasses.replace(factories.empty().call, duration_s=2.0)
    )
    assert len(names(write.write_call(one, factories.recording(one), tmp_path, SETTINGS))) == 8
