"""The pages of a training: the list with the upload, one training, and what its owner does with it."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from inference.request import RequestError
from playground.engine import engine
from playground.finetuning import selectors, services
from playground.finetuning.forms import MAX_BYTES, StartForm, UploadForm
from playground.finetuning.models import TrainingJob
from playground.finetuning.runner import runner


@require_http_methods(["GET", "HEAD", "POST"])
def train(request: HttpRequest) -> HttpResponse:
    """What this is, the upload, and the user's trainings. A file that is posted is checked at once."""
    if request.method == "POST" and not request.user.is_authenticated:
        return redirect(f"{reverse('login')}?next={request.path}")
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if getattr(request, "upload_refused", ""):
        form.errors["file"] = form.error_class([request.upload_refused])
    elif request.method == "POST" and form.is_valid():
        try:
            return redirect(services.check_upload(request.user, form.cleaned_data["file"]))
        except services.Refused as refusal:
            form.add_error("file", str(refusal))
    context = {
        "form": form,
        "jobs": selectors.own_jobs(request.user) if request.user.is_authenticated else (),
        "limits": {
            "megabytes": MAX_BYTES // 1024 // 1024,
            "least": services.LEAST_ROWS,
            "most": f"{services.MOST_ROWS:,}",
        },
    }
    return render(request, "train/index.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
@never_cache
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _page(request, _readable(request, job_id))


@require_GET
@login_required
@never_cache
def progress(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The part of the page that htmx asks for again and again, until the training has ended."""
    found = _readable(request, job_id)
    if not found.active:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "train/_progress.html", _context(request, found))


@require_POST
@login_required
def start(request: HttpRequest, job_id: UUID) -> HttpResponse:
    found = _own(request, job_id)
    form = StartForm(request.POST, **selectors.start_choices())
    if not form.is_valid():
        return _page(request, found, form, status=422)
    return _do(request, found, lambda: services.start(found, form.cleaned_data["name"], form.overrides))


@require_POST
@login_required
def go_on(request: HttpRequest, job_id: UUID) -> HttpResponse:
    found = _own(request, job_id)
    return _do(request, found, lambda: services.go_on(found))


@require_POST
@login_required
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    found = _readable(request, job_id)  # staff may, too: it is their server's time
    return _do(request, found, lambda: services.cancel(found))


@require_POST
@login_required
def delete(request: HttpRequest, job_id: UUID) -> HttpResponse:
    found = _own(request, job_id)
    try:
        slug = services.delete(found)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(found)
    if slug is not None and engine.ready:
        with contextlib.suppress(RequestError):  # an answer still uses it; nobody can ask for another
            async_to_sync(engine.client.unload_adapter)(slug)
    messages.success(request, f"{found.name} is deleted.")
    return redirect("train")


def _readable(request: HttpRequest, job_id: UUID) -> TrainingJob:
    return get_object_or_404(selectors.readable_jobs(request.user), pk=job_id)


def _own(request: HttpRequest, job_id: UUID) -> TrainingJob:
    return get_object_or_404(selectors.own_jobs(request.user), pk=job_id)


def _do(request: HttpRequest, found: TrainingJob, action: Any) -> HttpResponse:
    try:
        action()
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    runner.wake_from_thread()
    return redirect(found)


def _page(
    request: HttpRequest, found: TrainingJob, form: StartForm | None = None, status: int = 200
) -> HttpResponse:
    context = _context(request, found)
    if found.status == TrainingJob.Status.CHECKED:
        context["form"] = form or StartForm(initial={"name": found.name}, **selectors.start_choices())
    return render(request, "train/job.html", context, status=status)


def _context(request: HttpRequest, found: TrainingJob) -> dict[str, Any]:
    return {
        "job": found,
        "progress": selectors.progress(found),
        "is_owner": found.owner_id == request.user.pk,
    }
