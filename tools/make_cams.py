"""Write class activation maps: python tools/make_cams.py CONFIG CHECKPOINT --out DIR."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import CAMJob

if __name__ == '__main__':
    main(CAMJob)
