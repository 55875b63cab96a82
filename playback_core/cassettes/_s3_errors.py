"""What S3 and botocore answer, as errors that name the bucket, the key and the remedy."""

from typing import Any, Final, NamedTuple

from playback_core.errors import (
    CassetteError,
    CassetteUnavailableError,
    PlaybackError,
    SettingsError,
)


class Access(NamedTuple):
    """What was tried: `action` is the S3 action, `key` the object or the prefix."""

    action: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.action} of {self.key!r} in S3 bucket {self.bucket!r}"


_MISSING_BUCKET: Final = frozenset({"NoSuchBucket"})
_MISSING_KEY: Final = frozenset({"NoSuchKey", "404"})
_DENIED: Final = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"})
_CREDENTIALS: Final = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"),
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity"),
    }
)
_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_REGION: Final = frozenset(
    {
        *(
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
        ),
        *("301", "Moved Permanently"),
    }
)
_BUSY: Final = frozenset(
    {
        *(
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequests",
        ),
        *("ServiceUnavailable", "InternalError", "RequestTimeout", "429", "500", "503"),
    }
)
_UNREACHABLE: Final = ("HTTPClientError", "ConnectionError", "EndpointConnectionError")
_NO_CREDENTIALS: Final = (
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
    *("TokenRetrievalError", "SSOError", "RefreshWithMFAUnsupportedError"),
)


def botocore_errors() -> tuple[type[Exception], ...]:
    """Return what a client raises; botocore is imported by then."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def is_missing_key(error: Exception) -> bool:
    """Tell whether S3 said that there is no such object."""
    return _code(error) in _MISSING_KEY


def cut_short(error: Exception, access: Access) -> CassetteError:
    """Make the error for a body that broke off, or failed its checksum, each time."""
    return CassetteError(
        f"{access} was cut short each time: {_line(error)} Try again; if it stays, check the"
        " network or the proxy on the way."
    )


def translated(error: Exception, access: Access) -> PlaybackError:
    """Make the error for what a client raised."""
    code = _code(error)
    if code is not None:
        return refused(code, str(error), access)
    if _is_a(error, "ParamValidationError", "InvalidRegionError"):
        return SettingsError(f"{access} is not possible: {_line(error)}")
    if _is_a(error, *_NO_CREDENTIALS):
        return CassetteUnavailableError(
            f"{access} needs credentials: {_line(error)} Give the process an AWS role or profile,"
            " or log in again."
        )
    if _is_a(error, *_UNREACHABLE):
        return CassetteUnavailableError(
            f"{access} did not reach the service: {_line(error)} Check the network, the endpoint"
            " URL and the region."
        )
    return CassetteError(f"{access} failed: {_line(error)}")


def refused(code: str, message: str, access: Access) -> PlaybackError:
    """Make the error for what S3 answered."""
    said = f"{access} failed ({code})"
    if code in _MISSING_BUCKET:
        return CassetteUnavailableError(
            f"{said}: there is no such bucket. Create it, or correct its name and account."
        )
    if code in _DENIED:
        return CassetteUnavailableError(
            f"{said}: access is denied. Allow these credentials s3:{access.action}. Without"
            " s3:ListBucket S3 denies also what does not exist."
        )
    if code in _CREDENTIALS:
        return CassetteUnavailableError(
            f"{said}: the credentials have expired or are wrong. Log in again or renew them."
        )
    if code in _CLOCK:
        return CassetteUnavailableError(f"{said}: set the clock of this machine.")
    if code in _REGION:
        return CassetteUnavailableError(
            f"{said}: the bucket is in another region. Give its region to the cassette."
        )
    if code in _BUSY:
        return CassetteError(
            f"{said}: S3 is throttling or busy, also after retries. Record less often or under"
            " more prefixes, or try again later."
        )
    if code == "InvalidObjectState":
        return CassetteError(f"{said}: the object is archived. Restore it from the archive first.")
    if code == "KeyTooLongError":
        return CassetteError(f"{said}: S3 takes keys up to 1,024 bytes. Shorten the category.")
    return CassetteError(f"{said}: {_line(message)}")


def _code(error: Exception) -> str | None:
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code")) if isinstance(response, dict) else None


def _is_a(error: Exception, *names: str) -> bool:
    # By name: which of them exist depends on the version of botocore.
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _line(said: object) -> str:
    text = " ".join(str(said).split())
    return text if text.endswith(".") else f"{text}."
