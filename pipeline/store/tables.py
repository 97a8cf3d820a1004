"""The tables of the store."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Double, Index, Integer, MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints and indexes, the same in every database, so that migrations can name them."""


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its time zone, kept in UTC; SQLite has no time zones of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class BaselineCall(MappedAsDataclass, Base, kw_only=True):
    """What one call says about an agent's usual voice and rates, and what its coaching was about.

    What was not measured is ``None``.
    ``recorded_at`` is when the call was first recorded here, and stays through later analyses of it: it
    orders calls whose start nobody knows.
    """

    __tablename__ = "baseline_calls"

    agent_id: Mapped[str] = mapped_column(String, primary_key=True)
    line_type: Mapped[str] = mapped_column(String, primary_key=True)
    call_id: Mapped[str] = mapped_column(String, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tracker: Mapped[str] = mapped_column(String)
    voiced_s: Mapped[float] = mapped_column(Double)
    f0_median_hz: Mapped[float | None] = mapped_column(Double)
    f0_range_st: Mapped[float | None] = mapped_column(Double)
    loudness_median_db: Mapped[float | None] = mapped_column(Double)
    phonation_s: Mapped[float] = mapped_column(Double)
    articulation_rate_sps: Mapped[float | None] = mapped_column(Double)
    speech_rate_wpm: Mapped[float | None] = mapped_column(Double)
    turn_time_s: Mapped[float] = mapped_column(Double)
    coached: Mapped[str | None] = mapped_column(String, default=None)
    """Ids of the checks that the coaching was about, apart by blanks; ``None`` before there was any."""

    __table_args__ = (Index(None, "sha256"),)

    @property
    def moment(self) -> datetime:
        """Where the call lies in time: its start, or when it was recorded here where that is not known."""
        return self.started_at or self.recorded_at


class BatchCall(MappedAsDataclass, Base, kw_only=True):
    """What became of one call of the batch that is written to ``out`` (a folder's path or a URI).

    ``state`` is pending, running, done, failed or quarantined, ``since`` when it became that. ``revision``
    grows with each change, so that of two runs that saw the same entry one alone can change it. ``owner`` is
    host-process:run of whoever is running it, ``tries`` counts failures since the last success or change of
    the call. ``size_bytes`` and ``mtime_ns`` are of the file that has ``sha256``, ``analysis_*`` of the
    ``analysis.json`` that came of it by these settings, guidance and version.
    """

    __tablename__ = "batch_calls"

    out: Mapped[str] = mapped_column(String, primary_key=True)
    call_id: Mapped[str] = mapped_column(String, primary_key=True)
    source: Mapped[str] = mapped_column(String)
    state: Mapped[str] = mapped_column(String)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    owner: Mapped[str | None] = mapped_column(String, default=None, index=True)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    sha256: Mapped[str | None] = mapped_column(String(64), default=None)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger, default=None)
    mtime_ns: Mapped[int | None] = mapped_column(BigInteger, default=None)
    analysis_bytes: Mapped[int | None] = mapped_column(BigInteger, default=None)
    analysis_mtime_ns: Mapped[int | None] = mapped_column(BigInteger, default=None)
    metadata_sha256: Mapped[str | None] = mapped_column(String(64), default=None)
    settings_sha256: Mapped[str | None] = mapped_column(String(64), default=None)
    guidance_sha256: Mapped[str | None] = mapped_column(String(64), default=None)
    product_version: Mapped[str | None] = mapped_column(String, default=None)
    error_kind: Mapped[str | None] = mapped_column(String, default=None)
    error: Mapped[str | None] = mapped_column(String, default=None)


class Tombstone(MappedAsDataclass, Base, kw_only=True):
    """Something that was forgotten and must not come back, as a digest by the key of the privacy folder.

    ``kind`` is recording, call, customer or agent. ``key_check`` tells by which key the digest was made,
    ``pseudonym`` is what an agent is called instead.
    """

    __tablename__ = "tombstones"

    kind: Mapped[str] = mapped_column(String, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_check: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    pseudonym: Mapped[str | None] = mapped_column(String, default=None)

    __table_args__ = (Index(None, "pseudonym", unique=True),)
