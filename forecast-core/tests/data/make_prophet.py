"""usage: python make_prophet.py OUTDIR      (prophet 1.5.0, pip install prophet)

Fits of the package prophet that tests compare with: the logarithm of the posterior density at its optimum, without
constants, as in its Stan program, and its point forecast. Series: AirPassengers as days, and made-up hours.
"""
import json, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, pandas as pd
from prophet import Prophet

out = sys.argv[1] if len(sys.argv) > 1 else "."


def one(name, start, freq, y, horizon, model, holidays=None):
    past = pd.DataFrame({"ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})
    m = Prophet(uncertainty_samples=0, holidays=holidays, **model)
    m.fit(past, tol_rel_grad=1e-3, tol_rel_obj=1e-3, tol_obj=1e-14, iter=100000)
    k, mm, sigma = (float(m.params[p].ravel()[0]) for p in ("k", "m", "sigma_obs"))
    delta, beta = m.params["delta"].ravel(), m.params["beta"].ravel()
    X, scales, _, modes = m.make_all_seasonality_features(m.history)
    t, s = m.history["t"].values, m.changepoints_t
    A = t[:, None] >= s[None, :]
    trend = (k + A @ delta) * t + mm - A @ (s * delta)
    extra = X.values @ beta
    mean = trend * (1 + extra) if m.seasonality_mode == "multiplicative" else trend + extra
    e = m.history["y_scaled"].values - mean
    n, scales = len(e), np.asarray(scales)
    lp = (-n * np.log(sigma) - e @ e / (2 * sigma**2) - k**2 / 50 - mm**2 / 50 - np.abs(delta).sum() / m.changepoint_prior_scale
          - (beta**2 / (2 * scales**2)).sum() - 2 * sigma**2)
    f = m.predict(m.make_future_dataframe(horizon, freq=freq, include_history=False))
    print(name, lp, m.stan_backend.stan_fit.optimized_params_np[0] - lp, list(X.columns))
    return dict(name=name, start=start, freq=freq, multiplicative=m.seasonality_mode == "multiplicative", y=None if name == "AirPassengers" else list(y),
                log_posterior=lp, sigma=sigma, forecast=list(f["yhat"]), columns=list(X.columns))


air = json.load(open(f"{out}/data_AirPassengers.json"))["values"]
rng = np.random.default_rng(7)
n = 672
t = np.arange(n)
hours = np.round(60 + 0.05 * t + np.where(t > 400, -0.1 * (t - 400), 0) + 20 * np.sin(2 * np.pi * t / 24)
                 - np.where((t // 24) % 7 >= 5, 12, 0) + rng.normal(0, 3, n), 3)
sales = pd.DataFrame({"holiday": "sale", "ds": pd.to_datetime(["2024-01-10", "2024-01-18"]), "lower_window": 0, "upper_window": 1})
with_sales = hours + np.where((t // 24 == 9) | (t // 24 == 17), 25, 0) + np.where((t // 24 == 10) | (t // 24 == 18), -8, 0)
all = [
    one("AirPassengers", "2000-01-01", "D", air, 14, {}),
    one("AirPassengers", "2000-01-01", "D", air, 14, dict(seasonality_mode="multiplicative")),
    one("hours", "2024-01-01", "h", hours, 24, {}),
    one("hours", "2024-01-01", "h", hours, 24, dict(seasonality_mode="multiplicative")),
    one("sales", "2024-01-01", "h", with_sales, 24, {}, sales),
]
json.dump(all, open(f"{out}/prophet.json", "w"), indent=1)
