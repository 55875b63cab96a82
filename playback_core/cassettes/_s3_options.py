"""The options of a cassette in S3, checked."""

from collections.abc import Mapping
from typing import Any, Final

from playback_core.errors import SettingsError

_ENCRYPTION: Final = frozenset(
    {
        *("ServerSideEncryption", "SSEKMSKeyId", "SSEKMSEncryptionContext", "BucketKeyEnabled"),
        *("SSECustomerAlgorithm", "SSECustomerKey"),
    }
)


def checked_bucket(bucket: Any) -> str:
    """Return the name of a bucket; raise SettingsError for what is none."""
    if not isinstance(bucket, str) or not bucket:
        raise SettingsError(f"bucket is {bucket!r}; it must be the name of an S3 bucket.")
    return bucket


def checked_threshold(kilobytes: Any) -> float | None:
    """Return a threshold in KB as bytes, None as none; raise SettingsError."""
    if kilobytes is None:
        return None
    if isinstance(kilobytes, bool) or not isinstance(kilobytes, (int, float)) or not kilobytes >= 0:
        raise SettingsError(
            f"infrequent_access_kb_threshold is {kilobytes!r}; it must be KB from 0, or None."
        )
    return kilobytes * 1024


def checked_encryption(arguments: Any) -> dict[str, Any]:
    """Return `put_object`'s arguments of encryption; raise SettingsError for any other."""
    given = {} if arguments is None else arguments
    if not isinstance(given, Mapping) or not _ENCRYPTION.issuperset(given):
        names = list(given) if isinstance(given, Mapping) else type(given).__name__
        raise SettingsError(
            f"encryption has {names}; it must map some of {', '.join(sorted(_ENCRYPTION))}."
        )
    return dict(given)
