from .entropy import entropy_map, self_information

__all__ = ['entropy_map', 'self_information']
