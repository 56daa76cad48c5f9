#!/usr/bin/env python3
"""One model of statsforecast or Prophet on one series, or on the rows of a panel: as the crates beside this file.

Usage: peers.py series|panel PEER MODEL SEASON HORIZON FILE SECONDS
A fit and the forecast of HORIZON steps with its 95 % interval, again and again for about SECONDS; of a panel, a series a
row, every row once. Times are processor time of this process and of Prophet's optimizer.
"""
import json, logging, math, resource, statistics, sys, time, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
import numpy as np

MOST = 30
SMOOTHING = {"ets(A,A,A)": ("AAA", False), "ets(A,N,A)": ("ANA", False), "ets": ("ZZZ", None)}
ORDERS = {"arima(1,0,1)(0,1,1)": ((1, 0, 1), (0, 1, 1)), "arima(0,1,1)(0,1,1)": ((0, 1, 1), (0, 1, 1))}


def cpu():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def full_aicc(aicc, n):
    """From the scale of R's `ets`, which leaves the likelihood's constants out."""
    return aicc - n * (math.log(n) - 1 - math.log(2 * math.pi))


def statsforecast(model, season, horizon):
    from statsforecast import models as m
    if model in SMOOTHING:
        letters, damped = SMOOTHING[model]
        make = lambda: m.AutoETS(season, letters, damped=damped)
    elif model in ORDERS:
        order, seasonal = ORDERS[model]
        make = lambda: m.ARIMA(order, season, seasonal)
    else:
        make = {"holt_winters": lambda: m.HoltWinters(season, "A"), "arima": lambda: m.AutoARIMA(season_length=season),
                "theta": lambda: m.Theta(season), "theta, best of all": lambda: m.AutoTheta(season),
                "mstl[24,168]": lambda: m.MSTL([24, 168], trend_forecaster=m.AutoETS(model="AZN"))}.get(model)
    if make is None:
        sys.exit(f"no {model}")

    def fit(y):
        fitted = make()
        fitted.fit(y)
        forecast = fitted.predict(horizon, level=[95])["mean"]

        def state():
            said = fitted.model_ if isinstance(fitted.model_, dict) else {}
            inside = fitted.predict_in_sample()["fitted"]
            found = {"sse": float(np.nansum((y - inside) ** 2)), "chosen": str(said.get("method") or said.get("arma") or "") or None}
            if model.startswith("arima"):
                found |= {"log_likelihood": float(said["loglik"]), "aicc": float(said["aicc"])}
            elif model.startswith("ets"):
                found["aicc"] = full_aicc(float(said["aicc"]), len(y))
            return found
        return forecast, state
    return fit


def prophet(model, season, horizon):
    import pandas as pd
    from prophet import Prophet
    if model != "prophet":
        sys.exit(f"no {model}")

    def fit(y):
        times = pd.date_range("2026-11-02", periods=len(y) + horizon, freq="h")
        fitted = Prophet(yearly_seasonality=False, interval_width=0.95)
        fitted.fit(pd.DataFrame({"ds": times[:len(y)], "y": y}))
        forecast = fitted.predict(pd.DataFrame({"ds": times[len(y):]}))["yhat"].to_numpy()
        inside = lambda: fitted.predict(pd.DataFrame({"ds": times[:len(y)]}))["yhat"].to_numpy()
        return forecast, lambda: {"sse": float(np.sum((y - inside()) ** 2))}
    return fit


def series(fit, y, seconds):
    cpus, walls, began = [], [], time.perf_counter()
    while True:
        before, now = cpu(), time.perf_counter()
        forecast, state = fit(y)
        walls.append(time.perf_counter() - now)
        cpus.append(cpu() - before)
        if len(cpus) == MOST or time.perf_counter() - began > seconds:
            break
    return {"first_cpu": cpus[0], "median_cpu": statistics.median(cpus), "median_wall": statistics.median(walls), "runs": len(cpus)} | state()


def panel(fit, rows):
    before = cpu()
    forecasts = [list(map(float, fit(y)[0])) for y in rows]
    return {"cpu": cpu() - before, "forecasts": forecasts}


if __name__ == "__main__":
    what, peer, model, season, horizon, path, seconds = sys.argv[1:]
    fit = {"statsforecast": statsforecast, "prophet": prophet}[peer](model, int(season), int(horizon))
    with open(path) as file:
        lines = file.read().splitlines()
    if what == "series":
        found = series(fit, np.array([float(line.split(",")[1]) for line in lines[1:]]), float(seconds))
    else:
        found = panel(fit, [np.array(line.split(",")[1:], float) for line in lines])
    print(json.dumps(found))
