"""A server of the tests' own that speaks MongoDB's protocol, over lists of documents in memory.

There is no `mongod` among Python's packages. It knows what the tests ask of it: the commands of
collections, cursors in batches, duplicate keys, sessions and transactions (which it takes, and
does not roll back), compression by zlib, and connections that break.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Final

import bson
from bson import Int64, Timestamp
from bson.codec_options import CodecOptions, DatetimeConversion

_MESSAGE: Final = 2013
_COMPRESSED: Final = 2012
_MORE_TO_COME: Final = 2
_EXHAUST_ALLOWED: Final = 1 << 16
_DUPLICATE_KEY: Final = 11000
_BATCH: Final = 101
_OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO
)

Document = dict[str, Any]


class MongoError(Exception):
    """What a command fails with."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.reply = {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


class Store:
    """The documents of a server by database and collection, and what it does to commands."""

    def __init__(self, port: int, *, replica_set: bool) -> None:
        self.documents: dict[tuple[str, str], list[Document]] = {}
        self.commands: list[Document] = []
        self.connections = 0
        self.broken: list[str] = []
        """Names of commands, each of which breaks its connection once when it comes."""
        self.unanswered: list[str] = []
        """Names of commands that get no answer."""
        self.came = threading.Event()
        """Set when a command comes."""
        self._port = port
        self._replica_set = replica_set
        self._cursors: dict[int, tuple[str, list[Document]]] = {}
        self._numbers = count(1001)
        self._lock = threading.Lock()

    def run(self, command: Document) -> Document:
        """Return the reply to a command."""
        name = next(iter(command))
        method = getattr(self, f"_{name.lower()}", None)
        if method is None:
            message = f"no such command: '{name}'"
            return MongoError(59, "CommandNotFound", message).reply
        with self._lock:
            self.commands.append(command)
            self.came.set()
            try:
                return {"ok": 1.0, **method(command)}
            except MongoError as error:
                return error.reply

    def _collection(self, command: Document) -> list[Document]:
        name = command[next(iter(command))]
        return self.documents.setdefault((command["$db"], name), [])

    def _hello(self, command: Document) -> Document:
        reply = {
            "isWritablePrimary": True,
            "helloOk": True,
            "maxBsonObjectSize": 16 * 1024**2,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "minWireVersion": 0,
            "maxWireVersion": 25,
            "compression": [each for each in command.get("compression", ()) if each == "zlib"],
        }
        if self._replica_set:
            host = f"127.0.0.1:{self._port}"
            names = {"setName": "shop", "hosts": [host], "me": host, "primary": host}
            time = {"clusterTime": Timestamp(1_700_000_000, 1)}
            reply |= {**names, "logicalSessionTimeoutMinutes": 30, "$clusterTime": time}
        return reply

    _ismaster = _hello

    def _nothing(self, command: Document) -> Document:
        return {}

    _ping = _endsessions = _killcursors = _nothing
    _committransaction = _aborttransaction = _create = _nothing

    def _buildinfo(self, command: Document) -> Document:
        return {"version": "7.0.0"}

    def _insert(self, command: Document) -> Document:
        documents, inserted, errors = self._collection(command), 0, []
        for index, document in enumerate(command["documents"]):
            if any(each["_id"] == document["_id"] for each in documents):
                key = {"_id": document["_id"]}
                message = f"E11000 duplicate key error dup key: {key}"
                errors.append(
                    {"index": index, "code": _DUPLICATE_KEY, "errmsg": message, "keyValue": key}
                )
                if command.get("ordered", True):
                    break
                continue
            documents.append(document)
            inserted += 1
        return {"n": inserted, **({"writeErrors": errors} if errors else {})}

    def _bulkwrite(self, command: Document) -> Document:
        names = [each["ns"].split(".", 1) for each in command["nsInfo"]]
        results, inserted = [], 0
        for index, operation in enumerate(command["ops"]):
            database, name = names[operation["insert"]]
            insert = {"insert": name, "$db": database, "documents": [operation["document"]]}
            reply = self._insert(insert)
            inserted += reply["n"]
            failure = reply.get("writeErrors", [{}])[0]
            results.append({"ok": float(reply["n"]), "n": reply["n"], **failure, "idx": index})
        cursor = {"id": Int64(0), "ns": "admin.$cmd.bulkWrite", "firstBatch": results}
        counts = dict.fromkeys(("nMatched", "nModified", "nUpserted", "nDeleted"), 0)
        errors = len(results) - inserted
        return {"cursor": cursor, "nInserted": inserted, "nErrors": errors, **counts}

    def _update(self, command: Document) -> Document:
        documents, found, changed, upserted = self._collection(command), 0, 0, []
        for index, update in enumerate(command["updates"]):
            matched = [each for each in documents if _fits(each, update["q"])]
            if not matched and update.get("upsert"):
                document = {"_id": bson.ObjectId(), **update["q"]}
                _change(document, update["u"])
                documents.append(document)
                upserted.append({"index": index, "_id": document["_id"]})
                found += 1
            for each in matched if update.get("multi") else matched[:1]:
                found += 1
                changed += _change(each, update["u"])
        return {"n": found, "nModified": changed, **({"upserted": upserted} if upserted else {})}

    def _delete(self, command: Document) -> Document:
        documents, deleted = self._collection(command), 0
        for delete in command["deletes"]:
            matched = [each for each in documents if _fits(each, delete["q"])]
            for each in matched[: delete["limit"]] if delete["limit"] else matched:
                documents.remove(each)
                deleted += 1
        return {"n": deleted}

    def _findandmodify(self, command: Document) -> Document:
        documents = self._collection(command)
        matched = [each for each in documents if _fits(each, command.get("query", {}))]
        if not matched:
            return {"value": None, "lastErrorObject": {"n": 0, "updatedExisting": False}}
        before = dict(matched[0])
        _change(matched[0], command["update"])
        value = matched[0] if command.get("new") else before
        return {"value": value, "lastErrorObject": {"n": 1, "updatedExisting": True}}

    def _find(self, command: Document) -> Document:
        found = _selected(self._collection(command), command.get("filter", {}))
        for name, direction in reversed(command.get("sort", {}).items()):
            found.sort(key=lambda each, name=name: each.get(name), reverse=direction < 0)
        found = found[command.get("skip", 0) :][: command.get("limit", 0) or None]
        size = command.get("batchSize", _BATCH)
        return self._first_batch(command, found, size, is_single=command.get("singleBatch", False))

    def _first_batch(
        self, command: Document, found: list[Document], size: int, *, is_single: bool = False
    ) -> Document:
        namespace = f"{command['$db']}.{command[next(iter(command))]}"
        number = 0
        if len(found) > size and not is_single:
            number = next(self._numbers)
            self._cursors[number] = (namespace, found[size:])
        cursor = {"id": Int64(number), "ns": namespace, "firstBatch": found[:size]}
        return {"cursor": cursor}

    def _getmore(self, command: Document) -> Document:
        number = command["getMore"]
        if number not in self._cursors:
            raise MongoError(43, "CursorNotFound", f"cursor id {number} not found")
        namespace, left = self._cursors.pop(number)
        size = command.get("batchSize", _BATCH)
        if len(left) > size:
            self._cursors[number] = (namespace, left[size:])
        else:
            number = 0
        return {"cursor": {"id": Int64(number), "ns": namespace, "nextBatch": left[:size]}}

    def _aggregate(self, command: Document) -> Document:
        found = self._collection(command)
        for stage in command["pipeline"]:
            ((name, options),) = stage.items()
            if name == "$match":
                found = _selected(found, options)
            elif name == "$group":
                found = [{"_id": 1, "n": len(found)}] if found else []
            elif name == "$changeStream":
                return self._first_batch(command, self._changes(command), 1)
            elif name == "$out":
                self.documents[command["$db"], options] = [*found]
                found = []
            else:
                raise MongoError(40324, "Location40324", f"Unrecognized stage name: '{name}'")
        return self._first_batch(command, found, command["cursor"].get("batchSize", _BATCH))

    def _changes(self, command: Document) -> list[Document]:
        return [
            {"_id": {"_data": str(each["_id"])}, "operationType": "insert", "fullDocument": each}
            for each in self._collection(command)
        ]

    def _count(self, command: Document) -> Document:
        return {"n": len(_selected(self._collection(command), command.get("query", {})))}

    def _distinct(self, command: Document) -> Document:
        found = _selected(self._collection(command), command.get("query", {}))
        values: list[Any] = []
        for each in found:
            if each.get(command["key"]) not in values:
                values.append(each.get(command["key"]))
        return {"values": values}

    def _listcollections(self, command: Document) -> Document:
        names = sorted(name for database, name in self.documents if database == command["$db"])
        batch = [{"name": name, "type": "collection", "options": {}} for name in names]
        namespace = f"{command['$db']}.$cmd.listCollections"
        return {"cursor": {"id": Int64(0), "ns": namespace, "firstBatch": batch}}

    def _createindexes(self, command: Document) -> Document:
        return {"numIndexesBefore": 1, "numIndexesAfter": 2}

    def _createuser(self, command: Document) -> Document:
        return {}


def _selected(documents: list[Document], query: Document) -> list[Document]:
    return [dict(each) for each in documents if _fits(each, query)]


def _fits(document: Document, query: Document) -> bool:
    for name, wanted in query.items():
        value = document.get(name)
        if isinstance(wanted, dict) and any(each.startswith("$") for each in wanted):
            if "$gt" in wanted and (value is None or value <= wanted["$gt"]):
                return False
        elif value != wanted:
            return False
    return True


def _change(document: Document, update: Document) -> bool:
    before = dict(document)
    document.update(update.get("$set", {}))
    for name, amount in update.get("$inc", {}).items():
        document[name] = document.get(name, 0) + amount
    return document != before


class _Connection(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        store = self.server.store
        store.connections += 1
        while header := self.rfile.read(16):
            size, request, _, operation = struct.unpack("<iiii", header)
            body = self.rfile.read(size - 16)
            if operation == _COMPRESSED:
                body = zlib.decompress(body[9:])
            command, flags = _command(body)
            name = next(iter(command))
            if name in store.broken:
                store.broken.remove(name)
                return
            if name in store.unanswered:
                continue
            reply = store.run(command)
            if name == "getMore" and flags & _EXHAUST_ALLOWED:
                # All batches follow, none of which is asked for.
                while reply["cursor"]["id"]:
                    self._answer(request, reply, _MORE_TO_COME)
                    reply = store.run(command)
            if not flags & _MORE_TO_COME:
                self._answer(request, reply)

    def _answer(self, request: int, reply: Document, flags: int = 0) -> None:
        document = bson.encode(reply)
        head = struct.pack("<iiiiIB", 21 + len(document), 1, request, _MESSAGE, flags, 0)
        self.wfile.write(head + document)


def _command(body: bytes) -> tuple[Document, int]:
    (flags,) = struct.unpack_from("<I", body)
    command: Document = {}
    position = 4
    while position < len(body):
        kind, size = struct.unpack_from("<Bi", body, position)
        section = body[position + 1 : position + 1 + size]
        if kind == 0:
            command = bson.decode(section, _OPTIONS)
        else:
            end = section.index(b"\0", 4)
            command[section[4:end].decode()] = bson.decode_all(section[end + 1 :], _OPTIONS)
        position += 1 + size
    return command, flags


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    store: Store

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that is gone."""


@contextmanager
def mongo_server(*, replica_set: bool = True) -> Iterator[tuple[str, Store]]:
    """Run a server for a block; give its URL and what it holds."""
    with _Server(("127.0.0.1", 0), _Connection) as server:
        port = server.server_address[1]
        server.store = Store(port, replica_set=replica_set)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            options = "/?replicaSet=shop" if replica_set else "/"
            yield f"mongodb://127.0.0.1:{port}{options}", server.store
        finally:
            server.shutdown()
            thread.join()
