"""The workloads, in the order of the table."""

from typing import Final

from benchmarks.workload import Workload
from benchmarks.workloads.celery_memory import CELERY_MEMORY
from benchmarks.workloads.celery_tasks import CELERY_NOTHING, CELERY_WAITING
from benchmarks.workloads.clock import CLOCK, CLOCK_OUTSIDE
from benchmarks.workloads.dedicated import DEDICATED
from benchmarks.workloads.django_queries import DJANGO_QUERIES, DJANGO_QUERIES_REPLAYED
from benchmarks.workloads.django_shop import (
    DJANGO_SHOP,
    DJANGO_SHOP_ASGI,
    DJANGO_SHOP_ASGI_P99,
    DJANGO_SHOP_P99,
)
from benchmarks.workloads.flask_shop import (
    FLASK_SHOP,
    FLASK_SHOP_P99,
    FLASK_SHOP_SHED,
    FLASK_SHOP_SHED_P99,
)
from benchmarks.workloads.flask_view import FLASK_BUSY, FLASK_WAITING
from benchmarks.workloads.interceptors import INTERCEPTORS_IDLE, INTERCEPTORS_IMPORT
from benchmarks.workloads.lookup import LOOKUP, LOOKUP_FILES
from benchmarks.workloads.memory import MEMORY
from benchmarks.workloads.off_call import OFF_CALL
from benchmarks.workloads.outbound import HTTP_RECORDED, HTTP_REPLAYED
from benchmarks.workloads.recording_cost import (
    ALL_CPU,
    ALL_CPU_TYPED,
    FOREGROUND,
    FOREGROUND_TYPED,
    LARGE,
    ONE_INPUT,
    ONE_TYPED_INPUT,
)
from benchmarks.workloads.redis_get import REDIS_RECORDED, REDIS_REPLAYED
from benchmarks.workloads.replay import REPLAY, REPLAY_TYPED
from benchmarks.workloads.statements import PSYCOPG_STATEMENTS, SQLITE_STATEMENTS
from benchmarks.workloads.stored_bytes import STORED_BYTES
from benchmarks.workloads.stream import STREAM

WORKLOADS: Final[tuple[Workload, ...]] = (
    OFF_CALL,
    CLOCK,
    CLOCK_OUTSIDE,
    ONE_INPUT,
    ONE_TYPED_INPUT,
    FOREGROUND,
    FOREGROUND_TYPED,
    ALL_CPU,
    ALL_CPU_TYPED,
    LARGE,
    STREAM,
    MEMORY,
    STORED_BYTES,
    REPLAY,
    REPLAY_TYPED,
    DEDICATED,
    LOOKUP,
    LOOKUP_FILES,
    FLASK_WAITING,
    FLASK_BUSY,
    FLASK_SHOP,
    FLASK_SHOP_P99,
    FLASK_SHOP_SHED,
    FLASK_SHOP_SHED_P99,
    DJANGO_SHOP,
    DJANGO_SHOP_P99,
    DJANGO_SHOP_ASGI,
    DJANGO_SHOP_ASGI_P99,
    DJANGO_QUERIES,
    DJANGO_QUERIES_REPLAYED,
    INTERCEPTORS_IDLE,
    INTERCEPTORS_IMPORT,
    HTTP_RECORDED,
    HTTP_REPLAYED,
    REDIS_RECORDED,
    REDIS_REPLAYED,
    *SQLITE_STATEMENTS,
    *PSYCOPG_STATEMENTS,
    CELERY_WAITING,
    CELERY_NOTHING,
    CELERY_MEMORY,
)
