"""Refine CAMs by a CRF: python tools/make_affinity_scores.py CONFIG --cams DIR --out DIR."""

from label_efficient_seg.cli.job import main
from label_efficient_seg.jobs import AffinityScoreJob

if __name__ == '__main__':
    main(AffinityScoreJob)
