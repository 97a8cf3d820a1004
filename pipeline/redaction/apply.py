"""Takes secrets out of turns and of whatever quotes them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from pipeline.records import Redaction, Turn, Word
from pipeline.redaction.secrets import Secret
from pipeline.timeline import Span

CLOSING = ".,?!;:"
FREE_TEXT = (str, str | None)


def redact_turns(turns: Sequence[Turn], secrets: Iterable[Secret]) -> tuple[Turn, ...]:
    """Turns in which each secret is one word such as ``[CARD_NUMBER]``, with the time of what it replaces."""
    by_turn: dict[int, list[Secret]] = {}
    for secret in secrets:
        by_turn.setdefault(secret.turn, []).append(secret)
    return tuple(
        _redact_turn(turn, by_turn[index]) if index in by_turn else turn for index, turn in enumerate(turns)
    )


def _redact_turn(turn: Turn, secrets: Sequence[Secret]) -> Turn:
    words: list[Word] = []
    position = 0
    for secret in sorted(secrets, key=lambda one: one.first_word):
        words += turn.words[position : secret.first_word]
        words.append(_stand_in(secret, turn.words[secret.first_word : secret.last_word + 1]))
        position = secret.last_word + 1
    words += turn.words[position:]
    return replace(turn, words=tuple(words), text=" ".join(word.word for word in words))


def _stand_in(secret: Secret, words: Sequence[Word]) -> Word:
    last = words[-1].word
    closing = last[len(last.rstrip(CLOSING)) :]
    return Word(
        word=f"[{secret.kind.upper()}]{closing}",
        start_s=words[0].start_s,
        end_s=words[-1].end_s,
        probability=min(word.probability for word in words),
        interpolated=any(word.interpolated for word in words),
    )


def redact_quotes(record: Any, turns: Sequence[Turn], secrets: Sequence[Secret]) -> Any:
    """A record, or a collection of records, in which no text quotes a secret.

    Whatever a record says in words of the call is looked up where it was said: nearest to the ``start_s`` of
    the record that holds it. Texts that quote nobody stay.

    Args:
        turns: the turns as they were said, to which the secrets refer.
    """
    return _without(record, 0.0, _spoken(turns, secrets)) if secrets else record


@dataclass(frozen=True, slots=True)
class Spoken:
    """One speaker's words in time order: plain, when, as said, and what is written instead.

    ``instead`` is ``None`` for a word that stays, the kind in brackets for one of a secret; ``secret`` tells
    secrets apart.
    """

    plain: Sequence[str]
    start_s: Sequence[float]
    instead: Sequence[str | None]
    secret: Sequence[int | None]


def _spoken(turns: Sequence[Turn], secrets: Sequence[Secret]) -> list[Spoken]:
    held = {
        (secret.turn, word): number
        for number, secret in enumerate(secrets)
        for word in range(secret.first_word, secret.last_word + 1)
    }
    found = []
    for speaker in {turn.speaker: None for turn in turns}:
        words = sorted(
            (
                (word.start_s, word.word.strip(CLOSING), held.get((index, position)))
                for index, turn in enumerate(turns)
                if turn.speaker == speaker
                for position, word in enumerate(turn.words)
            ),
            key=lambda word: word[0],
        )
        numbers = [number for _, _, number in words]
        found.append(
            Spoken(
                plain=[plain for _, plain, _ in words],
                start_s=[start_s for start_s, _, _ in words],
                instead=[None if n is None else f"[{secrets[n].kind.upper()}]" for n in numbers],
                secret=numbers,
            )
        )
    return found


def _without(value: Any, near_s: float, spoken: Sequence[Spoken]) -> Any:
    if isinstance(value, tuple):
        return tuple(_without(item, near_s, spoken) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    near_s = getattr(value, "start_s", near_s)
    changed = {}
    for each in fields(value):
        held = getattr(value, each.name)
        if isinstance(held, str) and each.type in FREE_TEXT:
            changed[each.name] = redact_text(held, near_s, spoken)
        elif isinstance(held, tuple) or is_dataclass(held):
            changed[each.name] = _without(held, near_s, spoken)
    return replace(value, **changed)


def redact_text(text: str, near_s: float, spoken: Sequence[Spoken]) -> str:
    """A text as it reads after redaction, where it quotes what was said; the place nearest in time counts."""
    said = text.split()
    plain = [word.strip(CLOSING) for word in said]
    places = [
        (abs(own.start_s[first] - near_s), first, own)
        for own in spoken
        for first in range(len(own.plain) - len(plain) + 1)
        if plain and own.plain[first] == plain[0] and own.plain[first : first + len(plain)] == plain
    ]
    if not places:
        return text
    _, first, own = min(places, key=lambda place: place[:2])
    kept: list[str] = []
    for at, word in enumerate(said, start=first):
        instead = own.instead[at]
        if instead is None:
            kept.append(word)
        elif at == first or own.secret[at] != own.secret[at - 1]:
            kept.append(instead)
    return " ".join(kept)


def redactions(
    secrets: Sequence[Secret], turns: Sequence[Turn], margin_s: float, duration_s: float
) -> tuple[Redaction, ...]:
    """What is taken out of the sound: the time of each secret with a margin on both sides."""
    found = []
    for secret in secrets:
        start_s, end_s = _said(secret, turns[secret.turn])
        found.append(
            Redaction(
                kind=secret.kind,
                start_s=max(0.0, start_s - margin_s),
                end_s=min(duration_s, end_s + margin_s),
                turn=turns[secret.turn].turn,
            )
        )
    return tuple(found)


def _said(secret: Secret, turn: Turn) -> Span:
    """From the word before a secret to the one after it, or to the ends of the turn.

    A long number is often one word, to which a recognizer gives a second of the many that it takes to say.
    """
    before = turn.words[secret.first_word - 1].end_s if secret.first_word else turn.start_s
    more = turn.words[secret.last_word + 1 :]
    after = more[0].start_s if more else turn.end_s
    return min(before, secret.start_s), max(after, secret.end_s)
