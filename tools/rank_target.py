"""Divide target images into easy and hard ones: python tools/rank_target.py CONFIG CHECKPOINT."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import EntropyRankJob

if __name__ == '__main__':
    main(EntropyRankJob)
