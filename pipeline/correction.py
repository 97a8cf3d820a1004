"""What a user has said about who the agent of a recording is; it holds when that is analyzed again."""

import dataclasses
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.audio.discover import CORRECTION_FILE
from pipeline.errors import InputRejected
from pipeline.files import Modes, write_bytes
from pipeline.records import Analysis, Correction, Metadata
from pipeline.reports.naming import folder_name
from pipeline.reports.view import channel_of

_ADAPTER: TypeAdapter[Correction] = TypeAdapter(Correction)


def keep(analysis: Analysis, folder: Path, modes: Modes) -> None:
    """Write beside an analysis that its agent is the agent of the recording."""
    spoken = [
        each
        for each in (analysis.speech.segments or analysis.transcript.turns)  # of a transcript alone
        if each.speaker == "agent"
    ]
    correction = Correction(
        sha256=analysis.call.sha256,
        agent_channel=channel_of(analysis, "agent"),
        agent_speech=tuple((round(each.start_s, 3), round(each.end_s, 3)) for each in spoken),
    )
    write_bytes(folder / CORRECTION_FILE, _ADAPTER.dump_json(correction) + b"\n", modes)


def corrected(metadata: Metadata, out: Path, sha256: str) -> Metadata:
    """Metadata with what was corrected of this very recording, if anything was.

    Raises:
        InputRejected: the file is not what it should be; it is never passed over in silence.
    """
    path = out / folder_name(metadata.call_id) / CORRECTION_FILE
    try:
        found = _ADAPTER.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return metadata
    except (OSError, ValidationError) as error:
        raise InputRejected(f"{path}: is not a correction; remove it and swap the roles again") from error
    return dataclasses.replace(metadata, correction=found) if found.sha256 == sha256 else metadata
