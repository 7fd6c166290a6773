from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "careloop.store"
    label = "store"
