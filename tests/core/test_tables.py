import numpy as np

from label_efficient_seg.core.tables import print_table


def test_a_table_is_markdown_and_aligns_numbers(capsys):
    rows = [['base', 3, 41.256, None], ['method [x]', 12, np.float64(5), '+1.00']]
    print_table(['run', 'seeds', 'mean', 'difference'], rows)
    assert capsys.readouterr().out.splitlines() == [
        '| run        | seeds |  mean | difference |',
        '|------------|-------|-------|------------|',
        '| base       |     3 | 41.26 |            |',
        '| method [x] |    12 |  5.00 | +1.00      |',
    ]


def test_long_cells_stay_whole(capsys):
    command = 'python ' + 'x' * 500
    print_table(['state', 'command'], [['missing', command], ['stale', 'y']], lines=False)
    assert capsys.readouterr().out.splitlines() == [
        'state    command',
        f'missing  {command}',
        'stale    y',
    ]
