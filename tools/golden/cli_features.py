#!/usr/bin/env python3
"""Writes tests/golden/cli_features.npz: two small sets of feature rows with labels, for the tests of
the whole program. numpy 2.4.6. Run from the project's root."""
import numpy as np

rng = np.random.default_rng(7)


def rows(n, shift):
    label = (np.arange(n) % 2).astype(np.int64)
    x = rng.standard_normal((n, 4)).astype(np.float32)
    x[:, 0] += shift * (label - 0.5).astype(np.float32)
    return x, label


train_x, train_y = rows(32, 4.0)
test_x, test_y = rows(24, 0.0)
np.savez("tests/golden/cli_features.npz", train_x=train_x, train_y=train_y, test_x=test_x,
         test_y=test_y)
