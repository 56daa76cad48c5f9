#!/usr/bin/env python3
"""Time of fits beside other libraries: one series, one machine, one run.

Usage: speed.py STORMGLASS [--rounds 3] [--only WORD]
The series is four weeks of hours from fixed seeds. A round fits each model by `stormglass bench` and by the peers, one
after the other, so that a busy machine slows all of them; the least time of all rounds counts, of the processor where a
peer says it. Panels are `stormglass panel` on one thread, processor time of the whole process. Peers: statsforecast, and R
with `forecast` and `jsonlite` where `Rscript` is on PATH (a fit that takes longer than ten minutes is cut off). Last, two
threads on a panel beside two processes on half of it each, wall time. The last columns say whether the same work was done:
sums of squared one-step errors.
"""
import argparse, json, math, os, resource, shutil, subprocess, tempfile, time, warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")
import numpy as np

# Our model, statsforecast's, R's.
FITS = {
    "ets(A,A,A)": ("AutoETS(24, 'AAA', damped=False)", "ets(x, 'AAA', damped=FALSE)"),
    "ets(A,N,A)": ("AutoETS(24, 'ANA', damped=False)", "ets(x, 'ANA')"),
    "ets": ("AutoETS(24)", "ets(x)"),
    "holt_winters": ("HoltWinters(24, 'A')", "HoltWinters(x)"),
    "theta": ("Theta(24)", "thetaf(x, h=24)"),
    "mstl[24,168]": ("MSTL([24, 168], trend_forecaster=AutoETS(model='AZN'))", "stlf(msts(x, c(24, 168)), h=24, etsmodel='AZN')"),
    "arima(1,0,1)(0,1,1)[24]": ("ARIMA((1, 0, 1), 24, (0, 1, 1), method='ML')", "Arima(x, order=c(1,0,1), seasonal=c(0,1,1), method='ML')"),
}
# Seconds after which a peer is cut off.
MOST = 600
PANELS = [("short", 12, "ets(A,A,A)"), ("short", 12, "ets"), ("short", 12, "arima(0,1,1)(0,1,1)[12]"), ("short", 12, "theta"),
          ("hourly", 24, "ets(A,N,A)"), ("hourly", 24, "ets(A,A,A)")]


def load(rng, n):
    """Load of n hours: a day, a week, weekends, a drift and noise that lasts."""
    t, noise = np.arange(n), 0.04
    phase, a = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.4)
    day = 2 * np.pi * t / 24
    shape = a * np.sin(day + phase) + 0.35 * a * np.sin(2 * day + 1.7 * phase) + 0.15 * a * np.cos(3 * day + phase)
    week = rng.uniform(0.03, 0.12) * np.sin(2 * np.pi * t / 168 + rng.uniform(0, 6.28))
    weekend = np.where(((t // 24) % 7) >= 5, -rng.uniform(0.05, 0.2), 0.0)
    drift = rng.normal(0, 0.10) * t / 672
    e, phi, slow, last = rng.normal(0, noise, n), rng.uniform(0.4, 0.8), np.empty(n), 0.0
    for i in range(n):
        last = phi * last + e[i]
        slow[i] = last
    level = np.cumsum(rng.normal(0, noise * 0.05, n))
    y = 100.0 * np.exp(rng.normal(0, 0.5)) * (1 + shape + week + weekend + drift + slow + level)
    return np.maximum(y, 2.0)


def months(rng, n):
    """Sales of n months."""
    season = rng.normal(0, 1, 12)
    level = 500 + np.cumsum(rng.normal(0.8, 6, n))
    y = level * (1 + rng.uniform(0.03, 0.15) * (season - season.mean())[np.arange(n) % 12]) + rng.normal(0, 10, n)
    return np.maximum(y, 5.0)


def ours(stormglass, path, model):
    command = [stormglass, "bench", path, "--model", model, "--season", "24", "--repeat", "30", "--json", "--quiet"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return said["cpu_seconds"] / said["repeat"]


def our_sse(stormglass, path, model):
    command = [stormglass, "forecast", path, "--model", model, "--season", "24", "--horizon", "24h", "--json", "--quiet"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["sse"]


def statsforecast(y, maker):
    from statsforecast import models
    model = eval(maker, vars(models))
    began = time.thread_time()
    model.fit(y)
    took = time.thread_time() - began
    fitted = model.predict_in_sample()["fitted"]
    return took, float(np.nansum((y - fitted) ** 2))


def r(path, call):
    program = f"""suppressMessages(library(forecast)); y <- read.csv('{path}')$value; x <- ts(y, frequency=24); p <- proc.time()
f <- {call}; p <- proc.time() - p; e <- if (inherits(f, 'HoltWinters')) f$SSE else sum((y - as.numeric(fitted(f)))^2, na.rm=TRUE)
cat(p[1] + p[2], e)"""
    try:
        said = subprocess.run(["Rscript", "-e", program], check=True, capture_output=True, text=True, timeout=MOST).stdout
    except subprocess.TimeoutExpired:
        return math.nan, math.nan
    took, sse = said.split()
    return float(took), float(sse)


def fits(stormglass, folder, rounds, only):
    y = load(np.random.default_rng(20240601), 696)[:672]
    path = os.path.join(folder, "load.csv")
    times = np.datetime64("2026-11-02T00:00:00") + np.arange(len(y)) * np.timedelta64(1, "h")
    with open(path, "w") as out:
        out.write("timestamp,value\n" + "".join(f"{t}Z,{v:.10f}\n" for t, v in zip(times, y)))
    print("| model | ours ms | statsforecast ms | R ms | ours SSE | statsforecast SSE | R SSE |\n|---|---|---|---|---|---|---|")
    statsforecast(y[:96], "AutoETS(24, 'AAA', damped=False)")
    with_r = shutil.which("Rscript") is not None
    for model, (theirs, in_r) in FITS.items():
        if only not in model:
            continue
        rows = []
        for _ in range(rounds):
            rows.append([(ours(stormglass, path, model), our_sse(stormglass, path, model)), statsforecast(y, theirs),
                         r(path, in_r) if with_r else (np.nan, np.nan)])
        least = [min(row[i][0] for row in rows) for i in range(3)]
        beside = ["-" if math.isnan(t) else f"{1000 * t:.3g} ({t / least[0]:.1f}x)" for t in least[1:]]
        sse = ["-" if row[1] is None else f"{row[1]:.1f}" for row in rows[0]]
        print(f"| `{model}` | {1000 * least[0]:.3f} | {' | '.join(beside + sse)} |", flush=True)


def panels(stormglass, folder, rounds, only):
    print("\n| panel | model | series | series a second and core |\n|---|---|---|---|")
    for name, make, seed, n, count in [("short", months, 11, 120, 1000), ("hourly", load, 7, 672, 200)]:
        rng = np.random.default_rng(seed)
        path = os.path.join(folder, f"{name}.csv")
        with open(path, "w") as out:
            for i in range(count):
                out.write(f"s{i}," + ",".join(f"{v:.10f}" for v in make(rng, n)) + "\n")
        for _, season, model in [p for p in PANELS if p[0] == name and only in p[2]]:
            took = []
            for _ in range(rounds):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                command = [stormglass, "panel", path, "--horizon", str(season), "--season", str(season), "--model", model, "--threads", "1", "--quiet"]
                subprocess.run(command, check=True, capture_output=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            print(f"| {name}, {n} values, season {season} | `{model}` | {count} | {count / min(took):.0f} |", flush=True)


def threads(stormglass, folder, rounds):
    """Two threads on a panel relative to two processes on half of it each: wall time, the least of the rounds."""
    rng = np.random.default_rng(11)
    rows = [f"s{i}," + ",".join(f"{v:.10f}" for v in months(rng, 120)) + "\n" for i in range(4000)]
    whole, halves = os.path.join(folder, "whole.csv"), [os.path.join(folder, f"half{i}.csv") for i in range(2)]
    for path, some in [(whole, rows), (halves[0], rows[:2000]), (halves[1], rows[2000:])]:
        with open(path, "w") as out:
            out.writelines(some)

    def run(paths, count):
        command = lambda path: [stormglass, "panel", path, "--horizon", "12", "--season", "12", "--model", "ets(A,A,A)", "--threads", str(count), "--quiet"]
        began = time.perf_counter()
        running = [subprocess.Popen(command(path), stdout=subprocess.DEVNULL) for path in paths]
        assert all(one.wait() == 0 for one in running)
        return time.perf_counter() - began

    taken = [(run([whole], 2), run(halves, 1)) for _ in range(max(rounds, 5))]
    together, apart = min(t for t, _ in taken), min(t for _, t in taken)
    print(f"\nA panel of 4,000 short series, `ets(A,A,A)`: two threads {together:.3f} s, two processes with half each {apart:.3f} s: "
          f"{apart / together:.2f} of their speed.", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stormglass")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fits(a.stormglass, folder, a.rounds, a.only)
        panels(a.stormglass, folder, a.rounds, a.only)
        threads(a.stormglass, folder, a.rounds)
