"""The site's settings for `tests.playground.serve`: the same, with templates and static files read afresh."""

from loraland_site.settings import *  # noqa: F403
from loraland_site.settings import TEMPLATES

WHITENOISE_AUTOREFRESH = True
TEMPLATES[0]["APP_DIRS"] = False
TEMPLATES[0]["OPTIONS"]["loaders"] = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
