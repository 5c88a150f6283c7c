from django.core.management.base import BaseCommand, CommandError

from playground.passwords import USERNAME, set_admin_password, stored_password


class Command(BaseCommand):
    help = "Prints the demo administrator's password, or sets a new random one."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--reset", action="store_true", help="set a new random password first")

    def handle(self, *args, reset: bool, **options) -> None:
        password = set_admin_password() if reset else stored_password()
        if password is None:
            raise CommandError(
                f"The password of {USERNAME!r} is not known here: it was changed, or there is no such user. "
                "Set a new one with: python manage.py demo_password --reset"
            )
        self.stdout.write(f"{USERNAME} / {password}")
