"""Every address of the site."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from playground import health, views

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("adapters/<slug:slug>/", views.adapter, name="adapter"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("v1/", include("playground.api.urls")),
    path("admin/", admin.site.urls),
    # Browsers ask for it on pages that name no icon, such as the admin's.
    path("favicon.ico", RedirectView.as_view(url=static("icons/logo.svg"))),
]
