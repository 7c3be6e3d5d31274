"""The one error tree of the project.

EdgeError
 +-- ConfigError    the site configuration is wrong: names the key and how to mend it
 +-- DeviceError    a device or link cannot be opened, or stopped answering
 +-- CodecError     bytes from outside do not decode (bad input is counted, never fatal)
 +-- ModelError     a neural network file is missing, broken or of an unknown layout
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of every error that this project raises on purpose."""


class ConfigError(EdgeError):
    """The site configuration is wrong.

    Args:
        key: dotted path of the key, e.g. `camera[0].source`.
        problem: what is wrong.
        remedy: what to write instead.
        file: configuration file, if known.
        line: 1-based line in that file, if known.
    """

    def __init__(
        self,
        key: str,
        problem: str,
        *,
        remedy: str = "",
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        self.key, self.problem, self.remedy, self.file, self.line = key, problem, remedy, file, line
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        subject = f"{key}: " if key else ""
        super().__init__(f"{where}{subject}{problem}" + (f" ({remedy})" if remedy else ""))


class DeviceError(EdgeError):
    """A device or link cannot be opened, or stopped answering."""

    def __init__(self, device: str, problem: str, *, remedy: str = "") -> None:
        self.device, self.problem, self.remedy = device, problem, remedy
        super().__init__(f"{device}: {problem}" + (f" ({remedy})" if remedy else ""))


class CodecError(EdgeError):
    """Bytes from outside do not decode as the message they claim to be."""

    def __init__(self, what: str, problem: str, *, offset: int | None = None) -> None:
        self.what, self.problem, self.offset = what, problem, offset
        at = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{what}: {problem}{at}")


class ModelError(EdgeError):
    """A neural network file is missing, broken or of an unknown layout."""

    def __init__(self, model: str, problem: str, *, remedy: str = "") -> None:
        self.model, self.problem, self.remedy = model, problem, remedy
        super().__init__(f"model {model}: {problem}" + (f" ({remedy})" if remedy else ""))
