"""One file of metrics for several processes: only the main one writes it."""

import json
from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger
from mmengine.runner import LogProcessor

from label_efficient_seg.engine.hooks import MainProcessLoggerHook, main_process_logger_hook


class Processor(LogProcessor):
    """Has the metrics of a test whose time differs from process to process."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_log_after_epoch(self, *_, **__):
        return {'mIoU': 41.5, 'time': self.seconds}, f'mIoU: 41.5, time: {self.seconds}'


@pytest.mark.parametrize('order', [(True, False), (False, True)])
def test_the_record_of_the_main_process_is_the_only_one(tmp_path, monkeypatch, order):
    hook = MainProcessLoggerHook()
    hook.json_log_path = 'metrics.json'
    for main in order:
        monkeypatch.setattr(main_process_logger_hook, 'is_main_process', lambda main=main: main)
        runner = SimpleNamespace(
            log_processor=Processor(0.25 if main else 1234.5678),
            logger=MMLogger.get_instance('main_process_logger_hook'),
            log_dir=str(tmp_path),
            test_dataloader=range(2),
        )
        hook.after_test_epoch(runner)
    assert json.loads((tmp_path / 'metrics.json').read_text()) == {'mIoU': 41.5, 'time': 0.25}
