"""The addresses of the trainings."""

from django.urls import path

from playground.finetuning import views

urlpatterns = [
    path("", views.train, name="train"),
    path("<uuid:job_id>/", views.job, name="training-job"),
    path("<uuid:job_id>/progress", views.progress, name="training-progress"),
    path("<uuid:job_id>/start", views.start, name="training-start"),
    path("<uuid:job_id>/go-on", views.go_on, name="training-go-on"),
    path("<uuid:job_id>/cancel", views.cancel, name="training-cancel"),
    path("<uuid:job_id>/delete", views.delete, name="training-delete"),
]
