"""Draw what proposals and decoder layers do: python tools/deconvnet_panels.py CONFIG CHECKPOINT."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import DeconvNetPanelJob

if __name__ == '__main__':
    main(DeconvNetPanelJob)
