#!/usr/bin/env python3
"""Time and quality of fits beside other libraries: the same series, one machine, one run.

Usage: speed.py STORMGLASS CRATES [--rounds 3] [--only WORD] [--most SECONDS] [--air FILE]
CRATES is the program of `peers/`, which fits by other Rust crates. statsforecast and Prophet take part where this Python
has them, R where `Rscript` is on PATH with the packages `forecast` and `jsonlite`. The load is four weeks of hours from
fixed seeds, for `auto` eight weeks of 5-minute steps; AIR is AirPassengers as the golden tests have it.

A round fits each model by ours and by every peer, one after the other, each in a process of its own that fits again and
again, so that a busy machine slows all of them; the least of the rounds counts. Every time is a fit and the forecast of
a season with its 95 % interval, on one thread: of the first fit, and the median. What takes more than so many seconds of
processor time is cut off, and what takes long is done once. Then panels, where peers fit as many series of them as time allows, and two
threads beside two processes.
"""
import argparse, json, math, os, resource, shutil, subprocess, sys, tempfile, time

import numpy as np

os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")}
HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {"anofox": "anofox-forecast", "augurs": "augurs", "foresight": "foresight", "statsforecast": "statsforecast", "R": "R", "prophet": "Prophet"}
# Model, season, series, and by what the fits are compared.
FITS = [
    ("ets(A,A,A)", 24, "load", "sse"), ("ets(A,N,A)", 24, "load", "sse"), ("ets", 24, "load", "aicc"),
    ("holt_winters", 24, "load", "sse"), ("holt_winters", 168, "load", "sse"),
    ("arima(1,0,1)(0,1,1)", 24, "load", "log_likelihood"), ("arima", 24, "load", "aicc"), ("arima", 12, "air", "aicc"),
    ("theta", 24, "load", "sse"), ("theta, best of all", 24, "load", "sse"), ("mstl[24,168]", 24, "load", "sse"), ("prophet", 24, "load", "sse"),
]
NAMES = {"sse": "SSE", "log_likelihood": "log-likelihood", "aicc": "AICc"}
# Models that ours has no single name for.
OURS = {"theta, best of all": "theta(auto)"}
# Seconds that a peer may go on fitting one series, and a fit's from which it has one round.
AGAIN, LONG = 2, 5
# Panel, season, model, and how many of its series the peers fit.
PANELS = [("short", 12, "ets(A,A,A)", 100), ("short", 12, "ets", 20), ("short", 12, "arima(0,1,1)(0,1,1)", 20), ("short", 12, "theta", 100),
          ("hourly", 24, "ets(A,N,A)", 20), ("hourly", 24, "ets(A,A,A)", 20)]


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


def five_minutes(rng, days):
    """Load of days in 5-minute steps: the hours, joined by lines, with noise of their own."""
    hours = load(rng, 24 * days + 1)
    y = np.interp(np.arange(288 * days) / 12, np.arange(len(hours)), hours)
    return np.maximum(y * (1 + rng.normal(0, 0.02, len(y))), 1.0)


def write_series(path, y, minutes):
    times = np.datetime64("2026-11-02T00:00:00") + np.arange(len(y)) * np.timedelta64(minutes, "m")
    with open(path, "w") as out:
        out.write("timestamp,value\n" + "".join(f"{t}Z,{v:.10f}\n" for t, v in zip(times, y)))


def write_panel(path, rows):
    with open(path, "w") as out:
        out.writelines(f"s{i}," + ",".join(f"{v:.10f}" for v in row) + "\n" for i, row in enumerate(rows))


def spent(pid, began):
    """Processor seconds of a process that runs, by Linux; elsewhere the time since its start."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:
        return time.perf_counter() - began


def said(command, most=math.inf):
    """The last line of what a program prints, as JSON, or why there is none.

    A limit set by the system would make the program's own clock of the processor tick coarsely, so this looks on.
    """
    done, began = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True), time.perf_counter()
    while True:
        try:
            out, errors = done.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            if spent(done.pid, began) > most:
                done.kill()
                done.communicate()
                return {"error": f"cut off after {most} s of processor time"}
    lines = (out if done.returncode == 0 else errors).strip().removesuffix("Execution halted").strip().splitlines()
    reason = lines[-1][:160] if lines else f"ended with {done.returncode}"
    return json.loads(lines[-1]) if done.returncode == 0 and lines else {"error": reason}


class Peers:
    """How each peer is called, and which are there."""

    def __init__(self, crates, most):
        self.most = most
        crate, python = [crates], [sys.executable, os.path.join(HERE, "peers", "peers.py")]
        self.commands = {"anofox": crate, "augurs": crate, "foresight": crate, "statsforecast": python, "prophet": python}
        if shutil.which("Rscript"):
            self.commands["R"] = ["Rscript", os.path.join(HERE, "peers", "peers.R")]
        self.here = [peer for peer in PEERS if peer in self.commands]

    def run(self, what, peer, model, season, path):
        return said(self.commands[peer] + [what, peer, model, str(season), str(season), path, str(AGAIN)], self.most)


def our_name(model, season):
    return OURS.get(model) or (model if model in ("auto", "prophet") or model.endswith("]") else f"{model}[{season}]")


def ours(stormglass, path, model, season, repeat=30):
    """One round of `stormglass bench`; the forecast is added, as for the peers."""
    name = our_name(model, season)
    bench = said([stormglass, "bench", path, "--model", name, "--season", str(season), "--repeat", str(repeat), "--json", "--quiet"])
    if "error" in bench:
        sys.exit(f"{name}: {bench['error']}")
    ahead = bench["forecast_seconds"]
    return {"first_cpu": bench["first_seconds"] + ahead, "median_cpu": bench["cpu_seconds"] / bench["repeat"] + ahead,
            "median_wall": bench["median_seconds"] + ahead, "bench": bench}


def our_state(stormglass, path, model, season):
    name = our_name(model, season)
    step = "30d" if season == 12 else "1h"
    found = said([stormglass, "forecast", path, "--model", name, "--season", str(season), "--horizon", step, "--json", "--quiet"])
    if "error" in found:
        sys.exit(f"{name}: {found['error']}")
    return {"sse": found["sse"], "log_likelihood": found["log_likelihood"], "aicc": found["aicc"], "chosen": found["model"]}


def least(rounds):
    return rounds[0] | {name: min(r[name] for r in rounds) for name in ("first_cpu", "median_cpu", "median_wall")}


def one_model(stormglass, peers, path, model, season, rounds):
    """What ours and each peer take and find, the least of the rounds."""
    mine, theirs = [], {peer: [] for peer in peers.here}
    for _ in range(rounds):
        mine.append(ours(stormglass, path, model, season))
        for peer in peers.here:
            if not theirs[peer] or theirs[peer][0].get("median_cpu", math.inf) < LONG:
                theirs[peer].append(peers.run("series", peer, model, season, path))
    found = {"ours": least(mine) | our_state(stormglass, path, model, season)}
    return found | {peer: r[0] if "error" in r[0] else least([one for one in r if "error" not in one]) for peer, r in theirs.items()}


def milliseconds(seconds):
    return f"{1000 * seconds:.3g}" if seconds < 10 else f"{1000 * seconds:.0f}"


def quality(found, measure):
    """The measure, or what a peer states in place of it; beside a criterion what it stands for and the errors."""
    names = [measure] if measure == "sse" or found.get(measure) is not None else []
    names += ["sse"] if measure != "sse" else []
    stated = [f"{NAMES[name]} {found[name]:.2f}" for name in names if found.get(name) is not None]
    stated += [found["chosen"]] if measure == "aicc" and found.get("chosen") else []
    return ", ".join(stated) or "-"


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def fits(stormglass, peers, folder, air, rounds, only):
    paths = {name: os.path.join(folder, f"{name}.csv") for name in ("load", "air")}
    write_series(paths["load"], load(np.random.default_rng(20240601), 696)[:672], 60)
    with open(air) as file:
        write_series(paths["air"], json.load(file)["values"], 60 * 24 * 30)
    asked = [row for row in FITS if only in row[0]]
    found = []
    for model, season, name, _ in asked:
        print(f"{model}, season {season}", file=sys.stderr, flush=True)
        found.append(one_model(stormglass, peers, paths[name], model, season, rounds))
    labels = [f"`{our_name(m, s)}`" + (", AirPassengers" if name == "air" else "") for m, s, name, _ in asked]
    head, short = ["model", "ours"] + [PEERS[peer] for peer in peers.here], ["ours"] + peers.here

    def row(label, row, cell):
        return [label] + ["-" if "error" in row[who] else cell(row[who], row["ours"]) for who in short]

    def ratio(its, our):
        times = f" ({its['median_cpu'] / our['median_cpu']:.1f}x)" if its is not our else ""
        return milliseconds(its["median_cpu"]) + times

    print("\nA fit and the forecast of a season, ms of processor time, the median, and how many times ours.")
    table(head, [row(label, r, ratio) for label, r in zip(labels, found)])
    print("\nThe first fit, ms of processor time (ours: of wall time), and the median of wall time.")
    table(head, [row(label, r, lambda its, _: f"{milliseconds(its['first_cpu'])}, {milliseconds(its['median_wall'])}") for label, r in zip(labels, found)])
    print("\nWhat was found.")
    table(head, [row(label, r, lambda its, _: quality(its, measure)) for label, r, (*_, measure) in zip(labels, found, asked)])
    print()
    for label, r in zip(labels, found):
        for peer in peers.here:
            if "error" in r[peer] and not r[peer]["error"].startswith("no "):
                print(f"- {PEERS[peer]}, {label}: {r[peer]['error']}")


def mixture(stormglass, folder, rounds):
    """`auto` on eight weeks of 5-minute data: a cold fit, and one new value."""
    path = os.path.join(folder, "five.csv")
    write_series(path, five_minutes(np.random.default_rng(3), 56), 5)
    found = [ours(stormglass, path, "auto", 288, 3)["bench"] for _ in range(rounds)]
    cell = lambda name: f"{milliseconds(min(b[name] for b in found))}"
    print("\n`auto` on eight weeks of 5-minute data, ms.")
    table(["first fit", "fit, median", "processor time of a fit", "one update, median of a day", "with weights: the 95th percentile", "the slowest", "forecast of a day"],
          [[cell("first_seconds"), cell("median_seconds"), milliseconds(min(b["cpu_seconds"] / b["repeat"] for b in found)), cell("update_seconds"),
            cell("update_p95_seconds"), cell("update_slowest_seconds"), cell("forecast_seconds")]])


def smape(truth, forecast):
    return 200 * float(np.mean(np.abs(truth - forecast) / (np.abs(truth) + np.abs(forecast))))


def read_dump(path):
    with open(path) as file:
        return [np.array(line.strip().split(",")[1:], float) for line in file if line.startswith("s")]


def our_panel(stormglass, path, model, season, dump=None):
    """Processor seconds of a panel on one thread, the program's start and the reading of the file included."""
    command = [stormglass, "panel", path, "--horizon", str(season), "--season", str(season), "--model", f"{model}[{season}]", "--threads", "1", "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command + (["--dump", dump] if dump else []), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def panels(stormglass, peers, folder, rounds, only):
    rows = []
    for name, make, seed, n, count in [("short", months, 11, 120, 1000), ("hourly", load, 7, 672, 200)]:
        for _, season, model, theirs in [p for p in PANELS if p[0] == name and only in p[2]]:
            print(f"panel {name}, {model}", file=sys.stderr, flush=True)
            rng = np.random.default_rng(seed)
            whole = [make(rng, n + season) for _ in range(count)]
            path, part, dump = (os.path.join(folder, f) for f in ("panel.csv", "part.csv", "dump.csv"))
            write_panel(path, [y[:n] for y in whole])
            write_panel(part, [y[:n] for y in whole[:theirs]])
            truth = [y[n:] for y in whole[:theirs]]
            error = lambda forecasts: float(np.mean([smape(t, np.array(f)) for t, f in zip(truth, forecasts)]))
            rate = count / min(our_panel(stormglass, path, model, season) for _ in range(rounds))
            our_panel(stormglass, part, model, season, dump)
            cells = [f"{rate:.4g}, {error(read_dump(dump)):.2f}"]
            for peer in [p for p in peers.here if p != "prophet"]:
                found = peers.run("panel", peer, model, season, part)
                cells.append("-" if "error" in found else f"{theirs / found['cpu']:.3g} ({rate * found['cpu'] / theirs:.0f}x), {error(found['forecasts']):.2f}")
            rows.append([f"{name}, {n} values, season {season}", f"`{model}`", f"{count}, {theirs}"] + cells)
    print("\nSeries a second of processor time, and sMAPE of the first ones a season ahead; ours with its start and the reading of the file.")
    table(["panel", "model", "series: ours, peers"] + ["ours"] + [PEERS[p] for p in peers.here if p != "prophet"], rows)


def threads(stormglass, folder, rounds):
    """Two threads on a panel relative to two processes on half of it each: wall time, the least of the rounds."""
    rng = np.random.default_rng(11)
    rows = [months(rng, 120) for _ in range(4000)]
    paths = [os.path.join(folder, f"{name}.csv") for name in ("whole", "half1", "half2")]
    for path, some in zip(paths, [rows, rows[:2000], rows[2000:]]):
        write_panel(path, some)

    def run(paths, count):
        command = lambda path: [stormglass, "panel", path, "--horizon", "12", "--season", "12", "--model", "ets(A,A,A)", "--threads", str(count), "--quiet"]
        began = time.perf_counter()
        running = [subprocess.Popen(command(path), stdout=subprocess.DEVNULL) for path in paths]
        assert all(one.wait() == 0 for one in running)
        return time.perf_counter() - began

    taken = [(run(paths[:1], 2), run(paths[1:], 1)) for _ in range(max(rounds, 5))]
    together, apart = min(t for t, _ in taken), min(t for _, t in taken)
    print(f"\nA panel of 4,000 short series, `ets(A,A,A)`: two threads {together:.3f} s, two processes with half each {apart:.3f} s: "
          f"{apart / together:.2f} of their speed.", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stormglass")
    parser.add_argument("crates")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    parser.add_argument("--most", type=int, default=120, help="seconds of processor time after which a peer is cut off")
    parser.add_argument("--air", default="forecast-core/tests/data/data_AirPassengers.json")
    a = parser.parse_args()
    peers = Peers(a.crates, a.most)
    with tempfile.TemporaryDirectory() as folder:
        fits(a.stormglass, peers, folder, a.air, a.rounds, a.only)
        if a.only in "auto":
            mixture(a.stormglass, folder, a.rounds)
        panels(a.stormglass, peers, folder, a.rounds, a.only)
        threads(a.stormglass, folder, a.rounds)
