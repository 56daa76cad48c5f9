//! Forecasting of load: naive methods, exponential smoothing and online mixtures, with calibrated intervals.
