from django.urls import path, re_path

from playground.api.chat import chat_completions
from playground.api.completions import completions
from playground.api.errors import not_found
from playground.api.models import model, models

urlpatterns = [
    path("models", models),
    path("models/<path:name>", model),
    path("completions", completions),
    path("chat/completions", chat_completions),
    re_path("", not_found),
]
