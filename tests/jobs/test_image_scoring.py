import json

from label_efficient_seg.jobs.image_scoring import ImageScore, read_scores, write_score


def test_what_was_written_is_read_whatever_was_cut_off(tmp_path):
    scores = [ImageScore(f'city/{i}', 0.1 * i, [0, i]) for i in range(6)]
    for rank in range(2):
        path = tmp_path / f'{rank}.jsonl'
        for score in scores[rank:4:2]:
            write_score(path, score)
        with open(path, 'a') as file:
            file.write('\n' + json.dumps(scores[5]._asdict())[:-1])  # killed
    (tmp_path / '2.jsonl').write_bytes(b'\0\0\0\n[1, 2]\n\n"text"\n{"image": "x"}\n\xff')
    write_score(tmp_path / '0.jsonl', scores[4])
    assert read_scores(tmp_path) == {score.image: score for score in scores[:5]}


def test_no_scores(tmp_path):
    assert read_scores(tmp_path / 'gone') == {}
