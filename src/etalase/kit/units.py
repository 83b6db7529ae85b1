"""Renders the systemd units. Pure.

Each service may read this machine and write its own folder only; it gains no rights, sees no other process and no device. The
values follow systemd.exec(5); ``systemd-analyze security`` judges them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FOLDER = "/etc/systemd/system"

_HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
LimitNOFILE=8192
"""


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """A service of the kit. ``watchdog`` and ``start_timeout`` are systemd's durations; without a watchdog it is simple."""

    name: str
    description: str
    command: Sequence[str]
    user: str
    env_file: str
    watchdog: str = ""
    start_timeout: str = "90"
    stop_timeout: str = "90"
    state_folder: str = "etalase"
    after: Sequence[str] = ()
    # Runs to its end, by a timer.
    on_calendar: str = ""
    # Further assignments of [Service].
    more: Mapping[str, str] | None = None

    @property
    def units(self) -> dict[str, str]:
        """Returns the text of each unit by its file name."""
        texts = {f"{self.name}.service": service(self)}
        if self.on_calendar:
            texts[f"{self.name}.timer"] = timer(self)
        return texts

    @property
    def started(self) -> str:
        """Returns the name of the unit that is enabled."""
        return f"{self.name}.timer" if self.on_calendar else f"{self.name}.service"


def service(one: ServiceUnit) -> str:
    """Returns the text of a service's unit."""
    after = " ".join(["network-online.target", *one.after])
    lines = ["[Unit]", f"Description={one.description}", "Wants=network-online.target", f"After={after}"]
    if not one.on_calendar:
        lines.append("StartLimitIntervalSec=0")  # a store has nobody who would start it again
    kind = "oneshot" if one.on_calendar else "notify" if one.watchdog else "exec"
    lines += ["", "[Service]", f"Type={kind}", f"User={one.user}", f"Group={one.user}", f"EnvironmentFile={one.env_file}"]
    lines.append(f"ExecStart={' '.join(map(word, one.command))}")
    if not one.on_calendar:
        lines += ["Restart=always", "RestartSec=5"]
    if one.watchdog:
        lines += ["NotifyAccess=main", f"WatchdogSec={one.watchdog}"]
    lines += [f"TimeoutStartSec={one.start_timeout}", f"TimeoutStopSec={one.stop_timeout}"]
    lines += [f"StateDirectory={one.state_folder}", "StateDirectoryMode=0750", f"WorkingDirectory=/var/lib/{one.state_folder}"]
    lines += [f"{name}={value}" for name, value in (one.more or {}).items()]
    text = "\n".join([*lines, _HARDENED])
    return text if one.on_calendar else text + "\n[Install]\nWantedBy=multi-user.target\n"


def timer(one: ServiceUnit) -> str:
    """Returns the text of a service's timer."""
    return (
        f"[Unit]\nDescription={one.description}, each day\n\n"
        f"[Timer]\nOnCalendar={one.on_calendar}\nRandomizedDelaySec=30min\nPersistent=yes\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def word(text: str) -> str:
    """Returns one argument of ExecStart, quoted where needed. ``${NAME}`` alone stays: systemd replaces it.

    A percent sign would begin a specifier, a dollar sign a variable.
    """
    if text.startswith("${") and text.endswith("}"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if not text or any(char in text for char in " \t\"';") else escaped
