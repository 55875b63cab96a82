"""Where everything is."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from . import api, site

router = DefaultRouter()
router.register("products", api.ProductViewSet)
router.register("orders", api.OrderViewSet)

urlpatterns = [
    path("", site.home, name="home"),
    path("products/", site.products, name="products"),
    path("products/<slug:sku>/", site.product, name="product"),
    path("products/<slug:sku>/image", site.upload, name="upload"),
    path("sign-in/", LoginView.as_view(template_name="shop/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("account/", site.account, name="account"),
    path("basket/", site.show_basket, name="basket"),
    path("basket/put/", site.put_into_basket, name="put"),
    path("checkout/", site.check_out, name="checkout"),
    path("orders/<slug:reference>/", site.show_order, name="order"),
    path("exports/orders.csv", site.export, name="export"),
    path("stock/", site.stock, name="stock"),
    path("reports/price/", site.report, name="report"),
    path("api/", include((router.urls, "api"))),
]
