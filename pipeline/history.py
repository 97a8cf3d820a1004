"""What a call has to do with its agent's earlier calls: their baseline before it, its own figures after."""

import dataclasses
from datetime import UTC, datetime

from pipeline.audio.line import line_type
from pipeline.errors import StoreUnavailable
from pipeline.planning import started_utc
from pipeline.records import Analysis, Baseline, Metadata, Quality, QualityWarning, Recording
from pipeline.settings import Settings
from pipeline.texts import Text, load_texts
from pipeline.wording import worded


class History:
    """The store as one call sees it; a failure of the store is kept as a warning and never raised.

    A transcript alone has no recording: nothing is compared with earlier voices, or kept for later ones.
    """

    def __init__(
        self, recording: Recording | None, metadata: Metadata, settings: Settings, agent_channel: int | None
    ) -> None:
        self._recording = recording
        self._metadata = metadata
        self._settings = settings
        corrected = metadata.correction.agent_channel if metadata.correction else None
        given = (corrected, agent_channel, metadata.agent_channel, settings.speakers.agent_channel)
        self._channel = next(channel for channel in given if channel is not None)
        self._started_at = started_utc(metadata.started_at)
        self._failure: StoreUnavailable | None = None

    def baseline(self) -> Baseline | None:
        """The agent's firm baseline; ``None`` where the agent is not known or has too few earlier calls."""
        recording = self._recording
        if self._metadata.agent_id is None or recording is None or recording.channels != 2:
            return None
        from pipeline.store.baselines import baseline_for
        from pipeline.store.database import open_store

        try:
            with open_store(self._settings.store).session() as session:
                return baseline_for(
                    session,
                    self._metadata.agent_id,
                    self._line(recording, self._channel),
                    self._started_at,
                    self._settings.pitch.tracker,
                    self._metadata.call_id,
                    self._settings.baseline,
                )
        except StoreUnavailable as error:
            self._failure = error
            return None

    def coached(self) -> tuple[str, ...]:
        """Ids of the checks that the agent's last coaching was about; none where it is not known."""
        if self._metadata.agent_id is None or self._failure is not None:
            return ()
        from pipeline.store.baselines import last_coached
        from pipeline.store.database import open_store

        try:
            with open_store(self._settings.store).session() as session:
                return last_coached(
                    session, self._metadata.agent_id, self._started_at, self._metadata.call_id
                )
        except StoreUnavailable as error:
            self._failure = error
            return ()

    def record(self, analysis: Analysis) -> bool:
        """Record a call that has been written; ``False`` if the store failed only now."""
        channel = {"channel_0": 0, "channel_1": 1}.get(analysis.separation.agent_label or "")
        recording = self._recording
        if self._failure or self._metadata.agent_id is None or recording is None or channel is None:
            return True
        from pipeline.store.baselines import figures_of, record_call
        from pipeline.store.database import open_store

        row = figures_of(
            analysis,
            self._line(recording, channel),
            self._started_at,
            self._settings.pitch.tracker,
            recorded_at=datetime.now(UTC),
        )
        if row is None:
            return True
        try:
            with open_store(self._settings.store).session() as session:
                record_call(session, row)
        except StoreUnavailable as error:
            self._failure = error
            return False
        return True

    def noted(self, analysis: Analysis) -> Analysis:
        """The analysis, with a warning if the store has failed."""
        if self._failure is None:
            return analysis
        warning = QualityWarning(
            code="store_unavailable",
            message=Text("quality.store_unavailable", error=str(self._failure)),
        )
        noted = dataclasses.replace(analysis, quality=Quality(warnings=(*analysis.quality.warnings, warning)))
        return worded(noted, load_texts(self._settings.output.language))

    def _line(self, recording: Recording, channel: int) -> str:
        return line_type(recording, channel, self._settings.baseline)
