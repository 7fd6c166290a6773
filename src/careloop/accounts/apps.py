from importlib import import_module
from pathlib import Path

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "careloop.accounts"
    label = "accounts"

    def import_models(self) -> None:
        """Also those of the parts, `…_models.py` beside models.py."""
        super().import_models()
        for path in sorted(Path(self.path).glob("*_models.py")):
            import_module(f"{self.name}.{path.stem}")
