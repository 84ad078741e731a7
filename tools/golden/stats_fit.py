#!/usr/bin/env python3
"""Writes tests/golden/stats_fit.json: scaler, logistic regression, AUC, DeLong, PCA and out-of-fold
predictions of small random tables by other people's code. Run from the repository's root.
Made with Python 3.11.7, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1.

Logistic fits: scikit-learn's newton-cholesky, then Newton steps in (w, b) with the full Hessian, so
that the last digits are those of the minimum; both must agree to 1e-6. DeLong: straight from the
definition, over all pairs."""
import json
import sys

import numpy as np
import scipy
import sklearn
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(20240611)


def table(n, d):
    return np.round(rng.normal(size=(n, d)) * rng.uniform(0.2, 5, d) + rng.normal(size=d), 3)


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def objective(w, b, x, y, c):
    s = 2 * y - 1
    return w @ w / (2 * c) + np.logaddexp(0, -s * (x @ w + b)).sum()


def fit(x, y, c):
    m = LogisticRegression(C=c, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(x, y)
    u = np.append(m.coef_[0], m.intercept_[0])
    first = u.copy()
    x1 = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.append(np.full(x.shape[1], 1 / c), 0)
    for _ in range(5):
        p = sigmoid(x1 @ u)
        g = ridge * u - x1.T @ (y - p)
        h = np.diag(ridge) + x1.T @ (x1 * (p * (1 - p))[:, None])
        u = u - np.linalg.solve(h, g)
    assert np.abs(u - first).max() < 1e-6, np.abs(u - first).max()
    return u[:-1], u[-1]


def case(n, d, m, c):
    x, new = table(n, d), table(m, d)
    x[:, 1] = new[:, 1] = 0.1  # a constant column whose sum is not exact
    y = (rng.uniform(size=n) < 0.55).astype(int)
    scaler = StandardScaler().fit(x)
    w, b = fit(scaler.transform(x), y, c)
    p = sigmoid(scaler.transform(new) @ w + b)
    fold = np.concatenate([rng.permutation(np.where(y == v)[0]) for v in (0, 1)])
    folds = np.empty(n, int)
    folds[fold] = np.arange(n) % 4
    oof = np.empty(n)
    for f in range(4):
        train = folds != f
        part = StandardScaler().fit(x[train])
        wf, bf = fit(part.transform(x[train]), y[train], c)
        oof[~train] = sigmoid(part.transform(x[~train]) @ wf + bf)
    return {
        "n": n, "d": d, "m": m, "c": c, "x": x.ravel().tolist(), "new": new.ravel().tolist(),
        "y": y.tolist(), "mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist(),
        "b": b, "w": w.tolist(), "w_norm": float(np.linalg.norm(w)),
        "objective": objective(w, b, scaler.transform(x), y, c), "p": p.tolist(),
        "folds": "".join(map(str, folds)), "oof": oof.tolist(), "oof_auc": roc_auc_score(y, oof),
    }


def delong(scores, y):
    """Covariance matrix of the AUCs of the rows of scores."""
    pos, neg = scores[:, y == 1], scores[:, y == 0]
    win = (pos[:, :, None] > neg[:, None, :]) + 0.5 * (pos[:, :, None] == neg[:, None, :])
    v10, v01 = win.mean(2), win.mean(1)
    return np.cov(v10) / pos.shape[1] + np.cov(v01) / neg.shape[1]


def auc_case(n):
    y = (rng.uniform(size=n) < 0.4).astype(int)
    a = np.round(rng.normal(size=n) + 0.7 * y, 1)
    b = np.round(rng.normal(size=n) + 0.3 * y + 0.5 * a, 1)
    cov = delong(np.array([a, b]), y)
    fpr, tpr, cut = roc_curve(y, a, drop_intermediate=False)
    return {
        "y": y.tolist(), "a": a.tolist(), "b": b.tolist(),
        "auc_a": roc_auc_score(y, a), "auc_b": roc_auc_score(y, b),
        "se_a": cov[0, 0] ** 0.5, "se_difference": (cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]) ** 0.5,
        "p": float(2 * scipy.stats.norm.sf(abs(roc_auc_score(y, a) - roc_auc_score(y, b)) /
                                           (cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]) ** 0.5)),
        "low_a": roc_auc_score(y, a) + scipy.stats.norm.ppf(0.05) * cov[0, 0] ** 0.5,
        "fpr": fpr.tolist(), "tpr": tpr.tolist(), "cut": cut[1:].tolist(),
    }


def pca_case(n, d, m):
    x, new = table(n, d), table(m, d)
    out = {"n": n, "d": d, "m": m, "x": x.ravel().tolist(), "new": new.ravel().tolist()}
    for name, z, zn in (("centred", x, new),
                        ("standard", StandardScaler().fit_transform(x),
                         StandardScaler().fit(x).transform(new))):
        p = PCA(svd_solver="full").fit(z)
        most = np.abs(p.components_).argmax(1)
        sign = np.sign(p.components_[np.arange(len(most)), most])
        share = p.explained_variance_ratio_
        out[name] = {
            "share": share.tolist(), "singular": p.singular_values_.tolist(),
            "loading0": (p.components_[0] * sign[0]).tolist(),
            "scores": ((p.transform(z) * sign)[:, :2]).ravel().tolist(),
            "projected": ((p.transform(zn) * sign)[:, :2]).ravel().tolist(),
            "ranks": [int(1 + np.argmax(share.cumsum() >= t)) for t in (0.5, 0.8, 0.9, 0.95)],
        }
    return out


out = {
    "made_with": {"python": sys.version.split()[0], "numpy": np.__version__,
                  "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "fits": [case(32, 5, 4, 1.0), case(24, 40, 4, 1.0), case(24, 40, 4, 0.1)],
    "auc": auc_case(60),
    "pca": [pca_case(12, 20, 3), pca_case(20, 6, 3)],
}
with open("tests/golden/stats_fit.json", "w") as f:
    json.dump(out, f, indent=None, separators=(",", ":"))
    f.write("\n")
