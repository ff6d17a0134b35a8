"""Refine CAMs into pseudo masks: python tools/make_pseudo_masks.py CONFIG CHECKPOINT --cams DIR."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import PseudoMaskJob

if __name__ == '__main__':
    main(PseudoMaskJob)
