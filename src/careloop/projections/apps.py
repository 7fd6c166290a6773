from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "careloop.projections"
    label = "projections"
