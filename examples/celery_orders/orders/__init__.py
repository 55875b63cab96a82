"""Orders that workers of Celery process."""
