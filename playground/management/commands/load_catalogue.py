from django.core.management.base import BaseCommand, CommandError

from playground.catalogue import load_catalogue
from playground.world import current_world
from training.tasks import load_tasks


class Command(BaseCommand):
    help = (
        "Brings the catalogue up to date with the task definitions and the world that is served. "
        "Keeps what editors changed in the admin; running it again changes nothing."
    )

    def handle(self, *args, **options) -> None:
        world = current_world()
        try:
            tasks = load_tasks()
        except (OSError, ValueError) as error:
            raise CommandError(f"The task definitions cannot be read: {error}") from None
        loaded = load_catalogue(tasks.values(), world)
        if world.problem:
            self.stderr.write(world.problem)
        self.stdout.write(
            f"Catalogue: {loaded.created} adapters added, {loaded.updated} updated, {loaded.live} live."
        )
