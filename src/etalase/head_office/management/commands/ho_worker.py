"""`etalase head-office worker`: the process beside the web server, which makes renditions soon after each upload."""

from typing import Any

from etalase.formatting import counted
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.renditions.worker import Worker
from etalase.service_manager import service_manager


class Command(HeadOfficeCommand):
    """Runs in the foreground until SIGTERM or Ctrl-C. Waits for database and bucket as long as it takes."""

    help = (
        "Run the worker of head office, in the foreground: it makes the renditions of photos (small pictures for tiles) within "
        "seconds of an upload, and checks the stores' proofs that they have their photos. SIGTERM ends it at once; the next "
        "one continues. Several may run. It tells systemd that it is ready and alive. Without a worker, photos go out without "
        "renditions, the index of the admin says how many wait, and no store is known to be equal."
    )

    def run(self, options: dict[str, Any]) -> int:
        """Works until a signal ends it."""
        service = service_manager()
        worker = Worker(service)
        try:
            worker.run()
        except KeyboardInterrupt:
            service.stopping()
        result = {"made": worker.made, "failed": worker.failed, "checked": worker.checked}
        sentence = f"Made the renditions of {counted(worker.made, 'photo')}; those of {worker.failed} could not be made."
        self.show(result, sentence, as_json=options["json"])
        return 0
