"""Draw what SIGN makes of unseen classes: python tools/sign_panels.py CONFIG CHECKPOINT."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import SIGNPanelJob

if __name__ == '__main__':
    main(SIGNPanelJob)
