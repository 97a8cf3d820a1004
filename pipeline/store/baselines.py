"""What is usual for each agent, from earlier calls: recorded call by call, read back as medians.

A baseline depends only on calls that *started* before the one in question, so that it is the same in
whatever order they were analyzed. Calls whose start nobody knows lie where they were first recorded.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from pipeline.audio.line import band_of
from pipeline.records import Analysis, Baseline, SpeakerMeasures, VoiceTurn
from pipeline.settings import BaselineSettings
from pipeline.store.tables import BaselineCall
from pipeline.timeline import overlap_s, total_s

KEY = ("agent_id", "line_type", "call_id")
KEPT = (*KEY, "recorded_at")
"""What a later analysis of the same call leaves as it is."""


# --- what a baseline is -------------------------------------------------------------------------------


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The value at which half of the weight lies on either side.

    Where exactly half lies below, the mean of the two values there, so that equal weights give the
    ordinary median. Doubling a weight is the same as having the value twice.

    Raises:
        ValueError: there is no value, or a weight is not positive.
    """
    if not values or len(values) != len(weights) or min(weights) <= 0:
        raise ValueError("a weighted median needs values, and a positive weight for each")
    ordered = sorted(zip(values, weights, strict=True))
    half = math.fsum(weights) / 2
    below = 0.0
    for (value, weight), following in zip(ordered, [*ordered[1:], ordered[-1]], strict=True):
        below += weight
        if math.isclose(below, half, rel_tol=1e-9):
            return value if following[0] == value else (value + following[0]) / 2
        if below > half:
            return value
    return ordered[-1][0]


def weight_of(age: timedelta, settings: BaselineSettings) -> float:
    """How much a call of that age counts: 1 when it is new, half after each half-life."""
    return float(0.5 ** (age / timedelta(days=settings.half_life_days)))


def combine(
    rows: Sequence[BaselineCall], line_type: str, at: datetime, tracker: str, settings: BaselineSettings
) -> Baseline | None:
    """The baseline that these calls of one agent give at a moment, for a call on ``line_type``.

    Pitch is taken from calls of the same band and tracker, rates from calls of the same band, loudness
    from calls of the same line type. ``kind`` says whether there are enough calls and voice for pitch;
    each other figure is ``None`` unless ``settings.min_calls`` calls have it. ``None`` without any pitch.
    """
    oldest = timedelta(days=settings.max_age_days)
    recent = [
        row for row in rows if band_of(row.line_type) == band_of(line_type) and at - row.moment <= oldest
    ]
    pitched = [row for row in recent if row.tracker == tracker and row.f0_median_hz is not None]
    if not pitched:
        return None

    def median(name: str, among: Sequence[BaselineCall], at_least: int = settings.min_calls) -> float | None:
        found = [
            (value, weight_of(at - row.moment, settings))
            for row in among
            if (value := getattr(row, name)) is not None
        ]
        if len(found) < at_least:
            return None
        return weighted_median([value for value, _ in found], [weight for _, weight in found])

    voiced_s = math.fsum(row.voiced_s for row in pitched)
    firm = len(pitched) >= settings.min_calls and voiced_s >= settings.min_voiced_s
    return Baseline(
        agent_id=pitched[0].agent_id,
        line_type=line_type,
        kind="firm" if firm else "provisional",
        calls=len(pitched),
        voiced_s=voiced_s,
        f0_median_hz=median("f0_median_hz", pitched, 1),
        f0_range_st=median("f0_range_st", pitched),
        loudness_median_db=median("loudness_median_db", [r for r in recent if r.line_type == line_type]),
        articulation_rate_sps=median("articulation_rate_sps", recent),
        speech_rate_wpm=median("speech_rate_wpm", recent),
        as_of=at.astimezone(UTC).isoformat(timespec="seconds"),
    )


# --- the table ----------------------------------------------------------------------------------------


def baseline_for(
    session: Session,
    agent_id: str,
    line_type: str,
    before: datetime | None,
    tracker: str,
    exclude_call_id: str,
    settings: BaselineSettings,
) -> Baseline | None:
    """The firm baseline of an agent for a call; ``None`` where earlier calls are too few.

    Args:
        before: when the call started. Where that is not known, the calls recorded before it count: all
            of them if it was never analyzed.
    """
    moment = before or _first_recorded(session, agent_id, exclude_call_id)
    when = func.coalesce(BaselineCall.started_at, BaselineCall.recorded_at)
    query = select(BaselineCall).where(
        BaselineCall.agent_id == agent_id,
        BaselineCall.call_id != exclude_call_id,
        BaselineCall.line_type.startswith(f"{band_of(line_type)}/", autoescape=True),
    )
    if moment is not None:
        age = min(timedelta(days=settings.max_age_days), moment - datetime.min.replace(tzinfo=UTC))
        query = query.where(when < moment, when >= moment - age)
    rows = session.scalars(query).all()
    if not rows:
        return None
    found = combine(rows, line_type, moment or max(row.moment for row in rows), tracker, settings)
    return found if found is not None and found.kind == "firm" else None


def last_coached(
    session: Session, agent_id: str, before: datetime | None, exclude_call_id: str
) -> tuple[str, ...]:
    """Ids of the checks that the coaching of the agent's last earlier call was about.

    Args:
        before: when the call in question started, as for `baseline_for`.
    """
    moment = before or _first_recorded(session, agent_id, exclude_call_id)
    when = func.coalesce(BaselineCall.started_at, BaselineCall.recorded_at)
    query = select(BaselineCall.coached).where(
        BaselineCall.agent_id == agent_id,
        BaselineCall.call_id != exclude_call_id,
        BaselineCall.coached.is_not(None),
    )
    if moment is not None:
        query = query.where(when < moment)
    last = session.scalar(query.order_by(when.desc(), BaselineCall.call_id.desc()).limit(1))
    return tuple(last.split()) if last else ()


def _first_recorded(session: Session, agent_id: str, call_id: str) -> datetime | None:
    return session.scalar(
        select(func.min(BaselineCall.recorded_at)).where(
            BaselineCall.agent_id == agent_id, BaselineCall.call_id == call_id
        )
    )


def figures_of(
    analysis: Analysis, line_type: str, started_at: datetime | None, tracker: str, recorded_at: datetime
) -> BaselineCall | None:
    """What a call says about its agent; ``None`` unless the agent is known for sure, on an own channel."""
    agent = analysis.measures.agent
    if (
        analysis.call.agent_id is None
        or agent is None
        or analysis.separation.method != "channels"
        or analysis.separation.role_method == "unknown"
        or analysis.separation.doubted
    ):
        return None
    calm = _calm_figures(analysis, agent)
    return BaselineCall(
        agent_id=analysis.call.agent_id,
        line_type=line_type,
        call_id=analysis.call.call_id,
        sha256=analysis.call.sha256,
        started_at=started_at,
        recorded_at=recorded_at,
        tracker=tracker,
        voiced_s=agent.voiced_s * calm.share,
        f0_median_hz=calm.f0_median_hz,
        f0_range_st=agent.f0_range_st,
        loudness_median_db=calm.loudness_median_db,
        phonation_s=agent.phonation_s,
        articulation_rate_sps=calm.articulation_rate_sps,
        speech_rate_wpm=agent.speech_rate_wpm,
        turn_time_s=agent.turn_time_s,
        coached=" ".join(point.check for point in (*analysis.coaching.keep, *analysis.coaching.change)),
    )


@dataclass(frozen=True, slots=True)
class _Calm:
    """Figures of the agent outside the customer's tense spans; ``share`` is how much of the turns that is."""

    share: float
    f0_median_hz: float | None
    loudness_median_db: float | None
    articulation_rate_sps: float | None


def _calm_figures(analysis: Analysis, agent: SpeakerMeasures) -> _Calm:
    """Figures of the whole call, or, where the customer was tense, medians over the agent's other turns."""
    tense = [(span.start_s, span.end_s) for span in analysis.tension.spans]
    turns = [(turn.start_s, turn.end_s) for turn in agent.voice_turns]
    if not overlap_s(turns, tense):
        return _Calm(1.0, agent.f0_median_hz, agent.loudness_median_db, agent.articulation_rate_sps)
    calm = [turn for turn in agent.voice_turns if not overlap_s([(turn.start_s, turn.end_s)], tense)]

    def median(of: Callable[[VoiceTurn], float | None]) -> float | None:
        found = [(value, turn.end_s - turn.start_s) for turn in calm if (value := of(turn)) is not None]
        return weighted_median(*map(list, zip(*found, strict=True))) if found else None

    # Loudness of a turn is against a level that the call's own two figures give.
    level_db, over_db = agent.loudness_median_db, agent.loudness_vs_baseline_db
    loudness_db = median(lambda turn: turn.loudness_db)
    return _Calm(
        share=sum(turn.end_s - turn.start_s for turn in calm) / total_s(turns),
        f0_median_hz=median(lambda turn: turn.f0_median_hz),
        loudness_median_db=None
        if loudness_db is None or level_db is None or over_db is None
        else level_db - over_db + loudness_db,
        articulation_rate_sps=median(lambda turn: turn.sps),
    )


def record_call(session: Session, row: BaselineCall) -> None:
    """Keep a call's figures in place of what an earlier analysis of it left.

    The same recording under another id or agent (its metadata were corrected) is replaced too.
    """
    values = {name: getattr(row, name) for name in BaselineCall.__table__.columns.keys()}  # noqa: SIM118
    same_call = and_(BaselineCall.agent_id == row.agent_id, BaselineCall.call_id == row.call_id)
    itself = tuple_(*(getattr(BaselineCall, name) for name in KEY)) == tuple(values[name] for name in KEY)
    session.execute(delete(BaselineCall).where(or_(BaselineCall.sha256 == row.sha256, same_call), ~itself))
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    into = sqlite.insert(BaselineCall) if on_sqlite else postgresql.insert(BaselineCall)
    insert = into.values(values)
    changed = {name: insert.excluded[name] for name in values if name not in KEPT}
    session.execute(insert.on_conflict_do_update(index_elements=KEY, set_=changed))


def record_again(session: Session, analysis: Analysis) -> None:
    """Bring what is kept of a call up to a new judgment: what its coaching is about, where it is calm.

    What is not kept stays so.
    """
    kept = session.scalar(
        select(BaselineCall).where(
            BaselineCall.sha256 == analysis.call.sha256, BaselineCall.agent_id == analysis.call.agent_id
        )
    )
    if kept is None:
        return
    row = figures_of(analysis, kept.line_type, kept.started_at, kept.tracker, kept.recorded_at)
    if row is not None:
        record_call(session, row)


def calls_of(session: Session, agent_id: str | None = None) -> list[BaselineCall]:
    """The recorded calls of one agent, or of all, in order of agent and date."""
    query = select(BaselineCall)
    if agent_id is not None:
        query = query.where(BaselineCall.agent_id == agent_id)
    return sorted(session.scalars(query), key=lambda row: (row.agent_id, row.moment, row.call_id))


def forget_call(session: Session, sha256: str) -> None:
    """Remove what a recording says about any agent."""
    session.execute(delete(BaselineCall).where(BaselineCall.sha256 == sha256))


def forget(session: Session, agent_id: str) -> list[BaselineCall]:
    """Remove all calls of an agent and return what was removed."""
    removed = calls_of(session, agent_id)
    session.execute(delete(BaselineCall).where(BaselineCall.agent_id == agent_id))
    return removed
