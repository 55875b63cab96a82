"""ObjectStore: the objects of one bucket, read within bounds, with errors that say what to do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from playback_core.cassettes._in_parallel import in_parallel
from playback_core.cassettes._s3_client import S3Connection
from playback_core.cassettes._s3_errors import (
    Access,
    botocore_errors,
    cut_short,
    is_missing_key,
    refused,
    translated,
)
from playback_core.errors import DamagedRecordingError

_ATTEMPTS: Final = 3
_CHUNK: Final = 1024 * 1024
# What S3 takes and gives at most in one request.
_KEYS_AT_ONCE: Final = 1000

STANDARD: Final = "STANDARD"


class Listed(NamedTuple):
    """An object as a listing shows it."""

    key: str
    etag: str
    size: int


class ObjectStore:
    """Reads, writes, lists and deletes objects; `encryption` is given with each write."""

    def __init__(
        self, bucket: str, connection: S3Connection, encryption: Mapping[str, Any]
    ) -> None:
        self.bucket = bucket
        self._connection = connection
        self._encryption = dict(encryption)
        # A key of the customer's is needed for reading too.
        self._decryption = {
            name: value for name, value in encryption.items() if name.startswith("SSECustomer")
        }

    def get(self, key: str, max_bytes: int, etag: str | None = None) -> bytes | None:
        """Return an object's bytes, or None where there is none.

        An `etag` says which version is known to be current; that it is read need not be checked.
        Raise DamagedRecordingError, before reading on, where it is larger than `max_bytes`.
        """
        access = Access("GetObject", self.bucket, key)
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._connection.client.get_object(
                    Bucket=self.bucket, Key=key, **self._decryption
                )
            except botocore_errors() as error:
                if is_missing_key(error):
                    return None
                raise translated(error, access) from error
            try:
                return _body(answer, max_bytes, access)
            except botocore_errors() as error:
                # What broke off behind the headers is nothing botocore tries again.
                if attempt == _ATTEMPTS:
                    raise cut_short(error, access) from error

    def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        return any(listed.key == key for listed in self.list(key, until=key))

    def put(self, key: str, body: bytes, *, storage_class: str = STANDARD) -> str:
        """Write an object and return its ETag."""
        try:
            answer = self._connection.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                StorageClass=storage_class,
                ContentType="application/octet-stream",
                **self._encryption,
            )
        except botocore_errors() as error:
            raise translated(error, Access("PutObject", self.bucket, key)) from error
        return str(answer.get("ETag", ""))

    def list(self, prefix: str, after: str = "", until: str | None = None) -> Iterator[Listed]:
        """Yield the objects below a prefix in the order of their keys.

        They come behind `after` and not behind `until`; pages are asked for as they are needed.
        """
        for page in self._pages(prefix, {"StartAfter": after} if after else {}):
            for item in page.get("Contents", ()):
                key = item["Key"]
                if until is not None and key > until:
                    return
                yield Listed(key, item.get("ETag", ""), item.get("Size", 0))

    def list_folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders right below a prefix."""
        for page in self._pages(prefix, {"Delimiter": "/"}):
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"][len(prefix) : -1]

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that does not exist is no error."""
        every = list(keys)
        starts = range(0, len(every), _KEYS_AT_ONCE)
        in_parallel(self._delete_batch, [every[at : at + _KEYS_AT_ONCE] for at in starts])

    def _delete_batch(self, keys: Sequence[str]) -> None:
        access = Access("DeleteObject", self.bucket, keys[0])
        try:
            answer = self._connection.client.delete_objects(
                Bucket=self.bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        except botocore_errors() as error:
            raise translated(error, access) from error
        for failed in answer.get("Errors", ()):
            access = access._replace(key=str(failed.get("Key")))
            raise refused(str(failed.get("Code")), str(failed.get("Message")), access)

    def _pages(self, prefix: str, arguments: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            try:
                page = self._connection.client.list_objects_v2(
                    Bucket=self.bucket, Prefix=prefix, **arguments, **more
                )
            except botocore_errors() as error:
                raise translated(error, Access("ListBucket", self.bucket, prefix)) from error
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


def _body(answer: Mapping[str, Any], max_bytes: int, access: Access) -> bytes:
    body = answer["Body"]
    try:
        chunks: list[bytes] = []
        read = 0
        # Where a service does not tell the length, what has come counts.
        size = answer.get("ContentLength") or 0
        while size <= max_bytes:
            # The last, empty one is when botocore checks the length and the checksum.
            chunk = body.read(_CHUNK)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            read += len(chunk)
            size = max(size, read)
    finally:
        body.close()
    raise DamagedRecordingError(
        f"{access} was refused: it has more than {max_bytes:,} bytes, so it is nothing a cassette"
        " wrote. Delete the object."
    )
