"""S3 cassette URLs: `s3://bucket/prefix?region=...`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote

from playback_core.cassettes.cached_s3 import CachedReadOnlyS3TapeCassette
from playback_core.cassettes.s3 import S3TapeCassette
from playback_core.errors import SettingsError

_OPTIONS: Final = ("region", "endpoint_url", "encryption", "kms_key_id", "cache")
_ENCRYPTION: Final = {"encryption": "ServerSideEncryption", "kms_key_id": "SSEKMSKeyId"}


@dataclass(frozen=True, slots=True)
class S3Url:
    """What the URL of an S3 cassette names; `options` are those behind the question mark."""

    bucket: str
    key_prefix: str
    options: dict[str, str]

    @classmethod
    def of(cls, parts: SplitResult) -> Self:
        """Read the parts of a URL; raise SettingsError where they name no cassette."""
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = [name for name, value in options.items() if name not in _OPTIONS or not value]
        if unknown or not parts.netloc or "@" in parts.netloc or parts.fragment:
            raise SettingsError(
                f"The cassette URL {parts.geturl()!r} names no bucket, or has other options; write"
                f" s3://bucket/prefix?region=eu-west-1, with any of {', '.join(_OPTIONS)}."
            )
        return cls(parts.netloc, unquote(parts.path)[1:], options)

    def open(self, base: Path, *, writable: bool) -> S3TapeCassette:
        """Open the cassette, through the `cache` folder where there is one and nothing is recorded.

        Raise SettingsError where an option has a wrong value.
        """
        region, endpoint_url = self.options.get("region"), self.options.get("endpoint_url")
        if not writable and "cache" in self.options:
            return CachedReadOnlyS3TapeCassette(
                self.bucket,
                self.key_prefix,
                region,
                local_path=base / Path(self.options["cache"]).expanduser(),
                endpoint_url=endpoint_url,
            )
        return S3TapeCassette(
            self.bucket,
            self.key_prefix,
            region,
            read_only=False,
            endpoint_url=endpoint_url,
            encryption={
                _ENCRYPTION[name]: value
                for name, value in self.options.items()
                if name in _ENCRYPTION
            },
        )
