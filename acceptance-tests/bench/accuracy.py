#!/usr/bin/env python3
"""Accuracy of `stormglass backtest` on a folder of traces, against naive methods computed here.

Usage: accuracy.py STORMGLASS FOLDER [--model auto] [--only h1|d1]
Each `timestamp,value` file is scored an hour and a day ahead (daily data: a day and a week) over its last quarter, by
rolling origin, from the dumped forecasts. The ratio is our WAPE over that of the best naive method chosen with hindsight:
last value, a day before, a week before, and the week before scaled to the level of the last three hours.
"""
import argparse, glob, json, math, os, subprocess, sys, tempfile
import numpy as np, pandas as pd


def load(path, least=300):
    """Values on the step that is scored, with gaps as NaN."""
    data = pd.read_csv(path)
    y = pd.Series(data["value"].to_numpy(float), index=pd.to_datetime(data["timestamp"], utc=True))
    step = (y.index[1] - y.index[0]).total_seconds()
    if step < least:
        bins = y.resample(f"{least}s", origin="start")
        y, step = bins.mean().where(bins.count() >= 0.8 * (least / step)), float(least)
    return y, step


def filled(y, day):
    """Gaps filled from the past: a day before, else the last value."""
    z = y.copy()
    for i in np.flatnonzero(np.isnan(z)):
        z[i] = z[i - day] if i >= day > 1 else (z[i - 1] if i else np.nan)
    return pd.Series(z).ffill().bfill().to_numpy()


def naives(z, origins, horizon, day, step):
    """Forecasts of each naive method, one row an origin, one column a lead."""
    k = np.arange(horizon)
    at = origins[:, None] + k[None, :]
    out = {"last": np.repeat(z[origins - 1][:, None], horizon, 1)}
    if day > 1:
        out["day"] = z[at - day * (k // day + 1)]
    week = 7 * day
    if origins[0] >= week:
        out["week"] = z[at - week * (k // week + 1)]
        if day > 1:
            recent = max(1, round(10800 / step))
            sums = np.concatenate([[0], np.cumsum(z)])
            before = sums[origins - week] - sums[np.maximum(origins - week - recent, 0)]
            ratio = np.clip((sums[origins] - sums[origins - recent]) / np.where(before > 0, before, np.nan), 0.25, 4)
            ratio = np.where(np.isnan(ratio), 1, ratio)
            out["week, levelled"] = out["week"] * (1 + (ratio[:, None] - 1) * np.exp(-k * step / 21600))
    return out


def score(stormglass, path, ahead, model):
    y, step = load(path)
    daily = step >= 86400
    day = 1 if daily else round(86400 / step)
    horizon = {"h1": 1, "d1": 7}[ahead] if daily else {"h1": max(1, round(3600 / step)), "d1": day}[ahead]
    stride = 1 if daily or ahead == "h1" else max(1, round(3600 / step))
    with tempfile.NamedTemporaryFile(suffix=".csv") as dump:
        command = [stormglass, "backtest", path, "--step", f"{int(step)}s", "--horizon", f"{int(horizon * step)}s", "--stride",
                   f"{int(stride * step)}s", "--refit-every", "24h", "--test-fraction", "0.25", "--model", model, "--dump", dump.name, "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{path}: {done.stderr}")
        said, rows = json.loads(done.stdout), pd.read_csv(dump.name)
    values = y.to_numpy()
    position = pd.Series(np.arange(len(y)), index=y.index)
    target = position.reindex(pd.to_datetime(rows["time"], utc=True)).to_numpy().astype(int)
    origin = target - rows["lead"].to_numpy() + 1
    origins = np.unique(origin)
    truth, ok = values[target], ~np.isnan(values[target])
    ours = np.abs(truth - rows["forecast"].to_numpy())[ok].sum()
    row, column = np.searchsorted(origins, origin), rows["lead"].to_numpy() - 1
    errors = {name: np.abs(truth - f[row, column])[ok].sum() for name, f in naives(filled(values, day), origins, horizon, day, step).items()}
    best = min(errors, key=errors.get)
    return ours / np.abs(truth[ok]).sum(), ours / errors[best], best, said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stormglass")
    parser.add_argument("folder")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--only", choices=["h1", "d1"])
    a = parser.parse_args()
    print("| trace | ahead | accuracy | WAPE / best naive | best naive | covered at 80, 90, 95 % | s |\n|---|---|---|---|---|---|---|")
    ratios = {}
    for path in sorted(glob.glob(os.path.join(a.folder, "*.csv"))):
        for ahead in [a.only] if a.only else ["h1", "d1"]:
            wape, ratio, best, said = score(a.stormglass, path, ahead, a.model)
            ratios.setdefault(ahead, []).append(ratio)
            covered = ", ".join(f"{100 * said['interval_coverage'][level]:.0f}" for level in ("0.80", "0.90", "0.95"))
            print(f"| {os.path.basename(path)[:-4]} | {ahead} | {1 - wape:.3f} | {ratio:.3f} | {best} | {covered} | {said['seconds']:.1f} |", flush=True)
    for ahead, all_ratios in ratios.items():
        print(f"\ngeometric mean {ahead}: {math.exp(np.mean(np.log(all_ratios))):.3f} of {len(all_ratios)} traces")
