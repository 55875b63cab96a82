"""Sessions: what the application's session held is an input, what it saves an output."""

from collections.abc import Mapping
from copy import copy
from typing import Any, Final, TypedDict

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionInterface

from playback_core import (
    InputInterceptionDataHandler,
    OutputInterceptionDataHandler,
    TapeRecorder,
)
from playback_core.guard import FailingOpen
from playback_core.http_exchange import SCALARS, redacted_response
from playback_core.http_redaction import HttpRedactor
from playback_core.session import current_session

OPEN_ALIAS: Final = "flask.open_session"
SAVE_ALIAS: Final = "flask.save_session"


class RecordedSession(TypedDict):
    """A session as plain data: what it holds, and the plain attributes of its object."""

    content: dict[str, Any]
    attributes: dict[str, Any]


class HeaderChanges(TypedDict):
    """What saving a session did to the headers of the response."""

    removed: list[list[str]]
    added: list[list[str]]


def recorded_sessions(
    recorder: TapeRecorder, interface: SessionInterface, redactor: HttpRedactor
) -> SessionInterface:
    """Return a session interface that is as the given one, with both of its ends intercepted.

    It is a copy, so that an interface that applications share is left as it is.
    """
    own = copy(interface)
    sessions = _Sessions(recorder, interface, redactor)
    own.open_session = sessions.open_session  # type: ignore[method-assign]
    own.save_session = sessions.save_session  # type: ignore[method-assign]
    return own


class _Sessions:
    def __init__(
        self, recorder: TapeRecorder, interface: SessionInterface, redactor: HttpRedactor
    ) -> None:
        self._recorder = recorder
        self._interface = interface
        self._redactor = redactor
        kind = type(interface)
        self._is_signed_cookie = (
            kind.open_session is SecureCookieSessionInterface.open_session
            and kind.save_session is SecureCookieSessionInterface.save_session
        )
        self._open = recorder.intercept_input(
            OPEN_ALIAS, data_handler=_OpenedSession(interface, redactor), capture_args=[]
        )(interface.open_session)
        self._save = recorder.intercept_output(
            SAVE_ALIAS, data_handler=_SavedSession(interface), fail_on_no_recorded_result=False
        )(self._save_and_tell)

    def open_session(self, app: Flask, request: Request) -> Any:
        # Without a cookie it is empty, recorded or not.
        if self._is_signed_cookie and "HTTP_COOKIE" not in request.environ:
            return self._interface.open_session(app, request)
        return self._open(app, request)

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        if self._is_signed_cookie and not self._sets_cookie(app, session):
            self._interface.save_session(app, session, response)
            return
        changes = self._save(app, session, response)
        if changes is not None and self._recorder.in_playback_mode:
            _apply(changes, response)

    def _sets_cookie(self, app: Flask, session: Any) -> bool:
        return bool(session.modified) or (
            bool(session) and self._interface.should_set_cookie(app, session)
        )

    def _save_and_tell(self, app: Flask, session: Any, response: Response) -> HeaderChanges | None:
        before = list(response.headers)
        self._interface.save_session(app, session, response)
        recording = current_session()
        if recording is not None:
            with FailingOpen(recording, "Recording how the session was saved by app", app.name):
                after = list(response.headers)
                cookie = app.config["SESSION_COOKIE_NAME"]
                return {
                    "removed": self._shown(_without(before, after), cookie),
                    "added": self._shown(_without(after, before), cookie),
                }
        return None

    def _shown(self, headers: list[tuple[str, str]], cookie: str) -> list[list[str]]:
        return redacted_response(self._redactor, headers, b"", cookie)[0]


class _OpenedSession(InputInterceptionDataHandler):
    def __init__(self, interface: SessionInterface, redactor: HttpRedactor) -> None:
        self._redactor = redactor
        # An interface that does not name its class gives the class of Flask's own sessions.
        self._make = getattr(interface, "session_class", SecureCookieSession)

    def prepare_input_for_recording(
        self, interception_key: str, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> RecordedSession | None:
        if result is None:
            return None
        attributes = {name: value for name, value in vars(result).items() if type(value) in SCALARS}
        if "sid" in attributes:
            attributes["sid"] = self._redactor.concealed(attributes["sid"])
        return {"content": _content(result), "attributes": attributes}

    def restore_input_from_recording(
        self, recorded_data: RecordedSession | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if recorded_data is None:
            return None
        session = self._make(recorded_data["content"])
        for name, value in recorded_data["attributes"].items():
            setattr(session, name, value)
        return session


class _SavedSession(OutputInterceptionDataHandler):
    def __init__(self, interface: SessionInterface) -> None:
        self._interface = interface

    def prepare_output_for_recording(
        self, interception_key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        app, session, _ = args
        interface = self._interface
        return {
            "content": _content(session),
            "modified": bool(session.modified),
            "lifetime": app.permanent_session_lifetime if session.permanent else None,
            "cookie": {
                "name": interface.get_cookie_name(app),
                "domain": interface.get_cookie_domain(app),
                "path": interface.get_cookie_path(app),
                "secure": interface.get_cookie_secure(app),
                "httponly": interface.get_cookie_httponly(app),
                "samesite": interface.get_cookie_samesite(app),
            },
        }

    def restore_output_from_recording(self, recorded_data: Any) -> Any:
        return recorded_data


def _content(session: Mapping[str, Any]) -> dict[str, Any]:
    # Not through the session's own methods, which note that the application has read it.
    return dict(dict.items(session)) if isinstance(session, dict) else dict(session)


def _without(
    headers: list[tuple[str, str]], others: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    left = list(others)
    kept = []
    for header in headers:
        if header in left:
            left.remove(header)
        else:
            kept.append(header)
    return kept


def _apply(changes: HeaderChanges, response: Response) -> None:
    headers = list(response.headers)
    for name, value in changes["removed"]:
        if (name, value) in headers:
            headers.remove((name, value))
    headers.extend((name, value) for name, value in changes["added"])
    response.headers.clear()
    response.headers.extend(headers)
