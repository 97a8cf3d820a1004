"""Finds secrets in turns, whatever they are made of, and says which words they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.records import UNDETERMINED, Role, SecretKind, Turn
from pipeline.redaction.cues import read_cues
from pipeline.redaction.dates import find_dates
from pipeline.redaction.language import SpokenLanguage, load_spoken_language
from pipeline.redaction.numbers import find_numbers
from pipeline.redaction.questions import without_other_expiries
from pipeline.redaction.reader import Found, Token, read_limits, read_runs, read_tokens
from pipeline.redaction.words import find_addresses, find_emails, find_names, find_passwords, find_spelled
from pipeline.settings import RedactionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret in one turn: words ``first_word`` to ``last_word`` of ``turns[turn]``, both included."""

    kind: SecretKind
    turn: int
    first_word: int
    last_word: int
    start_s: float
    end_s: float


def find_secrets(
    turns: Sequence[Turn], languages: Sequence[str], settings: RedactionSettings
) -> tuple[Secret, ...]:
    """What must not be kept of a call, in time order and without overlaps within a turn.

    In a language without a file only what needs none is found, such as card numbers and other long numbers:
    callers say so to the user. In a call of several languages the rules of each are used on all of it.
    """
    if not settings.wanted:
        return ()
    files = [load_spoken_language(language) or load_spoken_language(UNDETERMINED) for language in languages]
    known = [file for number, file in enumerate(files) if file is not None and file not in files[:number]]
    found, streams = [], {}
    for spoken in known:
        streams = read_tokens(turns, spoken)
        found += _found(streams, spoken, settings)
    return _in_turns((one for one in found if one.kind in settings.wanted), streams)


def _found(
    streams: Mapping[Role, Sequence[Token]], spoken: SpokenLanguage, settings: RedactionSettings
) -> list[Found]:
    """Secrets by the rules of one language; the tokens are the same in all but their digits."""
    cues = without_other_expiries(read_cues(streams, spoken), streams, spoken, settings.cue_reach_s)
    limits = read_limits(streams, [cue.start_s for cue in cues], spoken, settings.longest_pause_s)
    runs = read_runs(streams, limits, spoken)
    return [
        *find_emails(streams, cues, spoken, settings.cue_reach_s),
        *find_spelled(streams, cues, spoken, settings),
        *find_dates(streams, cues, limits, spoken, settings),
        *find_addresses(streams, spoken),  # before numbers: a house number may be said digit by digit
        *find_numbers(runs, cues, streams, spoken, settings),
        *find_passwords(streams, spoken),
        *find_names(streams, spoken),
    ]


def _in_turns(found: Iterable[Found], streams: Mapping[Role, Sequence[Token]]) -> tuple[Secret, ...]:
    """Secrets as words of turns; those that share words become one, of the kind that was found first."""
    places: list[tuple[int, int, int, int, SecretKind]] = []
    for order, one in enumerate(found):
        words: dict[int, list[int]] = {}
        for token in streams[one.speaker][one.first : one.last + 1]:
            words.setdefault(token.turn, []).append(token.word)
        places += [(turn, min(own), max(own), order, one.kind) for turn, own in words.items()]
    merged: list[tuple[int, int, int, int, SecretKind]] = []
    for turn, first, last, order, kind in sorted(places):
        if merged and merged[-1][0] == turn and first <= merged[-1][2]:
            _, before, until, earlier, own = merged[-1]
            earlier, own = min((earlier, own), (order, kind))
            merged[-1] = (turn, before, max(until, last), earlier, own)
        else:
            merged.append((turn, first, last, order, kind))
    times = {(token.turn, token.word): token for own in streams.values() for token in own}
    secrets = [
        Secret(
            kind=kind,
            turn=turn,
            first_word=first,
            last_word=last,
            start_s=times[turn, first].start_s,
            end_s=times[turn, last].end_s,
        )
        for turn, first, last, _, kind in merged
    ]
    return tuple(sorted(secrets, key=lambda one: (one.start_s, one.turn, one.first_word)))
