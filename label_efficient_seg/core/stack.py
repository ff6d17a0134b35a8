"""Checks that a supported OpenMMLab stack is installed, before anything imports it.

Two stacks provide the import names ``mmengine``, ``mmcv`` and ``mmseg``. They write the same
folders and pip cannot keep them apart, so this check does, and says how to fix an installation
that cannot work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import SpecifierSet

TORCH = {'torch': '>=2.0'}
MAINTAINED = {
    'onedl-mmengine': '>=0.10.12,<0.11',
    'onedl-mmcv': '>=2.3,<2.4',
    'onedl-mmsegmentation': '>=1.4,<1.5',
}
UPSTREAM = {
    'mmengine': '>=0.10.7,<0.11',
    'mmcv': '>=2.1,<2.2',
    'mmsegmentation': '>=1.2.2,<1.3',
}
# Needed only by the configs that name an mmpretrain model, but from the same stack.
OPTIONAL = {'onedl-mmpretrain': '>=1.3.6,<1.4', 'mmpretrain': '>=1.2,<1.3'}
# These write the folders of upstream mmcv and mmengine without all that mmseg imports from them.
VARIANTS = ('mmcv-full', 'mmcv-lite', 'mmengine-lite')


def installed_versions() -> dict[str, str]:
    """Looks up torch and every member of either stack.

    Returns:
        dict[str, str]: Distribution name to version, for those that are installed.
    """
    found = {}
    for name in (*TORCH, *MAINTAINED, *UPSTREAM, *OPTIONAL, *VARIANTS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def check_stack(found: Mapping[str, str] | None = None) -> None:
    """Raises unless torch and exactly one supported stack are installed.

    Args:
        found (Mapping[str, str], optional): Distribution name to version. Defaults to what is
            installed.

    Raises:
        ImportError: If a distribution is missing or does not fit, or if both stacks are
            installed. The message lists what was found, what is wrong, and the command that
            fixes it.
    """
    found = installed_versions() if found is None else found
    members = [name for name in found if name not in TORCH]
    maintained = [name for name in members if name.startswith('onedl-')]
    upstream = [name for name in members if name not in maintained]
    stack = UPSTREAM if upstream and not maintained else MAINTAINED

    wrong_torch = _misfits(TORCH, found)
    commands = [_install_command([*wrong_torch, 'torchvision'])] if wrong_torch else []
    if (maintained and upstream) or any(name in VARIANTS for name in members):
        problems = [f'these write the same folders: {", ".join(members)}']
        # Removing only one of them would leave the other with files missing.
        again = _requirements(stack)
        if any(name in OPTIONAL for name in members):
            own = 'onedl-mmpretrain' if stack is MAINTAINED else 'mmpretrain'
            again.append(f'{own}{OPTIONAL[own]}')
        commands += [f'pip uninstall -y {" ".join(members)}', _install_command(again)]
    else:
        wrong = _misfits(stack, found)
        problems = list(wrong.values())
        commands += [_install_command(wrong)] if wrong else []
    if commands:
        raise ImportError(_message(found, [*wrong_torch.values(), *problems], commands))


def _misfits(stack: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Returns the unmet requirements, each with a description of what is wrong."""
    wrong = {}
    for name, specifier in stack.items():
        if name not in found:
            wrong[f'{name}{specifier}'] = f'{name} is missing'
        elif not SpecifierSet(specifier).contains(found[name], prereleases=True):
            wrong[f'{name}{specifier}'] = f'{name} {found[name]} is not {specifier}'
    return wrong


def _requirements(stack: Mapping[str, str]) -> list[str]:
    return [f'{name}{specifier}' for name, specifier in stack.items()]


def _install_command(requirements: Iterable[str]) -> str:
    quoted = ' '.join(f'"{requirement}"' for requirement in requirements)
    if '"mmcv' not in quoted:
        return f'pip install {quoted}'
    # Upstream mmcv is compiled against the installed torch by a setuptools with pkg_resources, and
    # upstream mmsegmentation imports ftfy and regex without requiring them.
    return (
        'pip install "setuptools<81" wheel ninja psutil ftfy regex && '
        f'MMCV_WITH_OPS=1 pip install --no-build-isolation {quoted}'
    )


def _message(found: Mapping[str, str], problems: list[str], commands: list[str]) -> str:
    listing = ', '.join(f'{name} {found[name]}' for name in found) or 'none of these distributions'
    supported = ' or '.join(', '.join(_requirements(stack)) for stack in (MAINTAINED, UPSTREAM))
    return (
        'label_efficient_seg needs PyTorch and one OpenMMLab stack in versions that fit.\n'
        f'  found:     {listing}\n'
        f'  wrong:     {"; ".join(problems)}\n'
        f'  fix with:  {" && ".join(commands)}\n'
        f'  supported: {", ".join(_requirements(TORCH))} with {supported}'
    )
