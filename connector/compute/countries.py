"""ISO codes of countries as people write them: CRMs hold codes or names, in the language of who typed them."""

from __future__ import annotations

from functools import lru_cache

SPOKEN = ("en", "fr", "de", "es", "it", "nl", "pt")
ALSO = {
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "great britain": "GB", "gbr": "GB", "usa": "US",
    "u.s.": "US", "u.s.a.": "US", "united states of america": "US", "america": "US", "fra": "FR", "deu": "DE",
    "ger": "DE", "esp": "ES", "ita": "IT", "nld": "NL", "holland": "NL", "the netherlands": "NL", "bel": "BE",
    "che": "CH", "aut": "AT", "can": "CA", "irl": "IE", "prt": "PT", "pol": "PL", "swe": "SE", "nor": "NO", "dnk": "DK",
    "fin": "FI", "lux": "LU", "cze": "CZ", "czech republic": "CZ", "aus": "AU", "ind": "IN", "jpn": "JP", "chn": "CN",
    "sgp": "SG", "bra": "BR", "mex": "MX", "are": "AE", "zaf": "ZA", "korea": "KR", "kor": "KR", "russia": "RU",
}  # fmt: skip


@lru_cache(maxsize=4096)
def country_code(country: str) -> str:
    """The ISO code of a country; what nobody knows is given back in capitals."""
    plain = country.strip().casefold()
    if len(plain) == 2 and plain not in ALSO:
        return plain.upper()
    return ALSO.get(plain) or _codes_by_name().get(plain, country.strip().upper())


@lru_cache(maxsize=1)
def _codes_by_name() -> dict[str, str]:
    from babel import Locale

    return {
        name.casefold(): code
        for language in reversed(SPOKEN)
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha()
    }
