"""The one Django app."""

from django.apps import AppConfig


class HypewebConfig(AppConfig):
    name = "hypeweb"
    default_auto_field = "django.db.models.BigAutoField"
