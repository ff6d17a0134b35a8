import json

import torch

from label_efficient_seg.jobs.image_scoring import (
    ImageScore,
    open_scores,
    read_scores,
    reproducible,
    write_score,
)


def test_what_was_written_is_read_whatever_was_cut_off(tmp_path):
    scores = [ImageScore(f'city/{i}', 0.1 * i, [0, i]) for i in range(6)]
    for rank in range(2):
        with open_scores(tmp_path, rank) as file:
            for score in scores[rank:4:2]:
                write_score(file, score)
            file.write('\n' + json.dumps(scores[5]._asdict())[:-1])  # killed
    (tmp_path / '2.jsonl').write_bytes(b'\0\0\0\n[1, 2]\n\n"text"\n{"image": "x"}\n\xff')
    with open_scores(tmp_path, 0) as file:
        write_score(file, scores[4])
    assert read_scores(tmp_path) == {score.image: score for score in scores[:5]}


def test_no_scores(tmp_path):
    assert read_scores(tmp_path / 'gone') == {}


def test_kernels_are_chosen_for_equal_results_and_set_back():
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    torch.set_num_threads(2)
    torch.backends.cudnn.benchmark = True
    try:
        with reproducible():
            assert torch.get_num_threads() == 1
            assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
        assert torch.get_num_threads() == 2
        assert torch.backends.cudnn.benchmark and not torch.backends.cudnn.deterministic
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark = before[1]
