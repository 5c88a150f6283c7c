"""Signing up. Signing in and out are Django's own views."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Makes an account and signs it in; not found where `LORALAND_SIGN_UP` is false."""
    if not settings.LORALAND_SIGN_UP:
        raise Http404("Accounts are made by the administrators here.")
    if request.user.is_authenticated:
        return redirect("train")
    form = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        return redirect("train")
    return render(request, "registration/sign_up.html", {"form": form}, status=422 if form.errors else 200)
