"""A view set of Django REST Framework."""

from typing import Any

from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from tests.django.cases.views import lookup


class Things(ViewSet):
    """What is asked of it comes from `lookup`."""

    def list(self, request: Request) -> Response:
        return Response([lookup(request.query_params["who"])])

    def retrieve(self, request: Request, pk: str) -> Response:
        raise NotFound(f"no {pk}")

    def create(self, request: Request) -> Response:
        data: Any = request.data
        titles = [data.get("title"), getattr(data.get("file"), "size", None)]
        return Response([titles, len(request.data), lookup("x")], status=201)

    @action(detail=True, methods=["post"])
    def buy(self, request: Request, pk: str) -> Response:
        raw = request.body.decode()
        return Response([raw, request.data, pk])
