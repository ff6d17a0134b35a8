from .branch_data_parallel import BranchDataParallel

__all__ = ['BranchDataParallel']
