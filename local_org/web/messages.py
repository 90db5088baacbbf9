"""The values that a handler takes and returns: one call, one answer, and how faults read on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import IO, TYPE_CHECKING, Any

from local_org.org.model import OrgFault, SaveResult

if TYPE_CHECKING:
    from local_org.web.namespaces import Names

JSON_TYPE = "application/json;charset=UTF-8"
CSV_TYPE = "text/csv"
"""Without a charset, as recorded answers of the org are: the text is UTF-8, and the client has to know that."""
HTML_TYPE = "text/html; charset=UTF-8"
_NO_FIELDS = frozenset({
    "INVALID_SESSION_ID", "INVALID_AUTH_HEADER", "REQUEST_LIMIT_EXCEEDED", "NOT_FOUND", "INVALID_FIELD",
    "JSON_PARSER_ERROR", "MALFORMED_QUERY", "INVALID_TYPE",
})  # fmt: skip


@dataclass(slots=True)
class Call:
    """One request, or one subrequest of a composite, after its transport has been taken off.

    `path` is still percent-encoded (an External ID value may hold a slash); `args` are the decoded parts that the
    route captured. `rows` is what the handler counts for the log of calls. A `trainer` holds the control secret:
    faults spare such a call and it is not counted.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes = b""
    content: Any = None
    spool: IO[bytes] | None = None
    version: str = ""
    user_id: str = ""
    args: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    inner: bool = False
    booked: int = 0
    trainer: bool = False
    names: Names | None = None
    """Which names the request may leave the prefix of."""

    def json(self) -> Any:
        """The JSON body.

        Raises:
            OrgFault: 415 for another media type, JSON_PARSER_ERROR for broken JSON.
        """
        content = self.content if self.inner else self._parsed()
        return content if self.names is None else self.names.body(content)

    def _parsed(self) -> Any:
        media = self.headers.get("content-type", "application/json").lower()
        if "json" not in media:
            raise OrgFault(
                "UNSUPPORTED_MEDIA_TYPE",
                f"Content-Type '{media.split(';')[0]}' is not supported; send application/json",
                status=415,
            )
        if not self.raw.strip():
            text = "The HTTP entity body is required, but this request has no entity body."
            raise OrgFault("JSON_PARSER_ERROR", text)
        try:
            return json.loads(self.raw)
        except UnicodeDecodeError as fault:
            raise OrgFault("JSON_PARSER_ERROR", "Invalid UTF-8 in the request body") from fault
        except json.JSONDecodeError as fault:
            raise OrgFault("JSON_PARSER_ERROR", _parser_text(fault)) from fault

    @property
    def multipart(self) -> bool:
        """Whether the body has several parts."""
        return self.headers.get("content-type", "").lower().startswith("multipart/form-data")

    def parts(self) -> dict[str, bytes]:
        """The parts of a multipart body by name; the JSON among them that is no file becomes the body of this call."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        found: dict[str, bytes] = {}
        for part in message_from_bytes(head + self.raw, policy=policy.HTTP).iter_parts():
            name, payload = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            if not isinstance(name, str) or not isinstance(payload, bytes):
                continue
            if part.get_filename() is None and (name == "job" or part.get_content_type() == "application/json"):
                self.raw, self.headers = payload, {**self.headers, "content-type": "application/json"}
            else:
                found[name] = payload
        return found

    def number(self, name: str, default: int, *, least: int = 0, most: int = 1_000_000_000) -> int:
        """A whole number of the query string, kept between two bounds.

        Raises:
            OrgFault: It is not a number.
        """
        text = self.query.get(name, "").strip()
        if not text:
            return default
        try:
            return max(least, min(int(text), most))
        except ValueError as fault:
            raise OrgFault("INVALID_QUERY_PARAMETER", f"{name}: not a whole number: {text}") from fault

    def mapping(self) -> dict[str, Any]:
        """The JSON body, which has to be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise OrgFault("JSON_PARSER_ERROR", "Can not deserialize: the body must be an object at [line:1, column:1]")
        return body


@dataclass(slots=True)
class Answer:
    """One response: `body` is a JSON value, or bytes, or nothing; `stream` is a body that is made while it is sent."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media: str = JSON_TYPE
    stream: Iterator[bytes] | None = None

    def encoded(self) -> bytes:
        """The body as bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


def objects_of(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects that a body lists under a name.

    Raises:
        OrgFault: There is no list, it is empty, or it holds something else.
    """
    found = body.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise OrgFault("INVALID_INPUT", f"The '{name}' field is required and must hold at least one object.")
    return found


def texts_of(body: Mapping[str, Any], name: str) -> list[str]:
    """The texts that a body lists under a name, none when it is absent.

    Raises:
        OrgFault: It holds something else.
    """
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise OrgFault("INVALID_INPUT", f"The '{name}' field must be a list of texts.")
    return found


def fault_body(fault: OrgFault) -> list[dict[str, Any]]:
    """An error as REST spells it: an array, with `fields` on errors of a save."""
    entry: dict[str, Any] = {"message": fault.message, "errorCode": fault.code}
    if fault.fields is not None and (fault.fields or fault.code not in _NO_FIELDS):
        entry["fields"] = fault.fields
    return [entry]


def fault_answer(fault: OrgFault) -> Answer:
    """The whole answer for a fault."""
    return Answer(fault.status, fault_body(fault))


def row_errors(result: SaveResult) -> list[dict[str, Any]]:
    """The errors of one row as collections spell them: `statusCode`, not `errorCode`."""
    return [{"statusCode": e.code, "message": e.message, "fields": e.fields or []} for e in result.errors]


def not_found(message: str = "The requested resource does not exist") -> OrgFault:
    """The 404 that an unknown address or record gets."""
    return OrgFault("NOT_FOUND", message, status=404)


def _parser_text(fault: json.JSONDecodeError) -> str:
    where = f"at [line:{fault.lineno}, column:{fault.colno}]"
    if fault.pos >= len(fault.doc):
        return f"Unexpected end-of-input {where}"
    char = fault.doc[fault.pos]
    return f"Unexpected character ('{char}' (code {ord(char)})): {fault.msg} {where}"
