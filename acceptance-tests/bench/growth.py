#!/usr/bin/env python3
"""Time and memory of fits against length, season and number of series, as tables and plots.

Usage: growth.py STORMGLASS IMAGES [--only WORD] [--most SECONDS]
Series are seeded load of 5-minute steps. Times are processor time of one fit by `stormglass bench`, the least of some
repetitions; memory is the peak of that process less the peak of one that fits `naive` on the same file. Panels are
`stormglass panel` on one thread, with reading the file. A model that took longer than `--most` is not asked for more.
The exponent is the slope between the two largest sizes on a logarithmic scale: 1 is linear. Plots are written into IMAGES.
"""
import argparse, datetime, json, math, os, random, resource, subprocess, tempfile

LENGTHS = [500, 1000, 2000, 5000, 10000, 20000, 50000]
SEASONS = [24, 48, 96, 168, 288, 672, 2016]
COUNTS = [1, 10, 100, 1000, 10000, 100000]
BY_LENGTH = ["holt_winters[24]", "ets(A,N,A)[24]", "ets(A,A,N)", "theta", "mstl[24,168]", "arima(1,0,1)(0,1,1)[24]", "prophet", "auto"]
BY_SEASON = ["holt_winters[{}]", "ets(A,N,A)[{}]", "theta[{}]", "mstl[{}]", "arima(1,0,1)(0,1,1)[{}]"]
BY_COUNT = ["seasonal_naive[12]", "holt_winters[12]", "ets(A,A,A)[12]", "arima(0,1,1)(0,1,1)[12]"]
# Steps of a series whose season grows, and values of a series of a panel.
SEASONAL_LENGTH, PANEL_LENGTH = 8640, 60
COLORS = ["#0b6e99", "#c0392b", "#27864a", "#8e44ad", "#b9770e", "#5d6d7e", "#16a085", "#2c3e50"]


def load(seed, n, season):
    """Load with a season, noise that lasts and a level that wanders."""
    dice = random.Random(seed)
    slow, level, out = 0.0, 100.0, []
    for t in range(n):
        slow = 0.7 * slow + 8 * (dice.random() - 0.5)
        level += 0.4 * (dice.random() - 0.5)
        angle = 2 * math.pi * t / season
        out.append(max(level * (1 + 0.3 * math.sin(angle) + 0.1 * math.cos(2 * angle)) + slow, 1.0))
    return out


def write(path, values):
    start = datetime.datetime(2026, 11, 2)
    with open(path, "w") as out:
        out.write("timestamp,value\n")
        out.writelines(f"{(start + t * datetime.timedelta(minutes=5)).isoformat()}Z,{v:.6f}\n" for t, v in enumerate(values))


def fit(stormglass, path, model, season, repeat):
    command = [stormglass, "bench", path, "--model", model, "--season", str(season), "--repeat", str(repeat), "--json", "--quiet"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return said["cpu_seconds"] / said["repeat"], said["peak_memory_bytes"]


def measure(stormglass, path, model, season):
    """Least time of three rounds (of one that takes long), and memory above that of a fit that keeps next to nothing."""
    rounds = [fit(stormglass, path, model, season, 1)]
    while len(rounds) < 3 and rounds[0][0] < 0.5:
        rounds.append(fit(stormglass, path, model, season, 1))
    idle = fit(stormglass, path, "naive", season, 1)[1]
    return min(r[0] for r in rounds), max(min(r[1] for r in rounds) - idle, 0)


def panel(stormglass, path, model):
    command = [stormglass, "panel", path, "--horizon", "12", "--season", "12", "--model", model, "--threads", "1", "--json", "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said["peak_memory_bytes"]


def duration(seconds):
    return f"{seconds * 1e6:.0f} us" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def size(count):
    return f"{count / 1e6:.2f} MB"


def exponent(sizes, values):
    known = [(s, v) for s, v in zip(sizes, values) if v]
    if len(known) < 2:
        return "-"
    (a, x), (b, y) = known[-2:]
    return f"{math.log(y / x) / math.log(b / a):.2f}"


def table(title, sizes, rows):
    print(f"\n{title}\n\n| model | {' | '.join(f'{s:,}' for s in sizes)} | exponent |\n|{'---|' * (len(sizes) + 2)}")
    for model, found in rows.items():
        times = [f"{duration(t)}, {size(m)}" for t, m in found]
        cells = times + ["-"] * (len(sizes) - len(times))
        print(f"| `{model}` | {' | '.join(cells)} | {exponent(sizes, [t for t, _ in found])} |", flush=True)


def plot(path, title, sizes, rows, which, label):
    """Lines on two logarithmic scales, as SVG."""
    width, height, left, right, top, bottom = 720, 420, 70, 230, 40, 50
    values = [v[which] for found in rows.values() for v in found if v[which] > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])
    x = lambda s: left + (math.log10(s) - first) / (last - first) * (width - left - right)
    y = lambda v: height - bottom - (math.log10(v) - low) / (high - low) * (height - top - bottom)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#fff"/><text x="{left}" y="22" font-size="15">{title}</text>']
    for power in range(low, high + 1):
        at = y(10.0 ** power)
        name = duration(10.0 ** power) if which == 0 else f"{10.0 ** power / 1e6:g} MB"
        out.append(f'<line x1="{left}" x2="{width - right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{name}</text>')
    for s in sizes:
        out.append(f'<text x="{x(s):.1f}" y="{height - bottom + 18}" text-anchor="middle">{s:,}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">{label}</text>')
    for i, (model, found) in enumerate(rows.items()):
        points = " ".join(f"{x(s):.1f},{y(v[which]):.1f}" for s, v in zip(sizes, found) if v[which] > 0)
        out.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[i]}" stroke-width="2"/>')
        out.append(f'<text x="{width - right + 14}" y="{top + 18 * (i + 1)}" fill="{COLORS[i]}">{model}</text>')
    with open(path, "w") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")


def grow(sizes, models, most, one):
    """What `one` finds for each model and size, until a size takes longer than `most` seconds."""
    rows = {model: [] for model in models}
    for model in models:
        for s in sizes:
            rows[model].append(one(model, s))
            if rows[model][-1][0] > most:
                break
    return {model: found for model, found in rows.items() if found}


def main(a, folder):
    path = lambda s: os.path.join(folder, f"{s}.csv")
    if a.only in "length":
        series = load(1, LENGTHS[-1], 24)
        for n in LENGTHS:
            write(path(n), series[:n])
        rows = grow(LENGTHS, BY_LENGTH, a.most, lambda model, n: measure(a.stormglass, path(n), model, 24))
        table("One fit against the number of steps: time, memory.", LENGTHS, rows)
        plot(os.path.join(a.images, "growth-length.svg"), "Time of a fit by length", LENGTHS, rows, 0, "steps")
        plot(os.path.join(a.images, "growth-length-memory.svg"), "Memory of a fit by length", LENGTHS, rows, 1, "steps")
    if a.only in "season":
        for m in SEASONS:
            write(path(m), load(2, SEASONAL_LENGTH, m))
        rows = grow(SEASONS, BY_SEASON, a.most, lambda model, m: measure(a.stormglass, path(m), model.format(m), m))
        rows = {model.format("m"): found for model, found in rows.items()}
        table(f"One fit of {SEASONAL_LENGTH:,} steps against the season: time, memory.", SEASONS, rows)
        plot(os.path.join(a.images, "growth-season.svg"), "Time of a fit by season", SEASONS, rows, 0, "steps of a season")
    if a.only in "series":
        for count in COUNTS:
            with open(path(count), "w") as out:
                out.writelines(f"s{i}," + ",".join(f"{v:.4f}" for v in load(i, PANEL_LENGTH, 12)) + "\n" for i in range(count))
        rows = grow(COUNTS, BY_COUNT, a.most, lambda model, count: panel(a.stormglass, path(count), model))
        table(f"A panel of series of {PANEL_LENGTH} values against their number: processor time, peak memory of the process.", COUNTS, rows)
        plot(os.path.join(a.images, "growth-series.svg"), "Time of a panel by number of series", COUNTS, rows, 0, "series")
        plot(os.path.join(a.images, "growth-series-memory.svg"), "Memory of a panel by number of series", COUNTS, rows, 1, "series")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stormglass")
    parser.add_argument("images")
    parser.add_argument("--only", default="", help="length, season or series")
    parser.add_argument("--most", type=float, default=20.0, help="seconds")
    with tempfile.TemporaryDirectory() as folder:
        main(parser.parse_args(), folder)
