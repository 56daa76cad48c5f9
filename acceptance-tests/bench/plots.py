#!/usr/bin/env python3
"""Draws the pictures of docs/guides/models.md: what each model says of a week that it has not seen.

Usage: plots.py STORMGLASS FOLDER
The load is the quickstart's without its last seven days; the forecasts are the command's, with their 80 % band.
"""
import csv, datetime, json, pathlib, subprocess, sys, tempfile

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "stormglass", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 10})
import matplotlib.dates
import matplotlib.pyplot as plt

MODELS = ["auto", "seasonal_naive[168]", "profile(weekly)", "arima(1,0,1)(0,1,1)[24]", "mstl[24,168]", "prophet(multiplicative)",
          "theta[24]", "holt_winters(additive)[24]"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
LOAD = ROOT / "examples/quickstart/load.csv"
UNSEEN, SHOWN = 7 * 24, 11 * 24


def forecast(stormglass, path, model):
    """Times, medians and the 80 % band of a model."""
    command = [stormglass, "forecast", path, "--model", model, "--horizon", f"{UNSEEN}h", "--levels", "0.1,0.9", "--json", "--quiet"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["forecast"]
    times = [moment(step["time"]) for step in said]
    return times, [s["forecast"] for s in said], [s["quantiles"]["0.1"] for s in said], [s["quantiles"]["0.9"] for s in said]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def main(stormglass, folder):
    with open(LOAD, newline="") as file:
        rows = [(moment(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    figure, axes = plt.subplots(4, 2, figsize=(10, 9), sharex=True, sharey=True, layout="constrained")
    with tempfile.TemporaryDirectory() as temporary:
        seen = pathlib.Path(temporary) / "seen.csv"
        seen.write_text("timestamp,value\n" + "".join(f"{t.isoformat()},{v}\n" for t, v in rows[:-UNSEEN]))
        for axis, model in zip(axes.flat, MODELS):
            times, middle, low, high = forecast(stormglass, seen, model)
            truth = [v for _, v in rows[-UNSEEN:]]
            wape = sum(abs(f - v) for f, v in zip(middle, truth)) / sum(truth)
            axis.fill_between(times, low, high, color="#56b4e9", alpha=0.35, linewidth=0, label="80 % band")
            axis.plot(*zip(*rows[-SHOWN:]), color="#333333", linewidth=0.8, label="load")
            axis.plot(times, middle, color="#0072b2", linewidth=1.2, label="forecast")
            axis.axvline(times[0], color="#999999", linewidth=0.8, linestyle=":")
            axis.set_title(f"{model}: WAPE {wape:.2f}", loc="left", family="monospace")
            axis.set_ylim(0, 1.6 * max(v for _, v in rows[-SHOWN:]))
            axis.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%a"))
            axis.xaxis.set_major_locator(matplotlib.dates.DayLocator())
    axes[0, 0].legend(loc="upper left", ncols=3, frameon=False)
    figure.supylabel("purchases an hour")
    figure.savefig(pathlib.Path(folder) / "models.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
