"""Train your own, page by page: who may see what, what is checked, and what is refused."""

from __future__ import annotations

import errno
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from playground.finetuning import services
from playground.finetuning.forms import MAX_BYTES
from playground.finetuning.models import TrainingJob
from playground.models import Adapter
from playground.world import current_world
from tests.playground.test_real_engine import DEMO
from tests.playground.trainings import checked_job, csv_file, user
from training.run_status import Recorder, RunStatus, read_status

Status = TrainingJob.Status
PLAN = {"steps": 6, "rank": 4, "alpha": 8, "learning_rate": 0.004}
CHOICES = {"name": "Moods", "base": "mini-mistral-4m", "length": "60", "rank": "4", "learning_rate": "0.004"}


@pytest.fixture(autouse=True)
def site(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.LORALAND_WORLD = DEMO
    return settings


@pytest.fixture
def owner(site):
    return user("owner")


@pytest.fixture
def page(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def job(owner):
    return checked_job(owner)


def upload(page, file):
    return page.post("/train/", {"file": file})


def error(response) -> str:
    assert response.status_code == 422
    return " ".join(response.context["form"].errors["file"])


def finished(job: TrainingJob) -> Adapter:
    """As if it had been trained: a score, an example, and files where the weights would be."""
    result = {"metric": "accuracy", "n": 4, "base": 0.0, "adapter": 1.0, "seconds": 9, "stopped_early": False}
    result |= {"base_interval": [0, 0], "adapter_interval": [1, 1]}
    result |= {
        "examples": [{"prompt": "tea: lovely\nMood:", "gold": "good", "base": "<b>no", "adapter": "good"}]
    }
    job.plan, job.base = PLAN, current_world().base_id
    adapter = services.finish(job, RunStatus("finished", result=result))
    adapter.directory.mkdir(parents=True)
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter.directory / file).touch()
    return adapter


class TestAccounts:
    def test_signing_up_signs_in(self, client):
        answers = {"username": "ada", "password1": "correct horse 9", "password2": "correct horse 9"}
        assert client.post(reverse("sign-up"), answers).url == "/train/"
        assert client.get("/train/").context["user"].username == "ada"

    def test_a_weak_password_is_refused_with_the_reason(self, client):
        answers = {"username": "ada", "password1": "12345678", "password2": "12345678"}
        response = client.post(reverse("sign-up"), answers)
        assert response.status_code == 422
        assert "entirely numeric" in response.content.decode()

    def test_a_site_may_close_its_doors(self, client, site):
        site.LORALAND_SIGN_UP = False
        assert client.get(reverse("sign-up")).status_code == 404
        assert "Make an account" not in client.get("/train/").content.decode()

    def test_signing_in_leads_on_to_where_one_was_going_and_nowhere_else(self, client, owner):
        answers = {"username": "owner", "password": "a long password"}
        assert client.post("/accounts/login/?next=/train/", answers).url == "/train/"
        client.post("/accounts/logout/")
        response = client.post("/accounts/login/", {**answers, "next": "https://example.org/"})
        assert response.url == "/train/"

    def test_signing_out_is_a_post(self, page):
        assert page.get("/accounts/logout/").status_code == 405
        page.post("/accounts/logout/")
        assert not page.get("/train/").context["user"].is_authenticated


class TestAccess:
    def test_a_stranger_sees_what_it_is_and_is_asked_to_sign_in(self, client, job):
        shown = client.get("/train/").content.decode()
        assert "Sign in to train an adapter" in shown
        assert 'type="file"' not in shown
        assert client.post("/train/", {"file": csv_file()}).url == "/accounts/login/?next=/train/"
        for action in ("", "progress"):
            assert client.get(f"/train/{job.pk}/{action}").url.startswith("/accounts/login/?next=")
        for action in ("start", "cancel", "go-on", "delete"):
            assert client.post(f"/train/{job.pk}/{action}").url.startswith("/accounts/login/?next=")
        assert TrainingJob.objects.get().status == Status.CHECKED

    def test_another_user_finds_nothing(self, client, job):
        client.force_login(user("other"))
        assert not client.get("/train/").context["jobs"]
        for action in ("", "progress"):
            assert client.get(f"/train/{job.pk}/{action}").status_code == 404
        for action in ("start", "cancel", "go-on", "delete"):
            assert client.post(f"/train/{job.pk}/{action}", CHOICES).status_code == 404
        assert TrainingJob.objects.get().status == Status.CHECKED

    def test_staff_may_look_and_cancel_but_not_start_or_delete(self, client, job):
        client.force_login(user("staff", is_staff=True))
        assert "by owner" in client.get(f"/train/{job.pk}/").content.decode()
        for action in ("start", "go-on", "delete"):
            assert client.post(f"/train/{job.pk}/{action}", CHOICES).status_code == 404
        services.start(job, "Moods", PLAN)
        client.post(f"/train/{job.pk}/cancel")
        assert TrainingJob.objects.get().status == Status.CANCELLED

    def test_an_own_adapter_is_in_its_owners_catalogue_alone(self, client, page, job):
        adapter = finished(job)
        address = adapter.get_absolute_url()
        assert "Yours: nobody else sees it." in page.get("/").content.decode()
        assert "Moods" in page.get(address).content.decode() or job.name in page.get(address).content.decode()
        page.logout()
        assert job.name not in client.get("/").content.decode()
        assert client.get(address).status_code == 404
        assert adapter.slug not in client.get("/v1/models").content.decode()

    def test_staff_publish_it_in_the_admin(self, client, job):
        adapter = finished(job)
        client.force_login(user("staff", is_staff=True, is_superuser=True))
        data = {"action": "publish", "_selected_action": [adapter.pk]}
        client.post(reverse("admin:playground_adapter_changelist"), data)
        client.logout()
        assert client.get(adapter.get_absolute_url()).status_code == 200

    def test_staff_see_every_training_in_the_admin(self, client, job):
        client.force_login(user("staff", is_staff=True, is_superuser=True))
        shown = client.get(reverse("admin:playground_trainingjob_changelist")).content.decode()
        assert "moods" in shown
        address = reverse("admin:playground_trainingjob_change", args=[job.pk])
        assert client.get(address).status_code == 200
        assert client.post(reverse("admin:playground_trainingjob_delete", args=[job.pk])).status_code == 403


class TestChecking:
    def test_a_good_file_is_divided_and_shown(self, page):
        response = upload(page, csv_file())
        job = TrainingJob.objects.get()
        assert response.url == f"/train/{job.pk}/"
        assert (job.rows, job.parts) == (40, {"train": 34, "validation": 2, "test": 4})
        parts = [set((job.directory / f"{name}.jsonl").read_text().splitlines()) for name in job.parts]
        assert len(set.union(*parts)) == 40, "no row is in two parts"
        shown = page.get(response.url).content.decode()
        assert "Every row can be used." in shown
        assert "soup number 0: lovely" in shown

    def test_chats_in_json_lines_are_read(self, page):
        chats = [
            {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": str(n)}]}
            for n in range(30)
        ]
        upload(page, SimpleUploadedFile("chats.jsonl", "\n".join(map(json.dumps, chats)).encode()))
        assert TrainingJob.objects.get().preview[0] == ["0?", "0"]

    def test_every_wrong_row_is_named_with_line_and_remedy(self, page):
        extra = b'alone\n"an empty answer",\n"caf\xe9",good\n"' + b"very long " * 900 + b'",good\n'
        response = upload(page, csv_file(extra))
        job = TrainingJob.objects.get()
        assert job.rows == 40
        assert job.problems == [
            [
                82,
                "1 column, but the header has 2. Put texts that contain ',' or line breaks in double quotes.",
            ],
            [83, "the completion is empty; fill it in or delete the row."],
            [84, "the prompt has characters that are not UTF-8; save the file as UTF-8."],
            [
                85,
                "the row has 1,803 tokens, and the base reads at most 1,024, answer included; shorten the "
                "prompt or leave the row out.",
            ],
        ]
        shown = page.get(response.url).content.decode()
        assert "4 rows left out." in shown
        assert "Line 82" in shown

    @pytest.mark.parametrize(
        ("file", "sentence"),
        [
            (SimpleUploadedFile("notes.txt", b"x"), "notes.txt is neither CSV nor JSON Lines."),
            (SimpleUploadedFile("none.csv", b""), "The file is empty."),
            (SimpleUploadedFile("blank.csv", b"\n\n"), "blank.csv is empty."),
            (
                SimpleUploadedFile("c.csv", b"a,b\n1,2\n"),
                "c.csv, line 1: the first line must name the columns",
            ),
            (SimpleUploadedFile("z.csv", b"PK\x03\x04\0\0"), "z.csv is not a text file."),
            (csv_file(count=5, name="few.csv"), "few.csv has 5 usable rows; at least 20 are needed"),
        ],
        ids=["kind", "empty", "blank", "columns", "binary", "few"],
    )
    def test_a_file_that_cannot_be_used_is_refused_and_not_kept(self, page, site, file, sentence):
        file.seek(0)
        assert sentence in error(upload(page, file))
        assert not TrainingJob.objects.exists()
        assert not list((site.DATA_DIR / "training").glob("*"))

    def test_a_file_that_is_too_large_is_refused_while_it_arrives(self, page):
        file = SimpleUploadedFile("huge.csv", b"x" * (MAX_BYTES + 1))
        assert "huge.csv is larger than 5 MB." in error(upload(page, file))

    def test_no_file_at_all(self, page):
        assert error(page.post("/train/", {})) == "Choose a file first."

    def test_a_full_disk_is_said_and_leaves_nothing_behind(self, page, site, monkeypatch):
        def full(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("training.job.write_json", full)
        assert "The server's disk is full, so nothing was kept." in error(upload(page, csv_file()))
        assert not list((site.DATA_DIR / "training").glob("*"))

    def test_a_user_keeps_so_many_trainings_and_no_more(self, page, job, monkeypatch):
        monkeypatch.setattr(services, "MOST_JOBS", 1)
        assert "You have 1 trainings already. Delete one" in error(upload(page, csv_file()))

    def test_names_of_files_are_text_and_go_nowhere(self, page):
        upload(page, csv_file(name="../../<b>etc.csv"))
        job = TrainingJob.objects.get()
        assert job.file_name == "<b>etc.csv"
        assert job.upload.parent == job.directory
        assert "<b>etc" not in page.get(job.get_absolute_url()).content.decode()


class TestStarting:
    def test_the_choices_have_good_defaults(self, page, job):
        form = page.get(job.get_absolute_url()).context["form"]
        initial = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
        assert (initial["name"], initial["rank"], initial["length"]) == ("moods", 8, 120)

    def test_it_is_queued_with_what_was_chosen(self, page, job):
        assert page.post(f"/train/{job.pk}/start", CHOICES).url == job.get_absolute_url()
        job.refresh_from_db()
        assert (job.status, job.name) == (Status.QUEUED, "Moods")
        assert job.plan == {"steps": 60, "rank": 4, "alpha": 8, "learning_rate": 0.004}
        order = json.loads((job.directory / "order.json").read_text())
        assert (order["overrides"], order["config"]) == (job.plan, "miniature")
        assert (order["metric_fn"], order["labels"]) == ("exact_match", ["bad", "good"])

    @pytest.mark.parametrize(
        "change", [{"rank": "5"}, {"length": "100000"}, {"learning_rate": "7"}, {"name": ""}, {"base": "gpt"}]
    )
    def test_a_choice_that_is_not_offered_is_refused(self, page, job, change):
        response = page.post(f"/train/{job.pk}/start", CHOICES | change)
        assert response.status_code == 422
        assert list(response.context["form"].errors) == list(change)
        assert TrainingJob.objects.get().status == Status.CHECKED

    def test_a_user_has_one_training_at_a_time(self, page, owner, job):
        second = checked_job(owner)
        services.start(job, "first", PLAN)
        response = page.post(f"/train/{second.pk}/start", CHOICES, follow=True)
        assert "You have a training going already." in response.content.decode()
        second.refresh_from_db()
        assert second.status == Status.CHECKED
        with pytest.raises(IntegrityError), transaction.atomic():  # two requests at the same moment
            TrainingJob.objects.filter(pk=second.pk).update(status=Status.RUNNING)

    def test_another_users_training_is_no_hindrance(self, job):
        services.start(job, "first", PLAN)
        other = checked_job(user("other"))
        services.start(other, "second", PLAN)
        assert other.status == Status.QUEUED

    def test_who_waits_is_told_for_whom(self, client, job):
        services.start(job, "first", PLAN)
        other = checked_job(user("other"))
        services.start(other, "second", PLAN)
        client.force_login(other.owner)
        shown = client.get(f"/train/{other.pk}/progress").content.decode()
        assert "1 training of another user comes first." in shown


class TestProgress:
    def test_it_shows_steps_loss_and_curve_and_asks_again(self, page, job):
        services.start(job, "Moods", PLAN)
        TrainingJob.objects.update(status=Status.RUNNING)
        recorder = Recorder(job.directory)
        recorder.end("running", phase="training", step=3, steps=6, loss=0.25, curve=[[1, 8.0], [3, 0.25]])
        shown = page.get(f"/train/{job.pk}/progress").content.decode()
        assert 'hx-trigger="every 1s"' in shown
        assert "Step 3 of 6 · loss 0.25" in shown
        assert 'points="166.7,19.4 500.0,320.4"' in shown  # between 10 and 0.1, logarithmically
        assert '<progress class="progress__bar" max="6" value="3"' in shown

    def test_when_it_has_ended_the_page_loads_anew(self, page, job):
        services.start(job, "Moods", PLAN)
        services.end(job, Status.FAILED, "The loss is no number any more.")
        response = page.get(f"/train/{job.pk}/progress")
        assert (response.status_code, response["HX-Refresh"]) == (204, "true")
        assert "The loss is no number any more." in page.get(job.get_absolute_url()).content.decode()

    def test_cancelling_asks_the_process_to_stop(self, page, job):
        services.start(job, "Moods", PLAN)
        TrainingJob.objects.update(status=Status.RUNNING)
        Recorder(job.directory)
        page.post(f"/train/{job.pk}/cancel")
        assert (job.directory / "stop").exists()
        assert "Stopping" in page.get(f"/train/{job.pk}/progress").content.decode()

    def test_what_nobody_works_on_is_cancelled_at_once(self, page, job):
        services.start(job, "Moods", PLAN)
        page.post(f"/train/{job.pk}/cancel")
        job.refresh_from_db()
        assert job.status == Status.CANCELLED
        page.post(f"/train/{job.pk}/go-on")
        job.refresh_from_db()
        assert job.status == Status.QUEUED
        assert not (job.directory / "stop").exists()
        assert read_status(job.directory).state == "waiting"


class TestTheEnd:
    def test_scores_examples_and_the_way_to_compare(self, page, job):
        adapter = finished(job)
        shown = page.get(job.get_absolute_url()).content.decode()
        assert adapter.get_absolute_url() in shown
        assert "&lt;b&gt;no" in shown, "what a model writes is text"
        assert adapter.measured["adapter"] == 1.0
        assert adapter.examples.get().gold == "good"
        assert adapter.live

    def test_it_cannot_answer_on_another_base(self, job, monkeypatch):
        adapter = finished(job)
        monkeypatch.setattr(current_world(), "base_name", "Another")
        assert "It was trained from mini-mistral-4m;" in Adapter.objects.get(pk=adapter.pk).missing

    def test_deleting_takes_everything_with_it(self, page, job):
        adapter = finished(job)
        response = page.post(f"/train/{job.pk}/delete", follow=True)
        assert "is deleted." in response.content.decode()
        assert not Adapter.objects.filter(pk=adapter.pk).exists()
        assert not job.directory.exists()

    def test_nothing_of_a_deleted_user_is_left(self, job):
        adapter = finished(job)
        job.owner.delete()
        assert not Adapter.objects.filter(pk=adapter.pk).exists()
        assert not job.directory.exists()

    def test_what_trains_is_not_deleted(self, page, job):
        services.start(job, "Moods", PLAN)
        assert (
            "Cancel the training first." in page.post(f"/train/{job.pk}/delete", follow=True).content.decode()
        )
        assert job.directory.exists()

    def test_going_on_needs_the_same_base(self, page, job):
        services.start(job, "Moods", PLAN)
        services.end(job, Status.FAILED)
        TrainingJob.objects.update(base="another", ended_at=timezone.now())
        response = page.post(f"/train/{job.pk}/go-on", follow=True)
        assert "It was trained from another, which does not run here any more." in response.content.decode()
