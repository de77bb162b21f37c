"""``python -m services.api``: run the api with settings from the environment."""

from services.api.app import run
from services.api.settings import ApiSettings
from shared.service.runtime import start

if __name__ == "__main__":
    start("api", ApiSettings, run)
