//! Capacity planning without I/O: plan, replay, cost, and the ports to metric sources and scaling targets.
