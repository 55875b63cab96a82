"""Guards on calls that cause no audit event, or cause it when it is too late."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from inspect import signature
from typing import Any, Final, NamedTuple

from playback_core.sandbox import attempts
from playback_core.sandbox.attempts import Rule
from playback_core.sandbox.databases import guard_new_connections
from playback_core.sandbox.judge import judge

_MISSING: Final[Any] = object()

# Loaded by a replay, it would be guarded by the next event, and not at once.
with suppress(ImportError):
    import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")


class _Guarded(NamedTuple):
    module: str
    owner: str
    names: str
    rule: Rule
    then: Callable[[], None] | None = None


_send: Final = attempts.over_socket("send to")
_receive: Final = attempts.over_socket("receive from", reads=True)
_write: Final = attempts.over_transport("send to")
_shared_memory: Final = attempts.plain("share memory with other processes")
_other_process: Final = attempts.plain("send work to another process")
_interpreter: Final = attempts.plain("start another interpreter")

_GUARDED: Final = (
    # C resolves the name in an address before it causes the event.
    _Guarded("socket", "socket", "connect connect_ex", attempts.connection("connect to")),
    _Guarded("socket", "socket", "sendto", lambda args: attempts.sent((args[0], args[-1]))),
    _Guarded("socket", "socket", "send sendall sendfile", _send),
    _Guarded("socket", "socket", "recv recv_into recvfrom recvfrom_into", _receive),
    _Guarded("socket", "socket", "recvmsg recvmsg_into accept", _receive),
    _Guarded("socket", "socket", "listen", attempts.listening),
    _Guarded("os", "", "write writev sendfile", attempts.over_descriptor("send to")),
    _Guarded("ssl", "SSLSocket", "send sendall sendfile write", _send),
    _Guarded("ssl", "SSLSocket", "read recv recv_into", _receive),
    # What can't be sent at once would be sent by the loop, in another context.
    _Guarded("asyncio.selector_events", "_SelectorSocketTransport", "write writelines", _write),
    _Guarded("asyncio.selector_events", "_SelectorDatagramTransport", "sendto", _write),
    _Guarded("asyncio.sslproto", "_SSLProtocolTransport", "write writelines", _write),
    _Guarded("asyncio.unix_events", "_UnixWritePipeTransport", "write", _write),
    # What it opens is guarded at once, and not by the next event.
    _Guarded("sqlite3", "", "connect", attempts.nothing, guard_new_connections),
    _Guarded("sqlite3.dbapi2", "", "connect", attempts.nothing, guard_new_connections),
    # Whoever has `connect` by a name of its own comes to this, too.
    _Guarded("psycopg2", "", "_connect", attempts.postgresql),
    _Guarded("os", "", "mkfifo mknod", attempts.changed("make")),
    _Guarded("_posixshmem", "", "shm_open shm_unlink", _shared_memory),
    _Guarded("signal", "", "pidfd_send_signal", attempts.plain("send a signal by a pidfd")),
    _Guarded("_posixsubprocess", "", "fork_exec", attempts.plain("start a process")),
    # Which has none of our hooks. To refuse the event ends Python 3.12, and 3.13 has none.
    _Guarded("_xxsubinterpreters", "", "create", _interpreter),
    _Guarded("_interpreters", "", "create", _interpreter),
    _Guarded("multiprocessing.pool", "Pool", "apply_async _map_async imap", _other_process),
    _Guarded("multiprocessing.pool", "Pool", "imap_unordered", _other_process),
    _Guarded("multiprocessing.queues", "Queue", "put", _other_process),
    _Guarded("multiprocessing.connection", "_ConnectionBase", "send send_bytes", _other_process),
    _Guarded("concurrent.futures.process", "ProcessPoolExecutor", "submit", _other_process),
)

_waiting: Final = list(_GUARDED)
_installed: Final[list[tuple[Any, str, Any]]] = []
_loaded: Final = [0]


def install_guards() -> None:
    """Guard what of it is loaded; what comes later, by the next call. Inert outside of replays.

    They stay: a thread that outlives its replay meets them.
    """
    # Most replays load no module.
    if _loaded[0] == len(sys.modules):
        return
    _loaded[0] = len(sys.modules)
    for guarded in tuple(_waiting):
        module = sys.modules.get(guarded.module)
        if module is not None:
            _waiting.remove(guarded)
            owner = getattr(module, guarded.owner, None) if guarded.owner else module
            for name in guarded.names.split():
                if hasattr(owner, name):
                    _install(owner, name, guarded)


def uninstall_guards() -> None:
    """Take the guards away."""
    while _installed:
        owner, name, original = _installed.pop()
        if original is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, original)
    _waiting[:] = _GUARDED
    _loaded[0] = 0


def _install(owner: Any, name: str, by: _Guarded) -> None:
    own = vars(owner).get(name, _MISSING)
    setattr(owner, name, _guarded(getattr(owner, name), by.rule, by.then))
    _installed.append((owner, name, own))


def _guarded(
    original: Callable[..., Any], rule: Rule, then: Callable[[], None] | None
) -> Callable[..., Any]:
    @wraps(original)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        judge(rule, _in_order(original, args, kwargs) if kwargs else args)
        result = original(*args, **kwargs)
        if then is not None:
            then()
        return result

    return guarded


def _in_order(
    original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    try:
        return signature(original).bind(*args, **kwargs).args
    except (TypeError, ValueError):
        return args  # Some of C do not say; a wrong call is refused by what is called.
