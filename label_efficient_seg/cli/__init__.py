"""The command ``les``: one module for each verb. They read words; :mod:`..api` does the work.

Each module has a docstring, which is the help of its verb, and two functions: ``add_arguments``
declares the words that follow the verb, and ``run`` calls the API, returning the exit status. Only
``run`` may import what needs PyTorch.
"""
