"""What a Redis command is as plain data: its name, whether it reads, what it is told by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

_READS: Final = """
    BITCOUNT BITFIELD_RO BITPOS CLUSTERSCAN DBSIZE DUMP EVAL_RO EVALSHA_RO EXISTS EXPIRETIME
    FCALL_RO GEODIST GEOHASH GEOPOS GEORADIUS_RO GEORADIUSBYMEMBER_RO GEOSEARCH GET GETBIT
    GETRANGE HEXISTS HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME HPTTL HRANDFIELD
    HSCAN HSTRLEN HTTL HVALS KEYS LCS LINDEX LLEN LOLWUT LPOS LRANGE MGET PEXPIRETIME PFCOUNT
    PTTL RANDOMKEY SCAN SCARD SDIFF SDIFFCARD SUNIONCARD SINTER SINTERCARD SISMEMBER SMEMBERS
    SMISMEMBER SORT_RO SRANDMEMBER SSCAN STRLEN SUBSTR SUNION TTL TYPE XLEN XPENDING XRANGE
    XREAD XREVRANGE ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE
    ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN
    ZSCORE ZUNION DIGEST VCARD VDIM VEMB VGETATTR VINFO VISMEMBER VLINKS VRANDMEMBER VRANGE VSIM
    PING ECHO TIME INFO LASTSAVE ROLE COMMAND BF.CARD BF.EXISTS BF.INFO BF.MEXISTS CF.COUNT
    CF.EXISTS CF.INFO CF.MEXISTS CMS.INFO CMS.QUERY FT._LIST FT.AGGREGATE FT.DICTDUMP FT.EXPLAIN
    FT.HYBRID FT.INFO FT.SEARCH FT.SPELLCHECK FT.SUGGET FT.SUGLEN FT.SYNDUMP FT.TAGVALS
    JSON.ARRINDEX JSON.ARRLEN JSON.GET JSON.MGET JSON.OBJKEYS JSON.OBJLEN JSON.RESP JSON.STRLEN
    JSON.TYPE TDIGEST.BYRANK TDIGEST.BYREVRANK TDIGEST.CDF TDIGEST.INFO TDIGEST.MAX TDIGEST.MIN
    TDIGEST.QUANTILE TDIGEST.RANK TDIGEST.REVRANK TDIGEST.TRIMMED_MEAN TOPK.COUNT TOPK.INFO
    TOPK.LIST TOPK.QUERY TS.GET TS.INFO TS.MGET TS.MRANGE TS.MREVRANGE TS.QUERYINDEX TS.RANGE
    TS.REVRANGE
"""
# Those of several words, by the first one.
_READS_WITHIN: Final = {
    "ACL": "CAT DRYRUN GETUSER LIST USERS WHOAMI",
    "CLIENT": "GETNAME GETREDIR ID INFO LIST TRACKINGINFO",
    "CLUSTER": "COUNTKEYSINSLOT GETKEYSINSLOT INFO KEYSLOT LINKS MYID MYSHARDID NODES REPLICAS"
    " SHARDS SLAVES SLOTS",
    "COMMAND": "COUNT DOCS GETKEYS GETKEYSANDFLAGS INFO LIST",
    "CONFIG": "GET",
    "FT.CONFIG": "GET",
    "FUNCTION": "DUMP LIST STATS",
    "JSON.DEBUG": "MEMORY",
    "LATENCY": "DOCTOR GRAPH HISTOGRAM HISTORY LATEST",
    "MEMORY": "DOCTOR MALLOC-STATS STATS USAGE",
    "MODULE": "LIST",
    "OBJECT": "ENCODING FREQ IDLETIME REFCOUNT",
    "PUBSUB": "CHANNELS NUMPAT NUMSUB SHARDCHANNELS SHARDNUMSUB",
    "SCRIPT": "EXISTS",
    "SENTINEL": "CKQUORUM GET-MASTER-ADDR-BY-NAME MASTER MASTERS MYID REPLICAS SENTINELS SLAVES",
    "SLOWLOG": "GET LEN",
    "XINFO": "CONSUMERS GROUPS STREAM",
}
_OF_TWO_WORDS: Final = frozenset({*_READS_WITHIN, "XGROUP"})
_ALL_READS: Final = frozenset(_READS.split()).union(
    f"{first} {second}" for first, words in _READS_WITHIN.items() for second in words.split()
)

# How many of their arguments are told; the rest has passwords.
_SECRET_AFTER: Final = {
    "AUTH": 0,
    "HELLO": 1,
    "ACL SETUSER": 1,
    "CONFIG SET": 1,
    "MIGRATE": 5,
    "SENTINEL SET": 1,
}
CONCEALED: Final = "(concealed)"
"""Told instead of the arguments that hold a password."""

_SECRET_SETTINGS: Final = frozenset(
    {"requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass"}
)

# Where pairs of names and values begin, so that a secret is known by its name.
_PAIRS_FROM: Final = {"HSET": 1, "HMSET": 1, "HSETNX": 1, "MSET": 0, "MSETNX": 0}

_TOLD_OTHERWISE: Final = frozenset({*_SECRET_AFTER, *_PAIRS_FROM})
_CAST: Final = "score_cast_func"
_NAME_LENGTH: Final = 40

Argument = str | bytes


@lru_cache(512)
def is_read(name: str) -> bool:
    """Tell whether a command only reads; one that is not known does not."""
    return name in _ALL_READS


def told(args: Sequence[Any], options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of a command and the fields that tell it.

    Arguments are told as they go over the wire: text where they are UTF-8, else bytes.
    """
    name, rest = _name(args[0]), args[1:]
    if rest and name in _OF_TWO_WORDS:
        name, rest = f"{name} {_name(rest[0])}", rest[1:]
    arguments = [each if type(each) is str else _argument(each) for each in rest]
    fields: dict[str, Any] = {"command": [name, *arguments]}
    if name in _TOLD_OTHERWISE:
        _tell_otherwise(fields, name, arguments)
    # What turns scores into numbers; `float` is what it is where nobody said so.
    cast = options.get(_CAST, float)
    if cast is not float:
        fields["options"] = {_CAST: _path(cast)}
    return name, fields


def _tell_otherwise(fields: dict[str, Any], name: str, arguments: list[Argument]) -> None:
    if name in _SECRET_AFTER:
        fields["command"][1 + _SECRET_AFTER[name] :] = [CONCEALED]
        return
    start = _PAIRS_FROM[name]
    pairs = arguments[start:]
    names = pairs[::2]
    if len(pairs) % 2 == 0 and len(set(names)) == len(names):
        fields["command"][1 + start :] = []
        fields["values"] = dict(zip(names, pairs[1::2], strict=True))


def named(command: Sequence[Argument], result: Any) -> Any:
    """Return what is stored of a result: of HGET and HMGET by the names that were asked for."""
    if command[0] == "HGET" and len(command) == 3 and not isinstance(result, Exception):
        return {command[2]: result}
    if command[0] == "HMGET" and isinstance(result, list) and len(result) == len(command) - 2:
        return dict(zip(command[2:], result, strict=True))
    if command[0] == "CONFIG GET" and isinstance(result, dict):
        return {
            name: CONCEALED if value and _argument(name) in _SECRET_SETTINGS else value
            for name, value in result.items()
        }
    return result


def unnamed(command: Sequence[Argument], stored: Any) -> Any:
    """Return the result that `named` was given."""
    if not isinstance(stored, dict):
        return stored
    if command[0] == "HGET":
        return next(iter(stored.values()))
    return [stored.get(name) for name in command[2:]] if command[0] == "HMGET" else stored


@lru_cache(512)
def _name(word: Any) -> str:
    text = word.decode("latin-1") if isinstance(word, bytes) else str(word)
    return text.upper()[:_NAME_LENGTH]


def _argument(value: Any) -> Argument:
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError:
            return bytes(value)
    return repr(value) if isinstance(value, (int, float)) else str(value)


def _path(function: Any) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
