"""What a user gives: a file, and the few choices of a training."""

from __future__ import annotations

from pathlib import PurePath

from django import forms
from django.core.files.uploadedfile import UploadedFile

from training.plan import AdapterPlan

MAX_BYTES = 5 * 1024 * 1024
SUFFIXES = (".csv", ".tsv", ".jsonl")


class UploadForm(forms.Form):
    file = forms.FileField(
        label="Your examples",
        widget=forms.FileInput(attrs={"accept": ",".join(SUFFIXES)}),
        error_messages={
            "required": "Choose a file first.",
            "empty": "The file is empty. Give it a header and one example a row.",
        },
    )

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        suffix = PurePath(file.name).suffix.lower()
        if suffix not in SUFFIXES:
            raise forms.ValidationError(
                f"{file.name} is neither CSV nor JSON Lines. Save the table as .csv, .tsv or .jsonl."
            )
        if file.size > MAX_BYTES:
            raise forms.ValidationError(
                f"{file.name} has {file.size / 1024 / 1024:.1f} MB; at most {MAX_BYTES // 1024 // 1024} MB "
                "are allowed. Leave rows out: a few thousand good ones are plenty."
            )
        return file


class StartForm(forms.Form):
    """Built for a default plan, so that its figures suit the base that is served."""

    name = forms.CharField(label="Name of the adapter", max_length=80)
    length = forms.TypedChoiceField(label="How long", coerce=int)
    rank = forms.TypedChoiceField(label="Rank", coerce=int, choices=[(rank, rank) for rank in (4, 8, 16, 32)])
    learning_rate = forms.FloatField(label="Learning rate", min_value=1e-6, max_value=0.1)

    def __init__(self, *args, default: AdapterPlan, base_id: str, base_name: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["base"] = forms.ChoiceField(label="Base", choices=[(base_id, base_name)])
        self.fields["length"].choices = [
            (default.steps // 2, f"Quick, {default.steps // 2} steps"),
            (default.steps, f"Standard, {default.steps} steps"),
            (default.steps * 3, f"Thorough, {default.steps * 3} steps"),
        ]
        self.fields["length"].initial = default.steps
        self.fields["rank"].initial = default.rank
        self.fields["learning_rate"].initial = default.learning_rate
        self.order_fields(["name", "base", "length", "rank", "learning_rate"])
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
        self.fields["learning_rate"].widget.attrs |= {"step": "any", "inputmode": "decimal"}
        for bound in self:
            if bound.errors:
                self.fields[bound.name].widget.attrs |= {
                    "aria-invalid": "true",
                    "aria-describedby": f"{bound.id_for_label}-error",
                }

    @property
    def overrides(self) -> dict[str, float]:
        """The plan's values that differ from its configuration. Alpha is twice the rank, as usual."""
        given = self.cleaned_data
        return {
            "steps": given["length"],
            "rank": given["rank"],
            "alpha": 2 * given["rank"],
            "learning_rate": given["learning_rate"],
        }
