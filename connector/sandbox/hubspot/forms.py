"""Forms sent in parts, as an upload is: texts by name, a file with its name and its bytes."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any


def parts(content_type: str, raw: bytes) -> dict[str, Any]:
    """Read a multipart body; raise ValueError when it is none."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    if not message.is_multipart():
        raise ValueError("the body has no parts")
    found: dict[str, Any] = {}
    for part in message.iter_parts():
        content: bytes = part.get_payload(decode=True) or b""  # type: ignore[assignment]  # decoded, it is bytes
        name = str(part.get_param("name", header="content-disposition"))
        file_name = part.get_filename()
        found[name] = {"name": file_name, "content": content} if file_name is not None else content.decode()
    return found
