"""The URLs for requests that a middleware has switched."""

from django.urls import include, path

from tests.django.cases import views

_names = ([path("plain/", views.plain, name="plain")], "other")

urlpatterns = [path("other/", include(_names, namespace="second"))]
