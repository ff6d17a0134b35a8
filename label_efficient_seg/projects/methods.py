"""Which methods each kind of project has."""

from ..core.errors import UserError
from ..core.suggest import did_you_mean

METHODS = dict(
    semi=dict(
        unimatch='UniMatch',
        unimatch_v2='UniMatch V2',
        fixmatch='FixMatch',
        advsemi='AdvSemiSeg',
    ),
    adapt=dict(dacs='DACS', mic='MIC', advent='ADVENT', minent='MinEnt', intrada='IntraDA'),
    weak=dict(affinitynet='AffinityNet'),
    zero=dict(sign='SIGN'),
)
"""Methods of each kind and their titles; the first of a kind is the default."""


def choose_method(kind: str, method: str | None) -> str:
    """Check the method of a project.

    Args:
        kind (str): Of :data:`METHODS`.
        method (str, optional): What a user says. Defaults to the first of the kind.

    Returns:
        str: The method.

    Raises:
        ValueError: If it is none of this kind. The message names what there is.
    """
    known = METHODS[kind]
    if method is None:
        return next(iter(known))
    if method in known:
        return method
    for other, names in METHODS.items():
        if method in names:
            raise UserError(
                f'method {method!r} is one of les new {other}; les new {kind} has '
                f'{", ".join(known)}'
            )
    raise UserError(f'method {method!r} is unknown; {did_you_mean(method, known)}')
