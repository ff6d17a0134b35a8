from .branch_iter_train_loop import BranchIterTrainLoop

__all__ = ['BranchIterTrainLoop']
