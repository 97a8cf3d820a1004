"""Numbers that say how much, how many or in which year, as the sentence around them tells.

"Your card was charged one thousand two hundred and forty dollars" holds no card number: what is said with
"hundred" and "thousand" is a quantity, and so is what is paid, charged or refunded. Such a number is kept
unless it answers a question for a secret or stands right after the words that name one.
"""

from collections.abc import Sequence

from pipeline.redaction.forms import is_card_number
from pipeline.redaction.language import SpokenLanguage
from pipeline.redaction.reader import OUTER, Run, Token

HUNDRED = "00"
MOST_PRICE_DIGITS = 6
MOST_SINGLE_DIGITS = 2
FEWEST_LIST_DIGITS = 12
SHORT_YEAR_DIGITS = 4
TIME_DIGITS = (3, 4)
HOURS = 12
MINUTES = 60


def is_amount(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a run is a quantity, a price or a year rather than digits in a row.

    Args:
        tokens: those of the run's speaker.
    """
    if is_card_number(run.digits):
        return False
    return (
        _in_currency(run, tokens, language)
        or _all_cardinals(run, tokens, language)
        or (_money_before(run, tokens, language) and _priced(run, tokens, language))
        or _typical_prices(run, tokens, language)
        or _time_of_day(run, tokens, language)
    )


def sentence_start(tokens: Sequence[Token], index: int) -> int:
    """Index of the first token of the sentence that holds ``index``, within its turn."""
    first = index
    while first and tokens[first - 1].turn == tokens[index].turn and not tokens[first - 1].ends_sentence:
        first -= 1
    return first


def sentence_end(tokens: Sequence[Token], index: int) -> int:
    """Index after the last token of the sentence that holds ``index``, within its turn."""
    end = index
    while end < len(tokens) and tokens[end].turn == tokens[index].turn:
        end += 1
        if tokens[end - 1].ends_sentence:
            break
    return end


def counts_money(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a word of money follows in the same sentence: "1240 dollars"."""
    after = tokens[run.last + 1].plain if run.last + 1 < len(tokens) else ""
    return after in language.money_units and not tokens[run.last].ends_sentence


def _in_currency(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a sign or a word of money stands at the number: "$1 ,240", "1240 dollars", "dollar 40"."""
    if counts_money(run, tokens, language):
        return True
    before = tokens[max(0, run.first - 1) : run.first]
    signs = tuple(language.money_signs)
    raws = [token.raw.lstrip(OUTER) for token in (*before, tokens[run.first])]
    return bool(signs) and any(raw.startswith(signs) for raw in raws)


def _all_cardinals(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether the whole run is one or several cardinals, each with "hundred" or "thousand" in it."""
    own = [token for token in tokens[run.first : run.last + 1] if token.digits or token.continues]
    index = 0
    while index < len(own):
        end = _cardinal_end(own, index, language)
        if end == index:
            return False
        index = end
    return bool(own)


def _cardinal_end(own: Sequence[Token], start: int, language: SpokenLanguage) -> int:
    """Index after the cardinal that begins at ``start``; ``start`` where there is none with a scale word."""
    written = own[start].plain
    if written.isdigit():
        return _written_end(own, start, language)
    index, scaled = start, False
    largest = len(max(language.scales.values(), key=len, default="")) + 1
    while index < len(own):
        end = _below_hundred(own, index, language)
        if end == index:
            break
        zeros = (
            [language.scales[own[end].plain]] if end < len(own) and own[end].plain in language.scales else []
        )
        if zeros and zeros[0] == HUNDRED and end + 1 < len(own):  # "two hundred [sixty seven] thousand"
            tail = _below_hundred(own, end + 1, language)
            if tail < len(own) and language.scales.get(own[tail].plain, HUNDRED) != HUNDRED:
                zeros, end = [language.scales[own[tail].plain]], tail
        if not zeros:
            return end if scaled else start
        if len(zeros[0]) >= largest:
            return index if scaled else start
        largest, scaled, index = len(zeros[0]), True, end + 1
    return index if scaled else start


def _written_end(own: Sequence[Token], start: int, language: SpokenLanguage) -> int:
    """The same for figures: "2000 and 21", "12 thousand", "1,240"."""
    number = own[start].plain
    after = own[start + 1] if start + 1 < len(own) else None
    if after is not None and after.plain in language.scales:
        return start + 2
    round_number = number.endswith(HUNDRED) and number[0] != "0" and len(number) <= SHORT_YEAR_DIGITS
    if round_number and after is not None and after.plain.isdigit() and len(after.plain) <= len(HUNDRED):
        return start + 2
    return start


def _below_hundred(own: Sequence[Token], index: int, language: SpokenLanguage) -> int:
    """Index after a number from 1 to 99 in words."""
    if index >= len(own):
        return index
    plain = own[index].plain
    if plain in language.tens:
        return index + 1 + (index + 1 < len(own) and own[index + 1].continues)
    small = plain in language.teens or language.digits.get(plain, 0) > 0
    return index + 1 if small and not own[index].continues else index


def _money_before(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether the sentence speaks of paying before it comes to the number, and names no number since."""
    for token in reversed(tokens[sentence_start(tokens, run.first) : run.first]):
        if token.plain in language.naming_words:
            return False
        if token.plain in language.money_words:
            return True
    return False


def _priced(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a run has the form of prices: "sixty two forty", "two eighty nine ninety five", "13567"."""
    own = tokens[run.first : run.last + 1]
    if len(own) == 1 and own[0].plain.replace(",", "").isdigit():
        return len(run.digits) <= MOST_PRICE_DIGITS
    segments = _segments(own)
    if len(run.digits) >= FEWEST_LIST_DIGITS and len(segments) * SHORT_YEAR_DIGITS > len(run.digits):
        return False
    return all(_is_price(segment, language) for segment in segments)


def _segments(own: Sequence[Token]) -> list[list[Token]]:
    """The parts of a run that commas and words such as "then" set apart."""
    segments: list[list[Token]] = [[]]
    for token in own:
        if token.digits or token.continues:
            segments[-1].append(token)
        elif segments[-1]:
            segments.append([])
        if token.raw.endswith(","):
            segments.append([])
    return [segment for segment in segments if segment]


def _typical_prices(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a run is two and more prices: "nineteen ninety nine, then nine ninety nine"."""
    segments = _segments(tokens[run.first : run.last + 1])
    endings = tuple(language.price_endings)
    return len(segments) > 1 and all(
        _is_price(segment, language) and "".join(token.digits for token in segment).endswith(endings)
        for segment in segments
    )


def _time_of_day(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a run is a time: "at nine thirty", "or ten fifteen"."""
    before = tokens[run.first - 1].plain if run.first else ""
    if before not in language.before_times or len(run.digits) not in TIME_DIGITS:
        return False
    hour, minute = int(run.digits[:-2]), int(run.digits[-2:])
    own = tokens[run.first : run.last + 1]
    in_pairs = any(token.plain in language.teens or token.plain in language.tens for token in own[1:])
    return in_pairs and 0 < hour <= HOURS and minute < MINUTES


def _is_price(segment: Sequence[Token], language: SpokenLanguage) -> bool:
    digits = "".join(token.digits for token in segment)
    in_pairs = any(token.plain in language.teens or token.plain in language.tens for token in segment)
    singles = sum(len(token.digits) == 1 for token in segment)
    return (
        in_pairs and singles <= MOST_SINGLE_DIGITS and digits[:1] != "0" and len(digits) <= MOST_PRICE_DIGITS
    )
