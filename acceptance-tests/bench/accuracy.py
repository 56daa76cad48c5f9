#!/usr/bin/env python3
"""Accuracy of `stormglass backtest` on a folder of traces, against naive methods computed here.

Usage: accuracy.py STORMGLASS FOLDER [--model auto] [--only h1|d1]
Each `timestamp,value` file is scored an hour and a day ahead (daily data: a day and a week) over its last quarter, by
rolling origin, from the dumped forecasts. Errors are over those of the best naive method, chosen with hindsight: last
value, a day before, a week before, and the week before scaled to the level of the last three hours. For the pinball loss
the naive methods have conformal intervals: the quantile of their own errors at the same lead over the last four weeks,
as far as the truth was in. The best of them is chosen with hindsight, too, for each level. Long traces have ten or more
days in the last quarter. Below the groups: how good the worst traces may be by chance, by a bootstrap of whole days of origins (of
the daily trace, weeks).
"""
import argparse, glob, json, math, os, subprocess, sys, tempfile
import numpy as np, pandas as pd

# Leads from here on are reported apart, in seconds: what a pipeline that runs a few times a day lives on.
FAR = 6 * 3600
# Origins that a naive method's interval is learned from: four weeks of days, and the fewest.
WINDOW_DAYS, FEWEST = 28, 8
LONG_DAYS = 10
RESAMPLINGS = 2000
UPPER = ("0.9", "0.95")
INTERVALS = {"80": ("0.1", "0.9"), "90": ("0.05", "0.95"), "95": ("0.025", "0.975")}


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
    """Forecasts of each naive method, one row an origin, one column a lead; NaN where its past begins later."""
    k = np.arange(horizon)
    at = origins[:, None] + k[None, :]

    def before(season):
        back = at - season * (k // season + 1)
        return np.where(back >= 0, z[np.maximum(back, 0)], np.nan)

    out = {"last": np.repeat(z[origins - 1][:, None], horizon, 1)}
    if day > 1:
        out["day"] = before(day)
    week = 7 * day
    out["week"] = before(week)
    if day > 1:
        recent = max(1, round(10800 / step))
        sums = np.concatenate([[0], np.cumsum(z)])
        then = sums[np.maximum(origins - week, 0)] - sums[np.maximum(origins - week - recent, 0)]
        now = sums[origins] - sums[np.maximum(origins - recent, 0)]
        ratio = np.clip(now / np.where(then > 0, then, np.nan), 0.25, 4)
        ratio = np.where(np.isnan(ratio), 1, ratio)
        out["week, levelled"] = out["week"] * (1 + (ratio[:, None] - 1) * np.exp(-k * step / 21600))
    return out


def conformal(forecasts, truth, first, window, level):
    """Forecasts plus the level's quantile of errors at that lead whose truth was in; None if there are too few."""
    shifts = np.full_like(forecasts, np.nan)
    for lead in range(forecasts.shape[1]):
        errors = pd.Series(truth[:, lead] - forecasts[:, lead])
        # The truth of the origin `delay` rows before is in when this one is forecast.
        delay = first.delay(lead)
        shifts[:, lead] = errors.rolling(window, min_periods=FEWEST).quantile(level).shift(delay).to_numpy()
    out = (forecasts + shifts)[first.row:]
    return None if np.isnan(out).any() else out


class Origins:
    """All origins on the grid of those that are scored, from the start of the series on."""

    def __init__(self, scored, stride):
        self.at = np.arange(scored[0] % stride or stride, scored[-1] + 1, stride)
        self.stride, self.row = stride, int(np.searchsorted(self.at, scored[0]))

    def delay(self, lead):
        return lead // self.stride + 1


def pinball(truth, quantile, level):
    return np.nansum(np.maximum(level * (truth - quantile), (level - 1) * (truth - quantile)))


def lower_bound(own, theirs, block):
    """The 5 % quantile of the ratio of errors over resamplings of whole blocks of origins, the best naive method chosen in each."""
    def sums(errors):
        return np.bincount(block, np.nansum(errors, axis=1))
    own, theirs = sums(own), np.stack([sums(errors) for errors in theirs])
    drawn = np.random.default_rng(1).integers(0, len(own), (RESAMPLINGS, len(own)))
    return np.quantile(own[drawn].sum(1) / theirs[:, drawn].sum(2).min(0), 0.05)


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
    start = np.searchsorted(y.index, pd.to_datetime(rows["time"].to_numpy()[::horizon], utc=True))
    ours = {name: rows[name].to_numpy().reshape(-1, horizon) for name in rows.columns if name not in ("origin", "time", "actual")}
    if not (ours["lead"] == np.arange(1, horizon + 1)).all():
        sys.exit(f"{path}: the dump has not every lead of every origin in order")
    origins = Origins(start, stride)
    steps = origins.at[:, None] + np.arange(horizon)[None, :]
    all_truth = values[steps]
    methods = naives(filled(values, day), origins.at, horizon, day, step)
    usable = {name: f for name, f in methods.items() if not np.isnan(f[origins.row:]).any()}
    truth = all_truth[origins.row:]

    def ratio(leads):
        def error(f):
            return np.nansum(np.abs(truth - f)[:, leads])
        best = min(usable, key=lambda name: error(usable[name][origins.row:]))
        return error(ours["forecast"]) / error(usable[best][origins.row:]), best

    out = {"trace": os.path.basename(path)[:-4], "ahead": ahead, "seconds": said["seconds"]}
    out["days"] = (len(values) - start[0]) * step / 86400
    ok = ~np.isnan(truth)
    out["accuracy"] = 1 - np.abs(truth - ours["forecast"])[ok].sum() / np.abs(truth[ok]).sum()
    out["ratio"], out["best"] = ratio(slice(None))
    out["at least"] = lower_bound(np.abs(truth - ours["forecast"]), [np.abs(truth - f[origins.row:]) for f in usable.values()],
                                  (start - start[0]) // (7 if daily else day))
    far = round(FAR / step)
    out["far"] = ratio(slice(far - 1, None))[0] if not daily and horizon > far else math.nan
    window, floor = max(1, round(WINDOW_DAYS * 86400 / step / stride)), 0.0 if np.nanmin(values) >= 0 else -math.inf
    if daily:
        window = 365

    def bounds(level):
        found = {name: conformal(f, all_truth, origins, window, float(level)) for name, f in usable.items()}
        return {name: np.maximum(q, floor) for name, q in found.items() if q is not None}

    upper = {level: bounds(level) for level in UPPER}
    for level, found in upper.items():
        losses = {name: pinball(truth, q, float(level)) for name, q in found.items()}
        out["pinball " + level] = pinball(truth, ours[level], float(level)) / min(losses.values()) if losses else math.nan
        if level == "0.95" and losses:
            best = min(losses, key=losses.get)
            low = bounds("0.05").get(best)
            theirs = np.nan if low is None else np.mean(found[best] - low)
            out["width"] = np.mean(ours["0.95"] - ours["0.05"]) / theirs
    for name, (low, high) in INTERVALS.items():
        out["inside " + name] = np.mean(((ours[low] <= truth) & (truth <= ours[high]))[ok])
    return out


def geometric(values):
    values = [v for v in values if v == v]
    return math.exp(np.mean(np.log(values))) if values else math.nan


def show(value, form=".3f"):
    return format(value, form) if value == value else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stormglass")
    parser.add_argument("folder")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--only", choices=["h1", "d1"])
    a = parser.parse_args()
    columns = ["ratio", "far", "pinball 0.9", "pinball 0.95", "width"]
    print("| trace | ahead | test days | accuracy | WAPE | from 6 h | pinball 0.9 | 0.95 | width of 90 % | inside 80, 90, 95 % | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for path in sorted(glob.glob(os.path.join(a.folder, "*.csv"))):
        for ahead in [a.only] if a.only else ["h1", "d1"]:
            row = score(a.stormglass, path, ahead, a.model)
            rows.append(row)
            ratios = " | ".join(show(row.get(name, math.nan)) for name in columns)
            inside = ", ".join(f"{100 * row['inside ' + name]:.1f}" for name in INTERVALS)
            print(f"| {row['trace']} | {ahead} | {row['days']:.0f} | {row['accuracy']:.3f} | {ratios} | {inside} | {row['seconds']:.1f} |", flush=True)
    print("\n| group | traces | " + " | ".join(columns) + " | inside 80, 90, 95 % |\n|---|---|---|---|---|---|---|---|")
    for kind in ("long", "short", "all"):
        for ahead in ("h1", "d1"):
            group = [r for r in rows if r["ahead"] == ahead and kind in ("all", "long" if r["days"] >= LONG_DAYS else "short")]
            if group:
                means = " | ".join(show(geometric([r.get(name, math.nan) for r in group])) for name in columns)
                inside = ", ".join(f"{100 * np.mean([r['inside ' + name] for r in group]):.1f}" for name in INTERVALS)
                print(f"| {kind}, {ahead} | {len(group)} | {means} | {inside} |")
    for kind in ("long", "short"):
        for ahead in ("h1", "d1"):
            group = [r for r in rows if r["ahead"] == ahead and kind == ("long" if r["days"] >= LONG_DAYS else "short")]
            if group:
                worst = max(group, key=lambda r: r["at least"])
                print(f"\nWorst lower bound, {kind}, {ahead}: {worst['trace']} at {worst['at least']:.3f} ({worst['ratio']:.3f})")
