"""What stands in a note or a file of ours once it is taken back: no CRM has a status for either, and none is deleted.

Both are put as the mapping puts a body into its field, so that rich text stays rich text.
"""

from __future__ import annotations

from connector.domain.account import CrmAccount
from connector.domain.catalogue import Texts
from connector.domain.mapping import CrmMapping
from connector.services.texts import in_language, render

_GONE: Texts = {
    "en": "Withdrawn: this no longer applies.",
    "fr": "Retiré : ceci n’est plus d’actualité.",
}


def withdrawn_note(mapping: CrmMapping) -> str:
    """What a note's body becomes."""
    assert mapping.note is not None
    text = in_language(_GONE, mapping.default_language)
    nobody = CrmAccount("", "")
    names = {"account": nobody, "key": "", "owner_id": "", "title": "", "body": text, "on": "2000-01-01"}
    return render(mapping.note.fields[mapping.note.body].value, mapping.default_language, names)


def withdrawn_file(mapping: CrmMapping) -> str:
    """What a file holds then."""
    text, language = in_language(_GONE, mapping.default_language), mapping.default_language
    return f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{text}</title><p>{text}</p></html>'
