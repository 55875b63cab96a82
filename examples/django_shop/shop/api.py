"""The shop's JSON interface."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from .checkout import OutOfStock, place_order
from .models import Order, Product
from .permissions import IsOwnOrder
from .pricing import line_total


class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = ("sku", "name", "price", "stock")


class QuantitySerializer(serializers.Serializer):
    quantity = serializers.IntegerField(min_value=1)


class WantedSerializer(QuantitySerializer):
    sku = serializers.SlugRelatedField(slug_field="sku", queryset=Product.objects.all())


class OrderSerializer(serializers.ModelSerializer):
    customer = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = Order
        fields = ("reference", "customer", "total", "placed_at")


class SoldOut(APIException):
    status_code = status.HTTP_409_CONFLICT


class ProductViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    lookup_field = "sku"

    @action(detail=True)
    def quote(self, request: Request, sku: str) -> Response:
        product = self.get_object()
        wanted = QuantitySerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        quantity = wanted.validated_data["quantity"]
        total = line_total(product.price, quantity)
        return Response({"sku": sku, "quantity": quantity, "total": str(total)})


class OrderViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Order]
):
    queryset = Order.objects.select_related("customer")
    serializer_class = OrderSerializer
    permission_classes = (IsAuthenticated, IsOwnOrder)
    lookup_field = "reference"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.queryset = self.get_queryset().filter(customer_id=request.user.pk)
        return super().list(request, *args, **kwargs)

    def create(self, request: Request) -> Response:
        wanted = WantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        quantities = {wanted.validated_data["sku"].sku: wanted.validated_data["quantity"]}
        customer = User.objects.get(pk=request.user.pk)
        try:
            order = place_order(customer, quantities)
        except OutOfStock as error:
            raise SoldOut(str(error)) from None
        return Response(self.get_serializer(order).data, status=status.HTTP_201_CREATED)
