"""Hooks into a method of applications: on their class, or on one that has it for itself.

On the class, so that an application keeps its own attributes and its bound method, which keeps
the application: an attribute that refers to the application would be a cycle, a weak one would
lose an application of which only `wsgi_app` is served.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from weakref import WeakSet, ref

from flask import Flask

from playback_flask.app_playback import EXTENSION, AppPlayback

Run = Callable[..., Any]
"""The method as it is without us, bound."""

Ours = Callable[..., Any]
"""What an application has called instead, with: its hooks, itself, a Run, the arguments."""

_MARK: Final = "playback_hook"


class ClassHook:
    """A method of a class that goes through us in the applications that want it.

    It stays as long as one of them does, and passes all others by.
    """

    def __init__(self, owner: type[Flask], name: str) -> None:
        self._owner = ref(owner)
        self._name = name
        self._original = vars(owner)[name]
        self._apps: WeakSet[Flask] = WeakSet()
        self._function = self._hooked()
        setattr(owner, name, self._function)

    @classmethod
    def on(cls, owner: type[Flask], name: str) -> "ClassHook":
        """Return the hook that is on a method of a class, made if there is none.

        It is found also where others have wrapped it since, if their function is marked as ours.
        """
        hook = getattr(vars(owner)[name], _MARK, None)
        return hook if isinstance(hook, ClassHook) and hook._owner() is owner else cls(owner, name)

    def add(self, app: Flask) -> None:
        """Stay for an application."""
        self._apps.add(app)

    def remove(self, app: Flask) -> None:
        """Leave the class with the last application; what others have wrapped stays."""
        self._apps.discard(app)
        owner = self._owner()
        if owner is None or self._apps:
            return
        if vars(owner).get(self._name) is self._function:
            setattr(owner, self._name, self._original)

    def run_of(self, app: Flask) -> Run:
        """Return an application's method as it is without us."""
        run: Run = self._original.__get__(app, type(app))
        return run

    def _hooked(self) -> Callable[..., Any]:
        bind = self._original.__get__

        @wraps(self._original)
        def hooked(app: Flask, *args: Any, **kwargs: Any) -> Any:
            return _through(self, app, bind(app, type(app)), args, kwargs)

        setattr(hooked, _MARK, self)
        return hooked


class InstanceHook:
    """A method of one application that somebody has wrapped already; it is wrapped once more."""

    def __init__(self, app: Flask, name: str) -> None:
        self._name = name
        self._original: Run = vars(app)[name]
        self._function = self._hooked(app)

    def add(self, app: Flask) -> None:
        """Take the place."""
        setattr(app, self._name, self._function)

    def remove(self, app: Flask) -> None:
        """Give the place back; one that others have wrapped since stays, and passes on."""
        if vars(app).get(self._name) is self._function:
            setattr(app, self._name, self._original)

    def run_of(self, app: Flask) -> Run:
        """Return the application's method as it is without us."""
        return self._original

    def _hooked(self, app: Flask) -> Callable[..., Any]:
        run, application = self._original, ref(app)

        # Weakly: what it wraps need not refer to the application, and then there is no cycle.
        def hooked(*args: Any, **kwargs: Any) -> Any:
            app = application()
            if app is None:
                return run(*args, **kwargs)
            return _through(self, app, run, args, kwargs)

        return hooked


MethodHook = ClassHook | InstanceHook


def method_hook(app: Flask, name: str) -> MethodHook:
    """Return the hook for a method of an application; `add` it to the application.

    It is on the class that gives the application the method, so that a subclass with a method of
    its own is hooked around that, whether it calls its base's or not.
    """
    if name in vars(app):
        return InstanceHook(app, name)
    owner = next(base for base in type(app).__mro__ if name in vars(base))
    return ClassHook.on(owner, name)


def _through(
    hook: MethodHook, app: Flask, run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    playback = app.extensions.get(EXTENSION)
    # It may be something else of that name, or not there any more.
    if isinstance(playback, AppPlayback):
        ours = playback.hooks.ours.get(hook)
        if ours is not None:
            return ours(playback.hooks, app, run, *args, **kwargs)
    return run(*args, **kwargs)
