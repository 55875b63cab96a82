"""CachedReadOnlyS3TapeCassette: recordings in S3 that are read once and kept on this machine."""

import os
from collections.abc import Mapping
from typing import Any, Final

from playback_core.cassettes._local_cache import LocalCache
from playback_core.cassettes._options import checked_path
from playback_core.cassettes._s3_client import S3Client, S3Connection
from playback_core.cassettes._s3_saving import SamplingCalculator
from playback_core.cassettes._s3_store import ObjectStore
from playback_core.cassettes.s3 import S3TapeCassette
from playback_core.errors import SettingsError
from playback_core.option_checks import check_flag

DEFAULT_MAX_CACHE_BYTES: Final = 1024**3


class CachedReadOnlyS3TapeCassette(S3TapeCassette):
    """Reads as S3TapeCassette does, through a cache on the local disk that may fail at any time.

    `local_path` is the folder of the cache, by default `playback/s3` in the user's cache folder;
    several processes may share it. It holds up to `max_cache_bytes`. With `use_cache=False` it is
    neither read nor written. `read_only=False` is a SettingsError. The other options are those of
    S3TapeCassette; `transient` and those that concern writing change nothing.
    """

    def __init__(
        self,
        bucket: str,
        key_prefix: str = "",
        region: str | None = None,
        transient: bool = False,
        read_only: bool = True,
        infrequent_access_kb_threshold: float | None = None,
        sampling_calculator: SamplingCalculator | None = None,
        local_path: str | os.PathLike[str] | None = None,
        use_cache: bool = True,
        *,
        max_cache_bytes: int = DEFAULT_MAX_CACHE_BYTES,
        endpoint_url: str | None = None,
        client: S3Client | None = None,
        encryption: Mapping[str, Any] | None = None,
    ) -> None:
        if read_only is not True:
            raise SettingsError(
                f"read_only is {read_only!r}; CachedReadOnlyS3TapeCassette only reads. To write,"
                " make S3TapeCassette(..., read_only=False)."
            )
        check_flag(type(self).__name__, "use_cache", use_cache)
        if type(max_cache_bytes) is not int or max_cache_bytes < 0:
            raise SettingsError(
                f"max_cache_bytes is {max_cache_bytes!r}; it must be a number of bytes from 0."
            )
        folder = _default_folder() if local_path is None else local_path
        self.local_path = checked_path("local_path", folder)
        self.use_cache = use_cache
        self._max_cache_bytes = max_cache_bytes
        self._cache = LocalCache(self.local_path, max_cache_bytes)
        super().__init__(
            bucket,
            key_prefix,
            region,
            transient,
            read_only,
            infrequent_access_kb_threshold,
            sampling_calculator,
            endpoint_url=endpoint_url,
            client=client,
            encryption=encryption,
        )

    def _opened_store(self) -> ObjectStore:
        if not self.use_cache:
            return super()._opened_store()
        return _CachedStore(self.bucket, self._connection, self._encryption, self._cache)

    def _reading_options(self) -> dict[str, Any]:
        return super()._reading_options() | {
            "local_path": self.local_path,
            "use_cache": self.use_cache,
            "max_cache_bytes": self._max_cache_bytes,
        }


class _CachedStore(ObjectStore):
    """Objects that are read once: an object is kept by its key, and by its ETag where known.

    Recordings and index objects never change under their key.
    """

    def __init__(
        self,
        bucket: str,
        connection: S3Connection,
        encryption: Mapping[str, Any],
        cache: LocalCache,
    ) -> None:
        super().__init__(bucket, connection, encryption)
        self._cache = cache
        self._place = f"{connection.endpoint}\n{bucket}\n"

    def get(self, key: str, max_bytes: int, etag: str | None = None) -> bytes | None:
        name = f"{self._place}{key}\n{etag or ''}"
        body = self._cache.get(name, max_bytes)
        if body is None:
            body = super().get(key, max_bytes, etag)
            if body is not None:
                self._cache.put(name, body)
        return body


def _default_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "playback", "s3")
