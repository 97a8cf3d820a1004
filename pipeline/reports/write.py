"""Writing everything of one call into its folder, and rendering its reports again."""

import base64
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av

from pipeline import files
from pipeline.errors import InputRejected, SettingsError
from pipeline.records import Analysis, Recording, Turn
from pipeline.reports import analysis_json, captions, contact_lens, playback
from pipeline.reports.html import render_call
from pipeline.reports.markdown import render_markdown
from pipeline.reports.naming import folder_name
from pipeline.reports.playback import Peaks
from pipeline.reports.view import channel_of, roles_of
from pipeline.settings import Settings
from pipeline.texts import load_texts
from pipeline.wording import reworded

ANALYSIS = "analysis.json"
AUDIO = "audio.ogg"
PDF = "report.pdf"
DIGEST = "sound.json"
CALL_FILES = (
    AUDIO,
    "report.html",
    "report.md",
    "transcript.vtt",
    "turns.rttm",
    "contact_lens.json",
    DIGEST,
    ANALYSIS,  # last: a folder without it is unfinished
)
ORIGINAL_WORDS = "turns.json"
PRIVATE = files.Modes(file=0o600, folder=0o700)


@dataclass(frozen=True, slots=True)
class Sound:
    """What the reports of a call show and play of its sound."""

    peaks: Peaks | None
    levels_db: contact_lens.Levels
    audio_href: str | None


NO_SOUND = Sound(peaks=None, levels_db={}, audio_href=None)


def write_call(
    analysis: Analysis, recording: Recording | None, out: Path, settings: Settings, *, html: bool = True
) -> Path:
    """Write all files of a call to ``out/<call_id>/`` and return that folder.

    Without a recording (a transcript alone was analyzed) there is no sound in what is written.

    They are made in a hidden folder beside it. A new call appears in one step; over an earlier result the
    files are replaced one by one, ``analysis.json`` being away until the last.
    """
    modes = files.Modes.of(settings.output)
    files.make_folder(out, modes)
    target = out / folder_name(analysis.call.call_id)
    staging = Path(tempfile.mkdtemp(prefix=files.part_prefix(target.name), suffix=files.PART, dir=out))
    try:
        staging.chmod(modes.folder)
        sound = NO_SOUND
        if recording is not None and recording.samples.size:
            sound = _sound(analysis, recording, staging, settings, modes)
        _write_reports(analysis, sound, staging, settings, modes, html=html)
        files.write_bytes(staging / ANALYSIS, analysis_json.dumps(analysis), modes)
        _publish(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def keep_original(
    call_id: str, recording: Recording | None, turns: Sequence[Turn], settings: Settings
) -> Path | None:
    """Write words and sound of a call as they were, where ``redaction.original_dir`` is set; says where.

    Without a recording there are only words.
    """
    if not settings.redaction.original_dir:
        return None
    folder = Path(settings.redaction.original_dir) / folder_name(call_id)
    files.make_folder(folder, PRIVATE)
    folder.chmod(PRIVATE.folder)  # it may be an earlier one that was opened to others
    words = [asdict(turn) for turn in turns]
    files.write_text(folder / ORIGINAL_WORDS, json.dumps(words, ensure_ascii=False, indent=1) + "\n", PRIVATE)
    if recording is not None and recording.samples.size:
        with files.atomic_path(folder / AUDIO, PRIVATE) as path:
            playback.write_opus(
                recording.samples, recording.sample_rate_hz, path, settings.output.audio_bitrate_bps
            )
    return folder


def refuse_originals_among_reports(out: Path, settings: Settings) -> None:
    """Reports are passed on, folders and all: what was taken out of them must not lie beside them.

    Raises:
        SettingsError: ``redaction.original_dir`` is, holds, or is inside the folder of the reports.
    """
    if not settings.redaction.original_dir:
        return
    original, reports = Path(settings.redaction.original_dir).resolve(), out.resolve()
    if original.is_relative_to(reports) or reports.is_relative_to(original):
        raise SettingsError(f"redaction.original_dir: {original} must be apart from the reports in {reports}")


def read_call(folder: Path) -> Analysis:
    """The analysis in ``folder``.

    Raises:
        InputRejected: there is none, or this version cannot read it.
    """
    try:
        return analysis_json.loads((folder / ANALYSIS).read_bytes())
    except FileNotFoundError as error:
        raise InputRejected(f"{folder}: holds no {ANALYSIS}; give the folder of one analyzed call") from error
    except InputRejected as error:
        raise InputRejected(f"{folder}: {error}") from error


def rerender(folder: Path, settings: Settings, changed: Analysis | None = None) -> Path:
    """Make the reports in ``folder`` again from its ``analysis.json``; sound is drawn from its digest.

    ``changed`` replaces the analysis, last of all; there is then no HTML report where there was none.

    Raises:
        InputRejected: there is no analysis or this version cannot read it, or the sound is damaged.
    """
    modes = files.Modes.of(settings.output)
    analysis = changed or reworded(read_call(folder), load_texts(settings.output.language))
    sound = _stored_sound(analysis, folder, settings, modes)
    files.sweep(folder)
    html = changed is None or (folder / "report.html").exists()
    _write_reports(analysis, sound, folder, settings, modes, html=html)
    if changed is not None:
        files.write_bytes(folder / ANALYSIS, analysis_json.dumps(changed), modes)
    return folder


def _sound(
    analysis: Analysis, recording: Recording, folder: Path, settings: Settings, modes: files.Modes
) -> Sound:
    """Encode the playback copy into ``folder`` and digest the sound; redacted spans are silent in both."""
    output = settings.output
    muted = [(each.start_s, each.end_s) for each in analysis.redactions]
    peaks = playback.waveform_peaks(recording.samples, output.waveform_points)
    peaks = playback.mute_peaks(peaks, recording.duration_s, muted)
    peaks, levels = playback.rounded(
        peaks, playback.second_levels_db(recording.samples, recording.sample_rate_hz)
    )
    href = None
    if output.audio != "none":
        audio = folder / AUDIO
        with files.atomic_path(audio, modes) as path:
            playback.write_opus(
                recording.samples, recording.sample_rate_hz, path, output.audio_bitrate_bps, muted
            )
        href = _href(audio, settings)
    files.write_bytes(folder / DIGEST, playback.dump_digest(peaks, levels, _size(folder / AUDIO)), modes)
    return Sound(peaks, _by_role(analysis, levels), href)


def _stored_sound(analysis: Analysis, folder: Path, settings: Settings, modes: files.Modes) -> Sound:
    """The sound as its digest has it; where that is missing, it is made from the playback copy."""
    audio, points = folder / AUDIO, settings.output.waveform_points
    size = _size(audio)
    digest = folder / DIGEST
    found = playback.load_digest(digest.read_bytes(), points, size) if digest.is_file() else None
    if found is None and size is None:
        return NO_SOUND
    if found is None:
        try:
            found = playback.rounded(*playback.read_digest(audio, points, analysis.call.duration_s))
        except av.FFmpegError as error:
            raise InputRejected(f"{audio}: cannot be decoded; remove it or analyze the call again") from error
        files.write_bytes(digest, playback.dump_digest(*found, size), modes)
    return Sound(found[0], _by_role(analysis, found[1]), None if size is None else _href(audio, settings))


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _href(audio: Path, settings: Settings) -> str | None:
    """How a report reaches the playback copy."""
    if settings.output.audio == "embedded":
        return "data:audio/ogg;base64," + base64.b64encode(audio.read_bytes()).decode()
    return AUDIO if settings.output.audio == "beside" else None


def _by_role(analysis: Analysis, levels_db: playback.Levels) -> contact_lens.Levels:
    """Levels of each role's own channel, or of the one channel that both share."""
    last = levels_db.shape[0] - 1
    return {role: levels_db[min(channel_of(analysis, role) or 0, last)] for role in roles_of(analysis)}


def _write_reports(
    analysis: Analysis, sound: Sound, folder: Path, settings: Settings, modes: files.Modes, *, html: bool
) -> None:
    """Write what is derived from the analysis; not the analysis itself."""
    dialect = contact_lens.document(analysis, settings.output, sound.levels_db)
    texts = {
        "transcript.vtt": captions.vtt(analysis, settings.output),
        "turns.rttm": captions.rttm(analysis),
        "contact_lens.json": json.dumps(dialect, ensure_ascii=False, allow_nan=False, indent=1) + "\n",
        "report.md": render_markdown(analysis, settings),
    }
    if html:
        texts["report.html"] = render_call(analysis, sound.peaks, sound.audio_href, settings)
    for name, content in texts.items():
        files.write_text(folder / name, content, modes)


def _publish(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        files.sync(target.parent)
        return
    files.sweep(target)
    (target / ANALYSIS).unlink(missing_ok=True)
    for name in CALL_FILES:
        if (staging / name).exists():
            (staging / name).replace(target / name)
        else:
            (target / name).unlink(missing_ok=True)  # of the earlier result; it would contradict this one
    files.sync(target)
