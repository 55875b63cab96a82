"""S3Connection: the S3 client of this process, made anew after a fork."""

from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any, Final, Protocol

from playback_core.cassettes._in_parallel import AT_ONCE
from playback_core.errors import CassetteClosedError, SettingsError

_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 30


class S3Client(Protocol):
    """The operations of a boto3 S3 client that a cassette uses."""

    def get_object(self, **arguments: Any) -> Mapping[str, Any]: ...
    def put_object(self, **arguments: Any) -> Mapping[str, Any]: ...
    def list_objects_v2(self, **arguments: Any) -> Mapping[str, Any]: ...
    def delete_objects(self, **arguments: Any) -> Mapping[str, Any]: ...
    def close(self) -> None: ...


class S3Connection:
    """Gives each process its client.

    Without a `given` client one is made at once, so that a wrong region is an error here and
    nothing has to be imported when the interpreter ends. A given one is shared by the threads; a
    forked child drops the connections it inherited in it.
    """

    def __init__(self, region: str | None, endpoint_url: str | None, given: S3Client | None):
        self._region = region
        self._endpoint_url = endpoint_url
        self._given = given
        self._client = given or self._made()
        self._lock = Lock()
        self._is_inherited = self._is_closed = False

    @property
    def client(self) -> S3Client:
        """The client of this process; raise CassetteClosedError after `close()`."""
        if self._is_closed:
            raise CassetteClosedError("This S3 cassette is closed; make a new one.")
        if self._is_inherited:
            with self._lock:
                if self._is_inherited:
                    self._renew()
        return self._client

    @property
    def endpoint(self) -> str:
        """The URL of the service."""
        return str(getattr(getattr(self._client, "meta", None), "endpoint_url", ""))

    def options(self) -> dict[str, Any]:
        """Return what another process makes a client with; raise SettingsError for a given one."""
        if self._given is not None:
            raise SettingsError(
                "an S3 cassette with a client of yours cannot leave its process; give region and"
                " endpoint_url instead"
            )
        return {"region": self._region, "endpoint_url": self._endpoint_url}

    def close(self) -> None:
        """Close the connections, but for those of a given client, which others may use."""
        if not self._is_closed and self._given is None and not self._is_inherited:
            self._client.close()
        self._is_closed = True

    def after_fork(self) -> None:
        """Note, in a forked child, that the client is the parent's."""
        self._lock = Lock()
        self._is_inherited = True

    def _renew(self) -> None:
        if self._given is None:
            self._client = self._made()
        else:
            self._client.close()
        self._is_inherited = False

    def _made(self) -> S3Client:
        try:
            import boto3.session
            import botocore.exceptions
            import botocore.session
            from botocore.config import Config
        except ImportError as error:
            raise SettingsError(
                "Recordings in S3 need boto3; install the extra: pip install 'playback-bundle[s3]'."
            ) from error
        config = Config(
            retries={"mode": "standard"},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=2 * AT_ONCE,
        )
        # A session of its own: making a client of the default one is not thread-safe.
        session = botocore.session.get_session()
        session.get_component("response_parser_factory").set_parser_defaults(
            timestamp_parser=_parsed_time
        )
        try:
            client: S3Client = boto3.session.Session(botocore_session=session).client(
                "s3", region_name=self._region, endpoint_url=self._endpoint_url, config=config
            )
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            raise SettingsError(
                f"There is no S3 client for region {self._region!r} and endpoint"
                f" {self._endpoint_url!r}: {error}"
            ) from error
        return client


def _parsed_time(value: Any) -> Any:
    """Parse a time as botocore does, which takes 86 ms for a page of a listing, in 15."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        from botocore.utils import parse_timestamp

        return parse_timestamp(value)
