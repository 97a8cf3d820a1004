"""Numbers that are valid as something: payment cards, US social-security numbers, telephones.

What a checksum or a numbering plan allows says nothing of what a number was meant as: one long number in ten
passes for a card. :mod:`pipeline.redaction.numbers` decides with what was said around it.
"""

from collections.abc import Sequence

CARD_DIGITS = range(13, 20)
CARD_FIRST_DIGITS = "3456"  # travel, Visa, Mastercard and Maestro, Discover and UnionPay
FIFTEEN_DIGITS = ("34", "37", "1800", "2131")  # American Express, old JCB; no telephone's IMEI
NEW_MASTERCARD = range(2221, 2721)
SOCIAL_SECURITY_DIGITS = 9
IMEI_DIGITS = 15


def is_card_number(digits: str) -> bool:
    """Whether digits have the length, the first digits and the check digit of a payment card.

    Source: ISO/IEC 7812-1 (numbers of 13 to 19 digits, Luhn's check digit), ranges of the card schemes.
    """
    if len(digits) not in CARD_DIGITS:
        return False
    if len(digits) == IMEI_DIGITS and not digits.startswith(FIFTEEN_DIGITS):
        return False
    of_a_scheme = digits[0] in CARD_FIRST_DIGITS or int(digits[:4]) in NEW_MASTERCARD
    return of_a_scheme and luhn(digits)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_social_security_number(digits: str) -> bool:
    """Whether nine digits could have been issued: area not 000, 666 or 9xx, group not 00, serial not 0000.

    Source: Social Security Administration, randomization of numbers (2011).
    """
    if len(digits) != SOCIAL_SECURITY_DIGITS:
        return False
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_telephone_number(digits: str, regions: Sequence[str]) -> bool:
    """Whether the numbering plan of one of the regions (ISO 3166-1 alpha-2) has such a number."""
    import phonenumbers  # its plans take a while to load: only for calls with such a number

    for region in regions:
        try:
            number = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            continue  # too short or too long for any plan
        if phonenumbers.is_valid_number(number):
            return True
    return False
