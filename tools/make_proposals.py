"""Write object proposals: python tools/make_proposals.py CONFIG --out DIR."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import ProposalJob

if __name__ == '__main__':
    main(ProposalJob)
