"""The URLs of the project; the numbers of the cases are in clients.py."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from tests.django.cases import rest, views

_router = SimpleRouter()
_router.register("things", rest.Things, basename="thing")

_shop = ([path("plain/<int:number>/", views.plain, name="plain")], "shop")

urlpatterns = [
    path("shop/", include(_shop)),
    path("unnamed/", views.plain),
    path("streamed/", views.streamed, name="streamed"),
    path("streamed-async/", views.streamed_async, name="streamed_async"),
    path("breaking/", views.breaking, name="breaking"),
    path("endless/", views.endless, name="endless"),
    path("file/", views.file, name="file"),
    path("raising/", views.raising, name="raising"),
    path("missing/", views.missing, name="missing"),
    path("denied/", views.denied, name="denied"),
    path("forgiven/", views.forgiven, name="forgiven"),
    path("class/", views.ByMethod.as_view(), name="class"),
    path("class-async/", views.ByMethodAsync.as_view(), name="class_async"),
    path("read-first/", views.read_first, name="read_first"),
    path("form-first/", views.form_first, name="form_first"),
    path("too-much/", views.too_much, name="too_much"),
    path("uploaded/", views.uploaded, name="uploaded"),
    path("body/", views.body, name="body"),
    path("unread/", views.unread, name="unread"),
    path("form/", views.form, name="form"),
    path("gathered/", views.gathered, name="gathered"),
    path("threads/", views.threads, name="threads"),
    path("outliving/", views.outliving, name="outliving"),
    path("hanging/", views.hanging, name="hanging"),
    path("inner/", views.inner, name="inner"),
    path("signed/", views.signed, name="signed"),
    path("remembered/", views.remembered, name="remembered"),
    path("translated/", views.translated, name="translated"),
    path("varied/", views.varied, name="varied"),
    path("mailed/", views.mailed, name="mailed"),
    path("api/", include(_router.urls)),
]
