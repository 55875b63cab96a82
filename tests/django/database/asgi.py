"""The project for a server of ASGI."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
