"""Fill the databases of the project; run by `python -m`."""

import django

django.setup()

from django.core.management import call_command  # noqa: E402

for name in ("default", "reports"):
    call_command("migrate", run_syncdb=True, database=name, verbosity=0)

call_command("createcachetable", verbosity=0)

from django.contrib.auth import get_user_model  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from tests.django.database.models import Order, Product  # noqa: E402
from tests.django.database.names import TOKEN  # noqa: E402

tea = Product.objects.create(name="tea", price="2.50", stock=1000, details={"from": "Assam"})
for name in ("coffee", "milk", "sugar"):
    Product.objects.create(name=name, price="1.25", stock=3)
Order.objects.create(who="base", product=tea, count=7)
for number in range(8):
    name = f"c{number}"
    get_user_model().objects.create_user(name, f"{name}@shop.test", "a secret")
Token.objects.create(key=TOKEN, user=get_user_model().objects.get(username="c0"))
