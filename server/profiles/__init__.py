"""SNMP profiles: what to ask a kind of device, as YAML in the shape of protocols/uplink/plan.py, one profile a file."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import yaml

from protocols.errors import ConfigError
from protocols.uplink.plan import Profile

AUTO = "auto"  # the profile that extends all others: what a sensor uses that names none
_FOLDER = Path(__file__).parent
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def load_profiles(own: Path | None = None) -> dict[str, Profile]:
    """Our profiles and those of the folder `own`, which win over ours of the same name, and `auto`, which extends them.

    Raises ConfigError, one line for each thing that is wrong.
    """
    profiles: dict[str, Profile] = {}
    faults: list[str] = []
    if own is not None and not own.is_dir():
        raise ConfigError(f"{own}: there is no such folder of profiles.")
    for path in (*sorted(_FOLDER.glob("*.yaml")), *sorted(own.glob("*.yaml") if own else ())):
        try:
            profiles[path.stem] = read_profile(path)
        except ConfigError as error:
            faults.append(str(error))
    for name, profile in profiles.items():
        faults += [
            f"{name}.yaml: profile {name} extends {parent}, which does not exist."
            for parent in profile.extends
            if parent not in profiles
        ]
        if not faults and name in _ancestors(name, profiles):
            faults.append(f"{name}.yaml: profile {name} extends itself.")
    if AUTO in profiles:
        faults.append(f"{AUTO}.yaml: this name is taken by the profile that extends all others: choose another.")
    if faults:
        raise ConfigError("\n".join(faults))
    profiles[AUTO] = Profile(AUTO, extends=tuple(name for name, profile in profiles.items() if profile.auto))
    return profiles


def as_json(profiles: dict[str, Profile]) -> str:
    """The profiles as one JSON object, a profile a line, so that changes are readable."""
    lines = (
        f"{msgspec.json.encode(name).decode()}:{msgspec.json.encode(profile).decode()}"
        for name, profile in sorted(profiles.items())
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_profile(path: Path) -> Profile:
    """The profile in one file. Raises ConfigError naming the file, and the line where it can be known."""
    root: yaml.Node | None = None
    try:
        source = path.read_text(encoding="utf-8")
        root = yaml.compose(source, _LOADER)
        profile = msgspec.convert(yaml.load(source, _LOADER), Profile)  # noqa: S506 - safe in both its forms
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: this is not YAML: {error.problem}.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: the profile cannot be read: {error}.") from None
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise ConfigError(f"{path}:{_line(root, place, message)}: {message}.") from None
    if twice := _repeated(root):
        raise ConfigError(f"{path}:{twice.start_mark.line + 1}: {twice.value} stands here twice.")
    if profile.name != path.stem:
        raise ConfigError(f"{path}: the profile is called {profile.name}; its file must be {profile.name}.yaml.")
    return profile


def _line(root: yaml.Node | None, place: str, message: str) -> int:
    """The line of `place` (".tables[0].columns[2]"), and within it of the key that `message` quotes, if any."""
    node = root
    for key, position in _STEP.findall(place):
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and position and int(position) < len(node.value):
            child = node.value[int(position)]
        if child is None:
            break
        node = child
    quoted = re.search(r"unknown field `(.+)`", message)
    if quoted and isinstance(node, yaml.MappingNode):
        node = next((name for name, _ in node.value if name.value == quoted[1]), node)
    return node.start_mark.line + 1 if node else 1


def _repeated(node: yaml.Node | None) -> yaml.ScalarNode | None:
    """The first key that a mapping has twice: YAML forbids it, the library lets the last one win."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key  # type: ignore[no-any-return]
            seen.add(key.value)
            if found := _repeated(value):
                return found
    if isinstance(node, yaml.SequenceNode):
        return next((found for item in node.value if (found := _repeated(item))), None)
    return None


def _ancestors(name: str, profiles: dict[str, Profile]) -> set[str]:
    found: set[str] = set()
    todo = list(profiles[name].extends)
    while todo:
        parent = todo.pop()
        if parent not in found:
            found.add(parent)
            todo += profiles[parent].extends
    return found
