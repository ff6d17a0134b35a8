"""Packages label_efficient_seg; tool settings live in pyproject.toml."""

import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

PACKAGE = 'label_efficient_seg'
ROOT = Path(__file__).resolve().parent
MIM_RESOURCES = ('configs', 'splits', 'tools', 'model-index.yml')


class BuildPyWithMim(build_py):
    """Adds the resources that OpenMMLab's ``mim`` expects under ``.mim``.

    They are copied into the build folder only. A checkout or an editable installation keeps using
    the folders in the repository root, so the source tree holds neither copies nor links.
    """

    def run(self) -> None:
        """Builds the modules, then the resources."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / PACKAGE / '.mim'
        shutil.rmtree(target, ignore_errors=True)  # an earlier build may have left removed files
        target.mkdir(parents=True)
        ignored = shutil.ignore_patterns('__pycache__', '.*')
        for name in MIM_RESOURCES:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, target / name, ignore=ignored)
            else:
                shutil.copy2(source, target / name)


setup(
    name=PACKAGE,
    version=runpy.run_path(str(ROOT / PACKAGE / 'version.py'))['__version__'],
    description='Label-efficient semantic segmentation as a plugin for MMSegmentation 1.x',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The label_efficient_seg authors',
    # The code is Apache-2.0. Split lists and word vectors come from MIT-licensed projects, and the
    # vectors of fastText are CC BY-SA 3.0; the files below name their sources.
    license='Apache-2.0 AND MIT AND CC-BY-SA-3.0',
    license_files=[
        'LICENSE',
        'splits/README.md',
        'label_efficient_seg/datasets/files/word_vectors/SOURCES.md',
    ],
    keywords='semantic segmentation, semi-supervised, weakly supervised, domain adaptation',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    py_modules=['les_cli'],
    entry_points=dict(console_scripts=['les = les_cli:main']),
    include_package_data=True,
    zip_safe=False,
    cmdclass={'build_py': BuildPyWithMim},
    python_requires='>=3.10',
    # No mm* package here: two stacks fit, and installing one over the other breaks both.
    install_requires=[
        'torch>=2.0',
        'torchvision',
        'jinja2',
        'matplotlib',
        'numpy',
        'packaging',
        'Pillow',
        'rich',
        'safetensors',
    ],
    extras_require={
        'stack': [
            'onedl-mmengine>=0.10.12,<0.11',
            'onedl-mmcv>=2.3,<2.4',
            'onedl-mmsegmentation>=1.4,<1.5',
            'onedl-mmpretrain>=1.3.6,<1.4',
        ],
        'proposals': ['opencv-contrib-python'],
        'slurm': ['submitit'],
        'docs': ['mkdocs-material', 'mkdocstrings-python', 'nbformat', 'nbclient', 'ipykernel'],
        'tensorboard': ['tensorboard'],
        'timm': ['timm'],
        'test': ['pytest', 'pytest-xdist', 'pytest-cov', 'setuptools<82', 'wheel'],
        'dev': ['ruff', 'codespell', 'mypy', 'types-PyYAML', 'pre-commit'],
    },
)
