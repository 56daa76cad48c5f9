//! Metric sources, scaling targets and the caches between them.
